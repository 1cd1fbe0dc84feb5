"""Real videos, made here by the encoders themselves, small."""

import hashlib
import os
import resource
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import numpy.typing as npt
import pytest
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from shared_libs.common.errors import InputError, OutputError
from shared_libs.common.video import FrameWriter, read_frames, read_video_info

Image = npt.NDArray[np.uint8]

# A corner of its own colour each: left top, right top, left bottom, right bottom.
CORNERS = ((220, 40, 40), (40, 200, 40), (40, 60, 220), (220, 210, 40))


def picture(width: int = 96, height: int = 64, level: int = 0) -> Image:
    image = np.empty((height, width, 3), np.uint8)
    for i, colour in enumerate(CORNERS):
        rows = slice(height // 2) if i < 2 else slice(height // 2, None)
        columns = slice(width // 2) if i % 2 == 0 else slice(width // 2, None)
        image[rows, columns] = colour
    image[height // 2 - 8 : height // 2 + 8, width // 2 - 8 : width // 2 + 8] = level
    return image


def corners(image: Image) -> list[int]:
    """Which of CORNERS stands in each corner."""
    height, width, _ = image.shape
    points = [(height // 4, width // 4), (height // 4, 3 * width // 4)]
    points += [(3 * height // 4, width // 4), (3 * height // 4, 3 * width // 4)]
    seen = [image[point].astype(int) for point in points]
    return [int(np.argmin([np.abs(colour - np.array(known)).sum() for known in CORNERS])) for colour in seen]


def level(image: Image) -> float:
    height, width, _ = image.shape
    return float(image[height // 2 - 3 : height // 2 + 3, width // 2 - 3 : width // 2 + 3].mean())


def encode(
    path: Path,
    times: list[float],
    *,
    codec: str = "libx264",
    matrix: list[int] | None = None,
    aspect: Fraction | None = None,
    audio: bool = False,
    format: str | None = None,
    options: dict[str, str] | None = None,
) -> None:
    """A video of `picture`s at given times, brighter in the middle from one to the next."""
    with av.open(str(path), "w", format=format, options=options or {}) as container:
        stream = cast(VideoStream, container.add_stream(codec, rate=25))
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        stream.codec_context.options = {"preset": "ultrafast", "x265-params": "log-level=none"}
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        if matrix is not None:
            stream.set_display_matrix(matrix)
        sound = container.add_stream("aac", rate=8000) if audio else None
        for i, time in enumerate(times):
            frame = VideoFrame.from_ndarray(picture(level=i * 240 // len(times)), format="rgb24")
            frame.pts, frame.time_base = round(time * 1000), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if sound is not None:
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 8000 * 4), np.float32), format="fltp", layout="mono")
            silence.sample_rate = 8000
            container.mux(sound.encode(silence))
            container.mux(sound.encode(None))


STEADY = [i / 25 for i in range(20)]
UNSTEADY = [0.0, 0.033, 0.1, 0.105, 0.4, 0.9, 0.95, 2.0]


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    with FrameWriter(tmp_path / "a.mp4", fps=25) as writer:
        for i in range(30):
            writer.write(picture(level=i * 8))
    reader = read_frames(tmp_path / "a.mp4")
    assert (reader.info.codec, reader.info.width, reader.info.height) == ("h264", 96, 64)
    assert (reader.info.frame_count, reader.info.duration, reader.info.average_rate) == (30, 1.2, 25)
    for i, (index, time, image) in enumerate(reader):
        assert index == i
        assert time == pytest.approx(i / 25, abs=1e-9)
        assert image.shape == (64, 96, 3)
        assert level(image) == pytest.approx(i * 8, abs=6)
        assert corners(image) == [0, 1, 2, 3]
    assert reader.frames_read == 30
    assert reader.ended_early is None
    assert reader.damaged == 0


def test_colours_survive_writing_and_reading(tmp_path: Path) -> None:
    image = np.zeros((64, 64, 3), np.uint8)
    image[:] = (200, 60, 30)
    with FrameWriter(tmp_path / "a.mp4", fps=25, quality=1) as writer:
        writer.write(image)
    _, _, again = next(read_frames(tmp_path / "a.mp4"))
    np.testing.assert_allclose(again[32, 32].astype(int), (200, 60, 30), atol=4)


def test_times_are_presentation_times_also_where_the_rate_varies(tmp_path: Path) -> None:
    with FrameWriter(tmp_path / "a.mp4") as writer:
        for time in UNSTEADY:
            writer.write(picture(), time=time)
    encode(tmp_path / "b.mp4", UNSTEADY)
    encode(tmp_path / "c.mkv", UNSTEADY)
    for name in ("a.mp4", "b.mp4", "c.mkv"):
        reader = read_frames(tmp_path / name)
        assert [time for _, time, _ in reader] == pytest.approx(UNSTEADY, abs=1e-3)
        assert reader.ended_early is None


def test_a_clock_that_starts_anywhere_is_set_to_zero(tmp_path: Path) -> None:
    encode(tmp_path / "a.ts", [time + 50 for time in STEADY], format="mpegts")
    assert [time for _, time, _ in read_frames(tmp_path / "a.ts")] == pytest.approx(STEADY, abs=1e-3)


ONE = 1 << 16
W = 1 << 30


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        ([ONE, 0, 0, 0, ONE, 0, 0, 0, W], [0, 1, 2, 3]),
        ([0, ONE, 0, -ONE, 0, 0, 64 * ONE, 0, W], [2, 0, 3, 1]),  # a phone held upright: a quarter turn clockwise
        ([-ONE, 0, 0, 0, -ONE, 0, 96 * ONE, 64 * ONE, W], [3, 2, 1, 0]),
        ([0, -ONE, 0, ONE, 0, 0, 0, 96 * ONE, W], [1, 3, 0, 2]),
        ([-ONE, 0, 0, 0, ONE, 0, 96 * ONE, 0, W], [1, 0, 3, 2]),  # a front camera's mirror
        ([ONE, 0, 0, 0, -ONE, 0, 0, 64 * ONE, W], [2, 3, 0, 1]),
        ([0, ONE, 0, ONE, 0, 0, 0, 0, W], [0, 2, 1, 3]),
    ],
)
def test_frames_and_sizes_are_as_displayed(tmp_path: Path, matrix: list[int], expected: list[int]) -> None:
    encode(tmp_path / "a.mp4", STEADY[:3], matrix=matrix)
    info = read_video_info(tmp_path / "a.mp4")
    turned = matrix[0] == 0
    assert (info.width, info.height) == ((64, 96) if turned else (96, 64))
    for _, _, image in read_frames(tmp_path / "a.mp4"):
        assert image.shape == (info.height, info.width, 3)
        assert image.flags.c_contiguous
        assert corners(image) == expected


def test_pixels_that_are_not_square_are_made_so(tmp_path: Path) -> None:
    encode(tmp_path / "wide.mp4", STEADY[:2], aspect=Fraction(4, 3))
    info = read_video_info(tmp_path / "wide.mp4")
    assert (info.width, info.height) == (128, 64)
    assert next(read_frames(tmp_path / "wide.mp4"))[2].shape == (64, 128, 3)
    encode(tmp_path / "tall.mp4", STEADY[:2], aspect=Fraction(1, 2))
    assert read_video_info(tmp_path / "tall.mp4").height == 128


def test_hevc_sound_and_odd_frames_are_no_matter(tmp_path: Path) -> None:
    encode(tmp_path / "a.mp4", STEADY, codec="libx265", audio=True)
    reader = read_frames(tmp_path / "a.mp4")
    assert reader.info.codec == "hevc"
    assert len(list(reader)) == len(STEADY)
    assert reader.ended_early is None


@pytest.mark.parametrize("name", ["cut.mp4", "cut.mkv", "cut.ts"])
def test_a_video_that_was_cut_off_gives_its_frames_and_then_says_so(tmp_path: Path, name: str) -> None:
    times = [i / 10 for i in range(100)]
    encode(tmp_path / f"whole-{name}", times, options={"movflags": "+faststart"})
    content = (tmp_path / f"whole-{name}").read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) * 3 // 5])
    reader = read_frames(tmp_path / name)
    read = [index for index, _, _ in reader]
    assert 5 < len(read) < 95
    assert read == list(range(len(read)))
    if name != "cut.ts":  # a transport stream does not say how long it should be
        assert reader.ended_early is not None
        of = " of 100" if name == "cut.mp4" else ""  # Matroska does not say how many there should be
        assert reader.ended_early.startswith(f"{len(read)}{of} frames were read, up to ")


def test_damage_in_the_middle_does_not_end_the_video(tmp_path: Path) -> None:
    encode(tmp_path / "a.mp4", [i / 25 for i in range(50)], codec="libx264")
    with av.open(str(tmp_path / "a.mp4")) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        spoiled = [(packet.pos or 0, packet.size) for packet in packets[20:24]]
    content = bytearray((tmp_path / "a.mp4").read_bytes())
    for position, size in spoiled:
        content[position : position + size] = b"\xff" * size
    (tmp_path / "a.mp4").write_bytes(content)
    reader = read_frames(tmp_path / "a.mp4", threads=1)
    times = [time for _, time, _ in reader]
    assert times[-1] == pytest.approx(49 / 25, abs=1e-3)
    assert reader.ended_early is None
    assert reader.damaged + len(times) == 50
    assert reader.damaged > 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"not a video at all, but a letter", "not a video that can be read"),
        (bytes(range(256)) * 64, "not a video that can be read"),
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nother.ts\n#EXT-X-ENDLIST\n", "not a video that can be read"),
        (b"ffconcat version 1.0\nfile other.mp4\n", "not a video that can be read"),
    ],
)
def test_what_is_no_video_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    encode(tmp_path / "other.mp4", STEADY[:3])
    (tmp_path / "other.ts").write_bytes((tmp_path / "other.mp4").read_bytes())
    (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        read_frames(tmp_path / "a.mp4")
    assert str(caught.value).startswith(f"{tmp_path}/a.mp4: ")


def test_a_video_without_its_index_is_refused(tmp_path: Path) -> None:
    encode(tmp_path / "a.mp4", STEADY)  # the index stands at the end
    content = (tmp_path / "a.mp4").read_bytes()
    (tmp_path / "b.mp4").write_bytes(content[: content.rindex(b"moov") - 4])
    with pytest.raises(InputError, match=r"not a video that can be read.*cut off"):
        read_video_info(tmp_path / "b.mp4")


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(InputError, match="holds no video"):
        read_frames(tmp_path / "a.mp4")


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_frames(tmp_path / "none.mp4")
    with pytest.raises(InputError, match="is a folder"):
        read_frames(tmp_path)


def test_names_that_mean_something_to_ffmpeg_are_only_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with FrameWriter("concat:a%03d.mp4", fps=25) as writer:
        writer.write(picture())
    assert os.listdir(tmp_path) == ["concat:a%03d.mp4"]
    assert read_video_info("concat:a%03d.mp4").frame_count == 1


def test_odd_sizes_are_filled_up_to_even_ones(tmp_path: Path) -> None:
    with FrameWriter(tmp_path / "a.mp4", fps=25) as writer:
        writer.write(picture(97, 63))
    _, _, image = next(read_frames(tmp_path / "a.mp4"))
    assert image.shape == (64, 98, 3)
    assert corners(image) == [0, 1, 2, 3]


def test_the_index_stands_before_the_pictures(tmp_path: Path) -> None:
    with FrameWriter(tmp_path / "a.mp4", fps=25) as writer:
        writer.write(picture())
    content = (tmp_path / "a.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_one_thread_writes_the_same_bytes_again(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        with FrameWriter(tmp_path / name, fps=Fraction(30000, 1001), threads=1) as writer:
            for i in range(5):
                writer.write(picture(level=i * 20))
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_writer_that_is_interrupted_leaves_the_old_file_alone(tmp_path: Path, error: type[BaseException]) -> None:
    (tmp_path / "a.mp4").write_text("old")
    with pytest.raises(error), FrameWriter(tmp_path / "a.mp4", fps=25) as writer:
        writer.write(picture())
        raise error
    assert (tmp_path / "a.mp4").read_text() == "old"
    assert os.listdir(tmp_path) == ["a.mp4"]


def test_a_writer_without_frames_makes_no_file(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no frames"), FrameWriter(tmp_path / "a.mp4", fps=25):
        pass
    assert os.listdir(tmp_path) == []


def test_a_writer_says_where_it_cannot_write(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="folder does not exist"):
        FrameWriter(tmp_path / "none" / "a.mp4", fps=25)
    with pytest.raises(OutputError, match="is a folder"):
        FrameWriter(tmp_path, fps=25)


def test_a_disk_that_fills_is_one_error_and_leaves_nothing(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (40, 64, 96, 3), np.uint8)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with (
            pytest.raises(OutputError, match=r"a\.mp4: "),
            FrameWriter(tmp_path / "a.mp4", fps=25, quality=1) as writer,
        ):
            for image in noise:
                writer.write(image)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ([(picture(), 0.0), (picture(), 0.0)], "times must rise"),
        ([(picture(), -1.0)], "times must rise"),
        ([(picture(), None)], "give each frame its time"),
        ([(picture(), 0.0), (picture(32, 32), 0.1)], "the first frame was"),
        ([(picture()[:, :, 0], 0.0)], "a frame is uint8"),
        ([(picture().astype(float), 0.0)], "a frame is uint8"),
    ],
)
def test_frames_that_do_not_fit_are_refused(tmp_path: Path, frames: list[Any], words: str) -> None:
    with pytest.raises(ValueError, match=words), FrameWriter(tmp_path / "a.mp4") as writer:
        for image, time in frames:
            writer.write(image, time=time)
    assert os.listdir(tmp_path) == []


def test_a_reader_can_be_left_early(tmp_path: Path) -> None:
    encode(tmp_path / "a.mp4", STEADY)
    with read_frames(tmp_path / "a.mp4") as reader:
        next(reader)
    assert reader.frames_read == 1
    assert reader.ended_early is None


def test_the_same_pictures_give_the_same_bytes_every_time(tmp_path: Path) -> None:
    """Small pictures, many times: x264's code for the newest processors has not always kept to that."""
    chance = np.random.default_rng(5)
    field = np.kron(chance.integers(40, 120, (60, 200, 3), np.uint8), np.ones((5, 5, 1), np.uint8))
    digests = set()
    for number in range(6):
        with FrameWriter(tmp_path / f"{number}.mp4", fps=25) as writer:
            for frame in range(60):
                writer.write(field[40:220, 2 * frame : 2 * frame + 320])
        digests.add(hashlib.sha256((tmp_path / f"{number}.mp4").read_bytes()).hexdigest())
    assert len(digests) == 1
