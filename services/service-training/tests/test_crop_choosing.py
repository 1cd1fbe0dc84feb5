"""Which boxes become crops: the best of each identity, spread over time, never two of one moment."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from shared_libs.common.tracks import Tracks
from training.dataset.choosing import choose_candidates, keep_best, score_of

SIZE = (1280, 720)


def lane(identity: int, frames: npt.NDArray[np.int64], score: float = 0.9) -> npt.NDArray[np.float64]:
    """Rows of (frame, track id, left, top, right, bottom, score) of somebody who stands by himself."""
    rows = np.empty((len(frames), 7))
    rows[:] = (0, identity, 100 * identity, 300, 100 * identity + 40, 400, score)
    rows[:, 0] = frames
    return rows


def tracks_of(*lanes: npt.NDArray[np.float64]) -> Tracks:
    rows = np.concatenate(lanes)
    return Tracks.from_arrays(rows[:, 0], rows[:, 1], rows[:, 2:6], rows[:, 6], np.zeros(len(rows)))


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(0, 200), per_identity=st.integers(1, 20), apart=st.floats(0, 2))
def test_of_each_identity_at_most_so_many_are_kept_and_none_too_close(
    seed: int, count: int, per_identity: int, apart: float
) -> None:
    random = np.random.default_rng(seed)
    identity = random.integers(0, 5, count).astype(np.int32)
    time, score = random.uniform(0, 10, count).round(2), random.random(count).round(1)
    kept = keep_best(identity, time, score, per_identity=per_identity, seconds_apart=apart)
    assert (np.diff(kept) > 0).all()
    for each in np.unique(identity):
        own = kept[identity[kept] == each]
        assert 1 <= len(own) <= per_identity
        assert (np.diff(np.sort(time[own])) > apart - 1e-5).all()


def test_of_every_part_of_the_time_the_best_is_kept() -> None:
    time = np.arange(12.0)
    score = np.array([0.1, 0.9, 0.2, 0.3, 0.8, 0.1, 0.5, 0.4, 0.6, 0.1, 0.1, 0.2])
    kept = keep_best(np.zeros(12, np.int32), time, score, per_identity=4, seconds_apart=0)
    assert kept.tolist() == [1, 4, 8, 11]


def test_crops_of_a_fifth_of_a_second_are_apart_whatever_binary_fractions_say() -> None:
    time = np.arange(0, 100, 5) / 25  # differences of these are a little less than 0.2 here and there
    assert (np.diff(time) < 0.2).any()
    assert len(keep_best(np.zeros(20, np.int32), time, np.ones(20), per_identity=60, seconds_apart=0.2)) == 20


def test_identities_do_not_keep_each_other_away() -> None:
    same_moment = np.zeros(3)
    assert len(keep_best(np.array([4, 7, 9], np.int32), same_moment, np.ones(3))) == 3


def test_half_as_many_again_as_are_wanted_are_cut_of_players_of_many_tracks() -> None:
    """Somebody in six tracks with long absences between them, and somebody in one track, seen for as long."""
    pieces = [lane(track, np.arange(4000 * track, 4000 * track + 500)) for track in range(1, 7)]
    tracks = tracks_of(*pieces, lane(7, np.arange(3000)))
    identity = np.where(tracks.track_id == 7, 1, 0).astype(np.int32)
    rows = choose_candidates(tracks, identity, 25.0, SIZE, per_identity=40).row
    assert (np.abs(np.bincount(identity[rows]) - 60) <= 3).all()
    assert (np.bincount(tracks.track_id[rows], minlength=8)[1:7] >= 8).all()


def test_of_somebody_seen_briefly_no_more_are_cut_than_can_be_kept_apart() -> None:
    tracks = tracks_of(lane(1, np.arange(50)))
    rows = choose_candidates(tracks, np.zeros(50, np.int32), 25.0, SIZE).row
    assert 10 < len(rows) <= 15  # two seconds: ten crops a fifth of a second apart, and half as many again


def test_boxes_that_are_nobody_s_are_not_cut() -> None:
    tracks = tracks_of(lane(1, np.arange(50)), lane(2, np.arange(50)))
    identity = np.where(tracks.track_id == 2, 0, -1).astype(np.int32)
    assert (tracks.track_id[choose_candidates(tracks, identity, 25.0, SIZE).row] == 2).all()


def test_moments_in_which_somebody_stands_in_front_are_not_cut() -> None:
    behind = lane(1, np.arange(100))
    front = lane(2, np.arange(40, 100))
    front[:, 2:6] = (115, 305, 155, 405)
    tracks = tracks_of(behind, front)
    identity = np.where(tracks.track_id == 1, 0, -1).astype(np.int32)
    assert tracks.frame[choose_candidates(tracks, identity, 25.0, SIZE).row].max() < 40


def test_a_crop_is_as_sharp_as_others_of_its_identity_and_size() -> None:
    plain_and_striped = np.repeat(np.array([0, 1], np.int32), 5)
    height, quality = np.full(10, 100.0), np.full(10, 0.8)
    sharpness = np.concatenate([np.arange(1.0, 6), 100 * np.arange(1.0, 6)])
    score = score_of(plain_and_striped, height, quality, sharpness)
    assert np.allclose(score[:5], score[5:])
    assert (np.diff(score[:5]) > 0).all()
    assert np.isclose(score[2], 0.4)  # the median counts a half
    small_and_large = np.array([30.0, 30, 30, 200, 200])
    score = score_of(np.zeros(5, np.int32), small_and_large, np.ones(5), np.array([1.0, 2, 3, 50, 80]))
    assert score[2] > score[3]


def test_blurred_crops_are_left_for_sharp_ones_of_the_same_time() -> None:
    count = 90
    is_blurred = np.arange(count) % 3 == 0
    sharpness = np.where(is_blurred, 20.0, 400.0)
    identity = np.zeros(count, np.int32)
    score = score_of(identity, np.full(count, 90.0), np.full(count, 0.9), sharpness)
    kept = keep_best(identity, np.linspace(0, count - 1, count), score, per_identity=30)
    assert len(kept) == 30
    assert not is_blurred[kept].any()


def test_nobody_gives_nothing() -> None:
    nothing = np.empty(0, np.int32)
    assert len(choose_candidates(Tracks.empty(10), nothing, 25.0, SIZE)) == 0
    assert len(score_of(nothing, np.empty(0), np.empty(0), np.empty(0))) == 0
    assert len(keep_best(nothing, np.empty(0), np.empty(0))) == 0
