"""Which pieces are compared, and what speaks for their being one person."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared_libs.common.tracks import Tracks
from tracking.link_evidence import FEATURES, SHORT_SECONDS, Pairs, Scene, features_of, pairs_to_weigh
from tracking.link_weights import WEIGHTS
from tracking.pieces import cut_where_passes_differ
from tracking.scene import Feet, Float, feet_in_scene

FPS = 25.0
Way = tuple[int, int, float, float, float]
"""First frame, frame after the last, left at frame 0, pixels per frame, top: of somebody 30 by 80 pixels."""


def scene(ways: list[Way], frames: int = 500, fps: float = FPS, same: dict[int, int] | None = None) -> Scene:
    """Each way is a piece of its own. `same`: pieces that the pass forwards took for the continuation of another."""
    frame = np.concatenate([np.arange(first, stop) for first, stop, *_ in ways])
    which = np.repeat(np.arange(len(ways)), [stop - first for first, stop, *_ in ways])
    _, _, left, speed, top = np.array(ways, float).T
    corner = np.stack([left[which] + speed[which] * frame, top[which]], axis=1)
    xyxy = np.concatenate([corner, corner + np.array([30, 80])], axis=1)
    ones = np.ones(len(frame))
    tracks = Tracks.from_arrays(frame, which + 1, xyxy, ones, ones, frame_count=frames)
    backward = tracks.track_id.astype(np.int64)
    forward = backward.copy()
    for second, first in (same or {}).items():
        forward[forward == second + 1] = first + 1
    pieces = cut_where_passes_differ(tracks.frame, forward, backward, round(SHORT_SECONDS * fps))
    place = np.stack([tracks.xyxy[:, [0, 2]].mean(axis=1), tracks.xyxy[:, 3]], axis=1).astype(np.float64)
    return Scene.of(tracks, pieces, Feet(place, np.ones(len(place)), np.zeros(len(place), np.int64)), fps)


def value(name: str, features: Float) -> Float:
    """A feature of each pair, whichever half it stands in."""
    halves: Float = features.reshape(len(features), 2, len(FEATURES))[:, :, FEATURES.index(name)].sum(axis=1)
    return halves


def pairs_of(found: Pairs) -> set[tuple[int, int]]:
    return set(zip(found.first.tolist(), found.second.tolist(), strict=True))


def test_a_pair_is_one_that_ends_and_one_that_begins_later() -> None:
    found = scene([(0, 50, 100, 0, 200), (30, 80, 150, 0, 200), (50, 90, 120, 0, 200), (300, 320, 100, 0, 200)])
    assert pairs_of(pairs_to_weigh(found, 5.0)) == {(0, 2)}
    assert pairs_of(pairs_to_weigh(found, 60.0)) == {(0, 2), (0, 3), (1, 3), (2, 3)}
    assert pairs_of(pairs_to_weigh(found, 0.0)) == set()


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.2, 1.0, 7.0]))
def test_pairs_are_all_that_end_and_begin_near_each_other_in_time(seed: int, longest: float) -> None:
    random = np.random.default_rng(seed)
    starts, lengths = random.integers(0, 400, 12), random.integers(1, 60, 12)
    found = scene(
        [(int(s), int(s + n), 100.0 + random.integers(0, 3), 0.0, 200.0) for s, n in zip(starts, lengths, strict=True)]
    )
    began, ended = found.frame[found.pieces.first], found.frame[found.pieces.last]
    gap = began[None, :] - ended[:, None]
    expected = np.argwhere((gap > 0) & (gap <= longest * FPS))
    assert pairs_of(pairs_to_weigh(found, longest)) == {(int(first), int(second)) for first, second in expected}


def test_who_is_too_far_away_is_no_pair_unless_a_pass_said_so() -> None:
    ways: list[Way] = [(0, 50, 0, 0, 200), (60, 90, 2000, 0, 200), (62, 90, 100, 0, 200), (62, 90, 0, 0, 900)]
    assert pairs_of(pairs_to_weigh(scene(ways), 30.0)) == {(0, 2)}
    assert pairs_of(pairs_to_weigh(scene(ways, same={1: 0}), 30.0)) == {(0, 1), (0, 2)}


def test_after_a_long_absence_people_may_be_farther_away() -> None:
    for frame, far in ((60, False), (100, True)):
        found = scene([(0, 50, 0, 0, 200), (frame, frame + 30, 800, 0, 200)])
        assert bool(pairs_of(pairs_to_weigh(found, 30.0))) == far


def test_a_cut_parts_people_unless_a_pass_said_otherwise() -> None:
    ways: list[Way] = [(0, 50, 100, 0, 200), (60, 90, 100, 0, 200)]
    for same, expected in (({}, set()), ({1: 0}, {(0, 1)})):
        found = scene(ways, same=same)
        shot = (found.frame >= 55).astype(np.int64)
        assert pairs_of(pairs_to_weigh(replace(found, feet=found.feet._replace(shot=shot)), 30.0)) == expected


def test_short_and_long_gaps_are_told_in_halves_of_their_own() -> None:
    found = scene([(0, 50, 100, 0, 200), (74, 90, 100, 0, 200), (75, 90, 100, 0, 205)])
    pairs = pairs_to_weigh(found, 30.0)
    features = features_of(found, pairs)
    assert features.shape == (2, 2 * len(FEATURES)) == (2, len(WEIGHTS))
    for row, second in enumerate(pairs.second.tolist()):
        short, long = features[row].reshape(2, -1)
        told, silent = (short, long) if second == 1 else (long, short)
        assert told[FEATURES.index("one")] == 1
        assert not silent.any()


def test_who_runs_on_is_nearer_to_where_he_was_going_than_to_where_he_was() -> None:
    found = scene([(0, 50, 0, 5, 200), (56, 100, 0, 5, 200)])
    features = features_of(found, Pairs(np.array([0]), np.array([1])))
    assert value("ahead across", features) < value("apart across", features) / 4
    assert value("behind across", features) < value("apart across", features) / 4
    assert value("turn across", features) < 0.01
    turned = scene([(0, 50, 0, 5, 200), (56, 100, 560, -5, 200)])
    assert value("turn across", features_of(turned, Pairs(np.array([0]), np.array([1])))) > 1


def test_the_same_size_and_place_differ_in_nothing() -> None:
    features = features_of(scene([(0, 50, 100, 0, 200), (60, 90, 100, 0, 200)]), Pairs(np.array([0]), np.array([1])))
    for name in ("ahead", "behind", "apart", "turn"):
        for way in ("across", "down"):
            assert value(f"{name} {way}", features) == pytest.approx(0, abs=1e-6)
    assert value("height", features) == value("width", features) == 0


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.25, 2.0, 8.0]))
def test_a_picture_of_another_size_says_the_same(seed: int, scale: float) -> None:
    tracks = spotted(seed, spots=9)
    larger = replace(tracks, xyxy=tracks.xyxy * np.float32(scale))
    before, after = (scene_of_halves(each) for each in (tracks, larger))
    pairs, same = (pairs_to_weigh(each, 30.0) for each in (before, after))
    assert pairs_of(pairs) == pairs_of(same)
    np.testing.assert_allclose(features_of(after, same), features_of(before, pairs), atol=1e-6)


def spotted(seed: int, spots: int, frames: int = 120) -> Tracks:
    """Boxes on few spots: many are in one place, others jump; some tracks have gaps, some a single box."""
    random = np.random.default_rng(seed)
    frame, player = (random.random((frames, 5)) < random.choice([0.02, 0.5, 0.95], 5)).nonzero()
    corner = random.integers(0, spots, (len(frame), 2)) * 40.0
    high = np.where(random.random(len(frame)) < 0.5, 80.0, random.choice([1.0, 80.0, 640.0], len(frame)))
    xyxy = np.stack([corner[:, 0], corner[:, 1], corner[:, 0] + high / 3, corner[:, 1] + high], axis=1)
    ones = np.ones(len(frame))
    return Tracks.from_arrays(frame, player + 1, xyxy, ones, ones, frame_count=frames)


def scene_of_halves(tracks: Tracks, fps: float = FPS) -> Scene:
    """The passes disagree now and then."""
    backward = tracks.track_id.astype(np.int64) + 10 * (tracks.frame // 50)
    pieces = cut_where_passes_differ(tracks.frame, tracks.track_id, backward, round(SHORT_SECONDS * fps))
    return Scene.of(tracks, pieces, feet_in_scene(tracks), fps)


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.sampled_from([0.1, 1.0, 25.0, 240.0]))
def test_features_are_finite_however_odd_the_boxes(seed: int, spots: int, fps: float) -> None:
    found = scene_of_halves(spotted(seed, spots), fps)
    features = features_of(found, pairs_to_weigh(found, 1e6))
    assert np.isfinite(features).all()
    assert np.abs(features).max(initial=0) < 1e4


def test_gaps_of_hours_and_no_pairs_at_all_are_no_trouble() -> None:
    hours = scene([(0, 2, 100, 0, 200), (1_000_000, 1_000_002, 100, 0, 200)], frames=1_000_100)
    assert np.isfinite(features_of(hours, pairs_to_weigh(hours, 1e9))).all()
    alone = scene([(0, 1, 100, 0, 200)], frames=1)
    nothing = pairs_to_weigh(alone, 30.0)
    assert features_of(alone, nothing).shape == (0, 2 * len(FEATURES))


def test_who_begins_out_of_nothing_is_a_newcomer_but_for_the_first_second() -> None:
    there: list[Way] = [(0, 400, 100.0 * player, 0, 200) for player in range(4)]
    came: list[Way] = [(100 + 30 * number, 400, 100.0 * number, 0, 500) for number in range(5)]
    quiet, busy = scene(there).game, scene(there + came).game
    seconds = 500 / FPS + 1
    assert quiet.newcomers == pytest.approx(np.log(0.5 / seconds))
    assert busy.newcomers == pytest.approx(np.log(5.5 / seconds))
    assert busy.returns == pytest.approx(np.log(0.5 / 6.5))


def test_absences_that_both_passes_bridge_are_returns() -> None:
    frame = np.concatenate([np.arange(100), np.arange(200, 300)])
    corner = np.tile([100.0, 200.0], (200, 1))
    ones = np.ones(200)
    xyxy = np.concatenate([corner, corner + np.array([30, 80])], axis=1)
    tracks = Tracks.from_arrays(frame, ones, xyxy, ones, ones, frame_count=300)
    number = np.ones(200, np.int64)
    found = []
    for backward in (number, number + (frame >= 200)):
        pieces = cut_where_passes_differ(tracks.frame, number, backward, round(FPS))
        assert len(pieces) == 2
        found.append(Scene.of(tracks, pieces, feet_in_scene(tracks), FPS).game)
    assert found[0].returns == pytest.approx(np.log(1.5 / 1.5))
    assert found[1].returns == pytest.approx(np.log(0.5 / 1.5))


def test_those_who_went_out_of_sight_lately_are_waiting() -> None:
    ways: list[Way] = [(0, 10, 100, 0, 200), (0, 60, 200, 0, 200), (0, 80, 300, 0, 200), (90, 120, 300, 0, 200)]
    found = scene(ways)
    features = features_of(found, Pairs(np.array([2]), np.array([3])))
    assert value("waiting", features) == pytest.approx(np.log(1 + 3))
    late = scene([*ways[:3], (300, 320, 300, 0, 200)])
    assert value("waiting", features_of(late, Pairs(np.array([2]), np.array([3])))) == pytest.approx(np.log(1 + 2))


def test_every_feature_has_its_weights() -> None:
    assert len(set(FEATURES)) == len(FEATURES)
    assert WEIGHTS.shape == (2 * len(FEATURES),)
    assert np.isfinite(WEIGHTS).all()
