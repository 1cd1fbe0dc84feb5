"""`python -m api.videos.probe FILE` looks at what was uploaded: prints what film it is, or why it is not taken.

Every packet is read, and one picture decoded.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from api.videos.confined import answer
from api.videos.film import LARGEST_SIDE, SMALLEST_SIDE, Film
from shared_libs.common.errors import InputError
from shared_libs.common.video import read_video_info


def probe(path: Path) -> tuple[Film, str]:
    """What film it is, and the ending of the source's name.

    Raises InputError, in words for who has recorded the film, where it is not taken.
    """
    try:
        info = read_video_info(path)
    except InputError as error:
        raise _refused(path, error) from None
    for side in (info.width, info.height):
        if not SMALLEST_SIDE <= side <= LARGEST_SIDE:
            cause = f"its pictures are {info.width:,} by {info.height:,} pixels"
            hint = f"both sides must have {SMALLEST_SIDE} to {LARGEST_SIDE:,}; export it at the size it was recorded in"
            raise InputError(path, cause, hint=hint)
    # What kinds of files are opened, and that they hold their own pictures, was seen to by read_video_info.
    with av.open(f"file:{path}", options={"protocol_whitelist": "file"}, metadata_errors="replace") as container:
        if container.format.name not in _CONTAINERS:
            cause = "is a bare stream of pictures, which does not say when each is shown"
            raise InputError(path, cause, hint="export it as an .mp4")
        stream = next(each for each in container.streams.video if not each.disposition & _COVER)
        content = _read(container, stream)
        _check_whole(path, container, content, info.average_rate)
        media_type, suffix = _kind(path, container)
        film = Film(
            media_type=media_type,
            codec=info.codec,
            width=info.width,
            height=info.height,
            duration=info.duration or content.end,
            frame_count=len(content.ticks),
            average_rate=info.average_rate,
            rotation=content.rotation,
            is_variable_rate=_is_variable(content.ticks),
            has_audio=bool(container.streams.audio),
            plays_in_browsers=_plays(media_type, stream, container),
        )
    return film, suffix


@dataclass
class _Content:
    """What the packets tell. ticks: when each picture is shown, by the clock of the stream, unsorted. end: of pictures
    and sound, in seconds. rotation: degrees clockwise. breaks_off: the last packet is not whole."""

    ticks: list[int] = field(default_factory=list)
    end: float = 0.0
    rotation: int = 0
    breaks_off: bool = False


def _read(container: InputContainer, stream: VideoStream) -> _Content:
    content = _Content()
    turned = False
    streams = [stream, *container.streams.audio]
    try:
        for packet in container.demux(streams):
            if packet.size == 0:
                continue
            content.breaks_off = packet.is_corrupt
            if packet.pts is not None and packet.time_base is not None:
                content.end = max(content.end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
            if packet.stream.index != stream.index:
                continue
            if not turned:
                try:
                    for frame in stream.codec_context.decode(packet):
                        content.rotation = -frame.rotation % 360
                        turned = True
                except av.error.FFmpegError:
                    pass
            if not packet.is_discard:
                content.ticks.append(packet.pts if packet.pts is not None else packet.dts or 0)
    except av.error.FFmpegError:
        content.breaks_off = True
    return content


def _check_whole(path: Path, container: InputContainer, content: _Content, rate: float) -> None:
    if len(content.ticks) < 2:
        raise InputError(path, "is a single picture, not a film", hint=_OTHER)
    ends = [
        float((each.duration + (each.start_time or 0)) * each.time_base)
        for each in (*container.streams.video, *container.streams.audio)
        if each.duration is not None and each.time_base is not None
    ]
    end = max(ends, default=(container.duration or 0) / av.time_base)
    if content.breaks_off or end - content.end > max(1.0, 3 / (rate or 25.0)):
        cause = f"the film breaks off: {content.end:.1f} of {max(end, content.end):.1f} seconds are there"
        raise InputError(path, cause, hint=_CUT_OFF)


def _is_variable(ticks: list[int]) -> bool:
    """Whether some picture is shown for longer or shorter than is usual, by more than the rounding of the clock."""
    steps = np.diff(np.sort(np.array(ticks, np.float64)))
    usual = float(np.median(steps))
    return bool(np.abs(steps - usual).max() > max(2.0, 0.1 * usual))


def _kind(path: Path, container: InputContainer) -> tuple[str, str]:
    """What players call it, and the ending of its name."""
    with path.open("rb") as file:
        begin = file.read(64)
    if begin[:4] == _EBML and b"webm" in begin:
        return "video/webm", "webm"
    media_type, suffix = _CONTAINERS[container.format.name]
    return media_type, "mov" if suffix == "mp4" and begin[8:12] == b"qt  " else suffix


def _plays(media_type: str, stream: VideoStream, container: InputContainer) -> bool:
    """Whether every current browser plays it."""
    sounds = {each.codec_context.name for each in container.streams.audio}
    codecs, of_sound = _PLAYED.get(media_type, (set(), set()))
    context = stream.codec_context
    return context.name in codecs and sounds <= of_sound and context.pix_fmt in ("yuv420p", "yuvj420p")


def _refused(path: Path, error: InputError) -> InputError:
    """The same for who does not know how films are stored."""
    with path.open("rb") as file:
        begin = file.read(16)
    if not begin.strip(b"\0"):
        return InputError(path, "there is nothing in the file", hint=_CUT_OFF)
    for magic, what in _OTHER_KINDS.items():
        if begin.startswith(magic):
            return InputError(path, f"is {what}, not a video", hint=_OTHER)
    if error.cause.startswith(("holds no video", "its video codec", "its pictures are")):
        return InputError(path, error.cause, hint=error.hint or _OTHER)
    if begin[4:8] == b"ftyp" or begin[:4] in (_EBML, b"RIFF"):
        cause = "the film is cut off or damaged: without the rest of it, no picture can be shown"
        return InputError(path, cause, hint=_CUT_OFF)
    return InputError(path, "is no video, whatever its name says", hint=_OTHER)


_CUT_OFF: Final = "copy it from the camera again, and upload the whole of it"
_OTHER: Final = "choose the video file itself, such as an .mp4 or .mov"

_EBML: Final = b"\x1a\x45\xdf\xa3"

_OTHER_KINDS: Final = {
    b"\xff\xd8\xff": "a picture (JPEG)",
    b"\x89PNG": "a picture (PNG)",
    b"GIF8": "a picture (GIF)",
    b"%PDF": "a document (PDF)",
    b"PK\x03\x04": "an archive (ZIP) or an office document",
    b"Rar!": "an archive (RAR)",
    b"7z\xbc\xaf": "an archive (7z)",
    b"\x1f\x8b": "an archive (gzip)",
    b"#EXTM3U": "a list of films",
    b"ID3": "a sound recording (MP3)",
}

# By FFmpeg's name: what players call it, and the usual ending.
_CONTAINERS: Final = {
    "mov,mp4,m4a,3gp,3g2,mj2": ("video/mp4", "mp4"),
    "matroska,webm": ("video/x-matroska", "mkv"),
    "avi": ("video/x-msvideo", "avi"),
    "mpegts": ("video/mp2t", "ts"),
    "mpeg": ("video/mpeg", "mpg"),
    "flv": ("video/x-flv", "flv"),
    "asf": ("video/x-ms-wmv", "wmv"),
    "ogg": ("video/ogg", "ogv"),
    "mxf": ("application/mxf", "mxf"),
}

# Codecs of pictures and of sound.
_PLAYED: Final = {
    "video/mp4": ({"h264"}, {"aac", "mp3", "mp3float"}),
    "video/webm": ({"vp8", "vp9", "libvpx-vp9"}, {"opus", "vorbis"}),
}

_COVER: Final = av.stream.Disposition.attached_pic


def _work(arguments: Sequence[str]) -> dict[str, Any]:
    film, suffix = probe(Path(arguments[0]))
    return {"film": film.model_dump(mode="json"), "suffix": suffix}


if __name__ == "__main__":
    sys.exit(answer(_work))
