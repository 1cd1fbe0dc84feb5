"""The annotated film in pieces: each is encoded by itself, can be kept, and is joined to the others without loss.

A piece begins with a picture that needs no other one, and the encoder forgets everything between two pieces. So a film
has the same bytes whether it was made in one go or in several: what was kept is not encoded again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import av
import av.error
import numpy as np
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from shared_libs.common.errors import OutputError
from shared_libs.common.files import temporary_beside
from shared_libs.common.video import Image, configure_h264

SEGMENT_FRAMES = 250
"""Frames in a segment: so many are lost at most when a run is killed. Each begins with a whole picture, which takes
space."""

TIME_BASE = Fraction(1, 90_000)
_OPTIONS = {"preset": "veryfast", "crf": "20"}
_THREADS = 4
"""A fixed number: x264 gives the same bytes for the same number, whatever the machine has."""
_REORDERED = 2
"""How many pictures are sent ahead of their turn at most: x264's pyramid of B-frames."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of film, encoded: `size` is (width, height), `rate` the frames in a second that the encoder was told of;
    one entry per packet, in the order of decoding.

    pts: int64, when each is shown, in TIME_BASE. is_key: bool. length: int64, bytes in `data`, uint8. header: uint8,
    what the file has to say of the stream; the same in all segments of a film.
    """

    size: tuple[int, int]
    rate: Fraction
    pts: NDArray[np.int64]
    is_key: NDArray[np.bool_]
    length: NDArray[np.int64]
    data: NDArray[np.uint8]
    header: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.pts)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The segment as plain arrays by name, for `numpy.savez`."""
        return {
            "size": np.array(self.size),
            "rate": np.array(self.rate.as_integer_ratio()),
            "pts": self.pts,
            "is_key": self.is_key,
            "length": self.length,
            "data": self.data,
            "header": self.header,
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> Self:
        """The segment that `arrays` gave. Raises KeyError where one is missing."""
        width, height = arrays["size"].tolist()
        rate = Fraction(*arrays["rate"].tolist())
        return cls((width, height), rate, *(arrays[name] for name in ("pts", "is_key", "length", "data", "header")))


class SegmentEncoder:
    """Encodes one segment: `add` each picture, then `finish`."""

    def __init__(self, rate: float) -> None:
        """`rate`: about how many frames there are in a second, to which the encoder fits its spending."""
        self._rate = Fraction(rate).limit_denominator(1001) if 0 < rate <= 1000 else Fraction(25)
        self._context: VideoCodecContext | None = None
        self._packets: list[Packet[VideoStream]] = []
        self.frames = 0

    def add(self, planes: Image, pts: int) -> None:
        """A picture as `read_planar` gives it, to be shown at `pts` in TIME_BASE, later than the one before."""
        frame = VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts, frame.time_base = pts, TIME_BASE
        if self._context is None:
            self._context = _encoder((frame.width, frame.height), self._rate)
        self._packets += self._context.encode(frame)
        self.frames += 1

    def finish(self) -> Segment:
        """The segment. At least one picture must have been added."""
        if self._context is None:
            raise ValueError("a segment has at least one picture")
        packets = [*self._packets, *self._context.encode(None)]
        return Segment(
            size=(self._context.width, self._context.height),
            rate=self._rate,
            pts=np.array([packet.pts for packet in packets], np.int64),
            is_key=np.array([packet.is_keyframe for packet in packets], np.bool_),
            length=np.array([packet.size for packet in packets], np.int64),
            data=np.frombuffer(b"".join(bytes(packet) for packet in packets), np.uint8),
            header=np.frombuffer(self._context.extradata or b"", np.uint8),
        )


def join(segments: Iterable[Segment], out: Path) -> int:
    """Writes an MP4 that browsers play, the index in front, from segments in order; returns the number of frames.

    It appears whole or not at all. Raises OutputError where it cannot be written or there are no segments.
    """
    with temporary_beside(out) as temporary:
        try:
            frames = _write(segments, temporary)
            if frames == 0:
                raise OutputError(out, "there were no frames to write")
            with av.open(f"file:{temporary}") as written:
                # A write that failed inside the muxer may go unreported: the index must list every frame.
                if written.streams.video[0].frames != frames:
                    raise OutputError(out, "could not be written whole", hint="check the disk")
        except av.error.FFmpegError as error:
            if isinstance(error, OSError) and error.errno:
                raise OutputError.from_os_error(out, error) from error
            raise OutputError(out, f"cannot be written: {error.strerror or error}") from error
    return frames


def _write(segments: Iterable[Segment], path: Path) -> int:
    frames = 0
    stream: VideoStream | None = None
    with contextlib.closing(av.open(f"file:{path}", "w", format="mp4", options={"movflags": "+faststart"})) as file:
        for packet, segment in _packets(segments):
            if stream is None:
                # The header names a level, which the rate decides.
                stream = file.add_stream("libx264", rate=segment.rate)
                stream.time_base = TIME_BASE
                configure_h264(stream.codec_context, segment.size, TIME_BASE, _OPTIONS, _THREADS)
                file.start_encoding()
                if stream.codec_context.extradata != segment.header.tobytes():
                    raise RuntimeError("the segments were made by another encoder")
            packet.stream = stream
            file.mux_one(packet)
            frames += 1
    return frames


def _packets(segments: Iterable[Segment]) -> Iterator[tuple[Packet[Any], Segment]]:
    """All packets with the times at which they are decoded: those of the pictures shown `_REORDERED` earlier."""
    shown: NDArray[np.int64] | None = None
    step = 1
    for segment in segments:
        order = np.sort(segment.pts)
        if shown is None:
            step = int(order[1] - order[0]) if len(order) > 1 else 3600
            shown = order[0] - step * np.arange(_REORDERED, 0, -1)
        dts = np.concatenate([shown, order])
        shown, dts = dts[len(order) :], dts[: len(order)]
        if (dts > segment.pts).any():
            raise RuntimeError("a picture would be shown before it is decoded")
        begin = np.concatenate([[0], np.cumsum(segment.length)])
        following = np.append(order[1:], order[-1] + (order[-1] - order[-2] if len(order) > 1 else step))
        lasting = dict(zip(order.tolist(), (following - order).tolist(), strict=True))
        for number in range(len(order)):
            packet = Packet(segment.data[begin[number] : begin[number + 1]].tobytes())
            packet.pts, packet.dts = int(segment.pts[number]), int(dts[number])
            packet.duration, packet.time_base = lasting[packet.pts], TIME_BASE
            packet.is_keyframe = bool(segment.is_key[number])
            yield packet, segment


def _encoder(size: tuple[int, int], rate: Fraction) -> VideoCodecContext:
    context = av.CodecContext.create("libx264", "w")
    context.framerate = rate
    configure_h264(context, size, TIME_BASE, _OPTIONS, _THREADS)
    context.flags |= av.codec.context.Flags.global_header
    return context
