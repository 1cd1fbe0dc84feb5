"""Pieces: stretches of tracks that are one person's as far as two passes of the tracker agree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from tracking.scene import Feet, Float, Index

_FIT_SECONDS = 0.4
"""Of boxes at each end of a piece, from which its motion there is found."""
_FADING_SECONDS = 0.25
"""How fast boxes farther from the end lose weight in that."""
_PLACE_NOISE, _SPEED_PRIOR, _PLACE_PRIOR = 0.03, 1.2, 1e-3
"""Standard deviation of a box's feet, in heights, and of players' speed, in heights per second; a small weight that
keeps the fit of a single box defined."""


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """m pieces of n boxes, in order of their first row.

    piece: int64 (n,), the piece of each row. forward, backward: int64 (n,), the row with the next box of the same
    person as the pass forwards and that backwards have it, -1 where it is the last. first, last: int64 (m,), the rows
    at the ends. length: int64 (m,), number of boxes.
    """

    piece: Index
    forward: Index
    backward: Index
    first: Index
    last: Index
    length: Index

    def __len__(self) -> int:
        return len(self.first)


@dataclass(frozen=True, slots=True, eq=False)
class Ends:
    """Where each of m pieces is and moves at one of its ends.

    place: float64 (m, 2), in the scene. velocity: float64 (m, 2), heights per second, forwards in time. unsureness:
    float64 (m,), standard deviation of the velocity.
    """

    place: Float
    velocity: Float
    unsureness: Float


def cut_where_passes_differ(
    frame: NDArray[np.int32], forward: NDArray[np.integer], backward: NDArray[np.integer], longest_gap: int
) -> Pieces:
    """The pieces of rows that are sorted by frame; `forward` (n,) and `backward` (n,) are the numbers that the two
    passes gave them.

    A box and the next one of its track stay together where both passes say so, or where one of the two has no number
    from the pass backwards, which then has no opinion. Gaps of more than `longest_gap` frames are cut in any case.
    A number of 0 in `backward` is none.
    """
    following, preceding = next_rows(forward), next_rows(backward)
    rows = np.arange(len(frame))
    after = np.maximum(following, 0)
    together = (following >= 0) & ((following == preceding) | (backward == 0) | (backward[after] == 0))
    together &= frame[after] - frame <= longest_gap
    graph = coo_array((np.ones(together.sum(), np.int8), (rows[together], following[together])), shape=(len(rows),) * 2)
    label = connected_components(graph, directed=False)[1] if len(rows) else np.empty(0, np.int64)
    return labelled(label, following, preceding)


def labelled(label: NDArray[np.integer], forward: Index, backward: Index) -> Pieces:
    """Pieces of which `label` (n,) has one value each; `forward` and `backward` as in `Pieces`."""
    _, first, inverse, length = np.unique(label, return_index=True, return_inverse=True, return_counts=True)
    rank = np.empty(len(first), np.int64)
    order = np.argsort(first)
    rank[order] = np.arange(len(first))
    piece = rank[inverse]
    last = np.zeros(len(first), np.int64)
    np.maximum.at(last, piece, np.arange(len(label)))
    return Pieces(piece, forward, backward, first[order], last, length[order])


def cut_at(pieces: Pieces, frame: NDArray[np.int32], rows: Index) -> Pieces:
    """The pieces, each cut before its row among `rows`; neither pass says any more that the two belong together."""
    if not len(rows):
        return pieces
    begins = np.full(len(pieces), np.iinfo(np.int64).max)
    begins[pieces.piece[rows]] = frame[rows]
    label = pieces.piece * 2 + (frame >= begins[pieces.piece])
    forward, backward = pieces.forward.copy(), pieces.backward.copy()
    for following in (forward, backward):
        cut = ((following >= 0) & (label // 2 == label[following] // 2) & (label != label[following])).nonzero()[0]
        following[cut] = -1
    return labelled(label, forward, backward)


def next_rows(number: NDArray[np.integer]) -> Index:
    """Of rows sorted by frame, the next one (n,) with the same number; -1 where there is none or the number is 0."""
    order = np.argsort(number, kind="stable")
    same = (number[order][1:] == number[order][:-1]) & (number[order][1:] > 0)
    following = np.full(len(number), -1, np.int64)
    following[order[:-1][same]] = order[1:][same]
    return following


def motion_at_ends(
    pieces: Pieces, frame: NDArray[np.int32], feet: Feet, height: Float, fps: float
) -> tuple[Ends, Ends]:
    """How the pieces begin and how they end.

    A straight line through the feet of the boxes near the end, the nearest weighing most; of few boxes little speed is
    believed. height: float64 (n,), of the boxes, in pixels of the scene.
    """
    order = np.argsort(pieces.piece, kind="stable")
    start = np.concatenate([[0], np.cumsum(pieces.length)]).astype(np.int64)
    reach = np.arange(max(3, round(_FIT_SECONDS * fps)))
    found = []
    for at_end in (False, True):
        place = start[1:, None] - 1 - reach if at_end else start[:-1, None] + reach
        inside = (place >= start[:-1, None]) & (place < start[1:, None])
        rows = order[np.clip(place, 0, len(order) - 1)] if len(order) else np.empty((0, len(reach)), np.int64)
        found.append(_fit(rows, inside, frame, feet.place, height, fps))
    return found[0], found[1]


def _fit(
    rows: Index, inside: NDArray[np.bool_], frame: NDArray[np.int32], feet: Float, height: Float, fps: float
) -> Ends:
    """Weighted least squares with a prior on the speed; rows (m, k), the end's own first, only those `inside`."""
    nearest = rows[:, 0]
    seconds = (frame[rows] - frame[nearest][:, None]) / fps
    inside = inside & (np.abs(seconds) <= _FIT_SECONDS)
    way = (feet[rows] - feet[nearest][:, None]) / height[nearest][:, None, None]
    weight = inside * np.exp(-np.abs(seconds) / _FADING_SECONDS) / _PLACE_NOISE**2
    ones = weight.sum(axis=1) + _PLACE_PRIOR
    times = (weight * seconds).sum(axis=1)
    squares = (weight * seconds**2).sum(axis=1) + 1 / _SPEED_PRIOR**2
    sums = np.einsum("mk,mkj->mj", weight, way)
    moments = np.einsum("mk,mkj->mj", weight * seconds, way)
    determinant = (ones * squares - times**2)[:, None]
    place = (squares[:, None] * sums - times[:, None] * moments) / determinant
    velocity = (ones[:, None] * moments - times[:, None] * sums) / determinant
    unsureness = np.sqrt(ones / determinant[:, 0])
    return Ends(place * height[nearest][:, None] + feet[nearest], velocity, unsureness)
