"""What looks say about two pieces being one person – learned from the game itself, without labels.

Two halves of a piece are one person, two pieces that are seen at once are not: how alike the one and the other are is
the measure for everybody else. So it does not matter how a model's likeness is scaled, how good it is, or whether kits
are alike: where looks tell nothing apart, they count for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from shared_libs.common.tracks import Tracks
from tracking.appearance import Looks
from tracking.pieces import Pieces
from tracking.scene import Float, Index

_LEAST_HALF = 2
"""Looks in each half of a piece that is to teach, or to be cut."""
_LEAST_PAIRS = 30
"""Known pairs of either kind from which something is learned."""
_BINS = 24
_PRIOR = 4.0
"""Pairs of either kind that each step of likeness is given beforehand: few pairs prove little."""
_MOST = 4.0
"""Largest weight either way, in natural-log units."""
_CHANGE = -2.5
"""Weight from which the two halves of a piece are taken for two people."""
_SAMPLES = 20_000


@dataclass(frozen=True, slots=True, eq=False)
class LookEvidence:
    """The looks of a game, and what their likeness is worth in it."""

    seen: LookedAt
    likeness: Likeness

    @classmethod
    def learned(cls, tracks: Tracks, looks: Looks, pieces: Pieces) -> LookEvidence | None:
        """None where too little was seen to learn from."""
        seen = LookedAt.of(tracks, looks)
        likeness = learn_likeness(seen, pieces, tracks.frame.astype(np.int64))
        return cls(seen, likeness) if likeness is not None else None

    def weigh(self, pieces: Pieces, first: Index, second: Index) -> Float:
        """float64 (k,): what looks say for pieces `first` (k,) and `second` (k,) being one person, in natural-log
        units; 0 where one of them was not looked at."""
        sums = _Sums.of(self.seen, pieces)
        start, stop = sums.bounds(len(pieces))
        both = ((stop > start)[first] & (stop > start)[second]).nonzero()[0]
        mean = sums.mean(start, stop)
        weight = np.zeros(len(first))
        weight[both] = self.likeness.of(_dot(mean[first[both]], mean[second[both]]))
        return weight

    def changes(self, tracks: Tracks, pieces: Pieces) -> Index:
        """The rows from which pieces show somebody else than before, one at most for each piece."""
        covered = covered_share(tracks.xyxy.astype(np.float64), tracks.offsets())
        return rows_where_looks_change(self.seen, pieces, self.likeness, covered)


@dataclass(frozen=True, slots=True, eq=False)
class LookedAt:
    """The looks of a game by the rows of its tracks: row int64 (k,), rising; vector float64 (k, d); quality (k,)."""

    row: Index
    vector: Float
    quality: Float

    @classmethod
    def of(cls, tracks: Tracks, looks: Looks) -> LookedAt:
        """Looks at boxes that are not in `tracks` are left out."""
        rows = np.lexsort((tracks.track_id, tracks.frame))
        key = tracks.frame[rows].astype(np.int64) << 32 | tracks.track_id[rows]
        wanted = looks.frame.astype(np.int64) << 32 | looks.track_id
        place = np.minimum(np.searchsorted(key, wanted), max(len(key) - 1, 0))
        known = (key[place] == wanted) if len(key) else np.zeros(len(wanted), np.bool_)
        row = rows[place[known]] if len(key) else np.empty(0, np.int64)
        order = np.argsort(row, kind="stable")
        quality = np.maximum(looks.quality[known], 1e-3).astype(np.float64)
        return cls(row[order], looks.vector[known][order].astype(np.float64), quality[order])


@dataclass(frozen=True, slots=True, eq=False)
class Likeness:
    """What a likeness is worth: log of how much likelier it is between looks of one person than of two.

    middle: float64 (b,), rising likenesses; worth: float64 (b,), not falling. In between it is interpolated.
    """

    middle: Float
    worth: Float

    def of(self, likeness: Float) -> Float:
        """float64 like `likeness`."""
        weight: Float = np.interp(likeness, self.middle, self.worth)
        return weight


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """Running sums of looks by piece and time: the mean of any stretch of them is a difference."""

    piece: Index
    """(k,) rising; within a piece by time."""
    look: Index
    """(k,), the row in LookedAt."""
    total: Float
    """(k + 1, d), of the vectors times their quality."""

    @classmethod
    def of(cls, seen: LookedAt, pieces: Pieces) -> _Sums:
        piece = pieces.piece[seen.row]
        order = np.argsort(piece, kind="stable")
        parts = seen.vector[order] * seen.quality[order][:, None]
        return cls(piece[order], order, np.concatenate([np.zeros((1, parts.shape[1])), np.cumsum(parts, axis=0)]))

    def mean(self, start: Index, stop: Index) -> Float:
        """The mean look (j, d) of each stretch of looks, of unit length."""
        mean = self.total[stop] - self.total[start]
        length = np.linalg.norm(mean, axis=1, keepdims=True)
        unit: Float = mean / np.maximum(length, 1e-12)
        return unit

    def bounds(self, count: int) -> tuple[Index, Index]:
        """Where the looks of each of `count` pieces start and stop."""
        numbers = np.arange(count)
        return np.searchsorted(self.piece, numbers), np.searchsorted(self.piece, numbers, side="right")


def learn_likeness(seen: LookedAt, pieces: Pieces, frame: Index) -> Likeness | None:
    """What likeness is worth in this game; None where too little was seen to say."""
    sums = _Sums.of(seen, pieces)
    start, stop = sums.bounds(len(pieces))
    halved = ((stop - start) >= 2 * _LEAST_HALF).nonzero()[0]
    middle = (start + stop)[halved] // 2
    own = _dot(sums.mean(start[halved], middle), sums.mean(middle, stop[halved]))
    first, second = _seen_at_once(pieces, frame, stop > start)
    others = _dot(sums.mean(start[first], stop[first]), sums.mean(start[second], stop[second]))
    if min(len(own), len(others)) < _LEAST_PAIRS:
        return None
    edges = np.unique(np.quantile(np.concatenate([own, others]), np.linspace(0, 1, _BINS + 1)[1:-1]))
    ours = np.bincount(np.searchsorted(edges, own), minlength=len(edges) + 1)
    theirs = np.bincount(np.searchsorted(edges, others), minlength=len(edges) + 1)
    pooled = (ours / len(own) + theirs / len(others)) / 2
    worth = np.log((ours + _PRIOR * pooled) / (len(own) + _PRIOR)) - np.log(
        (theirs + _PRIOR * pooled) / (len(others) + _PRIOR)
    )
    rising = isotonic_regression(worth, weights=ours + theirs + 1.0).x
    bounds = np.concatenate([[min(own.min(), others.min())], edges, [max(own.max(), others.max())]])
    return Likeness((bounds[1:] + bounds[:-1]) / 2, np.clip(rising, -_MOST, _MOST))


def rows_where_looks_change(seen: LookedAt, pieces: Pieces, likeness: Likeness, covered: Float) -> Index:
    """The rows from which pieces show somebody else than before, one at most for each piece.

    Between the two looks that part a piece best it is the box that was most covered: that is where people are
    exchanged. covered: float64 (n,), as `covered_share` gives it.
    """
    sums = _Sums.of(seen, pieces)
    start, stop = sums.bounds(len(pieces))
    place = np.arange(len(sums.piece))
    before, after = place - start[sums.piece], stop[sums.piece] - place
    inner = ((before >= _LEAST_HALF) & (after >= _LEAST_HALF)).nonzero()[0]
    if not len(inner):
        return np.empty(0, np.int64)
    owner = sums.piece[inner]
    alike = _dot(sums.mean(start[owner], inner), sums.mean(inner, stop[owner]))
    order = np.lexsort((alike, owner))
    best = order[np.concatenate([[True], owner[order][1:] != owner[order][:-1]])]
    best = best[likeness.of(alike[best]) <= _CHANGE]
    rows_by_piece = np.argsort(pieces.piece, kind="stable")
    found = []
    for split in inner[best]:
        piece = sums.piece[split]
        earlier, later = seen.row[sums.look[split - 1]], seen.row[sums.look[split]]
        low, high = np.searchsorted(pieces.piece[rows_by_piece], (piece, piece + 1))
        rows = rows_by_piece[low:high]
        between = rows[(rows > earlier) & (rows <= later)]
        found.append(between[np.argmax(covered[between])])
    return np.array(found, np.int64)


def _seen_at_once(pieces: Pieces, frame: Index, looked_at: NDArray[np.bool_]) -> tuple[Index, Index]:
    """Pairs of pieces that were looked at and are in one picture: two people for sure."""
    began, ended = frame[pieces.first], frame[pieces.last]
    order = np.lexsort((np.arange(len(pieces)), began))
    order = order[looked_at[order]]
    # Those that begin before this one ends have begun later: each pair once.
    reach = np.searchsorted(began[order], ended[order], side="right")
    count = np.maximum(reach - np.arange(len(order)) - 1, 0)
    total = int(count.sum())
    pick = (
        np.unique(np.linspace(0, total - 1, min(total, _SAMPLES)).astype(np.int64)) if total else np.empty(0, np.int64)
    )
    start = np.cumsum(count) - count
    owner = np.searchsorted(start + count, pick, side="right")
    other = owner + 1 + pick - start[owner] if total else owner
    return order[owner], order[other]


def _dot(first: Float, second: Float) -> Float:
    product: Float = np.einsum("kd,kd->k", first, second)
    return product


def covered_share(xyxy: Float, offsets: NDArray[np.integer]) -> Float:
    """float64 (n,): the largest share of each box that another one of its frame covers.

    xyxy: float64 (n, 4), rows sorted by frame; those of frame f are offsets[f]:offsets[f + 1].
    """
    share = np.zeros(len(xyxy))
    for low, high in pairwise(offsets.tolist()):
        if high - low < 2:
            continue
        boxes = xyxy[low:high]
        size = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:]) - np.maximum(boxes[:, None, :2], boxes[None, :, :2])
        common = np.clip(size, 0, None).prod(axis=2)
        np.fill_diagonal(common, 0)
        area = np.maximum((boxes[:, 2:] - boxes[:, :2]).prod(axis=1), 1e-9)
        share[low:high] = (common / area[:, None]).max(axis=1)
    return share
