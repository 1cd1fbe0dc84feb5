"""The parts of the motion detector, each by itself."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared_libs.common.video import Image
from tracking.camera import Reason
from tracking.camera_path import CameraPath
from tracking.detectors.motion_background import FieldColour, make_background
from tracking.detectors.motion_boxes import blobs_of, cleaned, lone_people, people
from tracking.detectors.motion_cover import trim
from tracking.detectors.motion_foreground import foreground
from tracking.detectors.motion_keys import Motion, choose_keys
from tracking.detectors.motion_masks import reduced_size
from tracking.detectors.motion_overlays import overlays, telling_frames
from tracking.detectors.motion_settings import MotionSettings
from tracking.detectors.motion_stature import learn_stature
from tracking.detectors.motion_time import Seen, steadied

Floats = npt.NDArray[np.float64]

GRASS = (130, 104, 112)
"""Brightness and chroma."""
SETTINGS = MotionSettings()


def path(count: int, shift: float = 0.0, reasons: Sequence[Reason] | None = None, fps: float = 25.0) -> CameraPath:
    """A camera whose picture moves by `shift` pixels to the left in every frame."""
    transform = np.tile(np.array([[1.0, 0, -shift], [0, 1, 0]]), (count, 1, 1))
    given_reasons = reasons if reasons is not None else [Reason.FIRST_FRAME] + [Reason.MEASURED] * (count - 1)
    reason = np.array(given_reasons, np.uint8)
    transform[reason != Reason.MEASURED] = np.eye(3)[:2]
    return CameraPath(transform, reason, np.arange(count) / fps, None, 0)


def figure(mask: Image, middle: int, foot: int, tall: int) -> None:
    """Draws a body: head, trunk, two legs, about 0.36 of its height wide."""
    half = round(0.18 * tall)
    top = foot - tall
    cv2.circle(mask, (middle, top + tall // 10), tall // 10, 1, -1)
    cv2.rectangle(mask, (middle - half, top + tall // 6), (middle + half, top + tall // 2), 1, -1)
    for side in (-1, 1):
        leg = middle + side * half // 2
        cv2.rectangle(mask, (leg - half // 3, top + tall // 2), (leg + half // 3, foot - 1), 1, -1)


# --- keys ---------------------------------------------------------------------------------------------------------


@given(
    reasons=st.lists(st.sampled_from(list(Reason)), min_size=1, max_size=60),
    shift=st.floats(0, 60),
    seconds=st.floats(0.05, 2),
)
def test_every_frame_has_its_nearest_key_in_its_own_piece_of_film(
    reasons: list[Reason], shift: float, seconds: float
) -> None:
    camera = path(len(reasons), shift, [Reason.FIRST_FRAME, *reasons[1:]])
    keys = choose_keys(camera, 640, 360, seconds, 0.12)
    breaks = np.cumsum(~np.isin(camera.reason, (Reason.MEASURED, Reason.TOO_FEW_FEATURES)))
    assert (breaks[keys.frame[keys.nearest]] == breaks).all()
    assert set(np.flatnonzero(np.diff(breaks, prepend=0))) <= set(keys.frame.tolist())
    for frame in range(len(reasons)):
        away = np.abs(keys.frame - frame)[breaks[keys.frame] == breaks[frame]]
        assert abs(keys.frame[keys.nearest[frame]] - frame) == away.min()
        assert keys.frame[keys.first[frame]] <= frame
    assert (np.diff(keys.frame) > 0).all()


def test_a_fast_pan_has_more_keys() -> None:
    still, fast = (choose_keys(path(100, shift), 640, 360, 0.5, 0.12) for shift in (0.0, 20.0))
    assert len(fast.frame) > 2 * len(still.frame)


def test_perspective_that_similarities_cannot_express_is_measured_between_keys() -> None:
    random = np.random.default_rng(3)
    small = random.integers(0, 255, (90, 160), np.uint8)
    wall = np.asarray(cv2.resize(small, (640, 360), interpolation=cv2.INTER_CUBIC), np.uint8)
    true = np.array([[1.0, 0.01, -12], [0.005, 1.01, 3], [4e-5, -2e-5, 1]])
    second = np.asarray(cv2.warpPerspective(wall, true, (640, 360), borderMode=cv2.BORDER_REFLECT), np.uint8)
    camera = path(3)
    camera.transform[1:, :, 2] = -6, 1.5
    keys = choose_keys(camera, 640, 360, 0.08, 1.0)
    assert keys.frame.tolist() == [0, 2]
    motion = Motion(camera, keys, (640, 360), (640, 360))
    motion.measure(0, wall, second)
    corners = np.array([[40.0, 40, 1], [600, 40, 1], [40, 320, 1], [600, 320, 1]])

    def carried(matrix: Floats) -> Floats:
        there = corners @ matrix.T
        return np.asarray(there[:, :2] / there[:, 2:])

    assert np.abs(carried(motion.between_keys(0, 1)) - carried(true)).max() < 0.5
    assert np.abs(carried(motion.between_keys(1, 0) @ true) - corners[:, :2]).max() < 0.5
    halfway = carried(motion.from_nearest_key(1)) - corners[:, :2]
    assert np.abs(halfway - (carried(true) - corners[:, :2]) / 2).max() < 1.0


# --- background and foreground --------------------------------------------------------------------------------------


def view(*parts: tuple[slice, tuple[int, int, int]]) -> Image:
    """Grass with columns of other colours, with what is field marked."""
    picture = np.full((40, 60, 3), GRASS, np.uint8)
    for columns, colour in parts:
        picture[:, columns] = colour
    field = FieldColour.of(np.full((40, 60, 3), GRASS, np.uint8), 0.09).covers(picture, 0.09)
    return np.dstack([picture, field])


def test_shaded_grass_is_field_and_a_jersey_is_not() -> None:
    shaded = (70, 116, 120)  # half as far from black in all three
    field = view((slice(10, 20), shaded), (slice(30, 40), (130, 150, 110)))[..., 3]
    assert (field[:, :30] == 255).all()
    assert (field[:, 30:40] == 0).all()


def test_the_field_wins_over_who_stands_on_it_for_most_of_the_time() -> None:
    person = (60, 170, 110)
    views = [view((slice(20, 30), person))] * 3 + [view()] * 1
    pixels = make_background(views, 0, 0, 0.2).pixels
    assert (pixels == (*GRASS, 255)).all()
    assert (make_background(views, 0, 0, 0.5).pixels[:, 20:30, :3] == person).all()


def test_beside_the_field_the_median_counts_and_what_no_view_shows_is_not_known() -> None:
    wall, visitor = (90, 140, 140), (200, 128, 128)
    views = [view((slice(0, 60), wall)) for _ in range(5)]
    for number, each in enumerate(views):
        each[:, 10 * number : 10 * number + 10, :3] = visitor
        each[:5] = 0
    pixels = make_background(views, 0, 0, 0.2).pixels
    assert (pixels[5:, :, :3] == wall).all()
    assert (pixels[:5] == 0).all()


def test_people_are_foreground_and_shadows_and_a_change_of_exposure_are_not() -> None:
    background = make_background([view()] * 3, 0, 0, 0.2)
    brighter = np.array([(130 - 16) * 1.1 + 16, (104 - 128) * 1.1 + 128, (112 - 128) * 1.1 + 128]).round()
    picture = np.full((40, 60, 3), brighter, np.uint8)
    picture[10:30, 5:12] = ((130 - 16) * 0.65 + 16, (104 - 128) * 0.65 + 128, (112 - 128) * 0.65 + 128)  # a shadow
    picture[10:30, 40:50] = 60, 170, 110
    mask = foreground(picture, background, np.eye(3), SETTINGS)
    expected = np.zeros((40, 60), np.uint8)
    expected[10:30, 40:50] = 1
    assert (mask == expected).all()


@pytest.mark.parametrize(
    ("full", "expected"), [((1280, 720), (640, 360)), ((320, 180), (320, 180)), ((1080, 1920), (360, 640))]
)
def test_the_picture_that_is_worked_on_is_never_enlarged(full: tuple[int, int], expected: tuple[int, int]) -> None:
    assert reduced_size(*full, 640) == expected


# --- boxes ----------------------------------------------------------------------------------------------------------


@given(x=st.integers(40, 200), foot=st.integers(70, 150), tall=st.integers(30, 60))
@settings(max_examples=60, deadline=None)
def test_one_person_is_one_box_around_it(x: int, foot: int, tall: int) -> None:
    mask = np.zeros((180, 240), np.uint8)
    figure(mask, x, foot, tall)
    found = people(blobs_of(cleaned(mask)), float(tall), 0.0)
    assert len(found) == 1
    half = 0.18 * tall
    assert np.abs(found[0, :4] - (x - half, foot - tall, x + half, foot)).max() < 0.12 * tall + 1.5
    assert 0.2 <= found[0, 4] <= 1


@given(apart=st.integers(16, 24), count=st.integers(2, 3))
@settings(max_examples=30, deadline=None)
def test_people_side_by_side_are_told_apart_by_how_tall_people_are(apart: int, count: int) -> None:
    mask = np.zeros((120, 200), np.uint8)
    for number in range(count):
        figure(mask, 40 + apart * number, 100, 50)
    mask[60:62, 40 : 40 + apart * (count - 1)] = 1  # they hold hands
    closed = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    blobs = blobs_of(np.asarray(closed, np.uint8))
    assert len(blobs.rows) == 1
    found = people(blobs, 50.0, 0.0)
    middles = (found[:, 0] + found[:, 2]) / 2
    assert count <= len(found) <= count + 1  # what is between three may pass for a fourth
    assert np.abs(middles[:, None] - (40 + apart * np.arange(count))).min(0).max() < 6


def test_who_stands_behind_somebody_is_found_by_the_head() -> None:
    mask = np.zeros((140, 100), np.uint8)
    figure(mask, 50, 120, 50)
    figure(mask, 56, 92, 50)
    found = people(blobs_of(np.asarray(cv2.dilate(mask, np.ones((3, 3), np.uint8)), np.uint8)), 50.0, 0.0)
    assert len(found) == 2
    assert np.abs(np.sort(found[:, 3]) - (92, 120)).max() < 12


def test_who_is_cut_by_the_lower_edge_is_found_inside_the_picture() -> None:
    mask = np.zeros((100, 100), np.uint8)
    figure(mask, 50, 125, 50)
    found = people(blobs_of(cleaned(mask)), 50.0, 0.0)
    assert len(found) == 1
    assert found[0, 3] == 100
    assert abs(found[0, 1] - 75) < 6


def test_specks_lines_and_blobs_of_other_sizes_are_nobody() -> None:
    mask = np.zeros((180, 240), np.uint8)
    mask[20, 10:200] = mask[30:150, 220] = 1
    mask[100:104, 50:54] = mask[60:64, 90:140] = 1
    assert len(people(blobs_of(cleaned(mask)), 50.0, 0.0)) == 0


def test_nobody_is_found_where_nothing_is_known_of_heights() -> None:
    mask = np.zeros((120, 100), np.uint8)
    figure(mask, 50, 100, 50)
    assert len(people(blobs_of(mask), float("nan"), 0.0)) == 0


@given(mask=st.lists(st.integers(0, 2**24 - 1), min_size=6, max_size=30))
@settings(deadline=None)
def test_boxes_of_any_mask_lie_inside_it(mask: list[int]) -> None:
    bits = np.array([[row >> column & 1 for column in range(24)] for row in mask], np.uint8)
    found = people(blobs_of(bits), 10.0, 0.05)
    assert (found[:, :2] >= 0).all()
    assert (found[:, 2:4] <= (24, len(mask))).all()
    assert (found[:, 2:4] > found[:, :2]).all()


def test_a_stick_is_cut_off() -> None:
    blob = np.zeros((60, 60), np.uint8)
    blob[5:55, 20:38] = 1
    blob[12:15, 38:58] = 1
    assert trim(blob, 0.19, 0.1, 0.03) == (20, 5, 38, 55)


def test_lone_people_are_those_seen_whole_and_upright() -> None:
    mask = np.zeros((180, 240), np.uint8)
    figure(mask, 60, 100, 50)
    figure(mask, 120, 205, 50)  # cut by the lower edge
    mask[20:40, 150:230] = 1  # a car
    rows = lone_people(blobs_of(mask))
    assert len(rows) == 1
    assert np.abs(rows[0] - (100, 50)).max() < 4


# --- heights ----------------------------------------------------------------------------------------------------------


@given(rate=st.floats(0.05, 0.3), horizon=st.floats(-50, 50), drift=st.floats(-0.2, 0.2))
@settings(max_examples=30, deadline=None)
def test_heights_are_learned_although_a_third_of_the_blobs_is_something_else(
    rate: float, horizon: float, drift: float
) -> None:
    random = np.random.default_rng(5)
    frame = np.repeat(np.arange(100), 6)
    foot = random.uniform(100, 340, 600)
    line = horizon + drift * frame
    height = rate * (foot - line) * random.normal(1, 0.04, 600)
    odd = random.random(600) < 0.33
    height[odd] *= random.uniform(0.6, 2.0, odd.sum())
    stature = learn_stature(frame, foot, height, np.arange(100) / 25, 360)
    for at in (10, 50, 90):
        for where in (150.0, 300.0):
            expected = rate * (where - horizon - drift * at)
            assert stature.height(at, where) == pytest.approx(expected, rel=0.12, abs=2)


def test_a_few_blobs_tell_nothing_about_heights() -> None:
    stature = learn_stature(np.arange(5), np.full(5, 100.0), np.full(5, 40.0), np.arange(9) / 25, 360)
    assert np.isnan(stature.base).all()


# --- time -------------------------------------------------------------------------------------------------------------


def seen(frames: Sequence[int], shift: float = 0.0) -> Seen:
    """Somebody who walks 2 pixels a frame in the scene, under a camera that moves the picture by `shift`."""
    frame = np.array(frames, np.int64)
    left = 100 + (2 - shift) * frame
    xyxy = np.stack([left, np.full(len(frame), 50.0), left + 20, np.full(len(frame), 100.0)], 1)
    return Seen(frame, xyxy, np.full(len(frame), 0.6))


@pytest.mark.parametrize("shift", [0.0, 5.0])
def test_gaps_are_filled_where_somebody_goes_on_in_the_scene(shift: float) -> None:
    kept = [frame for frame in range(40) if frame not in range(15, 25)]
    strands = steadied(seen(kept, shift), path(40, shift))
    assert strands.frame.tolist() == list(range(40))
    assert np.flatnonzero(strands.is_filled).tolist() == list(range(15, 25))
    assert strands.xyxy == pytest.approx(seen(range(40), shift).xyxy, abs=1.0)
    assert strands.life == pytest.approx(np.full(40, 39 / 25))


def test_nothing_is_carried_over_a_cut() -> None:
    reasons = [Reason.FIRST_FRAME] + [Reason.MEASURED] * 9 + [Reason.CUT] + [Reason.MEASURED] * 9
    strands = steadied(seen(range(20)), path(20, 0.0, reasons))
    assert strands.life == pytest.approx(np.full(20, 9 / 25))


def test_what_is_seen_once_has_no_life() -> None:
    strands = steadied(seen([7]), path(20))
    assert strands.frame.tolist() == [7]
    assert strands.life.tolist() == [0]


def test_a_size_that_jumps_for_a_frame_is_steadied() -> None:
    boxes = seen(range(20))
    boxes.xyxy[10, 2] += 15
    strands = steadied(boxes, path(20))
    assert (strands.xyxy[:, 2] - strands.xyxy[:, 0]) == pytest.approx(np.full(20, 20), abs=1e-6)


# --- overlays ---------------------------------------------------------------------------------------------------------


def test_what_keeps_still_on_the_screen_while_the_camera_moves_is_laid_over_it() -> None:
    camera = path(200, 8.0)
    frames = telling_frames(camera, 640, 360)
    masks = []
    for frame in frames:
        mask = np.zeros((90, 160), np.uint8)
        mask[5:12, 10:40] = 1
        left = frame % 120
        mask[40:70, left : left + 10] = 1
        masks.append(mask)
    found = overlays(masks)
    assert found is not None
    assert found[5:12, 10:40].all()
    assert not found[40:70].any()


def test_a_camera_that_stands_still_tells_nothing_about_overlays() -> None:
    frames = telling_frames(path(200), 640, 360)
    assert overlays(np.ones((9, 16), np.uint8) for _ in frames) is None
