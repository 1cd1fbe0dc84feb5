"""Uploads of videos that can be resumed, in the manner of tus 1.0: HEAD tells how much is there, PATCH adds to it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Header, Request, Response
from starlette.concurrency import run_in_threadpool

from api.access.caller import Reader, Writer
from api.bodies import IDLE_SECONDS, MOST_BYTES, receive
from api.ids import VideoPath
from api.problems import Problem
from api.receiving import Receiving, in_turn
from api.site import Here
from api.videos.catalogue import Video, VideoState, the_video
from api.videos.confined import Interrupted
from api.videos.intake import Intake
from api.videos.spool import Growing, IsLocked

router = APIRouter(tags=["videos"])

OFFSET_TYPE: Final = "application/offset+octet-stream"

_OFFSET: Final = {"description": "How many bytes are there.", "schema": {"type": "integer", "minimum": 0}}
_LENGTH: Final = {"description": "How many there are to be.", "schema": {"type": "integer", "minimum": 0}}


@router.head(
    "/videos/{video_id}/upload",
    responses={200: {"headers": {"Upload-Offset": _OFFSET, "Upload-Length": _LENGTH}}},
    response_class=Response,
)
def get_upload(video_id: VideoPath, caller: Reader, here: Here, receiving: Receiving) -> Response:
    """How much of a video is there. 410 where it was refused, or has to be sent anew from a new video on."""
    video = the_video(here.engine, caller.tenant, video_id)
    offset = receiving.received(video)
    if offset is None:
        raise _gone(video)
    return Response(headers={"Upload-Offset": str(offset), "Upload-Length": str(video.size)})


@router.patch(
    "/videos/{video_id}/upload",
    status_code=HTTPStatus.NO_CONTENT,
    response_class=Response,
    responses={204: {"description": "It was added.", "headers": {"Upload-Offset": _OFFSET}}},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {OFFSET_TYPE: {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def continue_upload(
    video_id: VideoPath,
    request: Request,
    caller: Writer,
    here: Here,
    receiving: Receiving,
    offset: Annotated[
        int, Header(alias="Upload-Offset", ge=0, le=MOST_BYTES, description="Where it goes on.", examples=[0])
    ],
) -> Response:
    """Adds bytes where the upload ends. What has arrived stays, however the request ends.

    With the last byte the file is looked at: 422 says why it is not taken. 409 where the upload ends elsewhere, or all
    is there; 423 while another request adds to it.
    """
    if request.headers.get("Content-Type", "").partition(";")[0].strip().lower() != OFFSET_TYPE:
        detail = f"The Content-Type must be {OFFSET_TYPE}."
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "wrong-type", detail)
    video = await run_in_threadpool(the_video, here.engine, caller.tenant, video_id)
    if video.state != VideoState.UPLOADING:
        raise _has_ended(video)
    try:
        with receiving.spool.locked(video_id) as upload:
            if upload.offset != offset:
                detail = f"{upload.offset:,} bytes are there; go on from there."
                headers = {"Upload-Offset": str(upload.offset)}
                raise Problem(HTTPStatus.CONFLICT, "wrong-offset", detail, headers=headers)
            try:
                await receive(request, upload.append, video.size - offset)
            finally:
                await run_in_threadpool(upload.keep)
            if upload.offset == video.size:
                await in_turn(_look_at, receiving, video, upload)
    except IsLocked:
        detail = "Another request adds to this upload."
        after = {"Retry-After": str(int(IDLE_SECONDS))}
        raise Problem(HTTPStatus.LOCKED, "locked", detail, headers=after) from None
    except FileNotFoundError:
        raise _gone(video) from None
    if upload.offset == video.size:
        receiving.wake()
    return Response(status_code=HTTPStatus.NO_CONTENT, headers={"Upload-Offset": str(upload.offset)})


def _look_at(receiving: Intake, video: Video, upload: Growing) -> None:
    """Raises a 422 where it is not taken, and a 503 where the service ends before that is known."""
    try:
        seen = receiving.check(video, upload)
    except Interrupted:
        detail = "The service is about to end; it looks at the video when it is there again."
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "not-now", detail, headers={"Retry-After": "10"}) from None
    if seen is None:
        raise _gone(video)
    if seen.state == VideoState.REFUSED:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "not-a-film", f"{video.name}: {seen.reason}")


def _has_ended(video: Video) -> Problem:
    detail = f"The upload has ended: the video is {video.state}."
    return Problem(HTTPStatus.CONFLICT, "upload-ended", detail, state=video.state)


def _gone(video: Video) -> Problem:
    detail = "The upload is not there any more; begin anew with a new video."
    return Problem(HTTPStatus.GONE, "upload-gone", detail, state=video.state)
