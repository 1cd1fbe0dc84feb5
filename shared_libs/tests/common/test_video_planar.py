"""A video's own planes: the same pictures as in RGB, without the way there."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
from av.video.frame import VideoFrame

from shared_libs.common.video import planar, read_frames, read_planar, split_planes

Image = npt.NDArray[np.uint8]

ONE, W = 1 << 16, 1 << 30
BT709, BT601, UNSPECIFIED, FULL_RANGE, LIMITED_RANGE = 1, 6, 2, 2, 1


def picture(width: int, height: int) -> Image:
    """Smooth colours, different in each corner."""
    across, down = np.linspace(0, 1, width), np.linspace(0, 1, height)[:, None]
    channels = (40 + 160 * across + 0 * down, 60 + 120 * down + 0 * across, 200 - 70 * across - 70 * down)
    return np.stack(channels, axis=2).astype(np.uint8)


def encode(
    path: Path,
    width: int,
    height: int,
    *,
    space: int = UNSPECIFIED,
    color_range: int = LIMITED_RANGE,
    pixels: str = "yuv420p",
    matrix: list[int] | None = None,
    aspect: Fraction | None = None,
) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, pixels
        stream.codec_context.options = {"preset": "ultrafast", "crf": "4"}
        stream.codec_context.colorspace, stream.codec_context.color_range = space, color_range
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        if matrix is not None:
            stream.set_display_matrix(matrix)
        for _ in range(2):
            frame = VideoFrame.from_ndarray(picture(width, height), format="rgb24").reformat(format=pixels)
            frame.colorspace, frame.color_range = space, color_range
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def rgb(planes: Image) -> Image:
    frame = VideoFrame.from_ndarray(planes, format="yuv420p")
    return np.asarray(frame.to_ndarray(format="rgb24", src_colorspace="ITU709"), np.uint8)


@pytest.mark.parametrize(
    ("width", "height", "options"),
    [
        (1280, 720, {}),
        (1280, 720, {"space": BT709}),
        (1280, 720, {"space": BT601}),
        (320, 180, {}),
        (320, 180, {"space": BT709}),
        (320, 180, {"space": BT709, "color_range": FULL_RANGE, "pixels": "yuvj420p"}),
        (320, 180, {"space": BT709, "pixels": "yuv444p"}),
        (321, 181, {"space": BT709, "pixels": "yuv444p"}),
        (320, 180, {"space": BT709, "aspect": Fraction(4, 3)}),
        (320, 180, {"space": BT709, "matrix": [0, ONE, 0, -ONE, 0, 0, 180 * ONE, 0, W]}),
        (320, 180, {"space": BT709, "matrix": [-ONE, 0, 0, 0, -ONE, 0, 320 * ONE, 180 * ONE, W]}),
        (320, 180, {"space": BT709, "matrix": [-ONE, 0, 0, 0, ONE, 0, 320 * ONE, 0, W]}),
        (320, 180, {"matrix": [0, -ONE, 0, ONE, 0, 0, 0, 320 * ONE, W]}),
    ],
)
def test_planes_show_what_rgb_shows(tmp_path: Path, width: int, height: int, options: dict[str, object]) -> None:
    encode(tmp_path / "a.mp4", width, height, **options)  # type: ignore[arg-type]
    with read_frames(tmp_path / "a.mp4") as colours, read_planar(tmp_path / "a.mp4") as reader:
        assert reader.info == colours.info
        for (index, time, image), (index_too, time_too, planes) in zip(colours, reader, strict=True):
            assert (index, time) == (index_too, time_too)
            even = np.pad(image, ((0, image.shape[0] % 2), (0, image.shape[1] % 2), (0, 0)), mode="edge")
            assert planes.shape == (even.shape[0] * 3 // 2, even.shape[1])
            assert planes.dtype == np.uint8
            assert planes.flags.c_contiguous
            assert planes.flags.writeable
            assert np.abs(rgb(planes).astype(int) - even).max() <= 6


def test_what_is_drawn_on_a_frame_does_not_show_in_the_next(tmp_path: Path) -> None:
    encode(tmp_path / "a.mp4", 1280, 720)
    undisturbed = [planes for _, _, planes in read_planar(tmp_path / "a.mp4")]
    for (_, _, planes), expected in zip(read_planar(tmp_path / "a.mp4"), undisturbed, strict=True):
        assert np.array_equal(planes, expected)
        planes[:] = 0


def test_planes_are_views_of_the_picture() -> None:
    planes = planar(picture(64, 32))
    luma, *chroma = split_planes(planes)
    assert (luma.shape, *(plane.shape for plane in chroma)) == ((32, 64), (16, 32), (16, 32))
    luma[:] = 235
    for plane in chroma:
        plane[:] = 128
    assert rgb(planes).min() >= 253


@pytest.mark.parametrize("space", [UNSPECIFIED, BT709])
def test_untagged_hd_has_the_colours_of_hd(tmp_path: Path, space: int) -> None:
    """Both files hold the same planes; of BT.601 the colours would be others."""
    shown = {}
    for name in (space, BT601):
        with av.open(str(tmp_path / f"{name}.mp4"), "w") as container:
            stream = container.add_stream("libx264", rate=25)
            stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
            stream.codec_context.colorspace = name
            planes = np.full((1080, 1280), 120, np.uint8)
            planes[720:900], planes[900:] = 90, 170
            container.mux(stream.encode(VideoFrame.from_ndarray(planes, format="yuv420p")))
            container.mux(stream.encode(None))
        shown[name] = next(read_frames(tmp_path / f"{name}.mp4"))[2][100, 100].astype(int)
    np.testing.assert_allclose(shown[space], (196, 106, 40), atol=2)
    assert np.abs(shown[space] - shown[BT601]).max() > 5
