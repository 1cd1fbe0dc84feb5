"""The times that packets tell are those of the frames that are read, in real videos, made here, small."""

import struct
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from hypothesis import given
from hypothesis import strategies as st

from shared_libs.common.errors import InputError
from shared_libs.common.video import FrameWriter, presentation_times, read_frames, read_video_info

STEADY = [i / 25 for i in range(60)]
UNSTEADY = [0.0, 0.033, 0.1, 0.105, 0.4, 0.9, 0.95, 2.0, 2.001, 2.5, 2.6, 3.0, 3.5, 3.6, 4.0]
X264 = {"preset": "ultrafast", "bf": "3", "b-adapt": "0", "g": "12"}
X265 = {"preset": "ultrafast", "x265-params": "log-level=none:bframes=3:b-adapt=0:keyint=12:open-gop=1"}
PLAIN_CODECS = (("libx264", X264), ("libx265", X265))


def encode(
    path: Path,
    times: list[float],
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    matrix: list[int] | None = None,
) -> None:
    """A video of noise at given times."""
    chance = np.random.default_rng(2)
    with av.open(str(path), "w") as container:
        stream = cast(VideoStream, container.add_stream(codec, rate=25))
        stream.width, stream.height = 96, 64
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        if codec not in ("libx264", "libx265"):
            stream.time_base = stream.codec_context.time_base = Fraction(1, 25)
        stream.codec_context.options = options or {}
        if matrix is not None:
            stream.set_display_matrix(matrix)
        for time in times:
            frame = VideoFrame.from_ndarray(chance.integers(0, 256, (64, 96, 3), np.uint8), format="rgb24")
            frame.pts, frame.time_base = round(time / stream.time_base), stream.time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def read(path: Path, threads: int | None = 1) -> list[float]:
    with read_frames(path, threads=threads) as frames:
        return [time for _, time, _ in frames]


def packets(path: Path) -> list[Any]:
    with av.open(str(path)) as container:
        return [packet for packet in container.demux(video=0) if packet.size]


def spoil(path: Path, rest: slice) -> None:
    """Overwrites what is in the units of some packets, so that none of their pictures can be decoded, and nothing else
    shows it: each is one unit."""
    content = bytearray(path.read_bytes())
    for packet in packets(path)[rest]:
        place = content.index(bytes(packet))
        content[place + 5 : place + packet.size] = bytes(packet.size - 5)
    path.write_bytes(content)


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
@pytest.mark.parametrize(("codec", "options"), PLAIN_CODECS)
@pytest.mark.parametrize("times", [STEADY, UNSTEADY, [time + 0.7 for time in UNSTEADY]])
def test_they_are_those_of_the_frames_to_the_bit(
    tmp_path: Path, times: list[float], codec: str, options: dict[str, str], suffix: str
) -> None:
    encode(tmp_path / f"a.{suffix}", times, codec, options)
    found = presentation_times(tmp_path / f"a.{suffix}")
    assert found.dtype == np.float64
    assert found.tolist() == read(tmp_path / f"a.{suffix}")
    assert len(found) == len(times)
    stored = [packet.pts for packet in packets(tmp_path / f"a.{suffix}")]
    assert stored != sorted(stored)  # not in the order in which they are shown


def test_a_single_picture_has_one_time(tmp_path: Path) -> None:
    encode(tmp_path / "a.mp4", [0.0], options=X264)
    assert presentation_times(tmp_path / "a.mp4").tolist() == read(tmp_path / "a.mp4") == [0.0]


@given(st.lists(st.floats(0.002, 0.5), min_size=6, max_size=30), st.sampled_from(PLAIN_CODECS))
def test_so_they_are_at_any_rate(
    tmp_path_factory: pytest.TempPathFactory, steps: list[float], codec: tuple[str, dict[str, str]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.mp4"
    encode(path, [0.0, *np.cumsum(steps).tolist()], *codec)
    assert presentation_times(path).tolist() == read(path)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize(("codec", "options"), PLAIN_CODECS)
def test_no_picture_after_the_first_is_decoded(
    tmp_path: Path, codec: str, options: dict[str, str], suffix: str
) -> None:
    encode(tmp_path / f"a.{suffix}", STEADY, codec, options)
    expected = read(tmp_path / f"a.{suffix}")
    one_unit = options | {"g": "999", "x265-params": options.get("x265-params", "").replace("keyint=12", "keyint=999")}
    encode(tmp_path / f"b.{suffix}", STEADY, codec, one_unit)
    spoil(tmp_path / f"b.{suffix}", slice(1, None))
    assert presentation_times(tmp_path / f"b.{suffix}").tolist() == expected
    assert len(read(tmp_path / f"b.{suffix}")) < len(expected)


def test_a_phone_held_upright_changes_no_time(tmp_path: Path) -> None:
    one = 1 << 16
    turned = [0, one, 0, -one, 0, 0, 64 * one, 0, 1 << 30]
    encode(tmp_path / "a.mp4", UNSTEADY, "libx265", X265, turned)
    assert read_video_info(tmp_path / "a.mp4").height == 96
    assert presentation_times(tmp_path / "a.mp4").tolist() == read(tmp_path / "a.mp4")


def with_edit_list(path: Path, media_time: int, duration: int) -> None:
    """Lets players begin at `media_time` of the file's clock, and show so many milliseconds."""
    content = bytearray(path.read_bytes())
    place = content.index(b"elst") + 4
    assert struct.unpack_from(">II", content, place) == (0, 1)  # one entry, numbers of 32 bits
    struct.pack_into(">Ii", content, place + 8, duration, media_time)
    path.write_bytes(content)


@pytest.mark.parametrize(("codec", "options"), PLAIN_CODECS)
@pytest.mark.parametrize("begin", [0.0, 0.04, 0.48, 0.52, 1.9])
@pytest.mark.parametrize("milliseconds", [60, 400, 3000])
def test_what_an_edit_list_leaves_out_is_left_out(
    tmp_path: Path, begin: float, milliseconds: int, codec: str, options: dict[str, str]
) -> None:
    path = tmp_path / "a.mp4"
    encode(path, STEADY, codec, options)
    earliest = packets(path)[0]
    with_edit_list(path, round(begin / earliest.time_base) - earliest.dts, milliseconds)
    found = presentation_times(path).tolist()
    assert found == read(path)
    assert 0 < len(found) < len(STEADY) or (begin == 0 and milliseconds == 3000)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize("after_key", [0, 1])
@pytest.mark.parametrize(("codec", "options"), PLAIN_CODECS)
def test_a_film_cut_out_of_another_has_the_times_of_what_can_be_shown(
    tmp_path: Path, codec: str, options: dict[str, str], after_key: int, suffix: str
) -> None:
    """It may begin with pictures that need others which are not there."""
    encode(tmp_path / "whole.mp4", STEADY, codec, options | {"flags": "-cgop"})
    second_key = [packet.is_keyframe for packet in packets(tmp_path / "whole.mp4")].index(True, 1)
    path = tmp_path / f"a.{suffix}"
    with av.open(str(tmp_path / "whole.mp4")) as whole, av.open(str(path), "w") as container:
        stream = container.add_stream_from_template(whole.streams.video[0])
        for packet in [packet for packet in whole.demux(video=0) if packet.size][second_key + after_key :]:
            packet.stream = stream
            container.mux(packet)
    found = presentation_times(path, threads=1).tolist()
    assert found == read(path)
    assert 0 < len(found) < len(STEADY)


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.ts", "libx264", X264),
        ("a.avi", "mjpeg", {}),
        ("a.mp4", "mpeg4", {"bf": "2"}),
        ("a.mkv", "libvpx", {"auto-alt-ref": "1", "lag-in-frames": "16"}),
        ("a.mp4", "libx264", X264 | {"x264-params": "tff=1"}),
        ("a.h264", "libx264", X264),
    ],
)
def test_other_videos_are_decoded(tmp_path: Path, name: str, codec: str, options: dict[str, str]) -> None:
    encode(tmp_path / name, STEADY, codec, options)
    decoded: list[int] = []
    found = presentation_times(tmp_path / name, on_frame=decoded.append)
    assert found.tolist() == read(tmp_path / name)
    assert decoded == list(range(1, len(STEADY) + 1))


@pytest.mark.parametrize("fill", [b"\0", b"\xff", b"\x65"])
@pytest.mark.parametrize(("codec", "options"), PLAIN_CODECS)
def test_lost_pieces_of_a_file_are_noticed(tmp_path: Path, codec: str, options: dict[str, str], fill: bytes) -> None:
    path = tmp_path / "a.mp4"
    encode(path, STEADY, codec, options)
    pieces = [(packet.pos, packet.size) for packet in packets(path)[20:24]]
    content = bytearray(path.read_bytes())
    for place, size in pieces:
        content[place : place + size] = fill * size
    path.write_bytes(content)
    found = presentation_times(path, threads=1).tolist()
    assert found == read(path)
    assert len(found) < len(STEADY)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_video_that_was_cut_off_has_the_times_of_what_is_left(tmp_path: Path, suffix: str) -> None:
    if suffix == "mp4":
        with FrameWriter(tmp_path / "whole.mp4", fps=25) as writer:  # the index stands in front
            for level in range(60):
                writer.write(np.random.default_rng(level).integers(0, 256, (64, 96, 3), np.uint8))
    else:
        encode(tmp_path / "whole.mkv", STEADY, options=X264)
    content = (tmp_path / f"whole.{suffix}").read_bytes()
    for part in range(4, 10):
        path = tmp_path / f"{part}.{suffix}"
        path.write_bytes(content[: len(content) * part // 10])
        found = presentation_times(path, threads=1).tolist()
        assert found == read(path)
        assert len(found) < 60


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"a letter")
    with pytest.raises(InputError, match=r"a\.mp4: not a video"):
        presentation_times(tmp_path / "a.mp4")
    encode(tmp_path / "b.mp4", STEADY, options=X264)
    spoil(tmp_path / "b.mp4", slice(None))
    with pytest.raises(InputError, match="no frame of the video can be decoded"):
        presentation_times(tmp_path / "b.mp4")
