"""A film with its tracks, and who is on them, as far as it is known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from shared_libs.common.errors import InputError
from shared_libs.common.formats import parse_file
from shared_libs.common.players import Players, read_players
from shared_libs.common.run import InputFile, Run, read_run
from shared_libs.common.tracks import Source, Tracks, read_tracks
from shared_libs.common.video import VideoInfo, read_video_info
from training.dataset.description import IdentityKind, SourceGame

Identities = Literal["auto", "track", "person"]
"""Who is one identity: whatever is known best (players, people in ground truth, else tracks); tracks; or every id of
the tracks is a person for certain."""

Bools = npt.NDArray[np.bool_]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]

TRACKS, PLAYERS, RUN = "tracks.json", "players.json", "run.json"
_NOBODY = -1


@dataclass(frozen=True, slots=True)
class Game:
    """A film, and the folder of results that service-tracking's `track` wrote for it, or a file of tracks."""

    film: Path
    tracks: Path


@dataclass(frozen=True, slots=True, eq=False)
class TrackedGame:
    """A game that was read. identity: int32 (n,), of each box of `tracks` an index into `names`, -1 where it is
    nobody's. names, kinds: of its i identities. team: int32 (i,), a number in this game, -1 where unknown."""

    source: SourceGame
    film: Path
    info: VideoInfo
    tracks: Tracks
    identity: Int32s
    names: tuple[str, ...]
    kinds: tuple[IdentityKind, ...]
    team: Int32s

    def different(self) -> Bools:
        """Which identities are two people for certain, bool (i, i): people all are, and who was seen in one and the
        same frame. Where a box was filled in, nobody was seen."""
        count = len(self.names)
        if self.source.identity_kind == "person":
            return ~np.eye(count, dtype=np.bool_)
        seen = (self.tracks.source == Source.DETECTED) & (self.identity != _NOBODY)
        return seen_together(self.tracks.frame[seen], self.identity[seen], count)


def read_game(game: Game, name: str, identities: Identities = "auto") -> TrackedGame:
    """Reads what belongs to a game, which is to be called `name`.

    Raises InputError where a file is missing or wrong, where there is not one box, where players are made of tracks
    that are not there, and where the film is not that of the tracks: by run.json, or since most boxes lie outside of
    its picture.
    """
    folder = game.tracks if game.tracks.is_dir() else None
    path = game.tracks if folder is None else folder / TRACKS
    if folder is not None and not path.exists():
        hint = "name a folder that `track` of service-tracking wrote, or a file of tracks"
        raise InputError(folder, f"has no {TRACKS}", hint=hint)
    tracks = read_tracks(path)
    if not len(tracks):
        raise InputError(path, "has no boxes", hint="nobody was found in this film; there is nothing to learn from it")
    info = read_video_info(game.film)
    film = InputFile.of(game.film)
    run = read_run(folder / RUN) if folder is not None and (folder / RUN).exists() else None
    if run is not None:
        _check_film_of_run(game.film, film, game.tracks / RUN, run)
    _check_boxes_in_picture(game.film, info, tracks)
    players, players_path = Players(), None
    is_linked = run is None or not run.settings.get("online")  # otherwise each of its tracks is a player
    if folder is not None and identities == "auto" and is_linked and (folder / PLAYERS).exists():
        players_path = folder / PLAYERS
        players = read_players(players_path)
        _check_tracks_of_players(players_path, players, tracks)
    kind = _kind(game, identities, players)
    identity, names, kinds = _identities(tracks, players, name, "track" if kind == "player" else kind)
    teams = sorted({player.team_id for player in players if player.team_id is not None})
    team = [_NOBODY if player.team_id is None else teams.index(player.team_id) for player in players]
    source = SourceGame(
        name=name,
        film=film,
        tracks=InputFile.of(path),
        players=InputFile.of(players_path) if players_path is not None and len(players) else None,
        identity_kind=kind,
    )
    unknown = [_NOBODY] * (len(names) - len(team))
    return TrackedGame(source, game.film, info, tracks, identity, names, kinds, np.array(team + unknown, np.int32))


def seen_together(frame: Int32s, identity: Int32s, count: int) -> Bools:
    """Which of `count` identities stand in one and the same frame, bool (count, count), the diagonal False.

    frame, identity: int32 (n,), of each box; sorted by frame.
    """
    together = np.zeros((count, count), np.bool_)
    step = 1
    while True:  # each box with the next one of its frame, then with the one after it, and so on
        is_one_frame = frame[step:] == frame[:-step]
        if not is_one_frame.any():
            break
        first, second = identity[:-step][is_one_frame], identity[step:][is_one_frame]
        together[first, second] = together[second, first] = True
        step += 1
    np.fill_diagonal(together, False)
    return together


def _kind(game: Game, identities: Identities, players: Players) -> IdentityKind:
    if identities != "auto":
        return identities
    if len(players):
        return "player"
    is_ground_truth = game.tracks.is_file() and parse_file(game.tracks, "tracks").is_ground_truth
    return "person" if is_ground_truth else "track"


def _identities(
    tracks: Tracks, players: Players, name: str, kind: IdentityKind
) -> tuple[Int32s, tuple[str, ...], tuple[IdentityKind, ...]]:
    """Who each box shows, and the names and kinds of the identities: first the players, then the tracks, of `kind`,
    that no player has a part of. What a player's track shows before or after may be that player: it is nobody's."""
    linked = sorted({segment.track_id for player in players for segment in player.segments})
    others, place = np.unique(tracks.track_id, return_inverse=True)
    is_other = ~np.isin(others, linked)
    number = np.where(is_other, len(players) + np.cumsum(is_other) - 1, _NOBODY)
    identity = np.maximum(number[place], _owners(tracks, players)).astype(np.int32)
    letter, digits = ("t", 4) if kind == "track" else ("p", 3)
    names = [f"{name}-p{player.player_id:03d}" for player in players]
    names += [f"{name}-{letter}{track:0{digits}d}" for track in others[is_other].tolist()]
    kinds: list[IdentityKind] = ["player"] * len(players)
    return identity, tuple(names), (*kinds, *([kind] * (len(names) - len(kinds))))


def _owners(tracks: Tracks, players: Players) -> Int64s:
    """Whose segment each box lies in, int64 (n,): the player's place among `players`, -1 where nobody's."""
    pieces = sorted((s.track_id, s.start, s.end, place) for place, p in enumerate(players) for s in p.segments)
    table = np.array([(0, 0, -1, _NOBODY), *pieces], np.int64)
    key = (table[:, 0] << 32) + table[:, 1]
    own = table[np.searchsorted(key, (tracks.track_id.astype(np.int64) << 32) + tracks.frame, side="right") - 1]
    return np.where((own[:, 0] == tracks.track_id) & (tracks.frame <= own[:, 2]), own[:, 3], _NOBODY)


def _check_film_of_run(path: Path, film: InputFile, run_path: Path, run: Run) -> None:
    made_from = run.inputs.get("video")
    if made_from is not None and made_from.sha256 != film.sha256:
        other = f"{made_from.name}, {made_from.size:,} bytes, SHA-256 {made_from.sha256[:16]}…"
        cause = f"is not the film of these tracks: {run_path} names another ({other})"
        raise InputError(path, cause, hint="pass the film that was tracked")


def _check_boxes_in_picture(path: Path, info: VideoInfo, tracks: Tracks) -> None:
    middle = (tracks.xyxy[:, :2] + tracks.xyxy[:, 2:]) / 2
    outside = int(((middle < 0) | (middle > (info.width, info.height))).any(axis=1).sum())
    if outside > len(tracks) / 2:
        where = f"outside of its picture of {info.width} × {info.height} pixels"
        cause = f"{outside:,} of {len(tracks):,} boxes lie {where}"
        raise InputError(path, cause, hint="it is not the film of these tracks")


def _check_tracks_of_players(path: Path, players: Players, tracks: Tracks) -> None:
    known = set(np.unique(tracks.track_id).tolist())
    for player in players:
        for segment in player.segments:
            if segment.track_id not in known:
                cause = f"player {player.player_id}: there is no track {segment.track_id}"
                raise InputError(path, cause, hint=f"it does not belong to {TRACKS}; track again")
