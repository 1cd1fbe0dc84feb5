"""Videos: what is known of them, their files, what is given with them, and their end. How they arrive: `uploads`."""

from __future__ import annotations

import tempfile
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from api.access.caller import Reader, Writer
from api.bodies import MOST_BYTES, receive
from api.database import NAME_LENGTH
from api.etags import IfMatch, IfNoneMatch, check_if_match, etag_of, is_unchanged
from api.file_answers import answer_file
from api.ids import VideoPath
from api.pages import Following, Limit, Page
from api.problems import Problem
from api.receiving import Receiving, in_turn
from api.site import Here, Site
from api.videos.attachments import KEEPING, keep_detections, keep_roster, roster_of
from api.videos.catalogue import (
    ProxyState,
    Video,
    VideoState,
    add_video,
    change_video,
    forget_video,
    page_of_videos,
    the_video,
)
from api.videos.film import OF_ANY_KIND, SUFFIXES, Film
from api.videos.intake import Intake
from api.videos.removal import Uses
from api.videos.shown import PROXY, THUMBNAIL, read_times, shown_path
from shared_libs.common.documents import NUMBER
from shared_libs.common.errors import OutputError
from shared_libs.common.json_text import dump_json
from shared_libs.common.roster import RosterEntry

router = APIRouter(tags=["videos"])


def _printable(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError("must be printable, and not blank")
    return text.strip()


VideoName = Annotated[
    str,
    Field(min_length=1, max_length=NAME_LENGTH, description="Printable, and not blank.", examples=["Eagles – Hawks"]),
]
_CheckedName = Annotated[VideoName, AfterValidator(_printable)]

ROSTER_BYTES: Final = 1 << 20

_BINARY: Final = {"schema": {"type": "string", "format": "binary"}}
_JPEG: Final = "image/jpeg"
_MP4: Final = "video/mp4"


def _files_of(*media_types: str) -> dict[int | str, dict[str, Any]]:
    content = dict.fromkeys(media_types, _BINARY)
    return {
        200: {"description": "The whole file.", "content": content},
        206: {"description": "The range of it that was asked for.", "content": content},
        304: {"description": "It is as it was."},
    }


class VideoNew(BaseModel):
    """A video that is to be uploaded.

    size: bytes. content_type: as the browser calls it; `application/octet-stream` where it does not know. sha256: of
    the whole file, where it is known: what arrives is held against it.
    """

    model_config = ConfigDict(extra="forbid")

    name: _CheckedName
    size: Annotated[int, Field(ge=0, le=MOST_BYTES, examples=[1_200_000_000]), NUMBER]
    content_type: Annotated[str, Field(max_length=200, examples=["video/mp4"])] = OF_ANY_KIND
    sha256: Annotated[str | None, Field(pattern="^[0-9a-f]{64}$", examples=[None])] = None


class VideoChange(BaseModel):
    """What can be changed of a video."""

    model_config = ConfigDict(extra="forbid")

    name: _CheckedName


class VideoShown(BaseModel):
    """A video.

    reason: why it was refused, or what its storing waits for. size: bytes; received: of these, those that are there.
    film: what was found out, once all has arrived. proxy: the state of the film that browsers play: none where they
    play the source. detections_file: its name, to be given to track_video.
    """

    video_id: Annotated[str, Field(examples=["video_0123456789ab"])]
    name: VideoName
    state: VideoState
    reason: str | None
    size: int
    received: int
    sha256: str | None
    film: Film | None
    proxy: ProxyState
    detections_file: Annotated[str | None, Field(examples=["det.txt"])]
    has_roster: bool
    created: datetime
    revision: int


class DetectionsKept(BaseModel):
    """A file of detections that was stored under the name `file`, to be given to track_video."""

    file: Annotated[str, Field(examples=["det.txt"])]
    boxes: int
    frames: int


class RosterPlayer(BaseModel):
    """A line of a roster."""

    number: Annotated[str, Field(examples=["07"])]
    name: Annotated[str, Field(examples=["Ana Ruiz"])]
    team: Annotated[str, Field(examples=["Eagles"])]


class Roster(BaseModel):
    """Who plays."""

    players: list[RosterPlayer]


class Removal(BaseModel):
    """A video that goes. is_done: false while jobs of it are stopping; the rest goes after them. uses: what was made
    from it, and is gone with it, but for the models."""

    is_done: bool
    uses: Uses


class FrameTimes(BaseModel):
    """When each frame is shown, in seconds of the film."""

    times: Annotated[list[float], Field(examples=[[0.0, 0.033367, 0.066733]])]


@router.post(
    "/videos",
    status_code=HTTPStatus.CREATED,
    responses={201: {"headers": {name: {"schema": {"type": "string"}} for name in ("Location", "Upload-Offset")}}},
)
def create_video(given: VideoNew, response: Response, caller: Writer, here: Here, receiving: Receiving) -> VideoShown:
    """Begins a video. Its bytes are then sent to its `upload`, in one or in many requests."""
    content_type = given.content_type.partition(";")[0].strip().lower()
    if content_type not in SUFFIXES and content_type not in ("", OF_ANY_KIND):
        detail = f"{given.name}: this is no video that can be read, but {content_type}."
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "not-a-video", detail)
    if given.size == 0:
        detail = f"{given.name}: the file is empty: nothing was recorded or copied; copy it from the camera again."
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "empty-file", detail)
    settings = here.settings
    if given.size > settings.upload_bytes:
        detail = f"A video may have {settings.upload_bytes:,} bytes; this one has {given.size:,}."
        raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", detail, at_most=settings.upload_bytes)
    if given.size > receiving.spool.room():
        detail = "There is not enough room for this video on the disk of the service."
        raise Problem(HTTPStatus.INSUFFICIENT_STORAGE, "disk-full", detail)
    video = add_video(
        here.engine,
        caller.tenant,
        given.name,
        given.size,
        given.sha256,
        at_most=settings.quota_videos,
        bytes_at_most=settings.quota_bytes,
    )
    try:
        receiving.spool.begin(video.video_id)
    except OutputError:
        forget_video(here.engine, video)
        raise
    response.headers["Location"] = f"/api/v1/videos/{video.video_id}"
    response.headers["Upload-Offset"] = "0"
    return _told(receiving, video, response)


@router.get("/videos")
def list_videos(
    caller: Reader,
    here: Here,
    receiving: Receiving,
    state: Annotated[list[VideoState] | None, Query(description="Only those in one of these states.")] = None,
    limit: Limit = 50,
    following: Following = None,
) -> Page[VideoShown]:
    """The videos, newest first."""
    found, more = page_of_videos(here.engine, caller.tenant, state or (), limit, following)
    return Page(items=[_answer(receiving, video) for video in found], following=more)


@router.get("/videos/{video_id}", response_model=VideoShown, responses={304: {"description": "It is as it was."}})
def get_video(
    video_id: VideoPath,
    response: Response,
    caller: Reader,
    here: Here,
    receiving: Receiving,
    if_none_match: IfNoneMatch = None,
) -> VideoShown | Response:
    """A video as it stands."""
    video = the_video(here.engine, caller.tenant, video_id)
    etag = _etag(video)
    # While it arrives, it changes without a new revision.
    if video.state != VideoState.UPLOADING and is_unchanged(if_none_match, etag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": etag})
    return _told(receiving, video, response)


@router.patch("/videos/{video_id}")
def edit_video(
    video_id: VideoPath,
    given: VideoChange,
    response: Response,
    caller: Writer,
    here: Here,
    receiving: Receiving,
    if_match: IfMatch = None,
) -> VideoShown:
    """Gives a video another name."""
    while True:
        video = the_video(here.engine, caller.tenant, video_id)
        check_if_match(if_match, _etag(video))
        changed = change_video(here.engine, video, name=given.name)
        if changed is not None:
            return _told(receiving, changed, response)


@router.delete("/videos/{video_id}", responses={202: {"model": Removal, "description": "Its jobs are stopping."}})
def delete_video(video_id: VideoPath, response: Response, caller: Writer, here: Here, receiving: Receiving) -> Removal:
    """Takes a video away, with its runs, corrections, jobs, and the datasets that hold crops of it.

    Names the models that were trained on these: they stay. 202 while jobs of it are stopping; asked again, it tells
    whether they still are, until there is no such video any more.
    """
    video = the_video(here.engine, caller.tenant, video_id)
    uses = receiving.remover.uses(video)
    is_done = receiving.remover.finish(receiving.remover.begin(video))
    if not is_done:
        response.status_code = HTTPStatus.ACCEPTED
        receiving.wake()
    return Removal(is_done=is_done, uses=uses)


@router.get("/videos/{video_id}/uses")
def get_video_uses(video_id: VideoPath, caller: Reader, here: Here, receiving: Receiving) -> Uses:
    """What was made from a video, and would go with it: for the question whether it may go."""
    return receiving.remover.uses(the_video(here.engine, caller.tenant, video_id))


@router.get("/videos/{video_id}/file", response_class=Response, responses=_files_of("video/*", "application/mxf"))
@router.head("/videos/{video_id}/file", response_class=Response, include_in_schema=False)
def get_film(video_id: VideoPath, request: Request, caller: Reader, here: Here) -> Response:
    """The film as it was uploaded, or ranges of it."""
    video = the_video(here.engine, caller.tenant, video_id)
    if video.state != VideoState.READY or video.source is None or video.film is None:
        raise _not_there(video)
    name = f"{video.name}.{video.suffix}".replace(f".{video.suffix}.{video.suffix}", f".{video.suffix}")
    headers = {"Content-Disposition": f"inline; filename*=UTF-8''{quote(name, safe='')}"}
    return answer_file(request, here.files, video.source, video.film.media_type, headers)


@router.get("/videos/{video_id}/proxy", response_class=Response, responses=_files_of(_MP4))
@router.head("/videos/{video_id}/proxy", response_class=Response, include_in_schema=False)
def get_proxy(video_id: VideoPath, request: Request, caller: Reader, here: Here) -> Response:
    """The film for browsers that do not play the source: every frame at its own time, without sound."""
    video = the_video(here.engine, caller.tenant, video_id)
    if video.proxy != ProxyState.READY:
        raise _not_there(video)
    return answer_file(request, here.files, shown_path(video, PROXY), _MP4)


@router.get("/videos/{video_id}/thumbnail", response_class=Response, responses=_files_of(_JPEG))
@router.head("/videos/{video_id}/thumbnail", response_class=Response, include_in_schema=False)
def get_thumbnail(video_id: VideoPath, request: Request, caller: Reader, here: Here) -> Response:
    """A picture of the film."""
    video = the_video(here.engine, caller.tenant, video_id)
    return answer_file(request, here.files, shown_path(video, THUMBNAIL), _JPEG)


@router.get(
    "/videos/{video_id}/times",
    response_model=FrameTimes,
    responses={
        200: {"description": "The times.", "content": {OF_ANY_KIND: _BINARY}},
        304: {"description": "They are as they were."},
    },
)
def get_frame_times(
    video_id: VideoPath,
    caller: Reader,
    here: Here,
    form: Annotated[
        Literal["json", "float32"], Query(description="float32: four bytes for each frame, little-endian.")
    ] = "json",
    if_none_match: IfNoneMatch = None,
) -> Response:
    """When each frame of the film is shown, in seconds: what is drawn on a film goes by these, in the proxy as well."""
    video = the_video(here.engine, caller.tenant, video_id)
    headers = {"ETag": etag_of(video_id, "times", form)}
    times = read_times(here.files, video)
    if times is None:
        raise _not_there(video)
    if is_unchanged(if_none_match, headers["ETag"]):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    if form == "float32":
        return Response(times.astype("<f4").tobytes(), headers=headers, media_type=OF_ANY_KIND)
    return Response(dump_json({"times": times.round(6).tolist()}), headers=headers, media_type="application/json")


@router.put(
    "/videos/{video_id}/detections",
    openapi_extra={"requestBody": {"required": True, "content": {OF_ANY_KIND: _BINARY}}},
)
async def put_detections(
    video_id: VideoPath, request: Request, caller: Writer, here: Here, receiving: Receiving
) -> DetectionsKept:
    """Gives a video a file of detections, in place of an older one.

    In any of the formats that LaxAI reads, told by content: MOTChallenge text, LaxAI JSON, Parquet. 422 says what is
    wrong with it, and where.
    """
    video = await run_in_threadpool(_open_video, here, caller.tenant, video_id)
    with receiving.spool.scratch() as given:
        await receive(request, given.append, here.settings.detections_bytes)
        kept = await in_turn(keep_detections, here.engine, here.files, video, given.path)
    changed, boxes, frames = kept
    if changed is None or changed.detections_file is None:
        raise _not_there(video)
    return DetectionsKept(file=changed.detections_file, boxes=boxes, frames=frames)


@router.put(
    "/videos/{video_id}/roster",
    openapi_extra={"requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def put_roster(video_id: VideoPath, request: Request, caller: Writer, here: Here, receiving: Receiving) -> Roster:
    """Says who plays, in place of an earlier roster: CSV with the columns number, name and team, as a spreadsheet
    saves it. 422 names the line that is wrong."""
    video = await run_in_threadpool(_open_video, here, caller.tenant, video_id)
    with receiving.spool.scratch() as given:
        await receive(request, given.append, ROSTER_BYTES)
        changed, entries = await run_in_threadpool(keep_roster, here.engine, here.files, video, given.path)
    if changed is None:
        raise _not_there(video)
    return _roster(entries)


@router.get("/videos/{video_id}/roster")
def get_roster(video_id: VideoPath, caller: Reader, here: Here) -> Roster:
    """Who plays."""
    video = the_video(here.engine, caller.tenant, video_id)
    if not video.has_roster:
        raise Problem(HTTPStatus.NOT_FOUND, "no-roster", "Nobody has said yet who plays in this video.")
    with tempfile.TemporaryDirectory(prefix="laxai-roster-") as folder:
        return _roster(roster_of(here.files, video, Path(folder)))


def _roster(entries: tuple[RosterEntry, ...]) -> Roster:
    return Roster(players=[RosterPlayer(number=each.number, name=each.name, team=each.team) for each in entries])


def _open_video(here: Site, tenant: str, video_id: str) -> Video:
    """A video that something can be given with."""
    video = the_video(here.engine, tenant, video_id)
    if video.state not in KEEPING:
        raise _not_there(video)
    return video


def _not_there(video: Video) -> Problem:
    detail = f"That is not to be had: the video is {video.state}."
    return Problem(HTTPStatus.CONFLICT, "not-there", detail, state=video.state, proxy=video.proxy)


def _etag(video: Video) -> str:
    return etag_of(video.video_id, video.revision)


def _told(receiving: Intake, video: Video, response: Response) -> VideoShown:
    response.headers["ETag"] = _etag(video)
    return _answer(receiving, video)


def _answer(receiving: Intake, video: Video) -> VideoShown:
    fields = {name: getattr(video, name) for name in VideoShown.model_fields if name != "received"}
    return VideoShown(**fields, received=receiving.received(video) or 0)
