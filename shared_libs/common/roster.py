"""A roster: who wears which number for which team, as the CSV file that a coach exports from a spreadsheet; and what it
calls the players of a run."""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from shared_libs.common.errors import InputError, PathLike
from shared_libs.common.files import read_bytes
from shared_libs.common.players import Player, Players, team_key

COLUMNS = ("number", "name", "team")

_NUMBER = re.compile(r"[0-9]{1,3}")


@dataclass(frozen=True, slots=True)
class RosterEntry:
    """One player. `number` is text of one to three digits, since 0 and 00 are two players."""

    number: str
    name: str
    team: str


def read_roster(path: PathLike) -> tuple[RosterEntry, ...]:
    """The players of a roster, in file order.

    The file is CSV with a header that names the columns number, name and team, in any order and case; others are left
    aside. Commas, semicolons or tabs; with or without byte-order mark; blank lines are skipped.
    Raises InputError naming the line: not UTF-8, a column missing, an empty or bad cell, a number twice in a team.
    """
    content = read_bytes(path)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(path, "is not UTF-8 text", line=line, hint='save it as "CSV UTF-8"') from None
    if not text.strip():
        raise InputError(path, "the file is empty", hint="write a header, number,name,team, and a line per player")
    if "\0" in text:
        raise InputError(path, "not a roster file", hint="it must be CSV text")
    lines = text.splitlines()
    header_index = next(i for i, line in enumerate(lines) if line.strip())
    delimiter = max(",;\t", key=lines[header_index].count)
    if lines[header_index].strip().lower().startswith("sep=") and len(lines) > header_index + 1:
        delimiter = lines[header_index].strip()[4:5] or delimiter  # Excel's own first line
        header_index += 1
    return _read(path, "\n".join(lines[header_index:]), delimiter, header_index)


def roster_names(roster: Sequence[RosterEntry]) -> dict[tuple[str, str], str]:
    """The name of each (`team_key` of the team, number)."""
    return {(team_key(entry.team), entry.number): entry.name for entry in roster}


def name_in(names: Mapping[tuple[str, str], str], team_names: Mapping[int, str], player: Player) -> str | None:
    """What a roster, as `roster_names` gives it, calls a player; None where it does not know them."""
    team = team_names.get(player.team_id) if player.team_id is not None else None
    return names.get((team_key(team), player.number)) if team is not None and player.number is not None else None


def named_from_roster(players: Players, roster: Sequence[RosterEntry]) -> Players:
    """`players`, with the roster's names for those who have none and whose team's name and number are known."""
    names = roster_names(roster)
    if not names:
        return players
    named = (replace(p, name=name_in(names, players.team_names, p)) if p.name is None else p for p in players)
    return Players(tuple(named), players.team_names)


def _read(path: PathLike, text: str, delimiter: str, lines_before: int) -> tuple[RosterEntry, ...]:
    reader = csv.reader(text.split("\n"), delimiter=delimiter, strict=True)
    entries: list[RosterEntry] = []
    lines: dict[tuple[str, str], int] = {}
    columns: dict[str, int] | None = None
    try:
        while True:
            line = lines_before + reader.line_num + 1
            row = next(reader, None)
            if row is None:
                break
            cells = [" ".join(cell.split()) for cell in row]
            if not any(cells):
                continue
            if columns is None:
                columns = _header(path, cells, line)
                continue
            entry = _entry(path, cells, columns, line)
            key = (entry.team.casefold(), entry.number)
            if key in lines:
                cause = f"number {entry.number} stands twice in team {entry.team}, first in line {lines[key]}"
                raise InputError(path, cause, line=line, hint="give each player of a team a number of its own")
            lines[key] = line
            entries.append(entry)
    except csv.Error as error:
        raise InputError(path, f"is not valid CSV: {error}", line=lines_before + reader.line_num) from None
    if not entries:
        raise InputError(path, "has no players, only a header", hint="write a line per player")
    return tuple(entries)


def _header(path: PathLike, cells: list[str], line: int) -> dict[str, int]:
    names = [cell.casefold() for cell in cells]
    for column in COLUMNS:
        if names.count(column) != 1:
            cause = f"the header must name the column {column} once"
            raise InputError(path, cause, line=line, hint="the first line is: number,name,team")
    return {column: names.index(column) for column in COLUMNS}


def _entry(path: PathLike, cells: list[str], columns: dict[str, int], line: int) -> RosterEntry:
    values = {name: cells[i] if i < len(cells) else "" for name, i in columns.items()}
    for name, value in values.items():
        if not value:
            raise InputError(path, f"the {name} is missing", line=line)
    if not _NUMBER.fullmatch(values["number"]):
        cause = f"the number must be one to three digits, here it is {values['number'][:40]!r}"
        raise InputError(path, cause, line=line)
    return RosterEntry(values["number"], values["name"], values["team"])
