"""Video in and out, with the two things that most readers get wrong: time and orientation.

- A frame's time is its presentation time, never its number divided by a rate: phones write variable frame rates.
- Frames and sizes are as displayed: rotation and mirroring flags and non-square pixels are applied.

`read_frames` gives colours at full size; `read_luma` gives brightness alone, reduced, in a fraction of the time;
`presentation_times` gives the times alone.
"""

import contextlib
import functools
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import av
import av.error
import numpy as np
import numpy.typing as npt
from av.container import InputContainer
from av.sidedata.sidedata import Type as SideDataType
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from av.video.stream import VideoStream

from shared_libs.common.errors import InputError, OutputError, PathLike
from shared_libs.common.files import temporary_beside

Image = npt.NDArray[np.uint8]

# Only files that hold their own pictures: a playlist could name other people's files.
_CONTAINERS = "mov,matroska,webm,avi,mpegts,mpeg,flv,asf,ogg,mxf,h264,hevc,m4v,ivf,mjpeg,yuv4mpegpipe"
_CONTAINERS_WITH_TIMES = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm")
# Their clock begins anywhere; elsewhere time 0 is the beginning of the film.
_CLOCKS_WITHOUT_ZERO = ("mpegts", "mpeg")
_VARIABLE_RATE_TIME_BASE = Fraction(1, 90_000)
_LARGEST_SIDE = 16_384
_UNSPECIFIED = 2  # the colour space of a frame that does not say
_NOT_WHOLE = "copy or download it again"


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What a video says of itself.

    codec: as FFmpeg calls it ("h264", "hevc"); width, height: displayed pixels; time_base: the unit of the file's
    clock, in seconds; frame_count: as the file states, else estimated from duration and rate, 0 where neither is
    known (good for progress, not for indexing); duration: seconds, 0.0 where not known; average_rate: frames a
    second, 0.0 where not known.
    """

    codec: str
    width: int
    height: int
    time_base: Fraction
    frame_count: int
    duration: float
    average_rate: float


class _Reader(Iterator[tuple[int, float, Image]], ABC):
    """Frames in the order of presentation; what is made of each is the subclass's matter (`_displayed`)."""

    info: VideoInfo
    ended_early: str | None
    frames_read: int
    damaged: int

    def __init__(self, path: PathLike, *, threads: int | None = None, loop_filter: bool = True) -> None:
        self.path = path
        self.ended_early = None
        self.frames_read = 0
        self.damaged = 0
        self._container, self._stream = _open(path)
        self._last_error: str | None = None
        self._last_time = 0.0
        context = self._stream.codec_context
        context.thread_type = "AUTO"
        if threads is not None:
            context.thread_count = threads
        if not loop_filter and context.name == "h264":
            context.options = {"skip_loop_filter": "all"}
        self._frames = self._decode()
        try:
            self._first = next(self._frames, None)
            if self._first is None:
                reason = self._last_error or "it holds no frames"
                raise InputError(path, f"no frame of the video can be decoded: {reason}", hint=_NOT_WHOLE)
            self._matrix = _display_matrix(self._first)
            self._size = _square_pixel_size(path, self._first, self._stream)
            self.info = _info(self._container, self._stream, self._size, self._matrix)
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> tuple[int, float, Image]:
        frame = self._next_frame()
        if frame is None:
            self.close()
            raise StopIteration
        image = self._displayed(frame)
        return *self._count(frame), image

    def skip(self, count: int) -> int:
        """Passes over the next `count` frames, which is much faster than reading them; returns how many there were."""
        for passed in range(count):
            frame = self._next_frame()
            if frame is None:
                return passed
            self._count(frame)
        return count

    def times(self) -> Iterator[float]:
        """The times of the frames from here on, for which none becomes a picture."""
        while (frame := self._next_frame()) is not None:
            yield self._count(frame)[1]

    @property
    def is_interlaced(self) -> bool:
        """Whether the frame that comes next is said to be of two fields. Asked at the beginning."""
        return self._first is not None and bool(self._first.interlaced_frame)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file; also done at the end of the frames."""
        self._frames.close()
        self._container.close()

    def _next_frame(self) -> VideoFrame | None:
        frame, self._first = self._first, None
        return frame if frame is not None else next(self._frames, None)

    def _count(self, frame: VideoFrame) -> tuple[int, float]:
        """The frame's index and time; it now counts as read."""
        index, time = self.frames_read, self._time(frame)
        self.frames_read += 1
        self._last_time = time
        return index, time

    def _decode(self) -> Any:
        """The decoder's frames; keeps going past what cannot be decoded, and notes how it ended."""
        context = self._stream.codec_context
        reason: str | None = None
        packets = self._container.demux(self._stream)
        tail_is_damaged = False
        flush = None
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                break
            except av.error.FFmpegError as error:
                reason = self._last_error = _plain(error)
                break
            if packet.size == 0:
                flush = packet
                break
            try:
                frames = context.decode(packet)
            except av.error.FFmpegError as error:
                self.damaged += 1
                tail_is_damaged = True
                self._last_error = _plain(error)
                continue
            for frame in frames:
                tail_is_damaged = False
                yield frame
        with contextlib.suppress(av.error.FFmpegError):
            yield from context.decode(flush)
        if reason is None and tail_is_damaged:
            reason = self._last_error
        self._note_ending(reason)

    def _note_ending(self, reason: str | None) -> None:
        if not self.frames_read:
            return
        info = self.info
        of = f" of {self._stream.frames}" if self._stream.frames > self.frames_read else ""
        read = f"{self.frames_read}{of} frames were read"
        if reason is not None:
            self.ended_early = f"{read}, up to {self._last_time:.2f} s: the rest is cut off or damaged ({reason})"
            return
        # Fewer frames than stated are normal where a player's edit list leaves some out, and a longer sound track
        # makes a file longer than its pictures: only both together mean a loss.
        missing = info.duration - self._last_time
        too_few = not self._stream.frames or self.frames_read < self._stream.frames
        rate = info.average_rate or 25.0
        if too_few and missing > max(1.0, 3 / rate):
            self.ended_early = f"{read}, up to {self._last_time:.2f} of {info.duration:.2f} s: the file is cut off"

    def _time(self, frame: VideoFrame) -> float:
        time_base = frame.time_base or self._stream.time_base
        if frame.pts is None or time_base is None:  # a bare stream without a clock
            rate = self.info.average_rate or 25.0
            return self._last_time + 1 / rate if self.frames_read else 0.0
        start = 0
        if self._container.format.name in _CLOCKS_WITHOUT_ZERO:
            start = self._stream.start_time or 0
        return float((frame.pts - start) * time_base)

    @abstractmethod
    def _displayed(self, frame: VideoFrame) -> Image:
        """The picture to hand out, upright and with square pixels."""


class FrameReader(_Reader):
    """The frames of a video in the order of presentation: (index, time in seconds, rgb uint8 (height, width, 3)).

    Made by `read_frames`. `info` is known at once. A damaged or cut-off end is not an error: the frames before it
    are handed out, and then `ended_early` says in one line how many were read and why there are no more (None when
    the video is whole). `damaged` counts packets inside the video that could not be decoded and were left out.
    """

    def _displayed(self, frame: VideoFrame) -> Image:
        width, height = self._size
        colorspace = None
        if frame.colorspace == _UNSPECIFIED and height >= 720:
            colorspace = Colorspace.ITU709  # what players take for untagged HD
        plain = frame.reformat(width=width, height=height, format="rgb24", src_colorspace=colorspace)
        return _oriented(cast(Image, plain.to_ndarray()), self._matrix)


class LumaReader(_Reader):
    """The brightness of a video's frames, reduced: (index, time in seconds, luma uint8 (height, width)).

    Made by `read_luma`. Everything else is as in `FrameReader`: `info` speaks of the full displayed size.
    """

    def __init__(self, path: PathLike, longest_side: int, *, threads: int | None = None) -> None:
        if longest_side < 1:
            raise ValueError(f"longest_side must be at least 1 pixel, not {longest_side}")
        # Without its last step, which smooths the edges of blocks, H.264 is decoded in a seventh less time. Where
        # pixels are reduced, the difference is a grey level or two.
        super().__init__(path, threads=threads, loop_filter=False)
        scale = min(1.0, longest_side / max(self._size))
        width, height = self._size
        self._reduced = max(1, round(width * scale)), max(1, round(height * scale))
        self._reformatter = VideoReformatter()  # keeps its tables from frame to frame

    def _displayed(self, frame: VideoFrame) -> Image:
        width, height = self._reduced
        # Straight from the decoder's planes: chroma is never touched. More threads cost more than they bring here.
        plain = self._reformatter.reformat(
            frame, width=width, height=height, format="gray", interpolation=Interpolation.AREA, threads=1
        )
        return _oriented(cast(Image, plain.to_ndarray()), self._matrix)


class PlanarReader(FrameReader):
    """The frames of a video as H.264 wants them: (index, time in seconds, planes uint8 (3 height / 2, width)).

    Made by `read_planar`. The rows hold one plane after the other, as FFmpeg's yuv420p: brightness (height, width),
    then the two chroma planes at half the width and height. BT.709, limited range. Width and height are even: an odd
    last column or row is repeated once. Everything else is as in `FrameReader`.
    """

    def _displayed(self, frame: VideoFrame) -> Image:
        if not self._is_ready(frame):
            return planar(super()._displayed(frame))
        planes = cast(Image, frame.to_ndarray())
        if self._matrix == (1, 0, 0, 1):
            return planes
        turned = [_oriented(plane, self._matrix) for plane in split_planes(planes)]
        return np.concatenate([plane.ravel() for plane in turned]).reshape(-1, turned[0].shape[1])

    def _is_ready(self, frame: VideoFrame) -> bool:
        """Whether the decoder's planes can be used as they are, without a way over RGB."""
        width, height = self._size
        return (
            frame.format.name == "yuv420p"
            and (frame.width, frame.height) == (width, height)
            and width % 2 == height % 2 == 0
            and frame.color_range != ColorRange.JPEG
            and (frame.colorspace == Colorspace.ITU709 or (frame.colorspace == _UNSPECIFIED and height >= 720))
        )


def split_planes(planes: Image) -> tuple[Image, Image, Image]:
    """Views of brightness (height, width) and both chroma planes (height / 2, width / 2) of (3 height / 2, width)."""
    rows, width = planes.shape
    height = rows * 2 // 3
    first, second = planes[height:].reshape(2, height // 2, width // 2)
    return planes[:height], first, second


def planar(rgb: Image) -> Image:
    """RGB (height, width, 3) as planes (3 height / 2, width): see `PlanarReader`."""
    return cast(Image, _planar_frame(rgb).to_ndarray())


def _planar_frame(rgb: Image) -> VideoFrame:
    if rgb.shape[0] % 2 or rgb.shape[1] % 2:
        rgb = np.pad(rgb, ((0, rgb.shape[0] % 2), (0, rgb.shape[1] % 2), (0, 0)), mode="edge")
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
    return frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709)


def read_frames(path: PathLike, *, threads: int | None = None) -> FrameReader:
    """The frames of a video, as displayed, with their times: see `FrameReader`.

    threads: how many the decoder may use; by default as many as it likes.
    Raises InputError where the file is missing, not a video, or not one frame can be decoded.
    """
    return FrameReader(path, threads=threads)


def read_luma(path: PathLike, longest_side: int, *, threads: int | None = None) -> LumaReader:
    """The brightness of a video's frames, as displayed, reduced until no side is longer than `longest_side` pixels.

    Each pixel is the mean of those it stands for. Never enlarged. Colours are never computed, nor, in H.264, the edges
    of blocks smoothed, which costs a grey level or two. The same file gives the same pixels every time.
    threads: how many the decoder may use; by default as many as it likes. It decodes ahead in them while the caller
    works on the frame at hand.
    Raises InputError as `read_frames` does.
    """
    return LumaReader(path, longest_side, threads=threads)


def read_planar(path: PathLike, *, threads: int | None = None) -> PlanarReader:
    """The frames of a video, as displayed, as planes of yuv420p: see `PlanarReader`.

    For work that ends in a video again: most films are stored that way, and then no colour is ever computed.
    Raises InputError as `read_frames` does.
    """
    return PlanarReader(path, threads=threads)


def presentation_times(
    path: PathLike, *, threads: int | None = None, on_frame: Callable[[int], None] = lambda count: None
) -> npt.NDArray[np.float64]:
    """When each frame of a video is shown, in seconds, float64 (n,), sorted: the times that `read_frames` gives.

    H.264 and HEVC in MP4, QuickTime and Matroska are not decoded, but for their first frame: the packets tell. Other
    videos are, by as many `threads` as in `read_frames`, and so are those with packets that are visibly damaged. Damage
    that does not show, a single wrong bit, may hide that a picture cannot be decoded: it then counts here.
    on_frame: is told how many frames have been decoded so far.
    Raises InputError as `read_frames` does.
    """
    with LumaReader(path, 1, threads=1) as first:
        times = None if first.is_interlaced else _times_of_packets(path)
    if times is None:
        times = []
        with LumaReader(path, 1, threads=threads) as reader:
            for time in reader.times():
                times.append(time)
                on_frame(len(times))
    return np.sort(np.array(times, np.float64))


def _times_of_packets(path: PathLike) -> list[float] | None:
    """When each picture is shown, in the order of the file; None where packets do not tell what a decoder makes of
    them."""
    container, stream = _open(path)
    ticks: list[int] = []
    first: int | None = None
    with container:
        context = stream.codec_context
        prefix = _length_size(context.name, context.extradata or b"")
        if prefix is None or container.format.name not in _CONTAINERS_WITH_TIMES or stream.time_base is None:
            return None
        with contextlib.suppress(av.error.FFmpegError):
            for packet in container.demux(stream):
                if packet.size == 0:  # the end
                    # Pictures from before the first that stands by itself are not shown.
                    is_plain = first is not None and min(ticks, default=first - 1) >= first
                    return [float(tick * stream.time_base) for tick in ticks] if is_plain else None
                if packet.pts is None or not _holds_picture(memoryview(packet), context.name, prefix):
                    return None
                if first is None:
                    if not packet.is_keyframe:
                        return None
                    first = packet.pts
                if not packet.is_discard:
                    ticks.append(packet.pts)
    return None


def _length_size(codec: str, extradata: bytes) -> int | None:
    """How many bytes say how long each unit of a packet is, by ISO 14496-15; None where it is not in that form."""
    place = {"h264": 4, "hevc": 21}.get(codec)
    if place is None or len(extradata) <= place or extradata[0] != 1:
        return None
    return (extradata[place] & 3) + 1


def _holds_picture(content: memoryview, codec: str, prefix: int) -> bool:
    """Whether a packet is a row of whole units, one of which is of a picture. `prefix`: see `_length_size`."""
    place, is_picture = 0, False
    while place < len(content):
        begin = place + prefix
        place = begin + int.from_bytes(content[place:begin])
        if not begin < place <= len(content) or content[begin] & 0x80:
            return False
        is_picture |= 1 <= content[begin] & 31 <= 5 if codec == "h264" else content[begin] < 64
    return is_picture


def read_video_info(path: PathLike) -> VideoInfo:
    """What a video says of itself; decodes its first frame. Raises InputError as `read_frames` does."""
    with FrameReader(path, threads=1) as reader:
        return reader.info


class FrameWriter:
    """Writes an MP4 that browsers play: H.264, yuv420p, the index in front.

    `with FrameWriter(path, fps=25) as writer: writer.write(rgb)`: a constant rate; or, without `fps`,
    `writer.write(rgb, time=seconds)`: each frame's own presentation time, rising.

    The first frame sets the size. H.264 with yuv420p needs even sizes: an odd last column or row is repeated once.
    The file appears under its name only when the block ends well; on an exception (or `abort()`) nothing is left.

    Args:
        fps: frames a second, or None for times of one's own.
        quality: x264's constant rate factor, 0 (lossless) to 51; 20 is visually clean.
        threads: 1 gives the same bytes on every machine; None lets the encoder choose.
        codec: FFmpeg's encoder; it must write H.264.
    Raises OutputError where the file cannot be written.
    """

    def __init__(
        self,
        path: PathLike,
        *,
        fps: float | Fraction | None = None,
        quality: int = 20,
        preset: str = "veryfast",
        threads: int | None = None,
        codec: str = "libx264",
    ) -> None:
        if fps is not None and not 0 < fps <= 1000:
            raise ValueError(f"fps must lie between 0 and 1000, not {fps}")
        self.path = path
        self.frames_written = 0
        self._rate = None if fps is None else Fraction(fps).limit_denominator(1001)
        self._settings = (codec, preset, quality, threads)
        self._last_pts: int | None = None
        self._size: tuple[int, int] | None = None
        self._stream: VideoStream | None = None
        self._exit = contextlib.ExitStack()
        self._temporary = self._exit.enter_context(temporary_beside(path))
        try:
            self._container = av.open(f"file:{self._temporary}", "w", format="mp4", options={"movflags": "+faststart"})
        except BaseException as error:
            self._leave(error)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:
            self.abort()
        else:
            self.close()

    def write(self, rgb: Image, time: float | None = None) -> None:
        """Adds a frame, uint8 (height, width, 3), at `time` seconds where the writer has no constant rate."""
        if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3:
            raise ValueError(f"a frame is uint8 (height, width, 3), not {rgb.dtype} {rgb.shape}")
        if (time is None) != (self._rate is not None):
            raise ValueError("give each frame its time, or the writer its fps, and not both")
        if self._size is None:
            self._begin(rgb.shape[0], rgb.shape[1])
        elif self._size != rgb.shape[:2]:
            raise ValueError(f"the first frame was {self._size}, this one is {rgb.shape[:2]} (height, width)")
        pts = self.frames_written if time is None else round(time / _VARIABLE_RATE_TIME_BASE)
        if pts < 0 or (self._last_pts is not None and pts <= self._last_pts):
            raise ValueError(f"times must rise from 0, here frame {self.frames_written} is at {time} s")
        frame = _planar_frame(rgb)
        frame.pts = pts
        frame.time_base = self._time_base
        assert self._stream is not None
        with self._as_output_error():
            self._container.mux(self._stream.encode(frame))
        self._last_pts = pts
        self.frames_written += 1

    def close(self) -> None:
        """Finishes the file and gives it its name. Without a single frame: OutputError, and no file."""
        if self._stream is None:
            self.abort()
            raise OutputError(self.path, "there were no frames to write")
        with self._as_output_error():
            self._container.mux(self._stream.encode(None))
            self._container.close()
            self._check_whole()
        self._exit.close()

    def abort(self) -> None:
        """Gives the file up; nothing is left. Does nothing after `close`."""
        with contextlib.suppress(av.error.FFmpegError, OSError):
            self._container.close()
        self._leave(_Abort())

    @property
    def _time_base(self) -> Fraction:
        return _VARIABLE_RATE_TIME_BASE if self._rate is None else 1 / self._rate

    def _begin(self, height: int, width: int) -> None:
        codec, preset, quality, threads = self._settings
        stream = cast(VideoStream, self._container.add_stream(codec, rate=self._rate or Fraction(30)))
        stream.time_base = self._time_base
        size = width + width % 2, height + height % 2
        configure_h264(stream.codec_context, size, self._time_base, {"preset": preset, "crf": str(quality)}, threads)
        self._stream = stream
        self._size = (height, width)

    def _check_whole(self) -> None:
        """A write that failed inside the muxer may go unreported: the index of the file must list every frame."""
        with av.open(f"file:{self._temporary}") as written:
            if written.streams.video[0].frames != self.frames_written:
                raise OutputError(self.path, "could not be written whole", hint="check the disk")

    @contextlib.contextmanager
    def _as_output_error(self) -> Iterator[None]:
        try:
            yield
        except (av.error.FFmpegError, OSError) as error:
            self.abort()
            if isinstance(error, OSError):
                raise OutputError.from_os_error(self.path, error) from error
            raise OutputError(self.path, f"cannot be written: {_plain(error)}") from error
        except BaseException:
            self.abort()
            raise

    def _leave(self, error: BaseException) -> None:
        with contextlib.suppress(_Abort):
            self._exit.__exit__(type(error), error, error.__traceback__)


def configure_h264(
    context: VideoCodecContext, size: tuple[int, int], time_base: Fraction, options: dict[str, str], threads: int | None
) -> None:
    """Sets an encoder up for H.264 that browsers play, in the colours of `planar`. `size`: even width and height."""
    context.width, context.height = size
    context.pix_fmt = "yuv420p"
    context.time_base = time_base
    context.options = options | _steady_code()
    if threads is not None:
        context.thread_count = threads
    # BT.709, limited range: said in the file, so that every player shows the same colours.
    context.color_primaries, context.color_trc, context.colorspace, context.color_range = 1, 1, 1, 1


@functools.cache
def _steady_code() -> dict[str, str]:
    """Keeps x264 from its AVX-512 code, which gives other bytes from run to run for some pictures (seen with 320 by 180
    pixels; not with `mbtree=0`). Its AVX2 code gives the same bytes as that for older processors."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return {}
    return {"x264-params": "asm=AVX2"} if " avx512f" in flags else {}


class _Abort(Exception):
    """Ends the block of `temporary_beside` without a result."""


def _open(path: PathLike) -> tuple[InputContainer, VideoStream]:
    name = os.fspath(path)
    if Path(name).exists() and not Path(name).is_dir() and not Path(name).is_file():
        raise InputError(path, "is not an ordinary file")  # opening a pipe would wait for ever
    try:
        with open(name, "rb") as file:  # the plain errors first: FFmpeg words them less well
            empty = not file.read(1)
    except OSError as error:
        raise InputError.from_os_error(path, error) from error
    if empty:
        raise InputError(path, "the file is empty", hint=_NOT_WHOLE)
    options = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "file"}
    try:
        container = av.open(f"file:{name}", options=options, metadata_errors="replace")
    except (av.error.FFmpegError, OSError, ValueError) as error:
        cause = f"not a video that can be read: {_plain(error)}"
        raise InputError(path, cause, hint="the file may be cut off, damaged, or of another kind") from None
    streams = [stream for stream in container.streams.video if not stream.disposition & _COVER]
    if not streams:
        container.close()
        raise InputError(path, "holds no video, only other streams")
    if getattr(streams[0], "codec_context", None) is None:  # FFmpeg was built without its decoder
        container.close()
        raise InputError(path, "its video codec is not known")
    return container, streams[0]


_COVER = av.stream.Disposition.attached_pic


def _plain(error: BaseException) -> str:
    """FFmpeg's own words, without the file name that the message has anyway."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _display_matrix(frame: VideoFrame) -> tuple[int, int, int, int]:
    """The signs of a b / c d in x' = a x + c y, y' = b x + d y (ISO 14496-12, 8.3.2); identity where not given."""
    data = cast(Any, frame.side_data).get(SideDataType.DISPLAYMATRIX)
    if data is None:
        return 1, 0, 0, 1
    matrix = np.frombuffer(bytes(data), np.int32)[:9].reshape(3, 3)
    a, b, c, d = (int(np.sign(v)) if abs(int(v)) > 1 << 12 else 0 for v in matrix[:2, :2].ravel())
    upright, sideways = a and d and not b and not c, b and c and not a and not d
    return (a, b, c, d) if upright or sideways else (1, 0, 0, 1)


def _oriented(image: Image, matrix: tuple[int, int, int, int]) -> Image:
    a, b, c, d = matrix
    if a:
        flipped_across, flipped_down = a < 0, d < 0
    else:
        image = image.swapaxes(0, 1)
        flipped_across, flipped_down = c < 0, b < 0
    if flipped_across:
        image = image[:, ::-1]
    if flipped_down:
        image = image[::-1]
    return np.ascontiguousarray(image)


def _square_pixel_size(path: PathLike, frame: VideoFrame, stream: VideoStream) -> tuple[int, int]:
    """Width and height before orientation, with the pixels stretched to squares."""
    width, height = frame.width, frame.height
    aspect = stream.sample_aspect_ratio
    if aspect is not None and aspect > 0 and aspect != 1:
        if aspect > 1:
            width = max(1, round(width * aspect))
        else:
            height = max(1, round(height / aspect))
    if max(width, height) > _LARGEST_SIDE:
        raise InputError(path, f"its pictures are {width} by {height} pixels; up to {_LARGEST_SIDE} a side are read")
    return width, height


def _info(
    container: InputContainer, stream: VideoStream, size: tuple[int, int], matrix: tuple[int, int, int, int]
) -> VideoInfo:
    time_base = stream.time_base or Fraction(1, av.time_base)
    duration = float(stream.duration * time_base) if stream.duration else (container.duration or 0) / av.time_base
    rate = float(stream.average_rate or stream.guessed_rate or 0)
    width, height = size if matrix[0] else size[::-1]
    return VideoInfo(
        codec=stream.codec_context.name,
        width=width,
        height=height,
        time_base=time_base,
        frame_count=stream.frames or round(duration * rate),
        duration=duration,
        average_rate=rate,
    )
