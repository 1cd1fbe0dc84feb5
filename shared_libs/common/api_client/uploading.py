"""Uploads of videos that go on where they broke off."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from shared_libs.common.api_client.errors import ApiError
from shared_libs.common.api_client.operations import CONTINUE_UPLOAD, GET_UPLOAD
from shared_libs.common.api_client.transport import Transport
from shared_libs.common.errors import InputError, TransientError

Report = Callable[[int, int], None]
"""Is told how many bytes of how many have arrived."""

_PIECE = 8 << 20
_TRIES = 8
"""In a row without a byte that arrived, the pauses between them growing."""


def send_video(transport: Transport, video_id: str, path: Path, report: Report | None) -> None:
    """Sends what is missing of an upload. What breaks off is gone on with.

    Raises ApiError where the video is refused, TransientError where the service is not reached again and again, and
    InputError where the file cannot be read or is not of the size that was said.
    """
    failures = furthest = 0
    offset: int | None = None
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            while offset is None or offset < size:
                try:
                    if offset is None:
                        offset = _offset(transport, video_id, path, size)
                    else:
                        file.seek(offset)
                        offset = _send(transport, video_id, offset, file.read(min(_PIECE, size - offset)))
                except (TransientError, ApiError) as error:
                    failures += 1
                    if (isinstance(error, ApiError) and error.slug not in _PASSING) or failures == _TRIES:
                        raise
                    time.sleep(min(30.0, 0.1 * 2**failures))
                    offset = None
                    continue
                if offset > furthest:
                    furthest, failures = offset, 0
                if report is not None:
                    report(offset, size)
    except OSError as error:
        raise InputError.from_os_error(path, error) from error


def _offset(transport: Transport, video_id: str, path: Path, size: int) -> int:
    headers = transport.ask(GET_UPLOAD, {"video_id": video_id}).headers
    if int(headers["upload-length"]) != size:
        raise InputError(path, f"has {size:,} bytes, and {video_id} is to have {int(headers['upload-length']):,}")
    return int(headers["upload-offset"])


def _send(transport: Transport, video_id: str, offset: int, piece: bytes) -> int:
    headers = {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
    answer = transport.ask(CONTINUE_UPLOAD, {"video_id": video_id}, headers=headers, body=piece)
    return int(answer.headers["upload-offset"])


_PASSING = ("wrong-offset", "locked", "not-now", "broken-off", "too-slow", "too-many-requests")
"""Problems after which the upload goes on."""
