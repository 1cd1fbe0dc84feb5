"""Who plays for which team, and who is a goalkeeper or a referee: from what people wear, without labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shared_libs.common.tracks import Tracks
from tracking.appearance import Floats, Looks, TrackLooks
from tracking.jersey import jersey_lightness
from tracking.keepers import teams_of_keepers
from tracking.kits import find_kits, wearing
from tracking.roles import (
    GOALKEEPER,
    MOST_REFEREES,
    PLAYER,
    find_roles,
    is_striped,
    people_at_once,
    stand_out_in_stripes,
)

_CLEAN, _LEAST_LOOKS = 0.3, 3
"""Mean quality and number of looks from which a track may say what the kits are, and wear neither of them."""
_LEAST_TEAM = 0.1
"""Boxes of the smaller team for one of the larger."""
_NEAREST_OTHER, _FARTHEST_OWN, _WIDE_GAP = 0.2, 0.45, 0.1
"""Distances from the nearest kit: nobody nearer wears another, nobody farther wears it, and what parts the two."""
_LEAST_SHARE = 0.6
"""Of the looks of a track that has to be liker to its kit than to the other."""
_SAME_KIT = 0.04
"""Up to which distance two kits are one."""


@dataclass(frozen=True, slots=True, eq=False)
class Teams:
    """What was found out about the tracks of a game.

    team: 0 or 1 by track id, for those who are in a team; 0 wears the darker jersey. role: "player", "goalkeeper" or
    "referee" by track id. In neither is a track that was not seen well enough, one that is of people of both teams, and
    one of somebody in other clothes who cannot be told to be a goalkeeper or a referee. A goalkeeper in a kit of his
    own is in a team where his helmet says so; one in his team's kit is a player of it.
    """

    team: dict[int, int]
    role: dict[int, str]


def find_teams(tracks: Tracks, jersey: Looks) -> Teams:
    """The teams of `tracks`, by the looks at what they wear (those of the jersey-colour descriptor).

    The kits of the teams are the two that most boxes wear, each by several people at once. Who wears neither, seen
    clearly, is a goalkeeper, a referee or nobody. Where only one team is there, everybody in its kit is in team 0.
    """
    seen = jersey.of_tracks()
    boxes = _boxes(tracks, seen)
    clean = (seen.weight >= _CLEAN * seen.number) & (seen.number >= _LEAST_LOOKS) & (boxes > 0)
    clear = _only(seen, clean)
    kits = _teams_kits(tracks, jersey, clear, boxes[clean])
    if not len(kits):
        return Teams({}, {})
    worn = wearing(kits, jersey, seen.track_id)
    limit = _limit(worn.distance[clean])
    nearest = worn.share.argmax(axis=1)
    in_kit = (worn.distance <= limit) & (worn.share.max(axis=1) >= _LEAST_SHARE) & (boxes > 0)
    stands_out = np.zeros(len(in_kit), np.bool_)
    for number in range(len(kits)):
        mates = np.flatnonzero(in_kit & clean & (nearest == number))
        stands_out[mates[stand_out_in_stripes(_only(seen, mates), kits[number : number + 1])]] = True
    in_kit &= ~stands_out
    team = dict(zip(seen.track_id[in_kit].tolist(), nearest[in_kit].tolist(), strict=True))
    other = clean & ((worn.distance > limit) | stands_out)
    role = dict.fromkeys(team, PLAYER) | find_roles(tracks, _only(seen, other), seen.track_id[in_kit])
    if len(kits) == 2:
        keepers = [track for track, its in role.items() if its == GOALKEEPER]
        team = team | teams_of_keepers(tracks, _only(seen, np.isin(seen.track_id, keepers)), kits, team)
    return Teams(team, role)


def _boxes(tracks: Tracks, seen: TrackLooks) -> npt.NDArray[np.int64]:
    """How many boxes each track has that was seen."""
    known, count = np.unique(tracks.track_id, return_counts=True)
    if not len(known):
        return np.zeros(len(seen.track_id), np.int64)
    place = np.minimum(np.searchsorted(known, seen.track_id), len(known) - 1)
    return np.where(known[place] == seen.track_id, count[place], 0).astype(np.int64)


def _only(seen: TrackLooks, chosen: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> TrackLooks:
    return TrackLooks(seen.track_id[chosen], seen.vector[chosen], seen.weight[chosen], seen.number[chosen])


def _teams_kits(tracks: Tracks, jersey: Looks, clear: TrackLooks, boxes: npt.NDArray[np.int64]) -> Floats:
    """The kits that a team wears, the darker first, (2, d), (1, d) or (0, d).

    A team is several people at once, and not too few beside the other. A few in stripes of black and white are
    referees, however much they are seen.
    """
    looks = jersey.only(np.isin(jersey.track_id, clear.track_id))
    place = np.searchsorted(clear.track_id, looks.track_id)
    kits = find_kits(looks, looks.quality * (boxes / np.maximum(clear.weight, 1e-6))[place])
    if len(kits) == 2 and 1 - float(kits[0] @ kits[1]) < _SAME_KIT:
        kits = kits[:1]
    if not len(kits):
        return kits
    worn = wearing(kits, jersey, clear.track_id)
    nearest = np.where(worn.distance <= _FARTHEST_OWN, worn.share.argmax(axis=1), -1)
    size = np.array([boxes[nearest == number].sum() for number in range(len(kits))])
    is_team = (size > 0) & (size >= _LEAST_TEAM * size.max())
    for number in range(len(kits)):
        at_once = people_at_once(tracks, clear.track_id[nearest == number])
        could_be_referees = at_once <= MOST_REFEREES and size[number] < size.max() and is_striped(kits[number])
        is_team[number] &= at_once >= 2 and not could_be_referees
    own = kits[is_team]
    darker_first: Floats = own[np.argsort(jersey_lightness(own), kind="stable")]
    return darker_first


def _limit(distance: npt.NDArray[np.float32]) -> float:
    """Up to which distance from the nearest kit somebody wears it: the first wide gap between distances, or the widest.

    distance: the median one of each track that was seen clearly.
    """
    inner = distance[(distance > _NEAREST_OTHER / 2) & (distance < _FARTHEST_OWN)]
    steps = np.sort(np.concatenate([inner, [_NEAREST_OTHER / 2, _FARTHEST_OWN + _WIDE_GAP]]).astype(np.float64))
    gaps = np.diff(steps)
    at = int((gaps >= _WIDE_GAP).argmax()) if (gaps >= _WIDE_GAP).any() else int(gaps.argmax())
    return float(np.clip((steps[at] + steps[at + 1]) / 2, _NEAREST_OTHER, _FARTHEST_OWN))
