"""The kits of the two teams: the two looks that most people share, found without labels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tracking.appearance import Floats, Int32s, Looks

Doubles = npt.NDArray[np.float64]

_MOST_TRIED = 400
"""Looks that are tried as kits, spread evenly over all."""
_ROUNDS = 5
_KIN = 0.1
"""A team is much more than this share of all looks: so the nearest of this share are of the same team."""
_REACH_OF_KIN = 2.0
_REACHES = (0.06, 0.35)


def find_kits(looks: Looks, weight: Doubles) -> Floats:
    """The two kits that cover the most of `looks`, float32 (2, d) of unit length; (n, d) where there are n < 2 looks.

    weight (k,): what each look counts for.

    A kit covers what looks like it up to a distance, which comes from how much those nearest to each other differ: so
    teams in similar kits are told apart where each is much alike in itself. No other group of people covers as much as
    a team: referees and goalkeepers need not be known. Looks, not tracks: some tracks are of two people.
    """
    if len(looks) < 2:
        return looks.vector
    tried = np.unique(np.linspace(0, len(looks) - 1, min(_MOST_TRIED, len(looks))).round().astype(np.int64))
    vector, worth = looks.vector[tried], weight[tried]
    distance = np.maximum(1 - vector.astype(np.float64) @ vector.T, 0)
    kin = max(1, round(_KIN * (len(tried) - 1)))
    reach = float(np.clip(_REACH_OF_KIN * np.median(np.sort(distance, axis=1)[:, kin]), *_REACHES))
    covered = np.maximum(1 - (distance / reach) ** 2, 0)
    best, pair = -1.0, (0, 1)
    for first in range(len(tried) - 1):
        total = np.maximum(covered[first], covered[first + 1 :]) @ worth
        second = int(total.argmax())
        if total[second] > best + 1e-9:
            best, pair = float(total[second]), (first, first + 1 + second)
    kits: Floats = vector[list(pair)]
    for _ in range(_ROUNDS):
        kits = _settled(kits, looks, weight, reach)
    return kits


class Wearing(NamedTuple):
    """How m tracks go with some kits, look by look and by the quality of the looks.

    distance float32 (m,): the median distance of a track's looks from the nearest kit; of a track of two people in
    different kits, it is small all the same. share float32 (m, kits): for which share of its looks each kit is nearest.
    """

    distance: Floats
    share: Floats


def wearing(kits: Floats, looks: Looks, track_id: Int32s) -> Wearing:
    """How the tracks with the ids `track_id`, rising and each with a look, go with `kits` (n, d), n > 0."""
    known = np.isin(looks.track_id, track_id)
    place = np.searchsorted(track_id, looks.track_id[known])
    likeness = looks.vector[known] @ kits.T
    nearest, distance = likeness.argmax(axis=1), 1 - likeness.max(axis=1)
    weight = np.maximum(looks.quality[known], 1e-3).astype(np.float64)
    count = len(track_id)
    total = np.bincount(place, weight, count)
    share = np.stack([np.bincount(place, weight * (nearest == kit), count) / total for kit in range(len(kits))], axis=1)
    order = np.lexsort((distance, place))
    before = np.cumsum(total) - total
    is_upper_half = np.cumsum(weight[order]) >= (before + total / 2)[place[order]] - 1e-9
    first = np.full(count, len(order))
    np.minimum.at(first, place[order][is_upper_half], np.flatnonzero(is_upper_half))
    return Wearing(distance[order][first].astype(np.float32), share.astype(np.float32))


def _settled(kits: Floats, looks: Looks, weight: Doubles, reach: float) -> Floats:
    """Each kit as the mean of the looks within reach that are liker to it than to the other."""
    likeness = looks.vector @ kits.T
    moved = kits.copy()
    for number in range(len(kits)):
        near = (likeness.argmax(axis=1) == number) & (1 - likeness[:, number] <= reach)
        total = looks.vector[near].astype(np.float64).T @ weight[near]
        length = np.linalg.norm(total)
        if length > 0:
            moved[number] = total / length
    return moved
