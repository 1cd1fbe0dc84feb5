"""The camera's motion in pictures whose motion is known: a textured plane, turned, zoomed and shifted."""

from __future__ import annotations

import io
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba.core import event
from scipy.ndimage import affine_transform

from tracking.camera import CameraMotion, CameraState, Reason, compile_camera
from tracking.camera_consensus import Limits, common_motion
from tracking.camera_features import choose
from tracking.camera_settings import CameraSettings

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]

WIDTH, HEIGHT = 1920, 1080
W, H = 480, 270
REDUCED = WIDTH / W
NOBODY = np.empty((0, 4), np.float32)
PERSON = np.array([20, 44])
"""Width and height of the people in `crowd`, in reduced pixels."""
IDENTITY = np.eye(2, 3)


def plane(seed: int, *, fine: float = 8.0, coarse: float = 30.0) -> npt.NDArray[np.float32]:
    """A large flat scene, float32 (1200, 1200): structure at all scales, finer than a level of grey."""
    random = np.random.default_rng(seed)
    total = np.full((1200, 1200), 120, np.float32)
    for count, strength in ((6, coarse), (24, coarse * 0.7), (96, coarse * 0.5), (300, fine)):
        cells = random.standard_normal((count, count)).astype(np.float32)
        total += strength * cv2.resize(cells, total.shape, interpolation=cv2.INTER_CUBIC)
    return total.clip(0, 255)


def seen(
    scene: npt.NDArray[np.float32], turn: complex = 1, shift: complex = 0, size: tuple[int, int] = (W, H)
) -> Image:
    """The reduced picture, in which the scene's point z from its middle is at turn * z + shift from the picture's."""
    back = 1 / complex(turn)  # from where in the scene a pixel of the picture comes
    middle, origin = complex(*size) / 2, complex(scene.shape[1], scene.shape[0]) / 2
    half = complex(0.5, 0.5)  # a pixel's value is that of its middle
    offset = back * (half - middle - shift) + origin - half
    matrix = [[back.real, back.imag], [-back.imag, back.real]]  # rows first
    # Not OpenCV's: it rounds places to parts of a pixel.
    picture = affine_transform(scene, matrix, (offset.imag, offset.real), size[::-1], order=1, mode="reflect")
    return np.asarray(np.rint(picture), np.uint8)


def truth(turn: complex = 1, shift: complex = 0) -> Floats:
    """The transform in full-size pixels for `seen(scene)` followed by `seen(scene, turn, shift)`."""
    middle, turn = complex(WIDTH / 2, HEIGHT / 2), complex(turn)
    offset = shift * REDUCED + middle - turn * middle
    return np.array([[turn.real, -turn.imag, offset.real], [turn.imag, turn.real, offset.imag]])


def corner_error(transform: Floats, expected: Floats) -> float:
    """How far the worst corner of the full-size picture is carried to a wrong place, in pixels."""
    corners = np.array([[x, y, 1.0] for x in (0, WIDTH) for y in (0, HEIGHT)])
    return float(np.linalg.norm(corners @ (transform - expected).T, axis=1).max())


def noisy(image: Image, seed: int, deviation: float = 3.0) -> Image:
    grain = np.random.default_rng(seed).normal(0, deviation, image.shape)
    return (image + grain).clip(0, 255).astype(np.uint8)


def paste(image: Image, patch: npt.NDArray[Any], left: int, top: int) -> None:
    image[top : top + patch.shape[0], left : left + patch.shape[1]] = patch


def motion(
    *pictures: Image, boxes: list[npt.NDArray[Any]] | None = None, knobs: CameraSettings | None = None
) -> tuple[Floats, Reason]:
    """The transform and reason of the last picture."""
    camera = CameraMotion(WIDTH, HEIGHT, knobs)
    for number, picture in enumerate(pictures):
        result = camera.update(picture, NOBODY if boxes is None else boxes[number])
    return result


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    zoom=st.floats(0.93, 1.07),
    angle=st.floats(-0.06, 0.06),
    length=st.floats(0, 160),
    direction=st.floats(0, 6.3),
    blur=st.floats(0, 1.5),
)
def test_any_similarity_within_limits_is_found(
    seed: int, zoom: float, angle: float, length: float, direction: float, blur: float
) -> None:
    turn, shift = zoom * np.exp(1j * angle), length / REDUCED * np.exp(1j * direction)
    scene = plane(seed)
    pictures = [seen(scene), seen(scene, turn, shift)]
    if blur > 0.3:
        pictures = [np.asarray(cv2.GaussianBlur(picture, (0, 0), blur), np.uint8) for picture in pictures]
    transform, reason = motion(*(noisy(picture, seed + i) for i, picture in enumerate(pictures)))
    assert reason == Reason.MEASURED
    assert corner_error(transform, truth(turn, shift)) < 1.0


@pytest.mark.parametrize("length", [1, 6, 12])
def test_motion_blur_as_in_a_fast_pan_is_no_matter(length: int) -> None:
    """The shutter stays open while the picture moves by `length` reduced pixels; twelve are 48 of the full size."""
    scene = plane(3)
    kernel = np.zeros((15, 15), np.float32)
    kernel[7, (15 - length) // 2 : (15 - length) // 2 + length] = 1 / length
    blurred = {x: np.asarray(cv2.filter2D(seen(scene, 1, x), -1, kernel), np.uint8) for x in (0, 20)}
    pictures = [noisy(picture, x, 2) for x, picture in blurred.items()]
    transform, reason = motion(*pictures)
    assert reason == Reason.MEASURED
    assert corner_error(transform, truth(1, 20)) < 2.0


def crowd(seed: int, count: int = 14) -> tuple[list[Image], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """People as patches of their own texture, where they are (n, 2), and how they run (n, 2), in reduced pixels."""
    random = np.random.default_rng(seed)
    wall = plane(seed + 50, fine=30).astype(np.uint8)
    patches = [wall[50 * i : 50 * i + 44, :20] for i in range(count)]
    place = random.uniform((20, 20), (W - 60, H - 90), (count, 2))
    return patches, place, random.uniform(-9, 9, (count, 2))


@pytest.mark.parametrize("with_boxes", [True, False])
@pytest.mark.parametrize("shift", [0j, 12 + 3j])
def test_people_who_run_do_not_count(with_boxes: bool, shift: complex) -> None:
    for seed in range(5):
        scene = plane(seed)
        patches, place, run = crowd(seed)
        pictures, boxes = [], []
        for time in (0, 1):
            picture = seen(scene, 1, shift * time)
            here = (place + run * time).astype(int)
            for patch, (left, top) in zip(patches, here.tolist(), strict=True):
                paste(picture, patch, left, top)
            pictures.append(picture)
            boxes.append(np.hstack([here, here + PERSON]) * REDUCED if with_boxes else NOBODY)
        transform, reason = motion(*pictures, boxes=boxes)
        assert reason == Reason.MEASURED
        assert corner_error(transform, truth(1, shift)) < (1.0 if with_boxes else 2.0)


def with_scores(picture: Image, overlay: npt.NDArray[np.float32]) -> Image:
    """A bar and a logo, the same in every picture, over an eighth of it and much richer than the scene."""
    result = picture.copy()
    paste(result, overlay[:40, :400], 40, 20)
    paste(result, overlay[100:190, :60], W - 80, H - 100)
    return result


@pytest.mark.parametrize("fine", [0.5, 8.0])
def test_what_is_laid_over_the_picture_does_not_win_the_vote(fine: float) -> None:
    overlay = plane(99, fine=60)
    for seed in range(5):
        scene = plane(seed, fine=fine, coarse=8 if fine < 1 else 30)
        for shift in (3 + 0j, 9 - 4j, 25 + 6j):
            pictures = [with_scores(noisy(seen(scene, 1, shift * time), time, 1), overlay) for time in (0, 1)]
            transform, reason = motion(*pictures)
            assert reason == Reason.MEASURED
            assert corner_error(transform, truth(1, shift)) < 3.0


def test_what_was_seen_to_stand_still_does_not_slow_a_gentle_pan() -> None:
    scene, overlay = plane(5, fine=2, coarse=10), plane(99, fine=60)
    steps = [4.0] * 8 + [0.3] * 12
    camera, at, worst = CameraMotion(WIDTH, HEIGHT), 0.0, 0.0
    camera.update(with_scores(seen(scene), overlay), NOBODY)
    for number, step in enumerate(steps):
        at += step
        transform, reason = camera.update(with_scores(seen(scene, 1, at), overlay), NOBODY)
        assert reason == Reason.MEASURED
        if number >= 8:
            worst = max(worst, corner_error(transform, truth(1, step)))
    assert worst < 0.5  # the pan itself is 1.2 pixels a frame


def test_a_camera_at_rest_rests_while_everybody_runs_the_same_way() -> None:
    for seed in range(5):
        scene = plane(seed)
        patches, place, run = crowd(seed)
        run = (6, 0) + run / 9  # not all equally fast
        pictures = []
        for time in (0, 1):
            picture = seen(scene)
            for patch, (left, top) in zip(patches, np.rint(place + run * time).astype(int).tolist(), strict=True):
                paste(picture, patch, left, top)
            pictures.append(picture)
        transform, reason = motion(*pictures)
        assert reason == Reason.MEASURED
        assert corner_error(transform, IDENTITY) < 1.0


def test_a_shaking_zoom_does_not_drift() -> None:
    """A hundred frames put together carry the picture to the right place within a few pixels."""
    scene, random = plane(8), np.random.default_rng(8)
    camera, total = CameraMotion(WIDTH, HEIGHT), np.eye(3)
    for number in range(100):
        zoom = 1 + 0.25 * np.sin(number / 30)
        turn = zoom * np.exp(1j * random.normal(0, 0.002))
        shift = complex(1.2 * number - 60, 6 * np.sin(number / 9)) + complex(*random.normal(0, 0.8, 2))
        transform, reason = camera.update(noisy(seen(scene, turn, shift), number), NOBODY)
        if number == 0:
            first = np.vstack([truth(turn, shift), (0, 0, 1)])
            continue
        assert reason == Reason.MEASURED
        total = np.vstack([transform, (0, 0, 1)]) @ total
    assert corner_error((total @ first)[:2], truth(turn, shift)) < 6.0


def test_the_first_frame_has_no_motion() -> None:
    transform, reason = motion(seen(plane(1)))
    assert reason == Reason.FIRST_FRAME
    assert np.array_equal(transform, IDENTITY)


def test_a_picture_without_texture_is_passed_over() -> None:
    scene, blank = plane(2), np.full((H, W), 16, np.uint8)
    camera = CameraMotion(WIDTH, HEIGHT)
    camera.update(seen(scene), NOBODY)
    for _ in range(2):
        transform, reason = camera.update(blank, NOBODY)
        assert reason == Reason.TOO_FEW_FEATURES
        assert np.array_equal(transform, IDENTITY)
    transform, reason = camera.update(seen(scene, 1, 7 + 2j), NOBODY)
    assert reason == Reason.MEASURED
    assert corner_error(transform, truth(1, 7 + 2j)) < 1.0


def test_a_film_that_begins_black_is_followed_from_its_first_picture_on() -> None:
    scene, blank = plane(2), noisy(np.full((H, W), 16, np.uint8), 0, 0.5)
    assert motion(blank, seen(scene))[1] == Reason.TOO_FEW_FEATURES
    assert motion(blank, seen(scene), seen(scene, 1, 5))[1] == Reason.MEASURED


def test_people_all_over_the_picture_leave_nothing_to_follow() -> None:
    everywhere = np.array([[0, 0, WIDTH, HEIGHT]], np.float32)
    scene = plane(2)
    transform, reason = motion(seen(scene), seen(scene, 1, 5), boxes=[everywhere, everywhere])
    assert reason == Reason.TOO_FEW_FEATURES
    assert np.array_equal(transform, IDENTITY)


def test_a_cut_is_told() -> None:
    for seed in range(12):
        transform, reason = motion(noisy(seen(plane(seed)), 1), noisy(seen(plane(seed + 100)), 2))
        assert reason == Reason.CUT
        assert np.array_equal(transform, IDENTITY)


def test_after_a_cut_the_new_scene_is_followed() -> None:
    transform, reason = motion(seen(plane(1)), seen(plane(2)), seen(plane(2), 1, 4))
    assert reason == Reason.MEASURED
    assert corner_error(transform, truth(1, 4)) < 1.0


def test_a_flash_is_no_cut() -> None:
    scene = plane(4)
    bright = (seen(scene, 1, 6) * 0.6 + 90).astype(np.uint8)
    transform, reason = motion(seen(scene), bright)
    assert reason == Reason.MEASURED
    assert corner_error(transform, truth(1, 6)) < 2.0


def test_parts_that_all_move_their_own_way_agree_on_nothing() -> None:
    for seed in range(5):
        scene, random = plane(seed, coarse=40), np.random.default_rng(seed)
        before, after = seen(scene), seen(scene)
        ways = [seen(scene, 1, complex(*random.uniform(-7, 7, 2))) for _ in range(20)]
        for top in range(0, H, 30):
            for left in range(0, W, 30):
                part = np.s_[top : top + 30, left : left + 30]
                after[part] = ways[random.integers(len(ways))][part]
        transform, reason = motion(before, after)
        assert reason == Reason.NO_CONSENSUS
        assert np.array_equal(transform, IDENTITY)


@pytest.mark.parametrize(
    ("knobs", "turn", "shift"),
    [
        ({"largest_shift": 0.02}, 1, 20),
        ({"largest_turn": 0.02}, np.exp(0.05j), 0),
        ({"largest_zoom": 1.02}, 1.04, 0),
    ],
)
def test_motion_that_no_camera_makes_is_not_believed(knobs: dict[str, float], turn: complex, shift: complex) -> None:
    scene = plane(6)
    pictures = seen(scene), seen(scene, turn, shift)
    assert motion(*pictures)[1] == Reason.MEASURED
    transform, reason = motion(*pictures, knobs=CameraSettings.model_validate(knobs))
    assert reason == Reason.IMPLAUSIBLE
    assert np.array_equal(transform, IDENTITY)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), wrong=st.floats(0, 0.6), turns=st.booleans())
def test_the_motion_of_the_larger_part_of_pairs_is_found(seed: int, wrong: float, turns: bool) -> None:
    random = np.random.default_rng(seed)
    start = random.uniform((-900, -500), (900, 500), (120, 2))
    turn = random.uniform(0.95, 1.05) * np.exp(1j * random.uniform(-0.05, 0.05)) if turns else 1
    moved = (start[:, 0] + 1j * start[:, 1]) * turn + complex(*random.uniform(20, 90, 2))
    pairs = np.column_stack([start, moved.real, moved.imag])
    pairs[:, 2:] += random.normal(0, 0.3, (120, 2))
    strays = random.random(120) < wrong
    pairs[strays, 2:] = pairs[strays, :2] + random.uniform(-200, 200, (strays.sum(), 2))
    voters = random.random(120) < 0.9
    pairs[~voters] = np.nan
    limits = Limits(1920.0, 1080.0, tolerance=3.0, still=1.0, least_features=12.0, least_share=0.25)
    fit, share, convinces = common_motion(pairs, voters, limits)
    assert convinces
    assert share == pytest.approx(1 - strays[voters].mean(), abs=0.05)
    off = fit.carry(start) - np.column_stack([moved.real, moved.imag])
    assert np.linalg.norm(off, axis=1).max() < 1.5


@pytest.mark.parametrize("most", [10, 24, 60, 1000])
def test_every_part_of_the_picture_gives_its_strongest_features(most: int) -> None:
    random = np.random.default_rng(most)
    strength = random.uniform(0, 1, (64, 96)).astype(np.float32)
    strength[:20, :30] += 1  # without parts, all would come from here
    covered = np.zeros(strength.shape, np.bool_)
    covered[30:50, 40:70] = True
    points, square = choose(strength, covered, 8, 0.95, most)

    shown = np.where(covered, 0, strength)
    best = {}
    for row, column in np.ndindex(8, 12):
        inside = shown[8 * row : 8 * row + 8, 8 * column : 8 * column + 8]
        if inside.max() >= 0.95:
            down, across = np.unravel_index(inside.argmax(), inside.shape)
            best[row * 12 + column] = (inside.max(), 2 * (8 * column + across) + 0.5, 2 * (8 * row + down) + 0.5)
    parts: dict[tuple[int, int], list[int]] = {}
    for one in sorted(best, key=lambda one: -best[one][0]):
        parts.setdefault((one // 12 // 2, one % 12 // 2), []).append(one)
    turns = sorted((rank, part, one) for part, ranked in parts.items() for rank, one in enumerate(ranked))
    expected = sorted(one for _, _, one in turns[:most])
    assert square.tolist() == expected
    assert points.tolist() == [[x, y] for _, x, y in (best[one] for one in expected)]


def game(seed: int, frames: int = 25) -> list[tuple[Image, npt.NDArray[np.float64]]]:
    """A film with everything in it: pan, zoom, people, a score, a blank picture and a cut."""
    random = np.random.default_rng(seed)
    scenes, overlay = (plane(seed), plane(seed + 1)), plane(99, fine=60)
    patches, place, run = crowd(seed)
    film = []
    for number in range(frames):
        turn = (1 + 0.004 * number) * np.exp(1j * random.normal(0, 0.003))
        picture = seen(scenes[number >= 16], turn, complex(3 * number - 30, random.normal(0, 1)))
        here = (place + run * 0.3 * number).clip(0, (W - 20, H - 44)).astype(int)
        for patch, (left, top) in zip(patches, here.tolist(), strict=True):
            paste(picture, patch, left, top)
        picture = with_scores(noisy(picture, number), overlay)
        if number == 9:
            picture[:] = 30
        film.append((picture, np.hstack([here, here + PERSON]) * REDUCED))
    return film


def test_the_same_film_gives_the_same_motion() -> None:
    results = []
    for seed in (1, 2):
        cv2.setRNGSeed(seed)
        camera = CameraMotion(WIDTH, HEIGHT)
        results.append([camera.update(*frame) for frame in game(7)])
    assert {reason for _, reason in results[0]} == {
        Reason.FIRST_FRAME, Reason.MEASURED, Reason.TOO_FEW_FEATURES, Reason.CUT,
    }  # fmt: skip
    for (one, first), (other, second) in zip(*results, strict=True):
        assert first == second
        assert np.array_equal(one, other)


def test_a_run_goes_on_from_its_state_as_if_undisturbed() -> None:
    film = game(7)
    whole = CameraMotion(WIDTH, HEIGHT)
    expected, states = [], []
    for picture, boxes in film:
        states.append(whole.state())
        expected.append(whole.update(picture, boxes))
    for start in range(len(film)):
        file = io.BytesIO()
        np.savez(file, **states[start].arrays())  # type: ignore[arg-type]  # numpy's stub takes them for allow_pickle
        with np.load(io.BytesIO(file.getvalue()), allow_pickle=False) as arrays:
            state = CameraState.from_arrays(arrays)
        assert state.frames == start
        again = CameraMotion(WIDTH, HEIGHT, state=state)
        for number in range(start, min(start + 8, len(film))):
            transform, reason = again.update(*film[number])
            assert reason == expected[number][1]
            assert np.array_equal(transform, expected[number][0])


def test_a_state_is_not_changed_by_what_comes_after() -> None:
    film = game(7, 6)
    camera = CameraMotion(WIDTH, HEIGHT)
    buffer = film[0][0].copy()
    camera.update(buffer, film[0][1])
    state = camera.state()
    kept = {name: array.copy() for name, array in state.arrays().items()}
    buffer[:] = 0  # the caller may use its picture again
    for picture, boxes in film[1:]:
        camera.update(picture, boxes)
    for name, array in state.arrays().items():
        assert np.array_equal(array, kept[name])


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (np.zeros((H, W, 3), np.uint8), "luma is uint8"),
        (np.zeros((H, W), np.float32), "luma is uint8"),
        (np.zeros((0, 0), np.uint8), "luma is uint8"),
        (np.zeros((H, W + 2), np.uint8), "the luma before was"),
    ],
)
def test_pictures_that_do_not_fit_are_refused(picture: Any, words: str) -> None:
    camera = CameraMotion(WIDTH, HEIGHT)
    camera.update(seen(plane(0)), NOBODY)
    with pytest.raises(ValueError, match=words):
        camera.update(picture, NOBODY)


@settings(max_examples=20, deadline=None)
@given(width=st.integers(1, 90), height=st.integers(1, 90), seed=st.integers(0, 99))
def test_pictures_of_any_size_and_boxes_anywhere_do_no_harm(width: int, height: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    camera = CameraMotion(width * 4, height * 4)
    for _ in range(3):
        left_top = random.uniform(-500, 1000, (5, 2))
        boxes = np.hstack([left_top, left_top + random.uniform(0.1, 800, (5, 2))])
        transform, reason = camera.update(random.integers(0, 256, (height, width), np.uint8), boxes)
        assert np.isfinite(transform).all()
        if reason != Reason.MEASURED:
            assert np.array_equal(transform, IDENTITY)


def test_after_compiling_ahead_nothing_is_left_to_compile() -> None:
    compile_camera()
    motion = CameraMotion(640, 360)
    picture = np.random.default_rng(1).integers(0, 256, (360, 640), np.uint8)
    boxes = np.array([[100, 100, 140, 200]], np.float32)
    with event.install_recorder("numba:compile") as compilations:
        for shift in range(4):
            motion.update(np.roll(picture, 3 * shift, axis=1), boxes)
    assert compilations.buffer == []


def test_what_moves_in_one_corner_of_a_blank_picture_is_not_the_camera() -> None:
    pictures = [np.full((270, 480), 90, np.uint8) for _ in range(2)]
    patch = np.random.default_rng(2).integers(0, 256, (60, 72), np.uint8)
    patch = cv2.GaussianBlur(patch, (0, 0), 1.5)
    for picture, left in zip(pictures, (2, 5), strict=True):
        picture[2:62, left : left + 72] = patch
    motion = CameraMotion(480, 270)
    motion.update(pictures[0], np.empty((0, 4)))
    transform, reason = motion.update(pictures[1], np.empty((0, 4)))
    assert reason not in (Reason.MEASURED, Reason.TOO_FEW_FEATURES)
    np.testing.assert_array_equal(transform, np.eye(2, 3))
