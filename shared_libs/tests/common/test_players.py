import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_libs.common.errors import InputError, OutputError
from shared_libs.common.players import (
    Player,
    Players,
    Segment,
    overlaps,
    read_players,
    team_called,
    team_key,
    write_players,
)

ROLES = st.sampled_from([None, "player", "goalkeeper", "referee"])
NAMES = st.text(min_size=1).filter(lambda name: bool(team_key(name)))


@st.composite
def players(draw: Any) -> Players:
    """Players whose segments follow each other, each of a track of its own."""
    made: list[Player] = []
    for player_id in draw(st.lists(st.integers(0, 10**6), unique=True, max_size=5)):
        cuts = sorted(draw(st.lists(st.integers(0, 10**5), unique=True, max_size=6)))
        pairs = zip(cuts[::2], cuts[1::2], strict=False)
        segments = [Segment(len(made) * 10 + i + 1, start, end) for i, (start, end) in enumerate(pairs)]
        name, number = draw(st.none() | st.text()), draw(st.none() | st.text(max_size=3))
        team_id, role = draw(st.none() | st.integers(0, 3)), draw(ROLES)
        made.append(Player(player_id, team_id, name, number, tuple(segments), role))
    names = draw(st.lists(NAMES, unique_by=team_key, max_size=4))
    return Players(tuple(made), dict(enumerate(names)))


@given(players())
def test_players_come_back_as_they_were(tmp_path: Path, given: Players) -> None:
    path = tmp_path / "players.json"
    write_players(path, given)
    assert read_players(path) == given


def test_segments_and_players_are_sorted() -> None:
    found = Players((Player(9), Player(2, segments=(Segment(7, 50, 60), Segment(8, 1, 10)))))
    assert [player.player_id for player in found] == [2, 9]
    assert [segment.track_id for segment in found.players[0].segments] == [8, 7]


def test_segments_that_touch_do_not_overlap_and_those_that_share_a_frame_do() -> None:
    assert Players((Player(1, segments=(Segment(1, 0, 9), Segment(2, 10, 19))),))
    with pytest.raises(ValueError, match=r"1 overlap in time .* player 1: track 1 frames 0-9 and track 2 frames 9-19"):
        Players((Player(1, segments=(Segment(1, 0, 9), Segment(2, 9, 19))),))


@given(st.lists(st.tuples(st.integers(1, 99), st.integers(0, 30), st.integers(0, 10)), max_size=6))
def test_a_player_is_valid_exactly_when_no_two_segments_share_a_frame(raw: list[tuple[int, int, int]]) -> None:
    player = Player(1, segments=tuple(Segment(t, start, start + length) for t, start, length in raw))
    frames = [frame for _, start, length in raw for frame in range(start, start + length + 1)]
    assert bool(overlaps(player)) == (len(frames) != len(set(frames)))


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ((Player(1), Player(1)), "player 1 stands twice"),
        ((Player(1, segments=(Segment(4, 9, 3),)),), "player 1: the segment of track 4 frames 9-3 ends before"),
        (
            (Player(1, segments=(Segment(4, 0, 9),)), Player(2, segments=(Segment(4, 9, 12),))),
            "players 1 and 2 share frames of a track: track 4 frames 0-9 and track 4 frames 9-12",
        ),
    ],
)
def test_players_that_contradict_themselves_are_refused(made: tuple[Player, ...], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Players(made)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ({0: "Eagles", 1: " eagles"}, "teams 0 and 1 have the same name:  eagles"),
        ({1: " "}, "the name of team 1 is blank"),
    ],
)
def test_team_names_that_name_no_team_or_two_are_refused(names: dict[int, str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Players((), names)


def test_players_with_team_names_can_be_hashed_and_do_not_change_with_the_callers_names() -> None:
    names = {0: "Eagles"}
    made = Players((Player(1, 0),), names)
    names[0] = "Hawks"
    assert made.team_names == {0: "Eagles"}
    assert hash(made) == hash(Players((Player(1, 0),), {0: "Eagles"}))


def test_a_team_without_a_name_has_a_letter() -> None:
    assert [team_called(i, {1: "Hawks"}) for i in (0, 1, 2, 25, 26)] == [
        "Team A",
        "Hawks",
        "Team C",
        "Team Z",
        "Team 27",
    ]


def test_a_track_that_was_split_may_have_two_players() -> None:
    assert len(Players((Player(1, segments=(Segment(4, 0, 9),)), Player(2, segments=(Segment(4, 10, 12),))))) == 2


def laxai(segments: dict[str, list[list[int]]]) -> dict[str, Any]:
    """The form of LaxAI's associator."""
    return {
        "teams": {"0": {"player_ids": [int(key) for key in segments]}},
        "players": {
            key: {"player_id": int(key), "team_id": 0, "track_ids": [s[0] for s in own], "track_segments": own}
            for key, own in segments.items()
        },
        "track_to_player": {},
        "statistics": {"total_players": len(segments)},
    }


def read(tmp_path: Path, document: Any) -> Players:
    text = document if isinstance(document, str) else json.dumps(document)
    (tmp_path / "players.json").write_text(text)
    return read_players(tmp_path / "players.json")


def test_laxais_players_are_read(tmp_path: Path) -> None:
    found = read(tmp_path, laxai({"7": [[9, 4, 298], [161, 573, 611]], "2": []}))
    assert found == Players((Player(2, 0), Player(7, 0, segments=(Segment(9, 4, 298), Segment(161, 573, 611)))))


def test_all_overlaps_are_counted_in_one_error_and_three_are_named(tmp_path: Path) -> None:
    chain = [[track, track * 10, track * 10 + 10] for track in range(1, 7)]  # each shares a frame with the next
    with pytest.raises(InputError) as caught:
        read(tmp_path, laxai({"3": chain, "5": [[50, 0, 5], [51, 3, 9]]}))
    message = str(caught.value)
    assert "6 overlaps in time" in message
    assert message.endswith(
        "player 3: track 1 frames 10-20 and track 2 frames 20-30; "
        "player 3: track 2 frames 20-30 and track 3 frames 30-40; "
        "player 3: track 3 frames 30-40 and track 4 frames 40-50, and 3 more"
    )


OURS = {"schema": "laxai.players", "schema_version": 1}


def test_a_document_from_before_roles_and_team_names_is_read(tmp_path: Path) -> None:
    old = OURS | {"players": [{"player_id": 1, "team_id": 0, "name": "Zoë", "number": "7", "segments": [[4, 0, 9]]}]}
    assert read(tmp_path, old) == Players((Player(1, 0, "Zoë", "7", (Segment(4, 0, 9),)),))


def test_team_names_stand_in_the_document_as_a_list(tmp_path: Path) -> None:
    path = tmp_path / "players.json"
    write_players(path, Players((Player(1, 1, role="goalkeeper"),), {1: "Hawks", 0: "Eagles"}))
    document = json.loads(path.read_text())
    assert document["teams"] == [{"team_id": 0, "name": "Eagles"}, {"team_id": 1, "name": "Hawks"}]
    assert document["players"][0]["role"] == "goalkeeper"


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("", "the file is empty"),
        ("number,name\n", "not a players file"),
        ("{", "breaks off .* cut off"),
        ("[]", "is not a laxai.players document"),
        ({"players": []}, "is not a laxai.players document"),
        ({"players": {"3": {"player_id": 3, "team_id": 0}}}, "player 3: has no track_segments"),
        ({"players": {"3": {"player_id": "3", "track_segments": []}}}, "player 3: player_id: .*integer"),
        (
            {"players": {"3": {"player_id": 3, "track_segments": [[1, 2]]}}},
            r"player 3: segments\[0\]\[2\]: field required",
        ),
        (
            {"players": {"3": {"player_id": 3, "track_segments": [[0, 2, 3]]}}},
            r"player 3: segments\[0\]\[0\]: .*greater",
        ),
        ({"players": {"3": None}}, "player 3: must be an object"),
        (OURS | {"schema_version": 2, "players": []}, "has schema version 2, this program reads up to 1 .* newer"),
        (OURS | {"schema_version": "1", "players": []}, "has no schema_version"),
        (OURS, "players: field required"),
        (OURS | {"players": [{"player_id": 1, "nmae": "x"}]}, r"players\[0\].nmae: extra inputs"),
        (
            OURS | {"players": [{"player_id": 1, "segments": [[1, 5.5, 7]]}]},
            r"players\[0\].segments\[0\]\[1\]: .*integer",
        ),
        (OURS | {"players": [{"player_id": 1}, {"player_id": 1}]}, "player 1 stands twice"),
        (OURS | {"players": [{"player_id": 1, "role": "coach"}]}, r"players\[0\].role: .*'referee'"),
        (
            OURS | {"players": [], "teams": [{"team_id": 0, "name": "A"}, {"team_id": 0, "name": "B"}]},
            "team 0 is named twice .* one name",
        ),
        (
            OURS | {"players": [], "teams": [{"team_id": 0, "name": "A"}, {"team_id": 1, "name": "a"}]},
            "teams 0 and 1 have the same name",
        ),
        (OURS | {"players": [], "teams": [{"team_id": 0}]}, r"teams\[0\].name: field required"),
    ],
)
def test_bad_players_are_one_line_that_says_where(tmp_path: Path, document: Any, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        read(tmp_path, document)
    assert str(caught.value).isprintable()


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="folder does not exist"):
        write_players(tmp_path / "none" / "players.json", Players())
    assert os.listdir(tmp_path) == []
