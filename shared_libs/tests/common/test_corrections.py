"""What people corrected is done again on the players of a new run; what no longer fits is listed with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared_libs.common.corrections import Replayed, corrected, replay
from shared_libs.common.edits import Anchor, Assign, Correction, EditLog, Merge, Rename, Split, Undo
from shared_libs.common.players import Player, Players, Role, Segment, read_players, write_players
from shared_libs.common.roster import RosterEntry, named_from_roster
from shared_libs.common.tracks import Source, Tracks
from shared_libs.utils.ids import new_id

WIDTH, HEIGHT = 30.0, 80.0
Box = tuple[float, float, float, float]


class Run(NamedTuple):
    """`frame`s `first` to `last` of track `track`, standing at `left`."""

    track: int
    first: int
    last: int
    left: float | None = None
    """None: 100 pixels from the next track."""

    @property
    def box(self) -> Box:
        left = 100.0 * self.track if self.left is None else self.left
        return (left, 50.0, left + WIDTH, 50.0 + HEIGHT)


def game(*runs: Run, filled: Sequence[Run] = ()) -> Tracks:
    rows = [(frame, each.track, each.box, each in filled) for each in (*runs, *filled) for frame in frames_of(each)]
    return Tracks.from_arrays(
        [row[0] for row in rows],
        [row[1] for row in rows],
        np.array([row[2] for row in rows]).reshape(-1, 4),
        np.ones(len(rows)),
        np.ones(len(rows)),
        [Source.INTERPOLATED if row[3] else Source.DETECTED for row in rows],
    )


def frames_of(run: Run) -> range:
    return range(run.first, run.last + 1)


class Teams(NamedTuple):
    """What a run found out of its tracks' clothes, by track id."""

    team: Mapping[int, int]
    role: Mapping[int, Role]


def players_of(
    tracks: Tracks,
    teams: Teams,
    numbers: Mapping[int, str] | None = None,
    roster: Sequence[RosterEntry] = (),
    *,
    longest_gap: int,
    team_names: Mapping[int, str] | None = None,
) -> Players:
    """A player for each track, called by its id, in segments that end at gaps of more than `longest_gap` frames."""
    people = []
    for track in np.unique(tracks.track_id).tolist():
        frames = tracks.frame[tracks.track_id == track].tolist()
        cuts = [i for i in range(1, len(frames)) if frames[i] - frames[i - 1] - 1 > longest_gap]
        pieces = zip([0, *cuts], [*cuts, len(frames)], strict=True)
        segments = tuple(Segment(track, frames[first], frames[end - 1]) for first, end in pieces)
        number = (numbers or {}).get(track)
        people.append(Player(track, teams.team.get(track), None, number, segments, teams.role.get(track)))
    return named_from_roster(Players(tuple(people), team_names or {}), roster)


def filled_in(tracks: Tracks, longest_gap: int) -> Tracks:
    """`tracks` with boxes in the gaps of up to `longest_gap` frames, each as the one before the gap."""
    rows = [
        (*key, box, Source.DETECTED)
        for *key, box in zip(tracks.track_id.tolist(), tracks.frame.tolist(), tracks.xyxy.tolist(), strict=True)
    ]
    for (track, frame, box, _), (other, after, *_) in pairwise(sorted(rows, key=lambda row: row[:2])):
        if track == other and after - frame - 1 <= longest_gap:
            rows += [(track, between, box, Source.INTERPOLATED) for between in range(frame + 1, after)]
    ids, frames, boxes, sources = zip(*rows, strict=True)
    return Tracks.from_arrays(frames, ids, np.array(boxes), np.ones(len(rows)), np.ones(len(rows)), sources)


def at(track: int, frame: int, shift: float = 0.0, left: float | None = None) -> Anchor:
    """The box of a track in a frame, `shift` pixels beside it."""
    x, top, right, bottom = Run(track, frame, frame, left).box
    return Anchor(frame=frame, xyxy=(x + shift, top, right + shift, bottom))


def merge(first: Anchor, second: Anchor) -> Merge:
    return Merge(author="coach", first=first, second=second)


def split(anchor: Anchor, at_frame: int) -> Split:
    return Split(author="coach", anchor=anchor, at_frame=at_frame)


def rename(anchor: Anchor, **said: str) -> Rename:
    return Rename(author="coach", anchor=anchor, **said)


def assign(anchor: Anchor, **said: Any) -> Assign:
    return Assign(author="coach", anchor=anchor, **said)


def by_id(done: Replayed) -> dict[int, Player]:
    return {player.player_id: player for player in done.players}


def why(done: Replayed) -> str:
    (only,) = done.unfit
    return only.why


def remarks(done: Replayed) -> list[str]:
    return [remark.what for remark in done.remarks]


THREE = game(Run(1, 0, 40), Run(2, 50, 90), Run(3, 0, 90))
"""Tracks 1 and 2 follow each other, 3 is there all the time."""
KITS = Teams({1: 0, 2: 0, 3: 1}, {1: "player", 2: "player", 3: "player"})


def replayed(*edits: Correction, tracks: Tracks = THREE, teams: Teams = KITS, **more: Any) -> Replayed:
    numbers, roster = more.pop("numbers", None), more.pop("roster", ())
    players = players_of(tracks, teams, numbers, roster, longest_gap=20, **more)
    done = replay(players, tracks, edits, roster)
    assert sorted([*done.applied, *(each.edit_id for each in done.unfit)]) == sorted(e.edit_id for e in edits)
    return done


# Anchors.


def test_an_anchor_means_the_box_that_overlaps_it_most() -> None:
    done = replayed(rename(at(2, 60, shift=9), name="Ann"))
    assert [player.name for player in done.players] == [None, "Ann", None]


def test_an_anchor_beside_every_box_is_unfit() -> None:
    edit = rename(at(2, 60, shift=11), name="Ann")  # an overlap of 19 / 41
    done = replayed(edit)
    assert done.unfit[0].edit_id == edit.edit_id
    assert done.unfit[0].kind == "rename"
    assert why(done) == "nobody is there in frame 60 any more, nor in the 2 frames beside it"
    assert done.players == players_of(THREE, KITS, longest_gap=20)


@pytest.mark.parametrize(("frame", "fits"), [(41, True), (42, True), (43, False), (48, True), (47, False)])
def test_an_anchor_whose_box_is_missing_is_looked_for_in_two_frames_beside_it(frame: int, fits: bool) -> None:
    track = 1 if frame < 45 else 2
    done = replayed(rename(at(track, frame), name="Ann"))
    assert [player.name for player in done.players if player.player_id == track] == ["Ann" if fits else None]
    assert len(done.unfit) == (not fits)


def test_an_anchor_between_two_players_is_unfit_and_an_exact_one_never_is() -> None:
    crowd = game(Run(1, 0, 9, 100), Run(2, 0, 9, 106))
    between = replayed(rename(at(1, 5, left=103), name="Ann"), tracks=crowd)
    assert "could be one of several: player 1 and player 2" in why(between)
    exact = replayed(rename(at(1, 5, left=106), name="Ann"), tracks=crowd)
    assert by_id(exact)[2].name == "Ann"
    assert not exact.unfit


def test_an_anchor_much_nearer_to_one_player_means_that_one() -> None:
    crowd = game(Run(1, 0, 9, 100), Run(2, 0, 9, 110))
    done = replayed(rename(at(1, 5, left=102), name="Ann"), tracks=crowd)
    assert [player.name for player in done.players] == ["Ann", None]


def test_two_boxes_of_one_player_do_not_make_an_anchor_ambiguous() -> None:
    gap = game(Run(1, 0, 40, 500), Run(2, 42, 90, 500))
    done = replayed(merge(at(1, 3, left=500), at(2, 80, left=500)), rename(at(1, 41, left=500), name="Ann"), tracks=gap)
    assert by_id(done)[1].name == "Ann"
    alone = replayed(rename(at(1, 41, left=500), name="Ann"), tracks=gap)
    assert "could be one of several" in why(alone)


def test_a_box_that_belongs_to_nobody_is_no_player() -> None:
    players = Players((Player(3, segments=(Segment(3, 0, 90),)),))
    done = replay(players, THREE, [rename(at(1, 5), name="Ann")])
    assert why(done) == "the box there in frame 5 belongs to no player"
    assert done.players == players


def test_anchors_of_any_size_are_only_ever_unfit() -> None:
    huge = Anchor(frame=3, xyxy=(-1e308, -1e308, 1e308, 1e308))
    tiny = Anchor(frame=2**24 - 1, xyxy=(0.0, 0.0, 5e-324, 5e-324))
    assert len(replayed(rename(huge, name="A"), rename(tiny, name="B")).unfit) == 2


# Merge.


def test_a_merge_joins_segments_under_the_first_ones_id() -> None:
    done = replayed(merge(at(2, 60), at(1, 10)))
    assert [player.player_id for player in done.players] == [2, 3]
    assert by_id(done)[2].segments == (Segment(1, 0, 40), Segment(2, 50, 90))


def test_two_who_are_seen_at_once_are_not_merged_and_the_frames_are_named() -> None:
    done = replayed(merge(at(1, 10), at(3, 10)))
    assert why(done) == "player 1 and player 3 are both seen at once in frames 0 to 40"
    assert len(done.players) == 3


def test_many_stretches_at_once_are_counted() -> None:
    blinks = game(Run(1, 0, 60), *(Run(2, 10 * n, 10 * n) for n in range(1, 6)))
    done = replayed(merge(at(1, 2), at(2, 10)), tracks=blinks)
    assert why(done).endswith("in frames 10, 20, 30 and 2 more stretches")


def test_a_piece_in_the_gap_of_another_is_merged_into_it() -> None:
    gap = game(Run(1, 0, 20), Run(1, 31, 50), Run(2, 23, 28))
    done = replayed(merge(at(1, 3), at(2, 25)), tracks=gap)
    assert by_id(done)[1].segments == (Segment(1, 0, 20), Segment(2, 23, 28), Segment(1, 31, 50))


def test_boxes_that_were_only_filled_in_give_way_and_that_is_said() -> None:
    gap = game(Run(1, 0, 20), Run(1, 31, 50), Run(2, 23, 28), filled=[Run(1, 21, 30)])
    done = replayed(merge(at(1, 3), at(2, 25)), tracks=gap)
    assert by_id(done)[1].segments == (Segment(1, 0, 20), Segment(2, 23, 28), Segment(1, 31, 50))
    assert remarks(done) == [
        "filled-in boxes of player 1 and player 2 are left out in frames 21 to 30, beside where the other is seen"
    ]


def test_a_piece_that_was_only_filled_in_counts_as_seen() -> None:
    gap = game(Run(1, 0, 20), Run(1, 31, 50), Run(2, 23, 28), filled=[Run(1, 21, 30)])
    done = replayed(split(at(1, 3), 21), split(at(1, 25), 31), merge(at(2, 25), at(1, 25)), tracks=gap)
    assert why(done) == "player 2 and player 3 are both seen at once in frames 23 to 28"


def test_what_the_first_is_called_wins_and_contradictions_are_told() -> None:
    done = replayed(
        rename(at(1, 5), number="7"),
        rename(at(2, 60), name="Bo", number="8"),
        merge(at(1, 5), at(2, 60)),
    )
    assert (by_id(done)[1].name, by_id(done)[1].number) == ("Bo", "7")
    assert remarks(done) == ["player 2 was number 8, player 1 stays number 7"]


def test_teams_and_roles_that_contradict_are_told() -> None:
    teams = Teams({1: 0, 2: 1}, {1: "player", 2: "goalkeeper"})
    done = replayed(merge(at(1, 5), at(2, 60)), teams=teams)
    assert (by_id(done)[1].team_id, by_id(done)[1].role) == (0, "player")
    assert remarks(done) == [
        "player 2 was in Team B, player 1 stays in Team A",
        "player 2 was a goalkeeper, player 1 stays a player",
    ]


def test_a_referee_stays_without_a_team() -> None:
    teams = Teams({2: 1}, {1: "referee", 2: "player"})
    done = replayed(merge(at(1, 5), at(2, 60)), teams=teams)
    assert (by_id(done)[1].team_id, by_id(done)[1].role) == (None, "referee")


def test_a_role_that_the_first_has_not_comes_from_the_second_but_no_referee_gets_into_a_team() -> None:
    keeper = replayed(merge(at(1, 5), at(2, 60)), teams=Teams({1: 0}, {2: "goalkeeper"}))
    assert (by_id(keeper)[1].team_id, by_id(keeper)[1].role, keeper.remarks) == (0, "goalkeeper", ())
    referee = replayed(merge(at(1, 5), at(2, 60)), teams=Teams({1: 0}, {2: "referee"}))
    assert (by_id(referee)[1].team_id, by_id(referee)[1].role) == (0, None)
    assert remarks(referee) == ["player 2 was a referee, player 1 stays in Team A"]


def test_who_is_one_already_is_merged_without_a_word() -> None:
    done = replayed(merge(at(1, 5), at(1, 30)))
    assert len(done.applied) == 1
    assert done.players == players_of(THREE, KITS, longest_gap=20)


def test_the_rosters_name_of_the_first_wins_too() -> None:
    done = replayed(
        rename(at(1, 5), team="Eagles", number="7"),
        rename(at(2, 60), name="Di"),
        merge(at(1, 5), at(2, 60)),
        roster=ROSTER,
    )
    assert by_id(done)[1].name == "Ann"
    assert remarks(done) == ["player 2 was called Di, player 1 stays called Ann"]


# Split.


@pytest.mark.parametrize(("frame", "kept", "other"), [(5, (0, 19), (20, 40)), (30, (20, 40), (0, 19))])
def test_the_anchors_half_keeps_id_and_name(frame: int, kept: tuple[int, int], other: tuple[int, int]) -> None:
    done = replayed(rename(at(1, 5), name="Ann", number="7"), split(at(1, frame), 20))
    assert by_id(done)[1] == Player(1, 0, "Ann", "7", (Segment(1, *kept),), "player")
    assert by_id(done)[4] == Player(4, 0, None, None, (Segment(1, *other),), "player")


def test_the_new_half_gets_the_smallest_free_id() -> None:
    done = replayed(merge(at(2, 60), at(1, 5)), split(at(3, 5), 20))
    assert sorted(by_id(done)) == [1, 2, 3]
    assert by_id(done)[1].segments == (Segment(3, 20, 90),)


@pytest.mark.parametrize("frame", [0, 41, 1000])
def test_a_split_that_leaves_one_half_empty_is_unfit(frame: int) -> None:
    done = replayed(split(at(1, 5), frame))
    assert why(done) == f"player 1 is seen in frames 0 to 40: frame {frame} leaves nothing to split off"


def test_a_split_may_lie_in_a_gap() -> None:
    done = replayed(merge(at(1, 5), at(2, 60)), split(at(1, 5), 45))
    assert by_id(done)[1].segments == (Segment(1, 0, 40),)
    assert by_id(done)[2].segments == (Segment(2, 50, 90),)


def test_merging_what_was_split_gives_the_same_segments() -> None:
    done = replayed(split(at(3, 5), 20), merge(at(3, 5), at(3, 60)))
    assert done.players == players_of(THREE, KITS, longest_gap=20)


# Assign.


def test_all_of_the_track_that_its_player_has_goes_to_the_other() -> None:
    parts = game(Run(1, 0, 10), Run(1, 50, 60), Run(2, 20, 30), Run(3, 35, 40))
    done = replayed(merge(at(1, 5), at(2, 25)), assign(at(1, 55), player=at(3, 37)), tracks=parts)
    assert by_id(done)[1].segments == (Segment(2, 20, 30),)
    assert by_id(done)[3].segments == (Segment(1, 0, 10), Segment(3, 35, 40), Segment(1, 50, 60))


def test_an_assigned_track_that_is_seen_at_once_with_its_player_is_unfit() -> None:
    done = replayed(assign(at(1, 5), player=at(3, 5)))
    assert why(done) == "player 3 and player 1 are both seen at once in frames 0 to 40"


def test_the_only_track_of_a_player_is_assigned_as_in_a_merge() -> None:
    done = replayed(rename(at(1, 5), name="Ann"), assign(at(1, 5), player=at(2, 60)))
    assert (by_id(done)[2].name, len(by_id(done)[2].segments), sorted(by_id(done))) == ("Ann", 2, [2, 3])


ROSTER = (RosterEntry("7", "Ann", "Eagles"), RosterEntry("8", "Bo", "Eagles"), RosterEntry("7", "Cy", "Hawks"))


def test_a_player_becomes_who_nobody_is_yet_and_gets_the_rosters_name() -> None:
    done = replayed(assign(at(1, 5), team="eagles", number="7"), roster=ROSTER)
    assert by_id(done)[1] == Player(1, 0, "Ann", "7", (Segment(1, 0, 40),), "player")
    assert done.players.team_names == {0: "eagles"}


def test_a_track_goes_to_whoever_has_the_number_by_now() -> None:
    done = replayed(
        rename(at(1, 5), team="Eagles", number="7"), assign(at(2, 60), team="Eagles", number="7"), roster=ROSTER
    )
    assert by_id(done)[1].segments == (Segment(1, 0, 40), Segment(2, 50, 90))
    assert not done.remarks


def test_a_track_of_somebody_with_a_number_of_their_own_goes_to_a_new_player() -> None:
    done = replayed(
        assign(at(1, 5), team="Eagles", number="7"),
        merge(at(1, 5), at(2, 60)),
        assign(at(2, 60), team="Eagles", number="8"),
        roster=ROSTER,
    )
    assert by_id(done)[1] == Player(1, 0, "Ann", "7", (Segment(1, 0, 40),), "player")
    assert by_id(done)[2] == Player(2, 0, "Bo", "8", (Segment(2, 50, 90),), "player")


def test_a_player_without_a_number_becomes_it_with_all_tracks() -> None:
    done = replayed(merge(at(1, 5), at(2, 60)), assign(at(2, 60), team="Eagles", number="7"), roster=ROSTER)
    assert by_id(done)[1] == Player(1, 0, "Ann", "7", (Segment(1, 0, 40), Segment(2, 50, 90)), "player")


def test_an_assignment_that_holds_already_changes_nothing() -> None:
    once = replayed(assign(at(1, 5), team="Eagles", number="7"), roster=ROSTER)
    more = [assign(at(1, frame), team="Eagles", number="7") for frame in (5, 6)]
    twice = replayed(*more, assign(at(1, 5), player=at(1, 30)), roster=ROSTER)
    assert (twice.players, twice.remarks) == (once.players, ())
    assert len(twice.applied) == 3


def test_a_number_that_the_roster_does_not_have_is_told() -> None:
    done = replayed(assign(at(1, 5), team="Eagles", number="99"), roster=ROSTER)
    assert by_id(done)[1].number == "99"
    assert remarks(done) == ["the roster has no number 99 of Eagles"]


def test_a_number_that_two_have_is_nobody_to_assign_to() -> None:
    done = replayed(
        rename(at(1, 5), team="Eagles", number="7"),
        rename(at(2, 60), team="Eagles", number="7"),
        assign(at(3, 60), team="Eagles", number="7"),
    )
    assert why(done) == "player 1 and player 2 are all number 7 of Eagles: merge them, or rename one"


# Rename.


def test_only_what_is_said_changes() -> None:
    done = replayed(rename(at(1, 5), name=" Ann  Lee "), rename(at(1, 30), number="7"))
    assert by_id(done)[1] == Player(1, 0, "Ann Lee", "7", (Segment(1, 0, 40),), "player")


def test_the_rosters_name_changes_with_the_number_and_a_said_one_does_not() -> None:
    given: dict[str, Any] = {"roster": ROSTER, "numbers": {1: "7", 2: "7"}, "team_names": {0: "Eagles"}}
    assert [player.name for player in replayed(**given).players] == ["Ann", "Ann", None]
    done = replayed(rename(at(2, 60), name="Di"), rename(at(1, 5), number="8"), rename(at(2, 60), number="8"), **given)
    assert [player.name for player in done.players] == ["Bo", "Di", None]
    assert "the roster calls number 8 of Eagles Bo, not Di" in remarks(done)


def test_one_number_twice_in_a_team_is_told() -> None:
    done = replayed(rename(at(1, 5), number="7"), rename(at(2, 60), number="7"), rename(at(3, 60), number="7"))
    assert remarks(done) == ["player 1 and player 2 are all number 7 of Team A"]


@pytest.mark.parametrize("said", [{"name": "  "}, {"team": " \t", "name": "Ann"}])
def test_blank_names_are_unfit_and_nothing_of_their_edit_is_done(said: dict[str, str]) -> None:
    done = replayed(rename(at(1, 5), **said))
    assert "is blank" in why(done)
    assert done.players == players_of(THREE, KITS, longest_gap=20)


def test_a_referee_who_is_said_to_be_in_a_team_is_a_player() -> None:
    done = replayed(rename(at(3, 60), team="Hawks"), teams=Teams({1: 0}, {3: "referee"}))
    assert by_id(done)[3].role == "player"
    assert remarks(done) == ["player 3 was taken for a referee and is now a player"]


# Names of teams.


def test_a_teams_name_is_that_of_all_its_players() -> None:
    done = replayed(rename(at(1, 5), team="Eagles"), rename(at(3, 5), team="Hawks"))
    assert done.players.team_names == {0: "Eagles", 1: "Hawks"}
    assert [player.team_id for player in done.players] == [0, 0, 1]
    assert not done.remarks


def test_a_second_name_in_one_team_is_the_other_teams_and_moves_the_player() -> None:
    done = replayed(rename(at(1, 5), team="Eagles"), rename(at(2, 60), team="Hawks"))
    assert done.players.team_names == {0: "Eagles", 1: "Hawks"}
    assert by_id(done)[2].team_id == 1
    assert remarks(done) == ["player 2 was in Eagles and is now in Hawks"]


def test_the_majority_of_the_whole_log_decides_whose_name_it_is() -> None:
    four = game(Run(1, 0, 9), Run(2, 0, 9), Run(3, 0, 9), Run(4, 0, 9))
    teams = Teams({1: 0, 2: 0, 3: 0, 4: 1}, {})
    edits = [rename(at(track, 5), team=team) for track, team in ((1, "Hawks"), (2, "Eagles"), (3, "EAGLES"))]
    done = replayed(*edits, tracks=four, teams=teams)
    assert done.players.team_names == {0: "Eagles", 1: "Hawks"}
    assert [player.team_id for player in done.players] == [1, 0, 0, 1]
    assert remarks(done) == ["player 1 was in Team A and is now in Hawks"]
    assert done.remarks[0].edit_id == edits[0].edit_id


def test_a_third_name_is_a_new_team() -> None:
    done = replayed(*(rename(at(t, 5 if t != 2 else 60), team=name) for t, name in ((1, "A"), (3, "B"), (2, "C"))))
    assert done.players.team_names == {0: "A", 1: "B", 2: "C"}
    assert by_id(done)[2].team_id == 2


def test_somebody_in_no_team_does_not_name_one_of_two_nameless_ones() -> None:
    alone = replayed(rename(at(2, 60), team="Eagles"), teams=Teams({1: 0, 3: 1}, {}))
    assert alone.players.team_names == {2: "Eagles"}
    other = replayed(rename(at(2, 60), team="Eagles"), rename(at(3, 5), team="Hawks"), teams=Teams({1: 0, 3: 1}, {}))
    assert other.players.team_names == {0: "Eagles", 1: "Hawks"}


def test_names_that_teams_have_already_stay() -> None:
    done = replayed(*(rename(at(1, 5), team="Hawks") for _ in range(3)), team_names={0: "Eagles"})
    assert done.players.team_names == {0: "Eagles", 1: "Hawks"}
    assert by_id(done)[1].team_id == 1


def test_a_team_is_not_named_by_an_edit_that_does_not_fit() -> None:
    crowd = game(Run(1, 0, 40), Run(3, 0, 90))
    done = replayed(
        rename(at(3, 60), number="7", team="Hawks"),
        assign(at(1, 5), team="Hawks", number="7"),
        rename(at(1, 5), team="Eagles", name=" "),
        tracks=crowd,
    )
    assert len(done.unfit) == 2
    assert done.players.team_names == {1: "Hawks"}
    all_one = Teams({1: 0, 2: 0, 3: 0}, {})
    taken = replayed(assign(at(3, 5), team="Eagles", number="7"), teams=all_one, numbers={1: "7"})
    assert "are both seen at once" in why(taken)
    assert taken.players.team_names == {}


def test_a_name_said_of_somebody_in_a_team_comes_before_one_said_of_somebody_in_none() -> None:
    five = game(*(Run(track, 0, 9) for track in range(1, 6)))
    said = {5: "Owls", 1: "Eagles", 2: "Eagles", 3: "Hawks"}
    edits = [rename(at(track, 5), team=name) for track, name in said.items()]
    done = replayed(*edits, tracks=five, teams=Teams({1: 0, 2: 0, 3: 0, 4: 1}, {}))
    assert done.players.team_names == {0: "Eagles", 1: "Hawks", 2: "Owls"}


def test_a_new_team_gets_no_number_that_players_have_already() -> None:
    players = Players((Player(1, 2, segments=(Segment(1, 0, 40),)), Player(3, None, segments=(Segment(3, 0, 90),))))
    done = replay(players, THREE, [rename(at(3, 5), team="Eagles")])
    assert done.players.team_names == {3: "Eagles"}


# Whatever people do.

FRAMES, TRACKS = 40, 5
WORDS, NUMBERS = st.sampled_from(["Ann", "Bo", " "]), st.sampled_from(["7", "07", "8"])
TEAM_NAMES = st.sampled_from(["Eagles", "Hawks", "hawks", "EAGLES", "Owls", " "])


@st.composite
def games(draw: Any) -> tuple[Tracks, Teams]:
    """Tracks in pieces, two lanes of them close to each other, and who is in which team."""
    places = draw(
        st.sets(st.tuples(st.integers(0, 7), st.integers(1, TRACKS)), min_size=1, max_size=30)
    )  # tracks are there for 5 frames at a time
    lanes = {track: draw(st.sampled_from([100.0, 104.0, 300.0, 500.0, 700.0])) for track in range(1, TRACKS + 1)}
    tracks = game(*(Run(track, 5 * part, 5 * part + draw(st.integers(2, 4)), lanes[track]) for part, track in places))
    team = draw(st.dictionaries(st.integers(1, TRACKS), st.integers(0, 1)))
    roles = st.sampled_from(get_args(Role))
    return tracks, Teams(team, draw(st.dictionaries(st.integers(1, TRACKS), roles)))


@st.composite
def edits_on(draw: Any, tracks: Tracks) -> Correction:
    def anchor() -> Anchor:
        row = draw(st.integers(0, len(tracks) - 1))
        shift = draw(st.sampled_from([0.0, 0.0, 0.0, 2.0, 60.0]))
        x, top, right, bottom = tracks.xyxy[row].tolist()
        frame = max(0, int(tracks.frame[row]) + draw(st.sampled_from([0, 0, 0, 1, -2])))
        return Anchor(frame=frame, xyxy=(x + shift, top, right + shift, bottom))

    kind = draw(st.sampled_from(["merge", "split", "assign", "assign to", "rename"]))
    if kind == "merge":
        return merge(anchor(), anchor())
    if kind == "split":
        return split(anchor(), draw(st.integers(0, FRAMES)))
    if kind == "assign":
        return assign(anchor(), player=anchor())
    if kind == "assign to":
        return assign(anchor(), team=draw(TEAM_NAMES), number=draw(NUMBERS))
    said = {"name": draw(WORDS | st.none()), "number": draw(NUMBERS | st.none()), "team": draw(TEAM_NAMES | st.none())}
    return rename(anchor(), **({key: text for key, text in said.items() if text is not None} or {"name": "Cy"}))


@st.composite
def stories(draw: Any) -> tuple[Tracks, Players, list[Correction]]:
    tracks, teams = draw(games())
    numbers = draw(st.dictionaries(st.sampled_from(np.unique(tracks.track_id).tolist()), NUMBERS))
    names = draw(st.sampled_from([{}, {0: "Eagles"}]))
    gap = draw(st.integers(0, 12))
    players = players_of(tracks, teams, numbers, ROSTER, longest_gap=gap, team_names=names)
    return tracks, players, draw(st.lists(edits_on(tracks), min_size=1, max_size=10))


def owners(players: Players, tracks: Tracks) -> Counter[tuple[int, int]]:
    """How many players each box (frame, track id) belongs to."""
    boxes = set(zip(tracks.frame.tolist(), tracks.track_id.tolist(), strict=True))
    return Counter(
        (frame, segment.track_id)
        for player in players
        for segment in player.segments
        for frame in range(segment.start, segment.end + 1)
        if (frame, segment.track_id) in boxes
    )


@given(stories())
def test_no_box_is_lost_or_doubled_and_every_edit_is_accounted_for(
    story: tuple[Tracks, Players, list[Correction]],
) -> None:
    tracks, players, edits = story
    done = replay(players, tracks, edits, ROSTER)
    assert owners(done.players, tracks) == owners(players, tracks)
    unfit = {each.edit_id for each in done.unfit}
    assert list(done.applied) == [edit.edit_id for edit in edits if edit.edit_id not in unfit]
    assert [each.edit_id for each in done.unfit] == [edit.edit_id for edit in edits if edit.edit_id in unfit]
    assert all(each.why.isprintable() and each.why for each in done.unfit)
    assert {remark.edit_id for remark in done.remarks} <= set(done.applied)
    assert replay(players, tracks, edits, ROSTER) == done


@given(games(), st.integers(1, 20), st.data())
def test_only_filled_in_boxes_are_ever_given_up_and_none_gets_a_second_player(
    made: tuple[Tracks, Teams], longest: int, data: st.DataObject
) -> None:
    tracks = filled_in(made[0], longest)
    edits = data.draw(st.lists(edits_on(tracks), min_size=1, max_size=8))
    players = players_of(tracks, made[1], longest_gap=longest)
    done = replay(players, tracks, edits)
    before, after = owners(players, tracks), owners(done.players, tracks)
    seen = set(zip(made[0].frame.tolist(), made[0].track_id.tolist(), strict=True))
    assert after <= before
    assert set(before - after).isdisjoint(seen)
    said = any("filled-in boxes" in what for what in remarks(done))
    assert said or after == before


@given(stories())
def test_an_edit_that_does_not_fit_leaves_no_trace(story: tuple[Tracks, Players, list[Correction]]) -> None:
    tracks, players, edits = story
    edits = [edit for edit in edits if not isinstance(edit, Assign | Rename) or edit.team is None]
    done = replay(players, tracks, edits, ROSTER)
    unfit = {each.edit_id for each in done.unfit}
    without = replay(players, tracks, [edit for edit in edits if edit.edit_id not in unfit], ROSTER)
    assert (without.players, without.unfit) == (done.players, ())


@given(stories())
@settings(max_examples=30)
def test_corrected_players_come_back_from_their_file(
    tmp_path_factory: pytest.TempPathFactory, story: tuple[Tracks, Players, list[Correction]]
) -> None:
    tracks, players, edits = story
    path = tmp_path_factory.getbasetemp() / "players.json"
    done = replay(players, tracks, edits, ROSTER)
    write_players(path, done.players)
    assert read_players(path) == done.players


Called = tuple[str | None, str | None, int | None, str | None]


@given(games(), st.data())
def test_edits_hold_on_a_run_that_numbers_its_tracks_otherwise(made: tuple[Tracks, Teams], data: st.DataObject) -> None:
    tracks, teams = made
    edits = data.draw(st.lists(edits_on(tracks), min_size=1, max_size=8))
    other = dict(zip(range(1, TRACKS + 1), data.draw(st.permutations(range(11, 11 + TRACKS))), strict=True))
    ids = np.array([other[track] for track in tracks.track_id.tolist()], int)
    again = Tracks.from_arrays(tracks.frame, ids, tracks.xyxy, tracks.score, tracks.class_id)
    teams_again = Teams(
        {other[track]: team for track, team in teams.team.items()},
        {other[track]: role for track, role in teams.role.items()},
    )

    def result(done: Replayed, names: dict[int, int]) -> tuple[dict[Called, list[Any]], Any, Any]:
        people: dict[Called, list[Any]] = {}
        for p in done.players:
            pieces = [(names[s.track_id], s.start, s.end) for s in p.segments]
            people.setdefault((p.name, p.number, p.team_id, p.role), []).append(pieces)
        unfit = [(each.edit_id, each.kind) for each in done.unfit]
        return {called: sorted(all_pieces) for called, all_pieces in people.items()}, done.applied, unfit

    first = replay(players_of(tracks, teams, longest_gap=8), tracks, edits, ROSTER)
    second = replay(players_of(again, teams_again, longest_gap=8), again, edits, ROSTER)
    back = {new: old for old, new in other.items()}
    assert result(first, {track: track for track in other}) == result(second, back)
    assert first.players.team_names == second.players.team_names


@given(st.integers(1, 30), st.integers(31, 60), st.integers(0, 10), st.booleans())
@settings(max_examples=30)
def test_splitting_what_was_merged_gives_the_same_segments(end: int, start: int, more: int, late: bool) -> None:
    tracks = game(Run(1, 0, end), Run(2, start, start + more))
    players = players_of(tracks, KITS, longest_gap=5)
    anchors = (at(2, start), at(1, 0)) if late else (at(1, 0), at(2, start))
    done = replay(players, tracks, [merge(*anchors), split(anchors[0], start)])
    assert not done.unfit
    assert done.players == players


def test_a_log_of_many_edits_is_done_in_their_order() -> None:
    edits = [rename(at(1, 5), name=f"Ann {number}", edit_id=new_id("edit")) for number in range(50)]
    done = replayed(*edits)
    assert by_id(done)[1].name == "Ann 49"
    assert list(done.applied) == [edit.edit_id for edit in edits]


# Logs.


def test_what_was_undone_is_not_done_and_an_empty_log_changes_nothing() -> None:
    roster = (RosterEntry("7", "Ann", "Eagles"),)
    players = players_of(THREE, KITS, {1: "7"}, roster, longest_gap=20, team_names={0: "Eagles"})
    first, second = rename(at(3, 5), number="9"), merge(at(1, 5), at(2, 60))
    undo = Undo(author="coach", undoes=second.edit_id)
    assert corrected(players, THREE, EditLog((first, second, undo)), roster) == replay(players, THREE, [first], roster)
    assert corrected(players, THREE, EditLog(), roster) == Replayed(players, (), (), ())


@given(stories())
def test_a_log_whose_edits_are_all_undone_leaves_every_player_as_they_were(
    story: tuple[Tracks, Players, list[Correction]],
) -> None:
    tracks, players, edits = story
    undone = [Undo(author="coach", undoes=edit.edit_id) for edit in edits]
    assert corrected(players, tracks, EditLog((*edits, *undone)), ROSTER) == Replayed(players, (), (), ())
