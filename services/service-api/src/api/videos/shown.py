"""What the page shows of a video, beside the film itself: made once, when the video is stored."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from api.videos.catalogue import Video
from shared_libs.common.storage import video_file
from shared_libs.common.stored_files import StoredFiles

THUMBNAIL: Final = "thumbnail.jpg"
TIMES: Final = "times.f64"
PROXY: Final = "proxy.mp4"


def shown_path(video: Video, name: str) -> str:
    """Where one of these files is in storage."""
    return video_file(video.tenant, video.video_id, name)


def read_times(files: StoredFiles, video: Video) -> npt.NDArray[np.float64] | None:
    """When each frame is shown, in seconds, float64 (n,), rising; None where that is not known."""
    content = files.read(shown_path(video, TIMES))
    return None if content is None else np.frombuffer(content, "<f8")
