"""Runs of a video: what they say of themselves, their tracks, their files."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from api.access.caller import Reader, Writer
from api.etags import IfNoneMatch, etag_of, is_unchanged
from api.file_answers import answer_file
from api.games.runs import (
    FILM,
    REPORT,
    RunKey,
    frame_rate,
    is_motion_only,
    read_clips_of,
    read_run_of,
    reel_path,
    remove_run,
)
from api.games.serving import Runs
from api.ids import ClipsPath, PlayerPath, RunPath, VideoPath
from api.pages import Following, Limit, Page, following_after, place_of
from api.problems import Problem
from api.queue.under_way import jobs_on_run
from api.site import Here
from api.videos.catalogue import the_video
from shared_libs.common.boxes import LARGEST_FRAME
from shared_libs.common.clips import Clips
from shared_libs.common.run import Run
from shared_libs.common.tracks import Tracks, write_mot_tracks, write_tracks_parquet

router = APIRouter(prefix="/videos/{video_id}/runs", tags=["runs"])

MOST_FRAMES: Final = 3000
"""Of tracks in one answer."""

REPORT_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src 'self'; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'none'; sandbox allow-same-origin"
)
"""A report has its styles within, and no scripts, which are not allowed either."""

_BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}


def _file_of(media_type: str) -> dict[int | str, dict[str, Any]]:
    content = {media_type: _BINARY}
    return {
        200: {"description": "The whole of it.", "content": content},
        206: {"description": "The range that was asked for.", "content": content},
    }


class RunSummary(BaseModel):
    """A run. motion_only: its boxes are of whatever moved, since no detector looked; notes say so, and all else that
    must be said wherever it is shown. fps: of the film, as the run saw it."""

    video_id: str
    run_id: str
    created: datetime
    motion_only: bool
    fps: float | None
    notes: list[str]
    metrics: dict[str, float]


class WholeRun(RunSummary):
    """A run, and all that is recorded of how it was made. files: those that can be had, and their bytes."""

    record: Run
    files: dict[str, int]


class TrackColumns(BaseModel):
    """Boxes of the frames `first` to `last`, in columns, sorted by frame and track. frame_count: of the whole run.

    player_id, team_id: null where the box is nobody's, or the player's team is not known. xyxy: left, top, right and
    bottom in displayed pixels, to a tenth. interpolated: filled in between two boxes that were seen.
    """

    first: int
    last: int
    frame_count: int
    frame: list[int]
    track_id: list[int]
    player_id: list[int | None]
    team_id: list[int | None]
    xyxy: list[Annotated[list[float], Field(min_length=4, max_length=4)]]
    interpolated: list[bool]


@router.get("")
def get_runs(
    video_id: VideoPath, caller: Reader, here: Here, runs: Runs, limit: Limit = 50, following: Following = None
) -> Page[RunSummary]:
    """The runs of a video, newest first."""
    the_video(here.engine, caller.tenant, video_id)
    found = runs.runs(caller.tenant, video_id)
    if following is not None:
        time, run_id = place_of(following, float, str)
        found = [each for each in found if (each[1].created.timestamp(), each[0].run_id) < (time, run_id)]
    page = found[:limit]
    more = following_after(page[-1][1].created.timestamp(), page[-1][0].run_id) if len(found) > limit else None
    return Page(items=[RunSummary(**_summary(key, run)) for key, run in page], following=more)


@router.get("/{run_id}")
def get_run(video_id: VideoPath, run_id: RunPath, caller: Reader, here: Here) -> WholeRun:
    """A run."""
    key = RunKey(caller.tenant, video_id, run_id)
    run = read_run_of(here.files, key)
    return WholeRun(**_summary(key, run), record=run, files=here.files.sizes(key.path()))


@router.delete("/{run_id}", status_code=HTTPStatus.NO_CONTENT)
def delete_run(video_id: VideoPath, run_id: RunPath, caller: Writer, here: Here) -> None:
    """Removes a run with its reels. Edits are of the video, and stay. 409 while a job works on it."""
    key = RunKey(caller.tenant, video_id, run_id)
    read_run_of(here.files, key)
    at_work = jobs_on_run(here.jobs, caller.tenant, video_id, run_id)
    if at_work:
        detail = "Jobs work on this run; cancel them first."
        raise Problem(HTTPStatus.CONFLICT, "in-use", detail, jobs=at_work)
    remove_run(here.files, key)


@router.get("/{run_id}/tracks", response_model=TrackColumns, responses={304: {"description": "They are as they were."}})
def get_tracks(
    video_id: VideoPath,
    run_id: RunPath,
    caller: Reader,
    runs: Runs,
    first: Annotated[int, Query(ge=0, le=LARGEST_FRAME, description="The first frame, from 0.")] = 0,
    last: Annotated[
        int | None, Query(ge=0, le=LARGEST_FRAME, description=f"The last one, included; {MOST_FRAMES} at most.")
    ] = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """The boxes in a range of frames, with the players as they are corrected now."""
    key = RunKey(caller.tenant, video_id, run_id)
    run = runs.now(key)
    end = first + MOST_FRAMES - 1 if last is None else last
    if not first <= end < first + MOST_FRAMES:
        detail = f"first and last must be a range of 1 to {MOST_FRAMES} frames."
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-request", detail)
    etag = etag_of(run_id, run.said.etag, first, end)
    if is_unchanged(if_none_match, etag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": etag})
    return Response(runs.columns.dump(key, run, first, end), media_type="application/json", headers={"ETag": etag})


@router.get("/{run_id}/tracks.txt", response_class=Response, responses={200: {"content": {"text/plain": _BINARY}}})
def get_tracks_as_mot(video_id: VideoPath, run_id: RunPath, caller: Reader, runs: Runs) -> Response:
    """All tracks as a MOTChallenge result."""
    return _download(runs, RunKey(caller.tenant, video_id, run_id), write_mot_tracks, "txt", "text/plain")


@router.get(
    "/{run_id}/tracks.parquet",
    response_class=Response,
    responses={200: {"content": {"application/vnd.apache.parquet": _BINARY}}},
)
def get_tracks_as_parquet(video_id: VideoPath, run_id: RunPath, caller: Reader, runs: Runs) -> Response:
    """All tracks as Parquet, with nothing lost."""
    key = RunKey(caller.tenant, video_id, run_id)
    return _download(runs, key, write_tracks_parquet, "parquet", "application/vnd.apache.parquet")


@router.get("/{run_id}/report.html", response_class=Response, responses=_file_of("text/html"))
def get_report(video_id: VideoPath, run_id: RunPath, caller: Reader, here: Here, request: Request) -> Response:
    """The report of a run, as a page by itself."""
    key = RunKey(caller.tenant, video_id, run_id)
    headers = {"Content-Security-Policy": REPORT_POLICY}
    return answer_file(request, here.files, key.path(REPORT), "text/html; charset=utf-8", headers)


@router.get("/{run_id}/annotated.mp4", response_class=Response, responses=_file_of("video/mp4"))
@router.head("/{run_id}/annotated.mp4", response_class=Response, include_in_schema=False)
def get_annotated_film(video_id: VideoPath, run_id: RunPath, caller: Reader, here: Here, request: Request) -> Response:
    """The film with its tracks drawn on it, or a range of its bytes."""
    return answer_file(request, here.files, RunKey(caller.tenant, video_id, run_id).path(FILM), "video/mp4")


@router.get("/{run_id}/clips/{clips_id}")
def get_clips(video_id: VideoPath, run_id: RunPath, clips_id: ClipsPath, caller: Reader, here: Here) -> Clips:
    """The reels that a job made of a run, and what each of them shows."""
    return read_clips_of(here.files, RunKey(caller.tenant, video_id, run_id), clips_id)


@router.get(
    "/{run_id}/clips/{clips_id}/{player_id}.mp4",
    response_class=Response,
    responses=_file_of("video/mp4"),
)
def get_reel(
    video_id: VideoPath,
    run_id: RunPath,
    clips_id: ClipsPath,
    player_id: PlayerPath,
    caller: Reader,
    here: Here,
    request: Request,
) -> Response:
    """The reel of a player, or a range of its bytes."""
    path = reel_path(here.files, RunKey(caller.tenant, video_id, run_id), clips_id, player_id)
    return answer_file(request, here.files, path, "video/mp4")


def _download(runs: Runs, key: RunKey, write: Callable[[Path, Tracks], None], suffix: str, media_type: str) -> Response:
    tracks = runs.content(key).tracks
    with tempfile.TemporaryDirectory(prefix="laxai-tracks-") as folder:
        path = Path(folder, f"{key.run_id}.{suffix}")
        write(path, tracks)
        content = path.read_bytes()
    return Response(
        content, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{path.name}"'}
    )


def _summary(key: RunKey, run: Run) -> dict[str, Any]:
    return {
        "video_id": key.video_id,
        "run_id": key.run_id,
        "created": run.created,
        "motion_only": is_motion_only(run),
        "fps": frame_rate(run),
        "notes": list(run.notes),
        "metrics": run.metrics,
    }
