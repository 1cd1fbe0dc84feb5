"""Small films of all kinds, whose frames tell which they are; and a service that takes videos."""

from __future__ import annotations

import hashlib
import random
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import httpx
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream
from av.video.stream import VideoStream
from tests.served import Served, served, site_settings

from api.app import create_app
from api.receiving import intake_of
from api.routers.uploads import OFFSET_TYPE
from shared_libs.common.video import FrameWriter

OFFSET = {"Content-Type": OFFSET_TYPE}

SECONDS = 40.0
"""How long tests wait for what the service does by itself."""


@contextmanager
def serving(folder: Path, **settings: Any) -> Iterator[Served]:
    """A server that takes videos, with its storage, database and spool in a folder."""
    app = create_app(site_settings(folder, **settings))
    intake_of(app)
    with served(folder, app=app) as place:
        yield place


def picture(number: int, width: int = 128, height: int = 96) -> npt.NDArray[np.uint8]:
    """A white bar that goes to the right, on green."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 1] = np.arange(height)[:, None]
    image[:, number * 4 % width : number * 4 % width + 8] = 255
    return image


def plain_film(path: Path, frames: int = 50, **size: int) -> Path:
    """H.264 in MP4 at 25 frames a second: browsers play it."""
    with FrameWriter(path, fps=25, threads=1) as writer:
        for number in range(frames):
            writer.write(picture(number, **size))
    return path


def film(
    path: Path,
    codec: str,
    pixels: str = "yuv420p",
    *,
    steps: Sequence[int] = (3600,),
    frames: int = 40,
    size: tuple[int, int] = (128, 96),
    sound: str | None = None,
    container: str | None = None,
    draw: Callable[[int, int, int], npt.NDArray[np.uint8]] = picture,
) -> Path:
    """A film of a codec, whose frames follow each other after `steps` of 1/90000 s, again and again.

    draw: makes the picture of a number, a width and a height.
    """
    with av.open(str(path), "w", format=container) as target:
        stream = cast(VideoStream, target.add_stream(codec, rate=Fraction(90_000, steps[0])))
        stream.width, stream.height, stream.pix_fmt = *size, pixels
        stream.time_base = stream.codec_context.time_base = Fraction(1, 90_000)
        if codec in ("mpeg2video", "mpeg4"):
            stream.codec_context.time_base = Fraction(steps[0], 90_000)
        if codec == "libx265":
            stream.options = {"x265-params": "log-level=none:pools=1"}
        audio = cast(AudioStream, target.add_stream(sound, rate=48_000)) if sound is not None else None
        pts = 0
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(draw(number, *size), format="rgb24")
            frame.pts, frame.time_base = pts, Fraction(1, 90_000)
            target.mux(stream.encode(frame))
            pts += steps[number % len(steps)]
        target.mux(stream.encode(None))
        if audio is not None:
            silence = np.zeros((1, pts * 48_000 // 90_000), np.float32)
            quiet = av.AudioFrame.from_ndarray(silence, format="fltp", layout="mono")
            quiet.sample_rate = 48_000
            for part in av.AudioResampler("fltp", "mono", 48_000, 1024).resample(quiet):
                target.mux(audio.encode(part))
            target.mux(audio.encode(None))
    return path


def turned(content: bytes) -> bytes:
    """An MP4 that is shown a quarter turned to the right, as of a phone held upright."""
    place = content.index(b"tkhd") + 44
    matrix = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    return content[:place] + matrix + content[place + len(matrix) :]


def padded(content: bytes, size: int) -> bytes:
    """An MP4 with a box at its end that players pass over, so that it has that many bytes."""
    rest = size - len(content)
    return content + rest.to_bytes(4, "big") + b"free" + random.Random(size).randbytes(rest - 8)


def sha256_of(content: bytes) -> str:
    """64 hex digits."""
    return hashlib.sha256(content).hexdigest()


def begin(http: httpx.Client, size: int, name: str = "Eagles – Hawks", **more: Any) -> str:
    """The id of a new video, of which nothing has arrived."""
    answer = http.post("/api/v1/videos", json={"name": name, "size": size, **more})
    assert answer.status_code == 201, answer.text
    assert answer.headers["Upload-Offset"] == "0"
    video_id = str(answer.json()["video_id"])
    assert answer.headers["Location"] == f"/api/v1/videos/{video_id}"
    return video_id


def send(http: httpx.Client, video_id: str, content: Any, offset: int = 0) -> httpx.Response:
    """Adds to an upload."""
    headers = OFFSET | {"Upload-Offset": str(offset)}
    return http.patch(f"/api/v1/videos/{video_id}/upload", content=content, headers=headers)


def upload(http: httpx.Client, path: Path, **more: Any) -> str:
    """Uploads a film in one go; its id."""
    content = path.read_bytes()
    video_id = begin(http, len(content), **more)
    answer = send(http, video_id, content)
    assert answer.status_code == 204, answer.text
    return video_id


def settled(http: httpx.Client, video_id: str, *, seconds: float = SECONDS, **wanted: str) -> dict[str, Any]:
    """The video once it is ready, or as `wanted` says; no more than so many seconds are waited."""
    wanted = wanted or {"state": "ready"}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        video: dict[str, Any] = http.get(f"/api/v1/videos/{video_id}").json()
        if all(video[name] == value for name, value in wanted.items()):
            return video
        time.sleep(0.05)
    raise AssertionError(f"not {wanted}: {video}")
