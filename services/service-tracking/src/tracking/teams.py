"""Who plays for which team, and who is a goalkeeper or a referee: from what people wear, without labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shared_libs.common.tracks import Tracks
from tracking.appearance import Floats, Looks, TrackLooks
from tracking.jersey import jersey_lightness
from tracking.kits import find_kits, share_of_votes
from tracking.roles import PLAYER, find_roles, is_striped, people_at_once

_CLEAN, _LEAST_LOOKS = 0.3, 3
"""Mean quality and number of looks from which a track may say what the kits are, and wear neither of them."""
_LEAST_TEAM = 0.1
"""Boxes of the smaller team for one of the larger."""
_NEAREST_OTHER, _FARTHEST_OWN, _WIDE_GAP = 0.2, 0.45, 0.1
"""Distances from the nearest kit: nobody nearer wears another, nobody farther wears it, and what parts the two."""
_LEAST_VOTES = 0.6
_SAME_KIT = 0.04
"""Up to which distance two kits are one."""


@dataclass(frozen=True, slots=True, eq=False)
class Teams:
    """What was found out about the tracks of a game.

    team: 0 or 1 by track id, for those who are in a team; 0 wears the darker jersey. role: "player", "goalkeeper" or
    "referee" by track id. Who was not seen well enough is in neither, and so is who wears something else than everybody
    and cannot be told to be a goalkeeper or a referee. A goalkeeper in a kit of his own is in no team; one in his
    team's kit is a player of it.
    """

    team: dict[int, int]
    role: dict[int, str]


def find_teams(tracks: Tracks, jersey: Looks) -> Teams:
    """The teams of `tracks`, by the looks at what they wear (those of the jersey-colour descriptor).

    The kits of the teams are the two that most boxes wear, each by several people at once. Who wears neither, seen
    clearly, is a goalkeeper, a referee or nobody. Where only one team is there, everybody in its kit is in team 0.
    """
    seen = jersey.of_tracks()
    if not len(seen.track_id):
        return Teams({}, {})
    known, count = np.unique(tracks.track_id, return_counts=True)
    place = np.minimum(np.searchsorted(known, seen.track_id), max(len(known) - 1, 0))
    boxes = np.where(known[place] == seen.track_id, count[place], 0) if len(known) else np.zeros(len(place), np.int64)
    clean = (seen.weight >= _CLEAN * seen.number) & (seen.number >= _LEAST_LOOKS) & (boxes > 0)
    kits = find_kits(_only(seen, clean), boxes[clean], jersey)
    kits = _teams_kits(kits, tracks, _only(seen, clean), boxes[clean])
    if not len(kits):
        return Teams({}, {})
    likeness = seen.vector @ kits.T
    distance = 1 - likeness.max(axis=1)
    limit = _limit(distance[clean])
    nearest = likeness.argmax(axis=1)
    wears_one = distance <= np.where(clean, limit, _FARTHEST_OWN)
    if len(kits) == 2:
        votes = share_of_votes(kits, jersey, seen.track_id)
        wears_one &= np.where(nearest == 0, votes, 1 - votes) >= _LEAST_VOTES
    team = dict(zip(seen.track_id[wears_one].tolist(), nearest[wears_one].tolist(), strict=True))
    other = clean & (distance > limit)
    role = dict.fromkeys(team, PLAYER) | find_roles(tracks, _only(seen, other), seen.track_id[wears_one])
    return Teams(team, role)


def _only(seen: TrackLooks, chosen: npt.NDArray[np.bool_]) -> TrackLooks:
    return TrackLooks(seen.track_id[chosen], seen.vector[chosen], seen.weight[chosen], seen.number[chosen])


def _teams_kits(kits: Floats, tracks: Tracks, seen: TrackLooks, boxes: npt.NDArray[np.int64]) -> Floats:
    """Those of the kits that a team wears, the darker first: several people at once, and not too few beside the other.

    A few in stripes of black and white are referees, however much they are seen.
    """
    if len(kits) == 2 and 1 - float(kits[0] @ kits[1]) < _SAME_KIT:
        kits = kits[:1]
    if not len(kits):
        return kits
    likeness = seen.vector @ kits.T
    nearest = np.where(1 - likeness.max(axis=1) <= _FARTHEST_OWN, likeness.argmax(axis=1), -1)
    worn = np.array([boxes[nearest == number].sum() for number in range(len(kits))])
    is_team = worn >= _LEAST_TEAM * worn.max()
    for number in range(len(kits)):
        at_once = people_at_once(tracks, seen.track_id[nearest == number])
        is_team[number] &= at_once >= 2 and not (
            at_once <= 3 and worn[number] < worn.max() and is_striped(kits[number])
        )
    kits = kits[is_team]
    return kits[np.argsort(jersey_lightness(kits), kind="stable")]


def _limit(distance: npt.NDArray[np.float32]) -> float:
    """Up to which distance from the nearest kit somebody wears it: the first wide gap between distances, or the widest.

    Somebody who is on the track of two people stands between the kits, farther than anybody who is not.
    """
    inner = distance[(distance > _NEAREST_OTHER / 2) & (distance < _FARTHEST_OWN)]
    steps = np.sort(np.concatenate([inner, [_NEAREST_OTHER / 2, _FARTHEST_OWN + _WIDE_GAP]]).astype(np.float64))
    gaps = np.diff(steps)
    at = int((gaps >= _WIDE_GAP).argmax()) if (gaps >= _WIDE_GAP).any() else int(gaps.argmax())
    return float(np.clip((steps[at] + steps[at + 1]) / 2, _NEAREST_OTHER, _FARTHEST_OWN))
