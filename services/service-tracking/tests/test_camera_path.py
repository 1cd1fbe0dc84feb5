"""The camera through whole films: against the sample clip's own camera, and through everything that films do."""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
import numpy.typing as npt
import pytest
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from sample.clip import make_clip
from sample.settings import Settings
from shared_libs.common.detections import Detections, read_detections
from shared_libs.common.errors import InputError
from tracking.camera import CameraState, Reason
from tracking.camera_path import CameraPath, camera_path, follow_camera
from tracking.camera_settings import CameraSettings

Floats = npt.NDArray[np.float64]

WIDTH, HEIGHT = 640, 360
PAN = 6
"""Pixels to the right and a third of it down in every frame of `film`."""


@dataclass(frozen=True)
class Clip:
    video: Path
    detections: Detections
    homography: Floats
    """(n, 3, 3): field to the middles of pixels."""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    folder = tmp_path_factory.mktemp("clip") / "clip"
    make_clip(Settings(seconds=2.4, width=WIDTH, height=HEIGHT, fps=25, seed=4), folder)
    document = json.loads((folder / "truth.json").read_text())
    homography = np.array([frame["homography"] for frame in document["camera"]["frames"]])
    return Clip(folder / "clip.mp4", read_detections(folder / "det" / "det.txt"), homography)


@pytest.fixture(scope="module")
def path(clip: Clip) -> CameraPath:
    return camera_path(clip.video, clip.detections)


def carried(homography: Floats, start: int, end: int, points: Floats) -> Floats:
    """Where pixels (n, 2) of one frame are in another, by the truth; the camera turns and zooms in one place."""
    between = homography[end] @ np.linalg.inv(homography[start])
    there = np.column_stack([points - 0.5, np.ones(len(points))]) @ between.T
    return np.asarray(there[:, :2] / there[:, 2:] + 0.5)


def moved(transform: Floats, points: Floats) -> Floats:
    return points @ transform[:, :2].T + transform[:, 2]


def test_every_frame_of_the_sample_clip_is_within_half_a_pixel(clip: Clip, path: CameraPath) -> None:
    assert path.transform.shape == (60, 2, 3)
    assert path.reason.tolist() == [Reason.FIRST_FRAME] + [Reason.MEASURED] * 59
    grid = np.array([[x, y] for x in np.linspace(0, WIDTH, 9) for y in np.linspace(0, HEIGHT, 7)])
    errors = []
    for frame in range(1, 60):
        off = moved(path.transform[frame], grid) - carried(clip.homography, frame - 1, frame, grid)
        errors.append(np.linalg.norm(off, axis=1).mean())
    assert max(errors) < 0.5
    assert np.mean(errors) < 0.25


def test_over_the_sample_clip_errors_do_not_add_up(clip: Clip, path: CameraPath) -> None:
    """All transforms put together carry points of the first frame to where they are in the last."""
    points = np.array([[WIDTH * x, HEIGHT * y] for x in (0.4, 0.6) for y in (0.4, 0.7)])
    here = points
    for transform in path.transform[1:]:
        here = moved(transform, here)
    expected = carried(clip.homography, 0, 59, points)
    assert np.linalg.norm(expected - points, axis=1).min() > 50, "the clip's camera must move for this to say anything"
    assert np.linalg.norm(here - expected, axis=1).max() < 8


def test_without_boxes_the_camera_is_found_as_well(clip: Clip, path: CameraPath) -> None:
    without = camera_path(clip.video)
    assert without.reason.tolist() == path.reason.tolist()
    assert np.abs(without.transform - path.transform)[:, :, 2].max() < 1.0


def test_progress_counts_frames(clip: Clip) -> None:
    done: list[int] = []
    camera_path(clip.video, on_frame=done.append)
    assert done == list(range(1, 61))


def test_the_same_film_gives_the_same_path_with_any_number_of_threads(clip: Clip, path: CameraPath) -> None:
    for threads in (1, 3):
        again = camera_path(clip.video, clip.detections, threads=threads)
        assert np.array_equal(again.transform, path.transform)
        assert np.array_equal(again.reason, path.reason)


@pytest.mark.parametrize("start", [0, 1, 2, 25, 58, 59])
def test_a_run_that_was_interrupted_goes_on_with_the_same_path(
    clip: Clip, path: CameraPath, start: int, tmp_path: Path
) -> None:
    with follow_camera(clip.video, clip.detections) as follower:
        for _, _ in zip(range(start), follower, strict=False):
            pass
        np.savez(tmp_path / "state.npz", **follower.state().arrays())  # type: ignore[arg-type]
    with np.load(tmp_path / "state.npz", allow_pickle=False) as arrays:
        state = CameraState.from_arrays(arrays)
    assert state.frames == start
    with follow_camera(clip.video, clip.detections, state=state) as follower:
        rest = list(follower)
        assert follower.state().frames == 60
    assert [step.frame for step in rest] == list(range(start, 60))
    for step in rest:
        assert step.time == path.time[step.frame]
        assert step.reason == path.reason[step.frame]
        assert np.array_equal(step.transform, path.transform[step.frame])


def test_a_state_at_the_end_leaves_nothing_to_do(clip: Clip) -> None:
    with follow_camera(clip.video) as follower:
        assert len(list(follower)) == 60
        state = follower.state()
    with follow_camera(clip.video, state=state) as follower:
        assert list(follower) == []
        assert follower.ended_early is None


def film(
    path: Path,
    times: list[float],
    *,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    matrix: list[int] | None = None,
    aspect: Fraction | None = None,
) -> None:
    """A pan over a textured wall, `PAN` coded pixels a frame, at the given times."""
    random = np.random.default_rng(1)
    wall = np.full((1000, 1600), 120, np.float32)
    for count, strength in ((20, 30), (100, 20), (300, 12)):
        cells = random.standard_normal((count, count)).astype(np.float32)
        wall += strength * cv2.resize(cells, wall.shape[::-1], interpolation=cv2.INTER_CUBIC)
    with av.open(str(path), "w") as container:
        stream = cast(VideoStream, container.add_stream(codec, rate=25))
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, pixels
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        stream.codec_context.options = {"preset": "ultrafast", "crf": "12", "x265-params": "log-level=none"}
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        if matrix is not None:
            stream.set_display_matrix(matrix)
        for number, time in enumerate(times):
            left, top = 600 - PAN * number, 300 - PAN * number // 3
            part = wall[top : top + HEIGHT, left : left + WIDTH].clip(0, 255).astype(np.uint8)
            frame = VideoFrame.from_ndarray(np.repeat(part[:, :, None], 3, 2), format="rgb24")
            frame.pts, frame.time_base = round(time * 1000), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


STEADY = [number / 25 for number in range(10)]
UNSTEADY = [0.0, 0.033, 0.1, 0.105, 0.4, 0.9, 0.95, 2.0, 2.04, 2.5]
ONE = 1 << 16


@pytest.mark.parametrize(
    ("codec", "pixels"), [("libx264", "yuv420p"), ("libx265", "yuv420p"), ("libx265", "yuv420p10le")]
)
@pytest.mark.parametrize("times", [STEADY, UNSTEADY])
def test_frame_rate_and_codec_are_no_matter(tmp_path: Path, codec: str, pixels: str, times: list[float]) -> None:
    film(tmp_path / "a.mp4", times, codec=codec, pixels=pixels)
    path = camera_path(tmp_path / "a.mp4")
    assert path.time == pytest.approx(times, abs=1e-3)
    assert path.reason.tolist() == [Reason.FIRST_FRAME] + [Reason.MEASURED] * 9
    middle = np.array([[WIDTH / 2, HEIGHT / 2]])
    for transform in path.transform[1:]:
        np.testing.assert_allclose(moved(transform, middle) - middle, [[PAN, PAN / 3]], atol=0.3)


def test_motion_is_that_of_the_displayed_picture(tmp_path: Path) -> None:
    """A phone held upright: what moves right and down in the file moves down and left on the screen."""
    film(tmp_path / "a.mp4", STEADY, matrix=[0, ONE, 0, -ONE, 0, 0, HEIGHT * ONE, 0, 1 << 30])
    path = camera_path(tmp_path / "a.mp4")
    middle = np.array([[HEIGHT / 2, WIDTH / 2]])
    for transform in path.transform[1:]:
        np.testing.assert_allclose(moved(transform, middle) - middle, [[-PAN / 3, PAN]], atol=0.3)


def test_pixels_that_are_not_square_move_as_displayed(tmp_path: Path) -> None:
    film(tmp_path / "a.mp4", STEADY, aspect=Fraction(2, 1))
    path = camera_path(tmp_path / "a.mp4")
    middle = np.array([[WIDTH, HEIGHT / 2]])
    for transform in path.transform[1:]:
        np.testing.assert_allclose(moved(transform, middle) - middle, [[2 * PAN, PAN / 3]], atol=0.6)


def test_a_film_that_breaks_off_is_followed_as_far_as_it_goes(tmp_path: Path) -> None:
    film(tmp_path / "a.mkv", [number / 5 for number in range(40)])
    whole = camera_path(tmp_path / "a.mkv")
    assert whole.ended_early is None
    content = (tmp_path / "a.mkv").read_bytes()
    (tmp_path / "b.mkv").write_bytes(content[: len(content) // 2])
    path = camera_path(tmp_path / "b.mkv")
    assert 5 < len(path.transform) < 35
    assert path.ended_early is not None
    assert path.ended_early.startswith(f"{len(path.transform)} frames were read")
    assert np.array_equal(path.transform[:-1], whole.transform[: len(path.transform) - 1])


def test_boxes_of_unsure_detections_hide_nothing(tmp_path: Path) -> None:
    film(tmp_path / "a.mp4", STEADY)
    everywhere = [[0, 0, WIDTH, HEIGHT]] * 6  # and none for the last frames
    for score, expected in ((0.9, Reason.TOO_FEW_FEATURES), (0.1, Reason.MEASURED)):
        detections = Detections.from_arrays(range(6), everywhere, [score] * 6, [0] * 6)
        path = camera_path(tmp_path / "a.mp4", detections, CameraSettings(least_score=0.3))
        assert set(path.reason[1:6].tolist()) == {expected}
        assert path.reason[8] == Reason.MEASURED


def test_what_is_no_film_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("a letter")
    with pytest.raises(InputError, match="not a video"):
        camera_path(tmp_path / "a.mp4")
    with pytest.raises(InputError, match="no such file"):
        follow_camera(tmp_path / "none.mp4")


def test_a_state_of_another_size_is_refused(tmp_path: Path, clip: Clip) -> None:
    with follow_camera(clip.video) as follower:
        next(follower)
        state = follower.state()
    film(tmp_path / "a.mp4", STEADY, aspect=Fraction(2, 1))
    with follow_camera(tmp_path / "a.mp4", state=state) as follower, pytest.raises(ValueError, match="luma before"):
        next(follower)
