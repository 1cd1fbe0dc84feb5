"""One player for each linked track, in segments, with team, role, number and name where they are known."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_libs.common.players import Players, Segment
from shared_libs.common.roster import RosterEntry
from shared_libs.common.tracks import Tracks
from tracking.players import NumberReader, players_of
from tracking.teams import Teams


def tracks_in(places: set[tuple[int, int]]) -> Tracks:
    """A box for each (frame, track id)."""
    table = np.array(sorted(places), int).reshape(-1, 2)
    left = 50.0 * table[:, 1]
    xyxy = np.stack([left, left * 0, left + 20, left * 0 + 60], axis=1)
    return Tracks.from_arrays(table[:, 0], table[:, 1], xyxy, np.ones(len(table)), np.ones(len(table)))


def run(track: int, first: int, last: int) -> set[tuple[int, int]]:
    return {(frame, track) for frame in range(first, last + 1)}


@given(st.sets(st.tuples(st.integers(0, 60), st.integers(1, 5)), max_size=80), st.integers(0, 12))
def test_segments_are_the_stretches_of_a_track_between_its_long_gaps(places: set[tuple[int, int]], gap: int) -> None:
    players = players_of(tracks_in(places), longest_gap=gap)
    assert [player.player_id for player in players] == sorted({track for _, track in places})
    for player in players:
        frames = sorted(frame for frame, track in places if track == player.player_id)
        starts = [frames[0]] + [after for before, after in pairwise(frames) if after - before - 1 > gap]
        ends = [before for before, after in pairwise(frames) if after - before - 1 > gap] + [frames[-1]]
        expected = [Segment(player.player_id, *ends) for ends in zip(starts, ends, strict=True)]
        assert list(player.segments) == expected


def test_a_gap_of_exactly_the_longest_is_bridged() -> None:
    tracks = tracks_in(run(3, 0, 9) | run(3, 15, 20))
    assert players_of(tracks, longest_gap=5).players[0].segments == (Segment(3, 0, 20),)
    assert players_of(tracks, longest_gap=4).players[0].segments == (Segment(3, 0, 9), Segment(3, 15, 20))


def test_teams_and_roles_are_those_of_the_track() -> None:
    tracks = tracks_in(run(1, 0, 5) | run(2, 0, 5) | run(3, 0, 5) | run(4, 0, 5))
    found = players_of(tracks, Teams({1: 0, 2: 1}, {1: "player", 2: "goalkeeper", 3: "referee"}))
    assert [(player.team_id, player.role) for player in found] == [
        (0, "player"),
        (1, "goalkeeper"),
        (None, "referee"),
        (None, None),
    ]


ROSTER = (RosterEntry("7", "Zoë Ann", "Eagles"), RosterEntry("7", "Bo Li", "Hawks"), RosterEntry("07", "Cy", "Hawks"))


def test_the_roster_names_whose_team_and_number_are_known() -> None:
    tracks = tracks_in(run(1, 0, 5) | run(2, 0, 5) | run(3, 0, 5) | run(4, 0, 5) | run(5, 0, 5))
    teams = Teams({1: 0, 2: 1, 3: 1, 4: 0}, {})
    numbers = {1: "7", 2: "07", 3: "7", 4: "12", 5: "7"}
    found = players_of(tracks, teams, numbers, ROSTER, team_names={0: " eagles", 1: "Hawks"})
    assert [player.name for player in found] == ["Zoë Ann", "Cy", "Bo Li", None, None]
    assert [player.number for player in found] == ["7", "07", "7", "12", "7"]
    nameless = players_of(tracks, teams, numbers, ROSTER)
    assert {player.name for player in nameless} == {None}


class LongTracksWearTheirId:
    """A reader that sees numbers on tracks of ten boxes and more."""

    def read(self, video: Path, tracks: Tracks) -> Mapping[int, str]:
        known, boxes = np.unique(tracks.track_id, return_counts=True)
        return {int(track): str(track) for track in known[boxes >= 10]}


def test_a_number_reader_of_ones_own_can_be_plugged_in() -> None:
    reader: NumberReader = LongTracksWearTheirId()
    tracks = tracks_in(run(1, 0, 5) | run(2, 0, 12))
    found = players_of(tracks, numbers=reader.read(Path("game.mp4"), tracks))
    assert [player.number for player in found] == [None, "2"]


def test_no_tracks_are_no_players() -> None:
    assert players_of(Tracks.empty(9)) == Players()


@pytest.mark.parametrize(
    ("numbers", "gap", "words"),
    [
        ({9: "4"}, 5, "numbers: track 9 is not among the tracks"),
        ({1: "x4"}, 5, "numbers: track 1: a number is one to three digits, here it is 'x4'"),
        ({}, -1, "longest_gap must not be negative, here it is -1"),
    ],
)
def test_what_cannot_be_is_refused(numbers: dict[int, str], gap: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        players_of(tracks_in(run(1, 0, 5)), numbers=numbers, longest_gap=gap)
