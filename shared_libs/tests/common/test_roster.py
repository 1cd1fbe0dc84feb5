import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_libs.common.errors import InputError
from shared_libs.common.players import Player, Players
from shared_libs.common.roster import RosterEntry, named_from_roster, read_roster

WORDS = (
    st.text(st.characters(categories=["L", "N", "P", "Zs"]), min_size=1).map(lambda s: " ".join(s.split())).filter(bool)
)
ENTRIES = st.lists(
    st.builds(RosterEntry, st.from_regex(r"[0-9]{1,3}", fullmatch=True), WORDS, WORDS),
    min_size=1,
    max_size=8,
    unique_by=lambda entry: (entry.number, entry.team.casefold()),
)


def read(tmp_path: Path, content: str | bytes) -> tuple[RosterEntry, ...]:
    (tmp_path / "roster.csv").write_bytes(content.encode() if isinstance(content, str) else content)
    return read_roster(tmp_path / "roster.csv")


@given(ENTRIES, st.sampled_from(",;\t"), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_any_roster_that_a_spreadsheet_writes_is_read(
    tmp_path: Path, entries: list[RosterEntry], delimiter: str, end: str, mark: bool
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end)
    writer.writerow(["number", "name", "team"])
    writer.writerows((entry.number, entry.name, entry.team) for entry in entries)
    encoding = "utf-8-sig" if mark else "utf-8"
    assert read(tmp_path, text.getvalue().encode(encoding)) == tuple(entries)


def test_columns_may_stand_in_any_order_among_others(tmp_path: Path) -> None:
    text = "\n Team ;NAME;age;Number\n\n Reds ;  Zoë   Ann ;17;07\n;;;\n"
    assert read(tmp_path, text) == (RosterEntry("07", "Zoë Ann", "Reds"),)


def test_excels_line_about_the_separator_is_understood(tmp_path: Path) -> None:
    assert read(tmp_path, "sep=;\r\nnumber;name;team\r\n7;Ann, the fast;Reds\r\n")[0].name == "Ann, the fast"


def test_the_same_number_may_stand_in_two_teams_and_0_is_not_00(tmp_path: Path) -> None:
    assert len(read(tmp_path, "number,name,team\n0,A,Reds\n00,B,Reds\n0,C,Blues\n")) == 3


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "the file is empty"),
        (b"\xef\xbb\xbf \n", "the file is empty"),
        ("number,name,team\n", "has no players"),
        ("7,Ann,Reds\n", ":1: the header must name the column number once"),
        ("number,name\n7,Ann\n", ":1: the header must name the column team once"),
        ("number,name,team,Name\n7,Ann,Reds,x\n", ":1: the header must name the column name once"),
        ("number,name,team\n\n7,Ann,Reds\n7,Bob, reds\n", ":4: number 7 stands twice in team reds, first in line 3"),
        ("number,name,team\n7,,Reds\n", ":2: the name is missing"),
        ("number,name,team\n7,Ann\n", ":2: the team is missing"),
        ("number,name,team\nseven,Ann,Reds\n", ":2: the number must be one to three digits, here it is 'seven'"),
        ("number,name,team\n1234,Ann,Reds\n", ":2: the number must be one to three digits"),
        ("number,name,team\n\u0667,Ann,Reds\n", ":2: the number must be one to three digits"),
        (b"number,name,team\n7,Zo\xeb,Reds\n", ":2: is not UTF-8 text .*CSV UTF-8"),
        ('number,name,team\n7,"Ann,Reds\n', "is not valid CSV"),
        (b"number,name,team\n7,A\0nn,Reds\n", "not a roster file"),
    ],
)
def test_a_bad_roster_is_refused_with_its_line(tmp_path: Path, content: str | bytes, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        read(tmp_path, content)
    assert str(caught.value).isprintable()


@given(st.binary(max_size=200) | st.text().map(str.encode))
def test_random_bytes_are_a_roster_or_an_error(tmp_path: Path, content: bytes) -> None:
    for prefix in (b"", b"number,name,team\n"):
        try:
            read(tmp_path, prefix + content)
        except InputError as error:
            assert str(error).isprintable()


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_roster(tmp_path / "none.csv")
    with pytest.raises(InputError, match="is a folder"):
        read_roster(tmp_path)


ROSTER = (RosterEntry("7", "Zoë Ann", "Eagles"), RosterEntry("7", "Bo Li", "Hawks"), RosterEntry("07", "Cy", "Hawks"))


def test_players_are_named_whose_teams_name_and_number_are_known() -> None:
    teams_and_numbers = [(0, "7"), (1, "07"), (1, "7"), (0, "12"), (None, "7"), (0, None), (2, "7")]
    players = Players(tuple(Player(i, team, None, no) for i, (team, no) in enumerate(teams_and_numbers)))
    named = named_from_roster(Players(players.players, {0: " eagles", 1: "Hawks"}), ROSTER)
    assert [player.name for player in named] == ["Zoë Ann", "Cy", "Bo Li", None, None, None, None]
    assert named_from_roster(players, ROSTER) == players
    assert named_from_roster(named, ()) is named


def test_a_name_that_is_there_stays() -> None:
    players = Players((Player(1, 0, "Ann", "7"), Player(2, 0, None, "7")), {0: "Eagles"})
    assert [player.name for player in named_from_roster(players, ROSTER)] == ["Ann", "Zoë Ann"]
