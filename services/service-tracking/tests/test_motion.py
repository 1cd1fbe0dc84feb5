"""The motion detector over whole films: against the sample clip's truth, and through everything that films do."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import cv2
import numpy as np
import numpy.typing as npt
import pytest
from av.video.frame import VideoFrame
from scipy.optimize import linear_sum_assignment

from sample.clip import make_clip
from sample.settings import Settings
from shared_libs.common.detections import Detections
from shared_libs.common.errors import InputError
from shared_libs.common.tracks import read_tracks
from tracking.camera_path import camera_path
from tracking.checkpoint import Checkpoint, Watcher
from tracking.detectors import motion, motion_background, motion_cover, motion_foreground
from tracking.detectors.motion import detect_motion

Floats = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

WIDTH, HEIGHT, FPS = 320, 180, 25
TALL, WIDE = 36, 12
"""Of the people in the drawn films, in pixels."""


class Walker:
    """Somebody who walks over the field: the middle of the feet in the scene, (x, y), at a frame."""

    def __init__(self, x: float, y: float, speed: float, colour: tuple[int, int, int] = (40, 50, 160)) -> None:
        self.x, self.y, self.speed, self.colour = x, y, speed, colour

    def box(self, frame: int) -> Floats:
        middle = self.x + self.speed * frame
        return np.array([middle - WIDE / 2, self.y - TALL, middle + WIDE / 2, self.y])


def scene(seed: int = 1) -> Image:
    """A field, RGB, with lines and a stand above it, larger than the picture of the film."""
    random = np.random.default_rng(seed)
    light = np.ones((300, 900), np.float32)
    for grain, strength in ((3, 0.03), (12, 0.05), (60, 0.06)):
        noise = random.standard_normal((300 // grain + 2, 900 // grain + 2)).astype(np.float32)
        light += strength * cv2.resize(noise, (900, 300), interpolation=cv2.INTER_CUBIC)
    picture = light[..., None] * np.array([92, 148, 70], np.float32)
    picture[:70] = cv2.resize(random.uniform(40, 220, (12, 150, 3)).astype(np.float32), (900, 70))
    picture[120:122] = picture[:, 300:302] = picture[:, 600:602] = 235
    return np.asarray(picture.clip(0, 255), np.uint8)


def drawn(background: Image, left: int, top: int, walkers: list[Walker], frame: int) -> Image:
    """The picture of a frame: the part of the scene at `left`, `top`, with its people."""
    picture = background.copy()
    for walker in walkers:
        x0, y0, x1, y1 = walker.box(frame).round().astype(int).tolist()
        cv2.rectangle(picture, (x0, y0 + 8), (x1 - 1, y1 - 1), walker.colour, -1)
        cv2.ellipse(picture, ((x0 + x1) // 2, y0 + 5), (5, 5), 0, 0, 360, (220, 180, 150), -1)
    return np.ascontiguousarray(picture[top : top + HEIGHT, left : left + WIDTH])


def write_film(path: Path, pictures: list[Image], *, matrix: list[int] | None = None) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.options = {"preset": "veryfast", "crf": "16", "threads": "1"}
        if matrix is not None:
            stream.set_display_matrix(matrix)
        for number, picture in enumerate(pictures):
            frame = VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def found_in(video: Path, folder: Path, watcher: Watcher | None = None) -> Detections:
    return detect_motion(video, camera_path(video), saved_in(folder), watcher or Watcher())


def saved_in(folder: Path) -> Checkpoint:
    folder.mkdir(exist_ok=True)
    return Checkpoint(folder, {"of": "this"})


def pairs(boxes: Floats, truth: Floats) -> int:
    """How many can be matched one to one with an overlap of a half."""
    low, high = np.maximum(boxes[:, None, :2], truth[None, :, :2]), np.minimum(boxes[:, None, 2:], truth[None, :, 2:])
    both = np.clip(high - low, 0, None).prod(-1)
    sizes = [(each[:, 2:] - each[:, :2]).prod(1) for each in (boxes, truth)]
    good = both / (sizes[0][:, None] + sizes[1][None] - both) >= 0.5
    rows, columns = linear_sum_assignment(good, maximize=True)
    return int(good[rows, columns].sum())


def rates(detections: Detections, truth: Callable[[int], Floats], frames: range) -> tuple[float, float]:
    """Recall and precision over some frames; truth: the boxes (n, 4) of a frame."""
    matched = wanted = given = 0
    for frame in frames:
        boxes = detections.xyxy[detections.frame == frame].astype(np.float64)
        expected = truth(frame)
        matched += pairs(boxes, expected) if len(boxes) and len(expected) else 0
        wanted, given = wanted + len(expected), given + len(boxes)
    return matched / max(wanted, 1), matched / max(given, 1)


def boxes_seen(walkers: list[Walker], frame: int, left: float = 0, top: float = 0) -> Floats:
    boxes = np.array([walker.box(frame) for walker in walkers]) - (left, top, left, top)
    clipped = boxes.clip(0, (WIDTH, HEIGHT, WIDTH, HEIGHT))
    inside = (clipped[:, 2:] - clipped[:, :2]).clip(0, None).prod(1) > 0.1 * WIDE * TALL
    return np.asarray(clipped[inside], np.float64)


WALKERS = [Walker(30, 140, 2.2), Walker(280, 160, -2.5, (230, 230, 235)), Walker(150, 115, 1.8, (170, 30, 40))]


def test_people_of_the_sample_clip_are_found(tmp_path: Path) -> None:
    make_clip(Settings(seconds=2.4, width=640, height=360, seed=4), tmp_path / "clip")
    truth = read_tracks(tmp_path / "clip" / "gt" / "gt.txt")
    detections = found_in(tmp_path / "clip" / "clip.mp4", tmp_path / "work")
    assert detections.frame_count == 60
    assert set(detections.class_id.tolist()) == {0}
    assert detections.score.min() > 0
    assert detections.score.max() <= 1
    recall, precision = rates(detections, lambda frame: truth.xyxy[truth.frame == frame].astype(float), range(60))
    assert recall > 0.7
    assert precision > 0.7
    sure = detections.score >= 0.6
    kept = Detections.from_arrays(
        detections.frame[sure], detections.xyxy[sure], detections.score[sure], detections.class_id[sure], 60
    )
    _, precision_of_sure = rates(kept, lambda frame: truth.xyxy[truth.frame == frame].astype(float), range(60))
    assert precision_of_sure > precision


def test_a_camera_that_does_not_move_sees_who_walks(tmp_path: Path) -> None:
    background = scene()
    write_film(tmp_path / "a.mp4", [drawn(background, 0, 0, WALKERS, frame) for frame in range(60)])
    detections = found_in(tmp_path / "a.mp4", tmp_path / "work")
    recall, precision = rates(detections, lambda frame: boxes_seen(WALKERS, frame), range(60))
    assert recall > 0.85
    assert precision > 0.85


@pytest.mark.parametrize("pan", [0, 3])
def test_where_nobody_moves_nobody_is_found(tmp_path: Path, pan: int) -> None:
    background = scene()
    write_film(tmp_path / "a.mp4", [drawn(background, pan * frame, 0, [], frame) for frame in range(50)])
    detections = found_in(tmp_path / "a.mp4", tmp_path / "work")
    assert len(detections) == 0
    assert detections.frame_count == 50


def test_a_film_without_texture_has_nobody(tmp_path: Path) -> None:
    write_film(tmp_path / "a.mp4", [np.full((HEIGHT, WIDTH, 3), 30 + frame, np.uint8) for frame in range(12)])
    assert len(found_in(tmp_path / "a.mp4", tmp_path / "work")) == 0


def panned(frames: range, walkers: list[Walker]) -> list[Image]:
    background = scene()
    return [drawn(background, 4 * frame, frame // 4, walkers, frame) for frame in frames]


PANNED = [Walker(60, 140, 4.5), Walker(480, 165, 1.5, (230, 230, 235)), Walker(250, 115, 5.8, (170, 30, 40))]


def test_a_camera_that_pans_sees_who_walks(tmp_path: Path) -> None:
    write_film(tmp_path / "a.mp4", panned(range(75), PANNED))
    detections = found_in(tmp_path / "a.mp4", tmp_path / "work")
    recall, precision = rates(detections, lambda frame: boxes_seen(PANNED, frame, 4 * frame, frame // 4), range(75))
    assert recall > 0.85
    assert precision > 0.85


def test_who_stands_in_most_of_what_is_compared_is_found_on_the_field(tmp_path: Path) -> None:
    class Stander(Walker):
        def box(self, frame: int) -> Floats:
            gone = max(0, frame - 32)
            return np.asarray(super().box(0) + np.array([5.0, 0, 5, 0]) * gone)

    people = [Stander(200, 160, 0), *WALKERS]
    background = scene()
    write_film(tmp_path / "a.mp4", [drawn(background, 0, 0, people, frame) for frame in range(75)])
    detections = found_in(tmp_path / "a.mp4", tmp_path / "work")
    recall, _ = rates(detections, lambda frame: boxes_seen(people[:1], frame), range(32))
    assert recall > 0.8


def test_what_is_laid_over_the_picture_is_nobody(tmp_path: Path) -> None:
    pictures = panned(range(75), PANNED)
    for picture in pictures:
        cv2.rectangle(picture, (20, 130), (33, 165), (250, 240, 30), -1)
    write_film(tmp_path / "a.mp4", pictures)
    detections = found_in(tmp_path / "a.mp4", tmp_path / "work")
    logo = np.array([[20.0, 130, 34, 166]])
    assert rates(detections, lambda frame: logo, range(75))[0] < 0.1
    assert rates(detections, lambda frame: boxes_seen(PANNED, frame, 4 * frame, frame // 4), range(75))[0] > 0.7


def test_shadows_are_left_out_of_boxes(tmp_path: Path) -> None:
    background = scene()
    pictures = []
    for frame in range(60):
        shaded = background.astype(np.float32)
        for walker in WALKERS:
            _, _, right, bottom = walker.box(frame).round().astype(int).tolist()
            shaded[bottom - 10 : bottom, right : right + 30] *= 0.65
        pictures.append(drawn(shaded.astype(np.uint8), 0, 0, WALKERS, frame))
    write_film(tmp_path / "a.mp4", pictures)
    detections = found_in(tmp_path / "a.mp4", tmp_path / "work")
    recall, precision = rates(detections, lambda frame: boxes_seen(WALKERS, frame), range(60))
    assert recall > 0.85
    assert precision > 0.85


def test_after_a_cut_the_background_is_another(tmp_path: Path) -> None:
    first, second = scene(1), scene(2)[:, ::-1]
    later = [Walker(60, 150, 2.0), Walker(250, 130, -2.2, (230, 200, 40))]
    pictures = [drawn(first, 0, 0, WALKERS, frame) for frame in range(40)]
    pictures += [drawn(second, 500, 100, [], frame) for frame in range(40)]
    pictures[40:] = [drawn(np.roll(second, -500, 1), 0, 0, later, frame) for frame in range(40)]
    write_film(tmp_path / "a.mp4", pictures)
    detections = found_in(tmp_path / "a.mp4", tmp_path / "work")
    before = rates(detections, lambda frame: boxes_seen(WALKERS, frame), range(40))
    after = rates(detections, lambda frame: boxes_seen(later, frame - 40), range(40, 80))
    assert min(before + after) > 0.75


def test_boxes_are_those_of_the_displayed_picture(tmp_path: Path) -> None:
    """A phone held upright: the file's rows are the screen's columns."""
    upright = [drawn(scene(), 0, 0, WALKERS, frame) for frame in range(50)]
    lying = [np.ascontiguousarray(np.rot90(picture)) for picture in upright]
    one = 1 << 16
    write_film(tmp_path / "a.mp4", lying, matrix=[0, one, 0, -one, 0, 0, WIDTH * one, 0, 1 << 30])
    detections = found_in(tmp_path / "a.mp4", tmp_path / "work")
    recall, precision = rates(detections, lambda frame: boxes_seen(WALKERS, frame), range(50))
    assert recall > 0.85
    assert precision > 0.85


def test_a_large_picture_gives_boxes_in_its_own_pixels(tmp_path: Path) -> None:
    pictures = [drawn(scene(), 0, 0, WALKERS, frame) for frame in range(30)]
    large = [cv2.resize(picture, None, fx=6, fy=6, interpolation=cv2.INTER_NEAREST) for picture in pictures]
    write_film(tmp_path / "a.mp4", cast(list[Image], large))
    detections = found_in(tmp_path / "a.mp4", tmp_path / "work")
    recall, precision = rates(detections, lambda frame: 6 * boxes_seen(WALKERS, frame), range(30))
    assert recall > 0.8
    assert precision > 0.8


@pytest.mark.parametrize("frames", [1, 2])
def test_the_shortest_films_have_nobody(tmp_path: Path, frames: int) -> None:
    write_film(tmp_path / "a.mp4", panned(range(frames), PANNED))
    detections = found_in(tmp_path / "a.mp4", tmp_path / "work")
    assert len(detections) == 0
    assert detections.frame_count == frames


def test_what_is_no_film_is_refused(tmp_path: Path) -> None:
    write_film(tmp_path / "a.mp4", panned(range(3), []))
    camera = camera_path(tmp_path / "a.mp4")
    (tmp_path / "a.mp4").write_text("a letter")
    with pytest.raises(InputError, match="not a video"):
        detect_motion(tmp_path / "a.mp4", camera, saved_in(tmp_path / "work"), Watcher())


def test_what_was_compiled_beforehand_is_not_compiled_again(tmp_path: Path) -> None:
    compiled: list[Any] = [motion_background._has_colour, motion_background._middle, motion_foreground._differs]
    compiled += [motion_cover.cover, motion_cover.trim]
    motion.compile_motion()
    kinds = [list(function.signatures) for function in compiled]
    assert all(kinds)
    write_film(tmp_path / "a.mp4", panned(range(30), PANNED))
    assert len(found_in(tmp_path / "a.mp4", tmp_path / "work"))
    assert [list(function.signatures) for function in compiled] == kinds


class CutShort(Exception):
    """In place of a kill."""


class Interrupter(Watcher):
    """Cuts the stage short at a frame, and notes where it began."""

    def __init__(self) -> None:
        self.at = 0
        self.begun: list[int] = []

    def started(self, done: int, work_seconds: float) -> None:
        self.begun.append(done)

    def progressed(self, done: int) -> None:
        if done == self.at:
            raise CutShort


def test_a_run_that_was_cut_short_goes_on_with_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(motion, "PART_FRAMES", 10)
    write_film(tmp_path / "a.mp4", panned(range(75), PANNED))
    camera = camera_path(tmp_path / "a.mp4")
    whole = detect_motion(tmp_path / "a.mp4", camera, saved_in(tmp_path / "other"), Watcher())
    assert len(whole) > 100
    watcher = Interrupter()
    for watcher.at in (5, 31, 44, 75, 0):
        with pytest.raises(CutShort) if watcher.at else contextlib.nullcontext():
            again = detect_motion(tmp_path / "a.mp4", camera, saved_in(tmp_path / "work"), watcher)
    assert watcher.begun == [0, 0, 30, 40, 70]
    for name in ("frame", "xyxy", "score", "class_id"):
        assert getattr(again, name).tobytes() == getattr(whole, name).tobytes()
