"""The kits of the two teams: the two looks that most people share, found without labels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tracking.appearance import Floats, Looks, TrackLooks

_MOST_TRIED = 300
"""Tracks that are tried as centres: the heaviest."""
_ROUNDS = 4
_NEIGHBOUR = 2
_REACHES = (0.06, 0.35)
_REACH_OF_NEIGHBOURS = 3.0
_PURE = 0.8


def find_kits(tracks: TrackLooks, boxes: npt.NDArray[np.int64], looks: Looks) -> Floats:
    """The two kits that cover the most boxes, float32 (2, d) of unit length; (1, d) or (0, d) from one or no track.

    tracks, boxes (m,): the tracks to go by, and how many boxes each has. looks: with theirs among them.

    Each kit covers the tracks that look like it up to a distance, and that distance comes from how much the nearest
    tracks differ: teams in similar kits are told apart where every one of them is much alike. No other group of people
    covers as much as a team, so referees and goalkeepers need not be known.
    """
    size = tracks.vector.shape[1]
    if len(tracks.track_id) < 2:
        return tracks.vector.reshape(-1, size)
    order = np.lexsort((tracks.track_id, -boxes))[:_MOST_TRIED]
    vector, weight = tracks.vector[order], boxes[order].astype(np.float64)
    distance = np.maximum(1 - vector.astype(np.float64) @ vector.T, 0)
    reach = _reach(distance)
    covered = np.maximum(1 - (distance / reach) ** 2, 0)
    best, pair = -1.0, (0, 1)
    for first in range(len(order) - 1):
        worth = np.maximum(covered[first], covered[first + 1 :]) @ weight
        second = int(worth.argmax())
        if worth[second] > best + 1e-9:
            best, pair = float(worth[second]), (first, first + 1 + second)
    kits: Floats = vector[list(pair)]
    for _ in range(_ROUNDS):
        kits = _settled(kits, tracks, looks, reach)
    return kits


def share_of_votes(kits: Floats, looks: Looks, track_id: npt.NDArray[np.int32]) -> Floats:
    """For each track (m,), the share of its looks that are liker to the first of two kits, by quality; float32 (m,)."""
    likeness = looks.vector @ kits.T
    is_first = likeness[:, 0] >= likeness[:, 1]
    place = np.searchsorted(track_id, looks.track_id)
    known = (place < len(track_id)) & (track_id[np.minimum(place, len(track_id) - 1)] == looks.track_id)
    weight = np.maximum(looks.quality[known], 1e-3).astype(np.float64)
    total = np.bincount(place[known], weight, len(track_id))
    first = np.bincount(place[known], weight * is_first[known], len(track_id))
    return np.asarray(first / np.maximum(total, 1e-12), np.float32)


def _reach(distance: npt.NDArray[np.float64]) -> float:
    """How far from a kit somebody in it may look: some multiple of what the nearest tracks differ by."""
    nearest = np.sort(distance + np.diag(np.full(len(distance), np.inf)), axis=1)
    usual = np.median(nearest[:, min(_NEIGHBOUR, len(distance) - 1) - 1])
    return float(np.clip(_REACH_OF_NEIGHBOURS * usual, *_REACHES))


def _settled(kits: Floats, tracks: TrackLooks, looks: Looks, reach: float) -> Floats:
    """Each kit as the mean of the tracks within reach that nearly always look like it, not like the other."""
    likeness = tracks.vector @ kits.T
    votes = share_of_votes(kits, looks, tracks.track_id)
    moved = kits.copy()
    for number, own in enumerate((votes, 1 - votes)):
        near = (own >= _PURE) & (1 - likeness[:, number] <= max(reach, 0.5 * (1 - float(kits[0] @ kits[1]))))
        near &= likeness[:, number] >= likeness[:, 1 - number]
        total = tracks.vector[near].astype(np.float64).T @ tracks.weight[near].astype(np.float64)
        length = np.linalg.norm(total)
        if length > 0:
            moved[number] = total / length
    return moved
