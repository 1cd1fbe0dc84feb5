"""Where people stand on the field, whatever the camera does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from shared_libs.common.tracks import Tracks
from tracking.camera import Reason
from tracking.camera_path import CameraPath
from tracking.scene import common_motion, feet_in_scene, moved, scene_in_picture

Float = NDArray[np.float64]

FRAMES = 20


def seen(places: Float, camera: Float) -> Tracks:
    """People whose feet are at `places` (k, 2) of the scene, seen through `camera` (frames, 2, 3), scene to picture."""
    frames = len(camera)
    frame, player = np.repeat(np.arange(frames), len(places)), np.tile(np.arange(len(places)), frames)
    feet = np.einsum("tij,kj->tki", camera[:, :, :2], places) + camera[:, None, :, 2]
    feet = feet.reshape(-1, 2)
    high = 80 * np.repeat(np.abs(np.linalg.det(camera[:, :, :2])) ** 0.5, len(places))
    xyxy = np.stack([feet[:, 0] - high / 4, feet[:, 1] - high, feet[:, 0] + high / 4, feet[:, 1]], axis=1)
    ones = np.ones(len(frame))
    return Tracks.from_arrays(frame, player + 1, xyxy, ones, ones, frame_count=frames)


def path(camera: Float, reason: Reason = Reason.MEASURED) -> CameraPath:
    """What is measured of `camera`, frame by frame; `reason`: of all frames but the first."""
    whole = np.concatenate([camera, np.broadcast_to([0.0, 0.0, 1.0], (len(camera), 1, 3))], axis=1)
    steps = np.tile(np.eye(3), (len(camera), 1, 1))
    if reason is Reason.MEASURED:
        steps[1:] = whole[1:] @ np.linalg.inv(whole[:-1])
    why = np.full(len(camera), reason, np.uint8)
    why[:1] = Reason.FIRST_FRAME
    return CameraPath(steps[:, :2], why, np.arange(len(camera)) / 25, ended_early=None, damaged=0)


def still() -> Float:
    return np.tile(np.eye(2, 3), (FRAMES, 1, 1))


def panning() -> Float:
    camera = still()
    camera[:, 0, 2] = 12.0 * np.arange(FRAMES)
    return camera


PLACES = np.array([[100.0, 200.0], [300.0, 220.0], [500.0, 260.0], [640.0, 300.0]])


@given(st.integers(0, 2**32 - 1))
def test_who_rests_stays_in_place_while_the_camera_pans_zooms_and_turns(seed: int) -> None:
    random = np.random.default_rng(seed)
    zoom, angle = (np.cumsum(random.normal(0, size, FRAMES)) for size in (0.02, 0.01))
    camera = np.zeros((FRAMES, 2, 3))
    camera[:, 0, 0] = camera[:, 1, 1] = np.exp(zoom) * np.cos(angle)
    camera[:, 0, 1], camera[:, 1, 0] = -np.exp(zoom) * np.sin(angle), np.exp(zoom) * np.sin(angle)
    camera[:, :, 2] = np.cumsum(random.normal(0, 8, (FRAMES, 2)), axis=0)
    feet = feet_in_scene(seen(PLACES, camera), path(camera))
    places = feet.place.reshape(FRAMES, len(PLACES), 2)
    np.testing.assert_allclose(places, np.broadcast_to(places[0], places.shape), atol=0.02)
    np.testing.assert_allclose(feet.scale, np.repeat(np.exp(zoom[0] - zoom), len(PLACES)), rtol=1e-6)


def test_without_a_camera_what_all_players_have_in_common_is_its_motion() -> None:
    for camera in (None, path(panning(), Reason.NO_CONSENSUS)):
        feet = feet_in_scene(seen(PLACES, panning()), camera)
        np.testing.assert_allclose(feet.place, np.tile(PLACES, (FRAMES, 1)), atol=0.01)
        np.testing.assert_array_equal(feet.scale, 1)


def test_two_players_are_too_few_to_know_the_camera_from() -> None:
    feet = feet_in_scene(seen(PLACES[:2], panning()))
    assert feet.place[-1, 0] - feet.place[1, 0] == pytest.approx(12 * (FRAMES - 1), abs=0.01)


def test_what_was_measured_counts_more_than_what_players_have_in_common() -> None:
    # All run to the right in front of a camera that rests.
    feet = feet_in_scene(seen(PLACES, panning()), path(still()))
    assert feet.place[-1, 0] - feet.place[3, 0] == pytest.approx(12 * (FRAMES - 1), abs=0.01)


def test_the_median_player_counts_not_the_one_who_runs() -> None:
    tracks = seen(PLACES[:3], still())
    xyxy = tracks.xyxy.copy()
    xyxy[tracks.track_id == 3, ::2] += 9 * tracks.frame[tracks.track_id == 3, None]
    runs = Tracks.from_arrays(tracks.frame, tracks.track_id, xyxy, tracks.score, tracks.class_id)
    place = feet_in_scene(runs).place
    np.testing.assert_allclose(place[runs.track_id != 3], np.tile(PLACES[:2], (FRAMES, 1)), atol=0.01)
    assert place[-1, 0] - place[2, 0] == pytest.approx(9 * (FRAMES - 1), abs=0.01)


def test_after_a_cut_the_scene_begins_anew() -> None:
    camera = path(panning())
    camera.reason[[5, 12]] = Reason.CUT
    camera.transform[[5, 12]] = np.eye(2, 3)
    feet = feet_in_scene(seen(PLACES, panning()), camera)
    shot = feet.shot.reshape(FRAMES, -1)[:, 0]
    assert shot.tolist() == [0] * 5 + [1] * 7 + [2] * (FRAMES - 12)
    left = feet.place.reshape(FRAMES, -1, 2)[:, 0, 0]
    np.testing.assert_allclose(left, np.select([shot == 0, shot == 1], [100.0, 160.0], 244.0), atol=0.01)


@pytest.mark.parametrize("length", [0, 1, 7, FRAMES + 9])
def test_a_film_of_another_length_than_the_tracks_is_no_trouble(length: int) -> None:
    camera = np.concatenate([panning(), panning()])[:length]
    feet = feet_in_scene(seen(PLACES, panning()), path(camera))
    np.testing.assert_allclose(feet.place, np.tile(PLACES, (FRAMES, 1)), atol=0.01)


@pytest.mark.parametrize("frames", [0, 1, 5])
def test_nobody_is_nowhere(frames: int) -> None:
    for camera in (None, path(still()[:frames])):
        feet = feet_in_scene(Tracks.empty(frames), camera)
        assert (feet.place.shape, feet.scale.shape, feet.shot.shape) == ((0, 2), (0,), (0,))


def test_common_motion_needs_the_frame_before() -> None:
    # Three players, seen in frames 0, 1 and 3: nobody was seen in frame 2.
    frame = np.tile([0, 1, 3], 3)
    identity = np.repeat([1, 2, 3], 3)
    feet = np.stack([10.0 * frame, np.zeros(9)], axis=1)
    assert common_motion(frame, identity, feet, 5).tolist() == [[0, 0], [10, 0], [0, 0], [0, 0], [0, 0]]


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(0, 8))
def test_common_motion_is_the_median_of_all_who_were_there(seed: int, frames: int, people: int) -> None:
    random = np.random.default_rng(seed)
    present = random.random((people, frames)) < 0.8
    identity, frame = present.nonzero()
    feet = random.integers(0, 50, (len(frame), 2)).astype(float)
    where = np.full((people, frames, 2), np.nan)
    where[identity, frame] = feet
    found = common_motion(frame, identity, feet, frames)
    for number in range(1, frames):
        steps = (where[:, number] - where[:, number - 1])[present[:, number] & present[:, number - 1]]
        assert found[number].tolist() == (np.median(steps, axis=0).tolist() if len(steps) >= 3 else [0, 0])


@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_the_scene_in_a_picture_is_all_steps_up_to_it(seed: int, count: int) -> None:
    steps = np.random.default_rng(seed).normal(0, 20, (count, 2))
    matrix = scene_in_picture(steps)
    np.testing.assert_allclose(matrix[:, :2, 2] - matrix[0, :2, 2], np.cumsum(steps, axis=0) - steps[0], atol=1e-9)
    point = np.array([[3.0, 4.0]])
    for each in matrix:
        there = moved(each[None], point)
        np.testing.assert_allclose(moved(np.linalg.inv(each)[None], there), point, atol=1e-9)


def test_points_are_moved_each_under_its_own_matrix_or_all_under_one() -> None:
    points = np.array([[1.0, 2.0], [3.0, 4.0]])
    double, shifted = np.diag([2.0, 2.0, 1.0]), np.array([[1.0, 0, 10], [0, 1, 20], [0, 0, 1]])
    assert moved(np.stack([double, shifted]), points).tolist() == [[2, 4], [13, 24]]
    assert moved(shifted[None], points).tolist() == [[11, 22], [13, 24]]
