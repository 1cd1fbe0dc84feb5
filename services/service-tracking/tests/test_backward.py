"""The tracker run from the end: the same tracker, in a film that runs backwards."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from shared_libs.common.detections import Detections
from shared_libs.common.tracks import Tracks
from tracking.backward import numbered_backward, reversed_motion
from tracking.settings import TrackerSettings
from tracking.tracker import numbered

FPS = 25.0
SETTINGS = TrackerSettings()

Float = NDArray[np.float64]


def game(seed: int, players: int, frames: int, shift: Float | None = None) -> Tracks:
    """Players on smooth ways who are now and then not seen; ids are of no use. `shift`: (frames, 2), of the picture."""
    random = np.random.default_rng(seed)
    time = np.arange(frames)[:, None, None] / FPS
    way = random.uniform(100, 600, (players, 2)) + 80 * np.sin(time * random.uniform(0.3, 1.5, (players, 2)))
    way += random.normal(0, 1, way.shape) + (0 if shift is None else shift[:, None])
    frame, player = (random.random((frames, players)) < 0.9).nonzero()
    corner = way[frame, player]
    xyxy = np.concatenate([corner, corner + np.array([30, 80])], axis=1)
    ones = np.ones(len(frame))
    return Tracks.from_arrays(frame, player + 1, xyxy, 0.9 * ones, 0 * ones, frame_count=frames)


def backwards(tracks: Tracks) -> Tracks:
    """The film from its end: rows in the opposite order."""
    return Tracks.from_arrays(
        tracks.frame_count - 1 - tracks.frame,
        int(tracks.track_id.max(initial=0)) + 1 - tracks.track_id,
        tracks.xyxy,
        tracks.score,
        tracks.class_id,
        frame_count=tracks.frame_count,
    )


def boxes_of(tracks: Tracks) -> Detections:
    return Detections.from_arrays(tracks.frame, tracks.xyxy, tracks.score, tracks.class_id, tracks.frame_count)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 60))
def test_the_backward_pass_of_a_film_that_runs_backwards_is_the_forward_pass(
    seed: int, players: int, frames: int
) -> None:
    tracks = game(seed, players, frames)
    forward = numbered(boxes_of(tracks), FPS, SETTINGS)
    np.testing.assert_array_equal(numbered_backward(backwards(tracks), FPS, SETTINGS)[::-1], forward)


def test_the_camera_s_motion_is_turned_round_with_the_film() -> None:
    shift = np.cumsum(np.random.default_rng(1).integers(-40, 41, (60, 2)), axis=0).astype(float)
    camera = np.tile(np.eye(2, 3), (60, 1, 1))
    camera[1:, :, 2] = np.diff(shift, axis=0)
    camera[30] = np.nan
    tracks = game(2, 3, 60, shift)
    forward = numbered(boxes_of(tracks), FPS, SETTINGS, camera)
    turned = reversed_motion(camera, 60)
    np.testing.assert_array_equal(numbered_backward(backwards(tracks), FPS, SETTINGS, turned)[::-1], forward)
    # Without it they are lost in a camera that jerks so: it is made use of.
    assert len(np.unique(numbered(boxes_of(tracks), FPS, SETTINGS))) > len(np.unique(forward))


def test_ids_do_not_matter_to_it() -> None:
    tracks = game(3, 5, 50)
    other = Tracks.from_arrays(
        tracks.frame, tracks.track_id + 7 * tracks.frame, tracks.xyxy, tracks.score, tracks.class_id
    )
    expected = numbered_backward(tracks, FPS, SETTINGS)
    np.testing.assert_array_equal(numbered_backward(other, FPS, SETTINGS), expected)


def test_a_lone_player_has_one_number_and_a_stray_box_none() -> None:
    frame = np.append(np.arange(20), 10)
    corner = np.concatenate([np.stack([100.0 + 3 * frame[:-1], np.full(20, 200.0)], axis=1), [[900.0, 500.0]]])
    ones, xyxy = np.ones(21), np.concatenate([corner, corner + np.array([30, 80])], axis=1)
    tracks = Tracks.from_arrays(frame, [1] * 20 + [2], xyxy, ones, ones)
    number = numbered_backward(tracks, FPS, SETTINGS)
    stray = tracks.track_id == 2
    assert number[stray].tolist() == [0]
    assert len(set(number[~stray].tolist())) == 1 and number[0] > 0


def test_no_boxes_no_numbers() -> None:
    for frames in (0, 1, 5):
        assert numbered_backward(Tracks.empty(frames), FPS, SETTINGS).shape == (0,)


def motions(seed: int, count: int) -> Float:
    random = np.random.default_rng(seed)
    motion: Float = np.eye(2, 3) + np.concatenate(
        [random.uniform(-0.2, 0.2, (count, 2, 2)), random.uniform(-50, 50, (count, 2, 1))], axis=2
    )
    motion[random.random(count) < 0.2] = np.nan
    return motion


def whole(motion: Float) -> Float:
    matrix: Float = np.concatenate([motion, np.broadcast_to([0.0, 0.0, 1.0], (len(motion), 1, 3))], axis=1)
    return matrix


@given(st.integers(0, 2**32 - 1), st.integers(1, 20))
def test_going_back_undoes_going_forward(seed: int, frames: int) -> None:
    forward = motions(seed, frames)
    backward = reversed_motion(forward, frames)
    assert backward.shape == (frames, 2, 3)
    assert np.isnan(backward[0]).all()  # there is no frame before the first, in either direction
    for frame in range(1, frames):
        back = backward[frames - frame]
        assert np.isnan(back).all() == np.isnan(forward[frame]).any()
        if np.isfinite(back).all():
            np.testing.assert_allclose(whole(back[None])[0] @ whole(forward[frame][None])[0], np.eye(3), atol=1e-9)


@given(st.integers(0, 2**32 - 1), st.integers(1, 20))
def test_turned_round_twice_it_is_what_it_was(seed: int, frames: int) -> None:
    forward = motions(seed, frames)
    twice = reversed_motion(reversed_motion(forward, frames), frames)
    np.testing.assert_allclose(twice[1:], forward[1:], rtol=1e-9, atol=1e-9)


def test_of_frames_beyond_the_camera_s_nothing_is_known() -> None:
    forward = np.tile(np.eye(2, 3), (3, 1, 1))
    known = np.isfinite(reversed_motion(forward, 6)).all(axis=(1, 2))
    assert known.tolist() == [False, False, False, False, True, True]
    assert reversed_motion(np.tile(np.eye(2, 3), (9, 1, 1)), 6).shape == (6, 2, 3)
    assert reversed_motion(forward, 0).shape == (0, 2, 3)
    assert np.isnan(reversed_motion(forward, 1)).all()


def test_a_motion_that_cannot_be_undone_is_not_known() -> None:
    forward = np.tile(np.eye(2, 3), (2, 1, 1))
    forward[1, :, :2] = 0
    assert np.isnan(reversed_motion(forward, 2)).all()
