"""Who plays for nobody, or not in the field: goalkeepers and referees among those who wear neither team's kit."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from shared_libs.common.tracks import Tracks
from tracking.appearance import TrackLooks
from tracking.jersey import black_and_white, jersey_likeness

GOALKEEPER, REFEREE, PLAYER = "goalkeeper", "referee", "player"

_ONE_KIT = 0.25
"""Up to which mean distance looks are of one kit."""
_MOST_GROUPED = 2000
"""Tracks: comparing all with all takes the square of it."""
MOST_REFEREES = 3
_MOST_KEEPER_KITS = 2
_STRIPED = 0.15
_STANDS_OUT, _LEAST_STANDING_OUT, _LEAST_MATES = 4.5, 0.08, 4
"""Distance of a jersey from the team's, of the median one and at least; among how many it can be said."""
_LEAST_FRAMES = 50
"""Frames in which somebody must be seen among players before his place says something."""
_LEAST_OTHERS = 3
_ONE_SIDED, _ONE_SIDED_WITH_REFEREES = 0.8, 0.5
_LEAST_SHARE = 0.01
"""Of all boxes, that a group of people must have to be somebody."""


def people_at_once(tracks: Tracks, track_id: npt.NDArray[np.int32]) -> int:
    """How many of some tracks are seen at once; one frame in 20 may have more, since tracks overlap a little."""
    count = np.bincount(tracks.frame[np.isin(tracks.track_id, track_id)])
    count = count[count > 0]
    return int(np.percentile(count, 95, method="lower")) if len(count) else 0


def is_striped(kit: npt.NDArray[np.float32]) -> bool:
    """Whether a kit (d,) is black and white in equal parts, as a referee's is."""
    return bool(black_and_white(kit[None])[0] >= _STRIPED)


def stand_out_in_stripes(seen: TrackLooks, kits: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Who of a team in black and white has another jersey than the rest of it, (m,): so has a referee.

    seen: m tracks that all go with the same of `kits` (1, d). In a team in other colours nobody does.
    """
    if not is_striped(kits[0]) or len(seen.track_id) < _LEAST_MATES:
        return np.zeros(len(seen.track_id), np.bool_)
    distance = 1 - jersey_likeness(seen.vector, kits)[:, 0]
    return np.asarray(distance > np.maximum(_STANDS_OUT * np.median(distance), _LEAST_STANDING_OUT))


def find_roles(tracks: Tracks, others: TrackLooks, players: npt.NDArray[np.int32]) -> dict[int, str]:
    """Who of `others` is a "goalkeeper" or a "referee"; those of whom it cannot be told are left out.

    others: tracks that wear neither team's kit. players: the ids of those who wear one.

    Those who look alike are taken together. A group of which four and more are seen at once is neither (a bench, a
    crowd). Referees wear stripes of black and white, or are several in one kit. A goalkeeper is alone in his kit and
    stays at one end, where the players are on one side of him: the more so has he to where no referees are found, who
    then may be in plain shirts and follow the play on both sides of it.
    """
    referees: list[_Group] = []
    alone: list[_Group] = []
    sides = _sides(tracks, others.track_id, players)
    for rows in _groups(others):
        ids = others.track_id[rows]
        group = _Group(ids, int(np.isin(tracks.track_id, ids).sum()), _one_sided(sides[rows]))
        at_once = people_at_once(tracks, ids)
        if at_once > MOST_REFEREES or group.boxes < _LEAST_SHARE * len(tracks):
            continue
        kit = others.vector[rows].T @ others.weight[rows]
        (referees if at_once >= 2 or is_striped(kit) else alone).append(group)
    least = _ONE_SIDED_WITH_REFEREES if referees else _ONE_SIDED
    keepers = [
        group for group in alone if (float(bool(referees)) if group.one_sided is None else group.one_sided) >= least
    ]
    if not referees:
        referees = [group for group in alone if group.one_sided is not None and group.one_sided < least]
    keepers.sort(key=lambda group: (-group.boxes, int(group.track_id[0])))
    return {
        **{track: REFEREE for group in referees for track in group.track_id.tolist()},
        **{track: GOALKEEPER for group in keepers[:_MOST_KEEPER_KITS] for track in group.track_id.tolist()},
    }


class _Group(NamedTuple):
    """People of one kit: their tracks, how many boxes, and how far all others are on one side of them, 0 to 1."""

    track_id: npt.NDArray[np.int32]
    boxes: int
    one_sided: float | None


def _groups(others: TrackLooks) -> list[npt.NDArray[np.int64]]:
    """Rows of those who look alike, by average linkage; of very many only the heaviest."""
    heaviest = np.sort(np.lexsort((others.track_id, -others.weight))[:_MOST_GROUPED])
    if len(heaviest) < 2:
        return [heaviest] if len(heaviest) else []
    vector = others.vector[heaviest].astype(np.float64)
    distance = np.maximum(1 - vector @ vector.T, 0)
    distance = (distance + distance.T) / 2
    np.fill_diagonal(distance, 0)
    label = fcluster(linkage(squareform(distance, checks=False), "average"), _ONE_KIT, "distance")
    return [heaviest[label == number] for number in np.unique(label)]


def _sides(tracks: Tracks, track_id: npt.NDArray[np.int32], players: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
    """For each of m tracks: in how many frames it is seen among players, the sum over these of how much more of them
    are to its left than to its right, from -1 (all to its right) to 1, and the sum of the sizes of that; (m, 3)."""
    middle = np.clip((tracks.xyxy[:, 0] + tracks.xyxy[:, 2]).astype(np.float64) / 2, 0, 1e5)
    place = tracks.frame * 1e6 + middle
    is_player = np.isin(tracks.track_id, players)
    others = np.sort(place[is_player])
    rows = np.flatnonzero(np.isin(tracks.track_id, track_id))
    frame = tracks.frame[rows].astype(np.float64)
    start, end = np.searchsorted(others, frame * 1e6), np.searchsorted(others, (frame + 1) * 1e6)
    to_left = np.searchsorted(others, place[rows]) - start
    enough = end - start >= _LEAST_OTHERS
    lean = 2 * to_left[enough] / (end - start)[enough] - 1
    which = np.searchsorted(track_id, tracks.track_id[rows[enough]])
    count = len(track_id)
    sums = [np.bincount(which, weights, count) for weights in (np.ones(len(lean)), lean, np.abs(lean))]
    return np.stack(sums, axis=1)


def _one_sided(sides: npt.NDArray[np.float64]) -> float | None:
    """How far each of some tracks has the players on the same side all the time, 0 to 1; None where seen too little.

    Track by track: two goalkeepers in the same kit stand at either end.
    """
    frames, lean, size = sides.T
    if frames.sum() < _LEAST_FRAMES or size.sum() == 0:
        return None
    return float(np.abs(lean).sum() / size.sum())
