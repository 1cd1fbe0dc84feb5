"""`python -m api.games.columns TRACKS OUT` turns a run's tracks.json into Parquet.

JSON of an hour's boxes takes seconds to read, and a few GB for as long; in a process of its own nobody waits for that.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from api.videos.confined import GIB, Limits, answer, run_confined
from shared_libs.common.tracks import Tracks, read_tracks, write_tracks_parquet

SMALL_BYTES: Final = 2 << 20
"""Up to so many, a file is read sooner than a process is started."""

LIMITS: Final = Limits(seconds=300, memory=16 * GIB)


def read_columns(path: Path) -> Tracks:
    """The tracks in a run's tracks.json. Raises InputError."""
    if path.stat().st_size <= SMALL_BYTES:
        return read_tracks(path, allow_empty=True)
    with tempfile.TemporaryDirectory(prefix="laxai-columns-") as folder:
        columns = Path(folder, "tracks.parquet")
        run_confined("api.games.columns", [str(path), str(columns)], LIMITS)
        return read_tracks(columns)


def _work(arguments: Sequence[str]) -> dict[str, Any]:
    source, target = arguments
    write_tracks_parquet(target, read_tracks(source, allow_empty=True))
    return {}


if __name__ == "__main__":
    sys.exit(answer(_work))
