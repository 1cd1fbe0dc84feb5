"""The brightness of real videos, made here by the encoders themselves, small."""

from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
import numpy.typing as npt
import pytest
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from shared_libs.common.errors import InputError
from shared_libs.common.video import read_frames, read_luma

Image = npt.NDArray[np.uint8]

WIDTH, HEIGHT = 192, 128
# A corner of its own grey each: left top, right top, left bottom, right bottom.
CORNERS = (40, 90, 150, 220)


def picture(middle: int = 0) -> Image:
    image = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    for i, grey in enumerate(CORNERS):
        rows = slice(HEIGHT // 2) if i < 2 else slice(HEIGHT // 2, None)
        columns = slice(WIDTH // 2) if i % 2 == 0 else slice(WIDTH // 2, None)
        image[rows, columns] = grey
    image[HEIGHT // 2 - 16 : HEIGHT // 2 + 16, WIDTH // 2 - 16 : WIDTH // 2 + 16] = middle
    return image


def encode(
    path: Path,
    times: list[float],
    *,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    matrix: list[int] | None = None,
    aspect: Fraction | None = None,
    noise: bool = False,
    options: dict[str, str] | None = None,
) -> None:
    """A video of `picture`s at given times, brighter in the middle from one to the next."""
    random = np.random.default_rng(0)
    with av.open(str(path), "w", options=options or {}) as container:
        stream = cast(VideoStream, container.add_stream(codec, rate=25))
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, pixels
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        stream.codec_context.options = {"preset": "ultrafast", "x265-params": "log-level=none"}
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        if matrix is not None:
            stream.set_display_matrix(matrix)
        for i, time in enumerate(times):
            image = picture(i * 240 // len(times))
            if noise:
                image = random.integers(0, 256, image.shape, np.uint8)
            frame = VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = round(time * 1000), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def corners(image: Image) -> list[int]:
    """Which of CORNERS is nearest in each corner."""
    height, width = image.shape
    points = [(height // 4, width // 4), (height // 4, 3 * width // 4)]
    points += [(3 * height // 4, width // 4), (3 * height // 4, 3 * width // 4)]
    return [int(np.argmin(np.abs(np.array(CORNERS) - int(image[point])))) for point in points]


def middle(image: Image) -> float:
    height, width = image.shape
    return float(image[height // 2 - 2 : height // 2 + 2, width // 2 - 2 : width // 2 + 2].mean())


STEADY = [i / 25 for i in range(20)]
UNSTEADY = [0.0, 0.033, 0.1, 0.105, 0.4, 0.9, 0.95, 2.0]


@pytest.mark.parametrize(
    ("codec", "pixels"),
    [
        ("libx264", "yuv420p"),
        ("libx264", "yuvj420p"),
        ("libx264", "yuv444p"),
        ("libx264", "yuv422p10le"),
        ("libx265", "yuv420p"),
        ("libx265", "yuv420p10le"),
        ("ffv1", "bgr0"),
        ("ffv1", "gray"),
    ],
)
def test_brightness_is_that_of_the_colours_in_any_pixel_format(tmp_path: Path, codec: str, pixels: str) -> None:
    encode(tmp_path / "a.mkv", STEADY, codec=codec, pixels=pixels)
    with read_luma(tmp_path / "a.mkv", 96) as reader:
        assert (reader.info.width, reader.info.height) == (WIDTH, HEIGHT)
        frames = list(reader)
    assert reader.ended_early is None
    assert reader.damaged == 0
    assert [index for index, _, _ in frames] == list(range(20))
    assert [time for _, time, _ in frames] == pytest.approx(STEADY, abs=1e-3)
    for index, _, luma in frames:
        assert luma.shape == (64, 96)
        assert luma.dtype == np.uint8
        assert luma.flags.c_contiguous
        assert corners(luma) == [0, 1, 2, 3]
        assert middle(luma) == pytest.approx(index * 12, abs=8)


@pytest.mark.parametrize(
    ("longest", "shape"), [(1000, (128, 192)), (192, (128, 192)), (191, (127, 191)), (60, (40, 60)), (1, (1, 1))]
)
def test_it_is_reduced_to_the_longest_side_and_never_enlarged(
    tmp_path: Path, longest: int, shape: tuple[int, int]
) -> None:
    encode(tmp_path / "a.mp4", STEADY[:2])
    assert next(read_luma(tmp_path / "a.mp4", longest))[2].shape == shape


def test_a_reduced_pixel_is_the_mean_of_those_it_stands_for(tmp_path: Path) -> None:
    encode(tmp_path / "a.mkv", STEADY[:1], codec="ffv1", pixels="gray", noise=True)
    full = next(read_luma(tmp_path / "a.mkv", WIDTH))[2].astype(float)
    small = next(read_luma(tmp_path / "a.mkv", WIDTH // 4))[2].astype(float)
    expected = full.reshape(HEIGHT // 4, 4, WIDTH // 4, 4).mean((1, 3))
    assert full.std() > 40
    # Away from the border: there FFmpeg counts what lies just outside too.
    np.testing.assert_allclose(small[1:-1, 1:-1], expected[1:-1, 1:-1], atol=2)


ONE = 1 << 16
W = 1 << 30


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        ([ONE, 0, 0, 0, ONE, 0, 0, 0, W], [0, 1, 2, 3]),
        ([0, ONE, 0, -ONE, 0, 0, HEIGHT * ONE, 0, W], [2, 0, 3, 1]),  # a phone held upright
        ([-ONE, 0, 0, 0, -ONE, 0, WIDTH * ONE, HEIGHT * ONE, W], [3, 2, 1, 0]),
        ([0, -ONE, 0, ONE, 0, 0, 0, WIDTH * ONE, W], [1, 3, 0, 2]),
        ([-ONE, 0, 0, 0, ONE, 0, WIDTH * ONE, 0, W], [1, 0, 3, 2]),  # a front camera's mirror
        ([0, ONE, 0, ONE, 0, 0, 0, 0, W], [0, 2, 1, 3]),
    ],
)
def test_it_is_as_displayed(tmp_path: Path, matrix: list[int], expected: list[int]) -> None:
    encode(tmp_path / "a.mp4", STEADY[:3], matrix=matrix)
    reader = read_luma(tmp_path / "a.mp4", 96)
    turned = matrix[0] == 0
    assert (reader.info.width, reader.info.height) == ((HEIGHT, WIDTH) if turned else (WIDTH, HEIGHT))
    for _, _, luma in reader:
        assert luma.shape == ((96, 64) if turned else (64, 96))
        assert luma.flags.c_contiguous
        assert corners(luma) == expected


def test_pixels_that_are_not_square_are_made_so(tmp_path: Path) -> None:
    encode(tmp_path / "wide.mp4", STEADY[:2], aspect=Fraction(4, 3))
    reader = read_luma(tmp_path / "wide.mp4", 128)
    assert (reader.info.width, reader.info.height) == (256, 128)
    luma = next(reader)[2]
    assert luma.shape == (64, 128)
    assert corners(luma) == [0, 1, 2, 3]


def test_times_are_presentation_times(tmp_path: Path) -> None:
    encode(tmp_path / "a.mp4", UNSTEADY)
    assert [time for _, time, _ in read_luma(tmp_path / "a.mp4", 96)] == pytest.approx(UNSTEADY, abs=1e-3)


@pytest.mark.parametrize("name", ["cut.mp4", "cut.mkv", "cut.ts"])
def test_a_broken_tail_is_reported_as_read_frames_does(tmp_path: Path, name: str) -> None:
    encode(tmp_path / f"whole-{name}", [i / 10 for i in range(100)], options={"movflags": "+faststart"})
    content = (tmp_path / f"whole-{name}").read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) * 3 // 5])
    luma, frames = read_luma(tmp_path / name, 96), read_frames(tmp_path / name)
    read = [(index, time) for index, time, _ in luma]
    assert 5 < len(read) < 95
    assert read == [(index, time) for index, time, _ in frames]
    assert (luma.ended_early, luma.damaged) == (frames.ended_early, frames.damaged)
    if name != "cut.ts":  # a transport stream does not say how long it should be
        assert luma.ended_early is not None


def test_damage_in_the_middle_does_not_end_it(tmp_path: Path) -> None:
    encode(tmp_path / "a.mp4", [i / 25 for i in range(50)])
    with av.open(str(tmp_path / "a.mp4")) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        spoiled = [(packet.pos or 0, packet.size) for packet in packets[20:24]]
    content = bytearray((tmp_path / "a.mp4").read_bytes())
    for position, size in spoiled:
        content[position : position + size] = b"\xff" * size
    (tmp_path / "a.mp4").write_bytes(content)
    reader = read_luma(tmp_path / "a.mp4", 96, threads=1)
    times = [time for _, time, _ in reader]
    assert times[-1] == pytest.approx(49 / 25, abs=1e-3)
    assert reader.ended_early is None
    assert reader.damaged > 0


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_the_same_file_gives_the_same_pixels_with_any_number_of_threads(tmp_path: Path, codec: str) -> None:
    encode(tmp_path / "a.mp4", STEADY, codec=codec, noise=True)
    once = [luma for _, _, luma in read_luma(tmp_path / "a.mp4", 96, threads=1)]
    for threads in (None, 2, 4):
        again = [luma for _, _, luma in read_luma(tmp_path / "a.mp4", 96, threads=threads)]
        assert len(again) == len(once) == 20
        assert all(np.array_equal(one, other) for one, other in zip(once, again, strict=True))


@pytest.mark.parametrize("passed", [0, 1, 7, 19])
def test_frames_can_be_skipped(tmp_path: Path, passed: int) -> None:
    encode(tmp_path / "a.mp4", STEADY, noise=True)
    whole = list(read_luma(tmp_path / "a.mp4", 96))
    reader = read_luma(tmp_path / "a.mp4", 96)
    assert reader.skip(passed) == passed
    rest = list(reader)
    assert [(index, time) for index, time, _ in rest] == [(index, time) for index, time, _ in whole[passed:]]
    assert all(np.array_equal(one[2], other[2]) for one, other in zip(rest, whole[passed:], strict=True))
    assert reader.ended_early is None


def test_skipping_ends_with_the_film(tmp_path: Path) -> None:
    encode(tmp_path / "a.mp4", STEADY)
    reader = read_luma(tmp_path / "a.mp4", 96)
    assert reader.skip(100) == 20
    assert list(reader) == []
    assert (reader.frames_read, reader.ended_early) == (20, None)


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("a letter")
    with pytest.raises(InputError, match="not a video that can be read"):
        read_luma(tmp_path / "a.mp4", 96)
    with pytest.raises(InputError, match="no such file"):
        read_luma(tmp_path / "none.mp4", 96)
    with pytest.raises(ValueError, match="longest_side"):
        read_luma(tmp_path / "none.mp4", 0)
