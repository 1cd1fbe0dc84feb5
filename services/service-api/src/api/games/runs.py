"""The runs of a video in storage, and the content of those that were asked for of late."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from api.games.columns import read_columns
from api.kept import Kept
from api.problems import Problem
from shared_libs.common import clips
from shared_libs.common.clips import Clips
from shared_libs.common.documents import validate_document
from shared_libs.common.errors import InputError
from shared_libs.common.json_text import parse_json
from shared_libs.common.players import Players, read_players
from shared_libs.common.run import SCHEMA, SCHEMA_VERSION, Run
from shared_libs.common.storage import run_path, video_folder
from shared_libs.common.stored_files import LocalFiles, StoredFiles
from shared_libs.common.tracks import Tracks
from shared_libs.config.logging import get_logger
from shared_libs.utils.ids import parse_id

RUN, TRACKS, REPORT, FILM, CLIPS = "run.json", "tracks.json", "report.html", "annotated.mp4", "clips.json"

PLAYERS, FOUND = "players.json", "players_found.json"
"""The players of a run, and, where corrections went into these, the players before."""

_MOTION_ONLY = "motion only"

_BOXES_KEPT = 6_000_000
_RUNS_KEPT = 32
_RECORDS_KEPT = 2000


@dataclass(frozen=True, slots=True)
class RunKey:
    """Which run."""

    tenant: str
    video_id: str
    run_id: str

    def path(self, *names: str) -> str:
        """Where it stands in storage, or what lies in it."""
        return run_path(self.tenant, self.video_id, self.run_id, *names)


@dataclass(frozen=True, slots=True)
class RunContent:
    """What stands in a run: players as they were found, without any corrections."""

    run: Run
    tracks: Tracks
    players: Players


def is_motion_only(run: Run) -> bool:
    """Whether the boxes are of whatever moved, since no detector looked."""
    return any(note.startswith(_MOTION_ONLY) for note in run.notes)


def frame_rate(run: Run) -> float | None:
    """Frames per second, as the run says."""
    fps = run.settings.get("fps")
    return float(fps) if isinstance(fps, int | float) and fps > 0 else None


def read_run_of(files: StoredFiles, key: RunKey) -> Run:
    """What a run says of itself. Raises 404 where there is none, which is so until it is whole."""
    content = files.read(key.path(RUN))
    if content is None:
        raise _no_such_run()
    return validate_document(key.run_id, parse_json(key.run_id, content), Run, SCHEMA, SCHEMA_VERSION)


def has_run(files: StoredFiles, key: RunKey) -> bool:
    """Whether there is such a run."""
    return files.size(key.path(RUN)) is not None


def remove_run(files: StoredFiles, key: RunKey) -> None:
    """Takes a run away, with its reels. Nothing there is no error."""
    files.remove_folder(key.path())


def read_clips_of(files: StoredFiles, key: RunKey, clips_id: str) -> Clips:
    """What reels there are that were made together of a run. Raises 404."""
    content = files.read(key.path("clips", clips_id, CLIPS))
    if content is None:
        raise Problem(HTTPStatus.NOT_FOUND, "no-such-clips", "There are no such reels of this run.")
    return validate_document(clips_id, parse_json(clips_id, content), Clips, clips.SCHEMA, clips.SCHEMA_VERSION)


def reel_path(files: StoredFiles, key: RunKey, clips_id: str, player_id: int) -> str:
    """Where a player's reel is in storage. Raises 404."""
    for reel in read_clips_of(files, key, clips_id).reels:
        if reel.player_id == player_id:
            return key.path("clips", clips_id, reel.file.name)
    raise Problem(HTTPStatus.NOT_FOUND, "no-such-reel", "There is no such reel.")


class RunLibrary:
    """The content of runs: that of a few million boxes at a time is kept, since it never changes."""

    def __init__(self, files: StoredFiles) -> None:
        self._files = files
        self._kept: Kept[RunKey, RunContent] = Kept(_RUNS_KEPT, _BOXES_KEPT, lambda content: len(content.tracks))
        self._records: Kept[RunKey, Run] = Kept(_RECORDS_KEPT, _RECORDS_KEPT, lambda run: 1)

    def runs(self, tenant: str, video_id: str) -> list[tuple[RunKey, Run]]:
        """The runs of a video, newest first. One that cannot be read is left out, and stands in the log."""
        found: list[tuple[RunKey, Run]] = []
        for name in self._files.folders(f"{video_folder(tenant, video_id)}/runs"):
            try:
                parse_id(name, "run")
            except ValueError:
                continue
            key = RunKey(tenant, video_id, name)
            try:
                found.append((key, self.record(key)))
            except InputError as error:
                get_logger(__name__).error("unusable_run", run_id=name, error=str(error))
            except Problem:  # it is not whole yet, or no more
                continue
        return sorted(found, key=lambda each: (each[1].created, each[0].run_id), reverse=True)

    def record(self, key: RunKey) -> Run:
        """What a run says of itself. Raises 404 where there is none, which is so until it is whole."""
        if not has_run(self._files, key):
            self._records.drop(key)
            raise _no_such_run()
        return self._records.get(key, lambda: read_run_of(self._files, key))

    def content(self, key: RunKey) -> RunContent:
        """What stands in a run. Raises 404 where there is none, or no more, and 422 where it cannot be read."""
        if not has_run(self._files, key):
            self._kept.drop(key)
            raise _no_such_run()
        return self._kept.get(key, lambda: self._read(key))

    def _read(self, key: RunKey) -> RunContent:
        run = self.record(key)
        with tempfile.TemporaryDirectory(prefix="laxai-run-") as folder:
            tracks = read_columns(self._local(key, TRACKS, Path(folder)))
            name = FOUND if self._files.size(key.path(FOUND)) is not None else PLAYERS
            players = read_players(self._local(key, name, Path(folder)))
        return RunContent(run, tracks, players)

    def _local(self, key: RunKey, name: str, folder: Path) -> Path:
        """A file of the run on this machine."""
        if self._files.size(key.path(name)) is None:
            raise InputError(key.run_id, f"has no {name}", hint="track the video again")
        if isinstance(self._files, LocalFiles):
            return Path(self._files.place(key.path(name)))
        self._files.download(key.path(name), folder / name)
        return folder / name


def _no_such_run() -> Problem:
    return Problem(HTTPStatus.NOT_FOUND, "no-such-run", "There is no such run of this video.")
