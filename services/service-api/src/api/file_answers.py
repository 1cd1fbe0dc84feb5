"""Files of storage as answers: whole, or the range of bytes that was asked for (RFC 9110, section 14)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http import HTTPStatus

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from api.etags import etag_of, is_unchanged
from api.problems import Problem
from shared_libs.common.stored_files import StoredFiles

_CHUNK = 1 << 20


def answer_file(
    request: Request, files: StoredFiles, path: str, media_type: str, headers: dict[str, str] | None = None
) -> Response:
    """The answer to GET or HEAD for a file that never changes under its path. Raises 404 and 416.

    Of several ranges in one request none counts, as is allowed: the answer is whole then.
    """
    size = files.size(path)
    if size is None:
        raise Problem(HTTPStatus.NOT_FOUND, "no-such-file", "There is no such file.")
    etag = etag_of(path, size)
    said = {"ETag": etag, "Accept-Ranges": "bytes", **(headers or {})}
    if is_unchanged(request.headers.get("If-None-Match"), etag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=said)
    start, end, status = 0, size, HTTPStatus.OK
    wanted = request.headers.get("Range")
    if wanted is not None and request.headers.get("If-Range", etag) == etag:
        found = range_of(wanted, size)
        if found is not None:
            start, end = found
            status = HTTPStatus.PARTIAL_CONTENT
            said["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    said["Content-Length"] = str(end - start)
    if request.method == "HEAD":
        return Response(status_code=status, headers=said, media_type=media_type)
    return StreamingResponse(_parts(files, path, start, end), status, said, media_type)


def range_of(wanted: str, size: int) -> tuple[int, int] | None:
    """The bytes from the first to before the second that a Range header asks of `size`; None where it asks for
    something else than one range of bytes. Raises a 416 for a range of which there is nothing."""
    match = _RANGE.fullmatch(wanted.strip())
    if match is None or match[1] == match[2] == "":
        return None
    if match[1] == "":
        start, end = max(0, size - int(match[2])), size
    else:
        start, end = int(match[1]), min(size, int(match[2]) + 1) if match[2] else size
        if match[2] and int(match[2]) < start:
            return None
    if start >= size:
        detail = f"The file has {size:,} bytes; there are none in that range."
        headers = {"Content-Range": f"bytes */{size}"}
        raise Problem(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "no-such-range", detail, headers=headers)
    return start, end


_RANGE = re.compile(r"bytes=[ \t]*([0-9]{0,18})-([0-9]{0,18})[ \t]*")


def _parts(files: StoredFiles, path: str, start: int, end: int) -> Iterator[bytes]:
    for place in range(start, end, _CHUNK):
        yield files.read_range(path, place, min(_CHUNK, end - place))
