"""The players of a run, as people have corrected them by now; when they are in view, and the boxes that stand for them
in the log of edits."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from api.games.edits import Said, read_said
from api.games.runs import RunContent, RunKey, RunLibrary
from api.games.times import FrameTimes, frame_times
from api.kept import Kept
from api.problems import Problem
from shared_libs.common.corrections import Replayed, corrected
from shared_libs.common.edits import Anchor
from shared_libs.common.players import Player, Players, team_called
from shared_libs.common.run import Run
from shared_libs.common.stored_files import StoredFiles
from shared_libs.common.tracks import Source

NOBODY = -1

LONGEST_BREAK = 1.0
"""Seconds that a player may be out of view within a shift, where nothing else is asked for."""

_BOXES_KEPT = 12_000_000
_FRAMES_KEPT = 4_000_000
_REPLAYS_KEPT = 64


@dataclass(frozen=True, slots=True)
class CorrectedRun:
    """said: all edits, and who plays. replayed: the players with these, and what became of each edit. owner: int32
    (boxes,), the player of each of the run's boxes, NOBODY where it is no player's."""

    content: RunContent
    said: Said
    replayed: Replayed
    owner: NDArray[np.int32]

    @property
    def players(self) -> Players:
        """As corrected."""
        return self.replayed.players

    def player(self, player_id: int) -> Player:
        """A player of the run. Raises 404."""
        for player in self.players:
            if player.player_id == player_id:
                return player
        raise Problem(HTTPStatus.NOT_FOUND, "no-such-player", f"The run has no player {player_id}.")

    def team_name(self, player: Player) -> str | None:
        """What the player's team is called, as far as that is known."""
        return None if player.team_id is None else self.players.team_names.get(player.team_id)


class CorrectedRuns:
    """Runs with all edits of their videos replayed: what was asked for last is kept."""

    def __init__(self, files: StoredFiles) -> None:
        self._files = files
        self._library = RunLibrary(files)
        self._kept: Kept[tuple[RunKey, str], CorrectedRun] = Kept(
            _REPLAYS_KEPT, _BOXES_KEPT, lambda each: len(each.owner)
        )
        self._times: Kept[RunKey, FrameTimes] = Kept(_REPLAYS_KEPT, _FRAMES_KEPT, lambda each: len(each.start))

    def now(self, key: RunKey) -> CorrectedRun:
        """A run as it is corrected now. Raises 404, and InputError where it or the log of edits is damaged."""
        content = self._library.content(key)
        return self._replayed(key, content, read_said(self._files, key.tenant, key.video_id))

    def with_said(self, key: RunKey, said: Said) -> CorrectedRun:
        """A run with what was said when `said` was read. Raises as `now` does."""
        return self._replayed(key, self._library.content(key), said)

    def runs(self, tenant: str, video_id: str) -> list[tuple[RunKey, Run]]:
        """The runs of a video, newest first. One that cannot be read is left out, and stands in the log."""
        return self._library.runs(tenant, video_id)

    def content(self, key: RunKey) -> RunContent:
        """A run without any corrections. Raises 404."""
        return self._library.content(key)

    def times(self, key: RunKey) -> FrameTimes:
        """When the frames of a run are shown. Raises 404."""
        content = self._library.content(key)
        times = self._times.get(key, lambda: frame_times(self._files, key, content))
        if not times.are_of_film:  # which may give way to those that are
            self._times.drop(key)
        return times

    def _replayed(self, key: RunKey, content: RunContent, said: Said) -> CorrectedRun:
        def make() -> CorrectedRun:
            replayed = corrected(content.players, content.tracks, said.log, said.roster)
            return CorrectedRun(content, said, replayed, _owners(content, replayed.players))

        return self._kept.get((key, said.etag), make)


class View(NamedTuple):
    """A stretch in which a player is in view: frames `start` to `end`, included, and seconds of the film."""

    start: int
    end: int
    start_seconds: float
    end_seconds: float

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.end_seconds - self.start_seconds


def shifts_of(player: Player, times: FrameTimes, longest_break: float = LONGEST_BREAK) -> list[View]:
    """When a player is in view, with breaks of up to so many seconds passed over."""
    shifts: list[View] = []
    for segment in player.segments:
        begins, ends = times.begins(segment.start), times.ends(segment.end)
        if shifts and begins - shifts[-1].end_seconds <= longest_break:
            shifts[-1] = shifts[-1]._replace(end=segment.end, end_seconds=ends)
        else:
            shifts.append(View(segment.start, segment.end, begins, ends))
    return shifts


def seconds_in_view(player: Player, times: FrameTimes) -> float:
    """For how long a player is in view, breaks left out."""
    return sum(times.ends(segment.end) - times.begins(segment.start) for segment in player.segments)


def shifts_csv(run: CorrectedRun, players: Iterable[Player], times: FrameTimes, longest_break: float) -> str:
    """A table with a row for each shift, for spreadsheets."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\r\n")
    table.writerow(_COLUMNS)
    for player in players:
        team = None if player.team_id is None else team_called(player.team_id, run.players.team_names)
        called = [_cell(word) for word in (team, player.number, player.name)]
        for count, shift in enumerate(shifts_of(player, times, longest_break), start=1):
            seconds = (shift.start_seconds, shift.end_seconds, shift.seconds)
            table.writerow(
                [*called, player.player_id, count, *(f"{each:.3f}" for each in seconds), shift.start, shift.end]
            )
    return text.getvalue()


def anchor_of(run: CorrectedRun, player_id: int, frame: int | None, before: int | None = None) -> Anchor:
    """The box that stands for a player in the log: in `frame`, or, where that is None, in the middle of all those in
    which they were seen, or of those before the frame `before` if there are any.

    Raises 404 for somebody who is not there, and 422 for one who has no box in that frame, or none at all.
    """
    player = run.player(player_id)
    tracks = run.content.tracks
    own = np.flatnonzero(run.owner == player_id)
    if frame is not None:
        rows = own[tracks.frame[own] == frame]
        if not len(rows):
            frames = tracks.frame[own].astype(np.int64)
            near = int(frames[np.abs(frames - frame).argmin()]) if len(frames) else None
            detail = f"Player {player.player_id} has no box in frame {frame}."
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "not-in-view", detail, nearest_frame=near)
        row = int(rows[0])
    else:
        for part in (own[tracks.frame[own] < before] if before is not None else own[:0], own):
            seen = part[tracks.source[part] == Source.DETECTED]
            rows = seen if len(seen) else part
            if len(rows):
                break
        else:
            detail = f"Player {player.player_id} has no box at all."
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "not-in-view", detail, nearest_frame=None)
        row = int(rows[len(rows) // 2])
    left, top, right, bottom = map(float, tracks.xyxy[row])
    return Anchor(frame=int(tracks.frame[row]), xyxy=(left, top, right, bottom))


def _owners(content: RunContent, players: Players) -> NDArray[np.int32]:
    tracks = content.tracks
    pieces = sorted((s.track_id, s.start, s.end, p.player_id) for p in players for s in p.segments)
    owner = np.full(len(tracks), NOBODY, np.int32)
    if not pieces:
        return owner
    table = np.array(pieces, np.int64)
    begins = (table[:, 0] << 32) + table[:, 1]
    place = np.searchsorted(begins, (tracks.track_id.astype(np.int64) << 32) + tracks.frame, side="right") - 1
    found = table[np.maximum(place, 0)]
    is_own = (place >= 0) & (found[:, 0] == tracks.track_id) & (tracks.frame <= found[:, 2])
    owner[is_own] = found[is_own, 3]
    return owner


def _cell(text: str | None) -> str:
    """Text for a spreadsheet, which would take some for formulas."""
    if text is None:
        return ""
    return f"'{text}" if text.startswith(_BEGINS_A_FORMULA) else text


_COLUMNS = (
    "team", "number", "name", "player_id", "shift", "start_seconds", "end_seconds", "seconds", "start_frame",
    "end_frame",
)  # fmt: skip

_BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")
