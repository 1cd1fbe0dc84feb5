"""`python -m api.videos.boxes FILE` reads an uploaded file of detections: prints what it holds, or what is wrong."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from api.videos.confined import answer
from shared_libs.common import parquet_table
from shared_libs.common.detections import read_detections


def read_boxes(path: Path) -> dict[str, Any]:
    """`suffix` of the format; how many `boxes` there are, in how many `frames`. Raises InputError."""
    found = read_detections(path)
    with path.open("rb") as file:
        begin = file.read(4096)
    if begin.startswith(parquet_table.MAGIC):
        suffix = "parquet"
    else:
        suffix = "json" if begin.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[") else "txt"
    return {"suffix": suffix, "boxes": len(found), "frames": found.frame_count}


def _work(arguments: Sequence[str]) -> dict[str, Any]:
    return read_boxes(Path(arguments[0]))


if __name__ == "__main__":
    sys.exit(answer(_work))
