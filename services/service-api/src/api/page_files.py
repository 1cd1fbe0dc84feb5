"""The files of the page, each known to browsers by what is in it.

An image's files all carry the same time, so the usual ETag, made of time and size, would not see a change that keeps
the size.
"""

from __future__ import annotations

import functools
import hashlib
import os
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Scope

from api.etags import is_unchanged


class PageFiles(StaticFiles):
    """A folder of files that browsers keep, and ask about each time."""

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """The file, or 304 where the browser has it already."""
        etag = _etag(Path(full_path), stat_result.st_mtime_ns, stat_result.st_size)
        response = FileResponse(full_path, status_code, {"ETag": etag}, stat_result=stat_result)
        del response.headers["Last-Modified"]
        unchanged = is_unchanged(Headers(scope=scope).get("If-None-Match"), etag)
        return NotModifiedResponse(response.headers) if unchanged else response


@functools.lru_cache(maxsize=1000)
def _etag(path: Path, changed: int, size: int) -> str:
    return f'"{hashlib.sha256(path.read_bytes()).hexdigest()[:32]}"'
