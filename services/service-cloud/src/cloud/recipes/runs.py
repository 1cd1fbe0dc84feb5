"""Runs of a video in storage: what service-tracking wrote, and what other jobs read of it."""

from __future__ import annotations

from pathlib import Path

from pydantic import JsonValue

from cloud.recipes.recipe import Allowed, Report
from cloud.recipes.wanted import Wanted, needed
from shared_libs.common.errors import InputError
from shared_libs.common.jobs import RunReference
from shared_libs.common.run import read_run
from shared_libs.common.storage import run_path
from shared_libs.common.stored_files import StoredFiles

RUN, TRACKS, PLAYERS = "run.json", "tracks.json", "players.json"

PLAYERS_FOUND = "players_found.json"
"""The players before corrections, of a run that had any."""

_TOLD = ("frames", "detections", "tracks", "players")
"""Metrics that a job's result repeats."""


def run_file(tenant: str, files: StoredFiles, run: RunReference, name: str, folder: Path) -> Wanted:
    """A file of a run, to be in `folder`. Raises InputError where it is not there."""
    hint = "choose another run of the video, or track it again"
    missing = InputError(run.run_id, f"there is no such run of {run.video_id}, or it has no {name}", hint=hint)
    return needed(files, run_path(tenant, run.video_id, run.run_id, name), folder / name, missing)


def store_run(
    tenant: str, files: StoredFiles, video_id: str, folder: Path, made: str, allowed: Allowed, report: Report
) -> dict[str, JsonValue]:
    """Puts the results in `folder` into storage as a new run of the video; gives what is to be said of it."""
    run_id = _run_id(made)
    run = read_run(folder / RUN)
    files.upload_folder(folder, run_path(tenant, video_id, run_id), last=RUN, allowed=allowed, report=report)
    metrics: dict[str, JsonValue] = {name: round(run.metrics[name]) for name in _TOLD if name in run.metrics}
    return {"video_id": video_id, "run_id": run_id, **metrics, "notes": list(run.notes)}


def discard_run(tenant: str, files: StoredFiles, video_id: str, made: str) -> None:
    """Takes away what `store_run` left when it was broken off."""
    files.remove_folder(run_path(tenant, video_id, _run_id(made)))


def _run_id(made: str) -> str:
    return f"run_{made}"
