"""What people give with a video: a file of detections, and who plays."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import sqlalchemy as sa

from api.videos.catalogue import Video, VideoState, change_from
from api.videos.confined import Limits, run_confined
from shared_libs.common.roster import RosterEntry, read_roster
from shared_libs.common.storage import ROSTER, video_file
from shared_libs.common.stored_files import StoredFiles

KEEPING: Final = (VideoState.UPLOADING, VideoState.CHECKING, VideoState.STORING, VideoState.READY)
"""The states in which something can be given with a video."""


def keep_detections(engine: sa.Engine, files: StoredFiles, video: Video, path: Path) -> tuple[Video | None, int, int]:
    """Stores a file of detections, in whichever format; the video with its name, the boxes, the frames.

    None for the video where it goes, or was refused. Raises InputError for what cannot be read.
    """
    size = path.stat().st_size
    limits = Limits(seconds=_SECONDS + size // _BYTES_A_SECOND, memory=_MEMORY + _MEMORY_A_BYTE * size)
    found = run_confined("api.videos.boxes", [str(path)], limits)
    name = f"det.{found['suffix']}"
    files.upload(path, video_file(video.tenant, video.video_id, name))
    changed = change_from(engine, video, KEEPING, detections_file=name)
    return changed, found["boxes"], found["frames"]


def keep_roster(
    engine: sa.Engine, files: StoredFiles, video: Video, path: Path
) -> tuple[Video | None, tuple[RosterEntry, ...]]:
    """Stores who plays; the video, None where it goes or was refused. Raises InputError that names the line."""
    entries = read_roster(path)
    files.upload(path, video_file(video.tenant, video.video_id, ROSTER))
    return change_from(engine, video, KEEPING, has_roster=True), entries


def roster_of(files: StoredFiles, video: Video, folder: Path) -> tuple[RosterEntry, ...]:
    """Who plays, as it was given. `folder`: where a copy may stand meanwhile."""
    target = folder / ROSTER
    files.download(video_file(video.tenant, video.video_id, ROSTER), target)
    return read_roster(target)


_SECONDS: Final = 60
_BYTES_A_SECOND: Final = 500_000
_MEMORY: Final = 2 << 30
_MEMORY_A_BYTE: Final = 30
