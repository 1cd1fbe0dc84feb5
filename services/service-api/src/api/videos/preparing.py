"""`python -m api.videos.preparing thumbnail|times|proxy FILE OUT` makes of a film what the page shows of it.

thumbnail: a JPEG of a moment near the beginning. times: when each frame is shown, float64 seconds, little-endian.
proxy: an MP4 without sound that browsers play, with every frame of the film at its own time.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, cast

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace

from api.videos.confined import answer
from shared_libs.common.files import atomic_write, temporary_beside
from shared_libs.common.video import FrameWriter, Image, presentation_times, read_frames, read_planar

THUMBNAIL_SIDE: Final = 640
PROXY_SIDE: Final = 1280

THREADS: Final = 2


def make_thumbnail(path: Path, out: Path) -> None:
    """A picture of the film, a few seconds from its beginning, where cameras are held still."""
    with read_frames(path, threads=THREADS) as reader:
        first = next(reader)[2]
        reader.skip(min(_FRAMES_TO_THUMBNAIL, reader.info.frame_count // 3))
        found = next(reader, None)
    picture = found[2] if found is not None else first
    width, height = _reduced(picture.shape[1], picture.shape[0], THUMBNAIL_SIDE)
    frame = VideoFrame.from_ndarray(picture, format="rgb24").reformat(
        width=width, height=height, format="yuvj420p", dst_colorspace=Colorspace.ITU601, dst_color_range=ColorRange.JPEG
    )
    with temporary_beside(out) as temporary, av.open(f"file:{temporary}", "w", format="mjpeg") as container:
        stream = container.add_stream("mjpeg", rate=1)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuvj420p"
        stream.codec_context.color_range = ColorRange.JPEG
        frame.pts, frame.time_base = 0, Fraction(1)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def make_times(path: Path, out: Path) -> None:
    """The times of all frames."""
    with atomic_write(out) as file:
        file.write(presentation_times(path, threads=THREADS).astype("<f8").tobytes())


def make_proxy(path: Path, out: Path) -> None:
    """The film as H.264, no side longer than PROXY_SIDE. Of two frames at one time, the second is a tick later."""
    last = -1
    with read_planar(path, threads=THREADS) as reader, FrameWriter(out, quality=_QUALITY, threads=THREADS) as writer:
        for _, time, planes in reader:
            last = max(last + 1, round(time * _TICKS))
            writer.write(_rgb(planes), last / _TICKS)


_FRAMES_TO_THUMBNAIL = 60
_QUALITY = 23
_TICKS = 90_000  # of FrameWriter, a second


def _rgb(planes: Image) -> Image:
    """A picture of the proxy, of the planes of `read_planar`."""
    height, width = planes.shape[0] * 2 // 3, planes.shape[1]
    reduced = _reduced(width, height, PROXY_SIDE)
    frame = VideoFrame.from_ndarray(planes, format="yuv420p")
    plain = frame.reformat(width=reduced[0], height=reduced[1], format="rgb24", src_colorspace=Colorspace.ITU709)
    return cast(Image, np.ascontiguousarray(plain.to_ndarray()))


def _reduced(width: int, height: int, longest: int) -> tuple[int, int]:
    """The size with no side longer than `longest`, both sides even."""
    scale = min(1.0, longest / max(width, height))
    return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)


_MAKERS: Final = {"thumbnail": make_thumbnail, "times": make_times, "proxy": make_proxy}


def _work(arguments: Sequence[str]) -> dict[str, Any]:
    what, path, out = arguments
    _MAKERS[what](Path(path), Path(out))
    return {}


if __name__ == "__main__":
    sys.exit(answer(_work))
