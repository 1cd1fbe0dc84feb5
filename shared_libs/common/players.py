"""Players: who is who, as pieces of tracks.

Our own form is a versioned JSON document; LaxAI's players.json is read too. Frames count from 0; a segment's end is
its last frame, included.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import Field, ValidationError

from shared_libs.common.boxes import LARGEST_FRAME, LARGEST_TRACK_ID
from shared_libs.common.documents import Contract, explain, validate_document, write_document
from shared_libs.common.errors import InputError, PathLike
from shared_libs.common.files import read_bytes
from shared_libs.common.json_text import parse_json

SCHEMA: Final = "laxai.players"
SCHEMA_VERSION: Final = 1
_EXAMPLES_NAMED = 3
_LETTERS = 26

Role = Literal["player", "goalkeeper", "referee"]


class Segment(NamedTuple):
    """The frames `start` to `end` (included, 0-based) of a track belong to a player."""

    track_id: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Player:
    """One person. `player_id` is a number within its run; the rest of what names a person may be unknown.

    number is text, since 0 and 00 are two players. Segments are sorted by start.
    """

    player_id: int
    team_id: int | None = None
    name: str | None = None
    number: str | None = None
    segments: tuple[Segment, ...] = ()
    role: Role | None = None

    def __post_init__(self) -> None:
        ordered = sorted((Segment(*segment) for segment in self.segments), key=lambda s: (s.start, s.end, s.track_id))
        object.__setattr__(self, "segments", tuple(ordered))


@dataclass(frozen=True, slots=True)
class Players:
    """The players of a run, sorted by id, and what their teams are called, by team_id, as far as that is known.

    Made with `Players(players)`; raises ValueError where an id stands twice, a segment ends before it starts,
    segments of one player overlap in time (one error counts all such and names the first three), one box would
    belong to two players, or a team's name is blank or another's too.
    """

    players: tuple[Player, ...] = ()
    team_names: Mapping[int, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "players", tuple(sorted(self.players, key=lambda player: player.player_id)))
        object.__setattr__(self, "team_names", dict(sorted(self.team_names.items())))
        problem = _first_problem(self.players) or _first_name_problem(self.team_names)
        if problem is not None:
            raise ValueError(problem)

    def __iter__(self) -> Iterator[Player]:
        return iter(self.players)

    def __len__(self) -> int:
        return len(self.players)


def team_called(team_id: int, team_names: Mapping[int, str]) -> str:
    """What people are told a team is: its name or, while nobody has said it, Team A, Team B and so on."""
    letter = chr(ord("A") + team_id) if team_id < _LETTERS else str(team_id + 1)
    return team_names.get(team_id, f"Team {letter}")


def overlaps(player: Player) -> list[tuple[Segment, Segment]]:
    """The pairs of successive segments (by start) that share frames; empty exactly where the player is valid."""
    return [(first, second) for first, second in pairwise(player.segments) if second.start <= first.end]


def team_key(name: str) -> str:
    """Equal for two spellings of one team's name: case and white space do not tell teams apart."""
    return " ".join(name.split()).casefold()


def read_players(path: PathLike) -> Players:
    """The players in our own document or in LaxAI's players.json.

    Raises InputError naming the field, or the player and segment, that is wrong.
    """
    content = read_bytes(path)
    if not content.strip():
        raise InputError(path, "the file is empty", hint="players were expected, as JSON")
    if content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"{", b"["):
        raise InputError(path, "not a players file", hint="it must be JSON")
    document = parse_json(path, content)
    if isinstance(document, dict) and "schema" not in document and isinstance(document.get("players"), dict):
        players, team_names = _from_laxai(path, document["players"]), {}
    else:
        parsed = validate_document(path, document, _PlayersDocument, SCHEMA, SCHEMA_VERSION)
        players = [item.to_player() for item in parsed.players]
        team_names = {team.team_id: team.name for team in parsed.teams}
        if len(team_names) < len(parsed.teams):
            ids = [team.team_id for team in parsed.teams]
            twice = next(team_id for place, team_id in enumerate(ids) if team_id in ids[:place])
            raise InputError(path, f"team {twice} is named twice", hint="give each team one name")
    try:
        return Players(tuple(players), team_names)
    except ValueError as error:
        raise InputError(path, str(error)) from None


def write_players(path: PathLike, players: Players) -> None:
    """Writes our own document. Raises OutputError."""
    items = [
        _PlayerDocument(
            player_id=player.player_id,
            team_id=player.team_id,
            name=player.name,
            number=player.number,
            segments=player.segments,
            role=player.role,
        )
        for player in players
    ]
    teams = tuple(_TeamDocument(team_id=team_id, name=name) for team_id, name in players.team_names.items())
    document = _PlayersDocument(schema=SCHEMA, schema_version=SCHEMA_VERSION, players=tuple(items), teams=teams)
    write_document(path, document)


_Frame = Annotated[int, Field(ge=0, le=LARGEST_FRAME)]
_TrackId = Annotated[int, Field(ge=1, le=LARGEST_TRACK_ID)]
_Segment = tuple[_TrackId, _Frame, _Frame]


class _PlayerDocument(Contract):
    player_id: Annotated[int, Field(ge=0)]
    team_id: int | None = None
    name: str | None = None
    number: str | None = None
    segments: tuple[_Segment, ...] = ()
    role: Role | None = None

    def to_player(self) -> Player:
        segments = tuple(Segment(*segment) for segment in self.segments)
        return Player(self.player_id, self.team_id, self.name, self.number, segments, self.role)


class _TeamDocument(Contract):
    team_id: int
    name: str


class _PlayersDocument(Contract):
    schema_: Literal["laxai.players"] = Field(alias="schema")
    schema_version: int
    players: tuple[_PlayerDocument, ...]
    teams: tuple[_TeamDocument, ...] = ()


def _from_laxai(path: PathLike, entries: dict[str, Any]) -> list[Player]:
    """LaxAI's form: {"players": {id: {player_id, team_id, track_ids, track_segments: [[track, start, end], ...]}}}."""
    players: list[Player] = []
    for key, entry in entries.items():
        if not isinstance(entry, dict):
            raise InputError(path, f"player {key}: must be an object")
        if "track_segments" not in entry:
            raise InputError(path, f"player {key}: has no track_segments")
        number = entry.get("number")
        fields = {
            "player_id": entry.get("player_id"),
            "team_id": entry.get("team_id"),
            "name": entry.get("name"),
            "number": str(number) if isinstance(number, int) else number,
            "segments": entry["track_segments"],
        }
        try:
            players.append(_PlayerDocument.model_validate_json(json.dumps(fields), strict=True).to_player())
        except ValidationError as error:
            raise InputError(path, f"player {key}: {explain(error)}") from None
    return players


def _first_problem(players: Iterable[Player]) -> str | None:
    seen: set[int] = set()
    found: list[str] = []
    owners: dict[int, list[tuple[Segment, int]]] = {}
    for player in players:
        if player.player_id in seen:
            return f"player {player.player_id} stands twice"
        seen.add(player.player_id)
        for segment in player.segments:
            if segment.end < segment.start:
                return f"player {player.player_id}: the segment of {_shown(segment)} ends before it starts"
            owners.setdefault(segment.track_id, []).append((segment, player.player_id))
        for first, second in overlaps(player):
            found.append(f"player {player.player_id}: {_shown(first)} and {_shown(second)}")
    if found:
        more = f", and {len(found) - _EXAMPLES_NAMED} more" if len(found) > _EXAMPLES_NAMED else ""
        count = "1 overlap" if len(found) == 1 else f"{len(found)} overlaps"
        listed = "; ".join(found[:_EXAMPLES_NAMED])
        return f"a player cannot be in two places: {count} in time between segments of one player: {listed}{more}"
    for pieces in owners.values():
        for (first, one), (second, other) in pairwise(sorted(pieces, key=lambda piece: piece[0].start)):
            if second.start <= first.end:
                return f"players {one} and {other} share frames of a track: {_shown(first)} and {_shown(second)}"
    return None


def _first_name_problem(team_names: Mapping[int, str]) -> str | None:
    seen: dict[str, int] = {}
    for team_id, name in team_names.items():
        key = team_key(name)
        if not key:
            return f"the name of team {team_id} is blank"
        if key in seen:
            return f"teams {seen[key]} and {team_id} have the same name: {name}"
        seen[key] = team_id
    return None


def _shown(segment: Segment) -> str:
    return f"track {segment.track_id} frames {segment.start}-{segment.end}"
