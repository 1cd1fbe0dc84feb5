"""What looks say about two pieces being one person – learned from the game itself, without labels.

All looks at a piece are at one person, those at two pieces in one picture are not: how alike the one and the other are
is the measure for everybody else. So it does not matter how a model's likeness is scaled, how good it is, or whether
kits are alike: where looks tell nothing apart, they count for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from shared_libs.common.tracks import Tracks
from tracking.appearance import Looks
from tracking.pieces import Pieces
from tracking.scene import Float, Index

_LEAST_HALF = 2
"""Looks before and after a change of looks."""
_LEAST_PAIRS = 30
"""Known pairs of either kind from which something is learned."""
_APART_SECONDS = 1.0
"""Between two looks at one piece that teach how alike one person's are: those right after each other prove nothing."""
_BINS = 24
_PRIOR = 4.0
"""Pairs of either kind that each step of likeness is given beforehand: few pairs prove little."""
_MOST = 4.0
"""Largest weight either way, in natural-log units."""
_CHANGE = -1.5
"""Mean weight from which the looks before and after a moment are taken for those of two people."""
_NEAREST = 4
"""Looks of each piece that are compared, those nearest to the gap."""
_PARTS = 3
"""Looks at each of two pieces in one picture that teach how alike two people are, spread over them."""
_SAMPLES, _AT_ONCE = 20_000, 100_000


@dataclass(frozen=True, slots=True, eq=False)
class LookEvidence:
    """The looks of a game, and what their likeness is worth in it."""

    seen: LookedAt
    likeness: Likeness

    @classmethod
    def learned(cls, tracks: Tracks, looks: Looks, pieces: Pieces, fps: float) -> LookEvidence | None:
        """None where too little was seen to learn from."""
        seen = LookedAt.of(tracks, looks)
        likeness = learn_likeness(seen, pieces, tracks.frame.astype(np.int64), round(_APART_SECONDS * fps))
        return cls(seen, likeness) if likeness is not None else None

    def weigh(self, pieces: Pieces, first: Index, second: Index) -> Float:
        """float64 (k,): what looks say for pieces `first` (k,) and `second` (k,) being one person, in natural-log
        units; 0 where one of them was not looked at."""
        by_piece = LooksByPiece.of(self.seen, pieces)
        start, stop, look = by_piece.start, by_piece.stop, by_piece.look
        total, number = np.zeros(len(first)), np.zeros(len(first))
        for back, on in product(range(_NEAREST), repeat=2):
            # The last looks at the first piece with the first looks at the second.
            one, other = stop[first] - 1 - back, start[second] + on
            pairs = ((one >= start[first]) & (other < stop[second])).nonzero()[0]
            for part in np.array_split(pairs, max(1, len(pairs) // _AT_ONCE)):
                alike = _likeness(self.seen, look[one[part]], look[other[part]])
                total[part] += self.likeness.of(alike)
                number[part] += 1
        weight: Float = total / np.maximum(number, 1)
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
class LooksByPiece:
    """The looks in the order of pieces and, within one, of time.

    look: int64 (k,), rows of LookedAt; those of piece p are start[p]:stop[p].
    """

    look: Index
    start: Index
    stop: Index

    @classmethod
    def of(cls, seen: LookedAt, pieces: Pieces) -> LooksByPiece:
        piece = pieces.piece[seen.row]
        order = np.argsort(piece, kind="stable")
        numbers = np.arange(len(pieces))
        return cls(order, np.searchsorted(piece[order], numbers), np.searchsorted(piece[order], numbers, side="right"))


def learn_likeness(seen: LookedAt, pieces: Pieces, frame: Index, apart: int) -> Likeness | None:
    """What likeness is worth in this game; None where too little was seen to say.

    Of one person are looks at one piece that are at least `apart` frames apart, of two those at pieces that are in one
    picture.
    """
    by_piece = LooksByPiece.of(seen, pieces)
    own = _likeness(seen, *_of_one_piece(seen, by_piece, frame, apart))
    looked_at = by_piece.stop > by_piece.start
    first, second = _seen_at_once(pieces, frame, looked_at)
    parts = [by_piece.start + part * (by_piece.stop - by_piece.start) // _PARTS for part in range(_PARTS)]
    others = np.concatenate([_likeness(seen, by_piece.look[at[first]], by_piece.look[at[second]]) for at in parts])
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
    by_piece = LooksByPiece.of(seen, pieces)
    rows_by_piece = np.argsort(pieces.piece, kind="stable")
    ends = np.cumsum(pieces.length)
    found = []
    for piece in (by_piece.stop - by_piece.start >= 2 * _LEAST_HALF).nonzero()[0]:
        looks = by_piece.look[by_piece.start[piece] : by_piece.stop[piece]]
        vectors = seen.vector[looks]
        worth = likeness.of(vectors @ vectors.T)
        splits = np.arange(_LEAST_HALF, len(looks) - _LEAST_HALF + 1)
        between = np.array([worth[:split, split:].mean() for split in splits])
        if between.min() > _CHANGE:
            continue
        split = splits[between.argmin()]
        rows = rows_by_piece[ends[piece] - pieces.length[piece] : ends[piece]]
        rows = rows[(rows > seen.row[looks[split - 1]]) & (rows <= seen.row[looks[split]])]
        found.append(rows[np.argmax(covered[rows])])
    return np.array(found, np.int64)


def _of_one_piece(seen: LookedAt, by_piece: LooksByPiece, frame: Index, apart: int) -> tuple[Index, Index]:
    """Pairs of looks at one piece: each with the first one that is at least so many frames later."""
    at = frame[seen.row[by_piece.look]]
    piece = np.repeat(np.arange(len(by_piece.start)), by_piece.stop - by_piece.start)
    key = piece * (int(at.max(initial=0)) + apart + 1) + at
    later = np.searchsorted(key, key + apart)
    kept = (later < by_piece.stop[piece]).nonzero()[0]
    return by_piece.look[kept], by_piece.look[later[kept]]


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


def _likeness(seen: LookedAt, first: Index, second: Index) -> Float:
    """The likeness (k,) of looks `first` (k,) and `second` (k,)."""
    likeness: Float = np.einsum("kd,kd->k", seen.vector[first], seen.vector[second])
    return likeness


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
