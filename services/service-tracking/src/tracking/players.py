"""From tracks to players, and the hook for whatever reads the numbers on their backs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np

from shared_libs.common.players import Player, Players, Role, Segment
from shared_libs.common.roster import RosterEntry, named_from_roster
from shared_libs.common.tracks import Tracks

if TYPE_CHECKING:
    from tracking.teams import Teams

LONGEST_GAP = 30
"""Frames in which somebody is not seen and yet the segment goes on: a second of most films."""
_NUMBER = re.compile(r"[0-9]{1,3}")


class NumberReader(Protocol):
    """Reads the numbers that people wear. None comes with this program.

    To add one, write a class with this method, and hand what it returns to `players_of` as `numbers`: with a roster and
    the teams' names known, players then get their names by themselves.
    """

    def read(self, video: Path, tracks: Tracks) -> Mapping[int, str]:
        """The number, one to three digits, of each track id on which one could be read; the others are left out."""
        ...


def players_of(
    tracks: Tracks,
    teams: Teams | None = None,
    numbers: Mapping[int, str] | None = None,
    roster: Sequence[RosterEntry] = (),
    longest_gap: int = LONGEST_GAP,
    team_names: Mapping[int, str] | None = None,
) -> Players:
    """The players of tracks that are linked already: one for each track id, and called by it.

    Args:
        tracks: one id for each person.
        teams: who is in which team, and in which role; unknown for everybody where None.
        numbers: what a `NumberReader` read, by track id.
        roster: gives a name to each player whose team's name and number are known.
        longest_gap: a segment ends where its track has no box in more than so many frames on end.
        team_names: what the teams are called, by their number in `teams`.

    Raises ValueError where longest_gap is negative, a number is not one to three digits or of a track that is not
    among `tracks`, or two teams have one name.
    """
    if longest_gap < 0:
        raise ValueError(f"longest_gap must not be negative, here it is {longest_gap}")
    numbers = numbers or {}
    order = np.argsort(tracks.track_id, kind="stable")  # in a track, boxes stay in the order of their frames
    track_id, frame = tracks.track_id[order], tracks.frame[order]
    new = np.ones(len(order), np.bool_)
    new[1:] = (track_id[1:] != track_id[:-1]) | (frame[1:] - frame[:-1] - 1 > longest_gap)
    start = np.flatnonzero(new)
    end = np.append(start[1:], len(order)) - 1 if len(start) else start
    segments: dict[int, list[Segment]] = {}
    for segment in zip(track_id[start].tolist(), frame[start].tolist(), frame[end].tolist(), strict=True):
        segments.setdefault(segment[0], []).append(Segment(*segment))
    _check_numbers(numbers, segments)
    people = [
        Player(
            player_id=person,
            team_id=teams.team.get(person) if teams is not None else None,
            number=numbers.get(person),
            segments=tuple(own),
            role=cast("Role | None", teams.role.get(person)) if teams is not None else None,
        )
        for person, own in segments.items()
    ]
    return named_from_roster(Players(tuple(people), team_names or {}), roster)


def _check_numbers(numbers: Mapping[int, str], known: Mapping[int, object]) -> None:
    for track, number in numbers.items():
        if track not in known:
            raise ValueError(f"numbers: track {track} is not among the tracks")
        if not _NUMBER.fullmatch(number):
            raise ValueError(f"numbers: track {track}: a number is one to three digits, here it is {number!r}")
