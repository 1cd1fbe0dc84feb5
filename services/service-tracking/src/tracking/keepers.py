"""Whose goalkeeper somebody is who wears a kit of his own: by his helmet, and by who stands near him."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from shared_libs.common.tracks import Tracks
from tracking.appearance import Floats, TrackLooks
from tracking.jersey import helmet_likeness

_CLEAR_HELMET = 0.1
"""How much liker a helmet is to one team's than to the other's where nothing else need be asked."""
_LEAST_FRAMES = 25
_LEAST_OF_EACH = 2


def teams_of_keepers(tracks: Tracks, keepers: TrackLooks, kits: Floats, team: dict[int, int]) -> dict[int, int]:
    """The team of each goalkeeper by track id, without those of whom it is not sure.

    kits (2, d): those of the teams. team: of the players, by track id.

    Helmets are the team's, whatever the jersey. Where they look much alike, they have to agree with who stands nearer:
    a goalkeeper has his own defenders around him, and the others' attackers in front of them.
    """
    likeness = helmet_likeness(keepers.vector, kits)
    found = {}
    for track, (first, second) in zip(keepers.track_id.tolist(), likeness.tolist(), strict=True):
        by_helmet = int(second > first)
        if abs(second - first) >= _CLEAR_HELMET or by_helmet == _nearer_team(tracks, track, team):
            found[track] = by_helmet
    return found


def _nearer_team(tracks: Tracks, keeper: int, team: dict[int, int]) -> int | None:
    """The team whose players are nearer to a track on average, across the picture; None where seen too little."""
    own = tracks.track_id == keeper
    first, last = tracks.frame[own][[0, -1]].tolist()
    rows = slice(*np.searchsorted(tracks.frame, [first, last + 1]).tolist())
    frame, track_id = tracks.frame[rows] - first, tracks.track_id[rows]
    middle = (tracks.xyxy[rows, 0] + tracks.xyxy[rows, 2]).astype(np.float64) / 2
    place: npt.NDArray[np.float64] = np.full(last - first + 1, np.nan)
    place[frame[track_id == keeper]] = middle[track_id == keeper]
    away = np.abs(middle - place[frame])
    distance = []
    for number in (0, 1):
        members = np.array([track for track, its in team.items() if its == number], np.int32)
        mine = np.isin(track_id, members) & ~np.isnan(away)
        count = np.bincount(frame[mine], minlength=len(place))
        total = np.bincount(frame[mine], away[mine], len(place))
        distance.append(np.where(count >= _LEAST_OF_EACH, total / np.maximum(count, 1), np.nan))
    both = ~np.isnan(distance[0]) & ~np.isnan(distance[1])
    if both.sum() < _LEAST_FRAMES:
        return None
    return int(distance[1][both].mean() < distance[0][both].mean())
