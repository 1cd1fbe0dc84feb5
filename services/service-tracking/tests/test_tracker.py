"""The tracker, seen from outside: which boxes get which ids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared_libs.common.detections import Detections
from shared_libs.common.tracks import Source, Tracks
from tracking.settings import TrackerSettings
from tracking.tracker import Tracker, track

FPS = 25.0
Box = tuple[int, float, float, float]
"""frame, left, top, score; every player is 30 by 80 pixels."""


def detections(boxes: Iterable[Box], frame_count: int | None = None) -> Detections:
    rows = np.array(list(boxes), float).reshape(-1, 4)
    left_top = rows[:, 1:3]
    xyxy = np.concatenate([left_top, left_top + np.array([30, 80])], axis=1)
    return Detections.from_arrays(rows[:, 0].astype(int), xyxy, rows[:, 3], np.zeros(len(rows), int), frame_count)


def walk(frames: Iterable[int], left: float, top: float, speed: float, score: float = 0.9) -> list[Box]:
    return [(frame, left + speed * frame, top, score) for frame in frames]


def lefts_of(tracks: Tracks, track_id: int) -> list[tuple[int, float]]:
    mine = tracks.track_id == track_id
    return [(int(frame), float(box[0])) for frame, box in zip(tracks.frame[mine], tracks.xyxy[mine], strict=True)]


def ids_of(tracks: Tracks) -> list[int]:
    return sorted(set(tracks.track_id.tolist()))


def same(first: Tracks, second: Tracks) -> bool:
    names = ("frame", "track_id", "xyxy", "score", "class_id", "source")
    return all(np.array_equal(getattr(first, name), getattr(second, name)) for name in names)


def test_a_lone_player_keeps_one_id() -> None:
    tracks = track(detections(walk(range(50), 100, 200, 4)), FPS)
    assert len(tracks) == 50
    assert ids_of(tracks) == [1]


def test_two_players_who_cross_keep_their_ids() -> None:
    right = walk(range(60), 100, 200, 5)
    left = walk(range(60), 400, 215, -5)
    tracks = track(detections(right + left), FPS)
    assert lefts_of(tracks, 1) == [(frame, left) for frame, left, _, _ in right]
    assert lefts_of(tracks, 2) == [(frame, left) for frame, left, _, _ in left]


def test_an_occlusion_shorter_than_the_window_is_bridged() -> None:
    seen = [*range(20), *range(40, 60)]
    tracks = track(detections(walk(seen, 100, 200, 3)), FPS)
    assert ids_of(tracks) == [1]
    assert tracks.frame.tolist() == seen


def test_a_player_who_returns_after_the_window_gets_a_new_id() -> None:
    window = TrackerSettings(reentry_seconds=1.0)
    for pause, expected in ((24, [1]), (26, [1, 2])):
        boxes = walk([*range(20), *range(20 + pause, 40 + pause)], 100, 200, 0)
        assert ids_of(track(detections(boxes), FPS, window)) == expected


def test_the_window_is_in_seconds_whatever_the_frame_rate() -> None:
    boxes = detections(walk([*range(20), *range(60, 80)], 100, 200, 0))
    window = TrackerSettings(reentry_seconds=1.0)
    assert ids_of(track(boxes, 50.0, window)) == [1]
    assert ids_of(track(boxes, 25.0, window)) == [1, 2]


def test_low_scores_keep_a_track_alive_but_start_none() -> None:
    sure, faint = walk(range(10), 100, 200, 3), walk(range(10, 60), 100, 200, 3, score=0.3)
    tracks = track(detections(sure + faint), FPS, TrackerSettings(reentry_seconds=0.2))
    assert ids_of(tracks) == [1]
    assert len(tracks) == 60
    assert len(track(detections(faint), FPS)) == 0


def test_scores_below_the_lowest_threshold_are_left_out() -> None:
    boxes = walk(range(20), 100, 200, 3) + walk(range(20, 30), 100, 200, 3, score=0.05)
    assert track(detections(boxes), FPS).frame.max() == 19


def test_a_box_that_appears_too_briefly_is_no_track() -> None:
    player, flash = walk(range(30), 100, 200, 3), walk(range(10, 12), 600, 300, 0)
    assert ids_of(track(detections(player + flash), FPS)) == [1]
    assert ids_of(track(detections(player + flash), FPS, TrackerSettings(confirm_hits=2))) == [1, 2]


def test_a_confirmed_track_is_reported_from_its_first_box() -> None:
    tracks = track(detections(walk(range(5, 30), 100, 200, 3)), FPS)
    assert tracks.frame.min() == 5


def test_ids_count_from_one_in_order_of_first_appearance_then_from_left_to_right() -> None:
    late = walk(range(10, 40), 50, 500, 0)
    early = walk(range(40), 900, 100, 0) + walk(range(40), 300, 100, 0)
    noise = walk(range(3, 4), 1500, 800, 0)
    tracks = track(detections(late + early + noise), FPS)
    assert [lefts_of(tracks, number)[0] for number in (1, 2, 3)] == [(0, 300.0), (0, 900.0), (10, 50.0)]
    assert ids_of(tracks) == [1, 2, 3]


def test_a_new_player_under_a_fast_pan_is_held_from_the_start() -> None:
    scene = [box for place in range(5) for box in walk(range(40), 200 + 150 * place, 200, 16)]
    newcomer = walk(range(20, 40), 60, 300, 16)
    assert ids_of(track(detections(scene + newcomer), FPS)) == [1, 2, 3, 4, 5, 6]


def test_the_output_is_the_detections_themselves() -> None:
    rng = np.random.default_rng(3)
    rows = [
        (frame, 100 + 3 * frame + rng.normal(), top + rng.normal(), rng.uniform(0.6, 1))
        for frame in range(40)
        for top in (100, 300, 500)
    ]
    given_boxes = detections(rows)
    tracks = track(given_boxes, FPS)
    assert len(tracks) == len(given_boxes)
    mine, known = (
        {(int(f), *map(float, b), float(s)) for f, b, s in zip(boxes.frame, boxes.xyxy, boxes.score, strict=True)}
        for boxes in (tracks, given_boxes)
    )
    assert mine == known
    assert (tracks.source == Source.DETECTED).all()


def test_no_detections_give_no_tracks() -> None:
    tracks = track(Detections.empty(12), FPS)
    assert len(tracks) == 0
    assert tracks.frame_count == 12


def test_empty_frames_count_as_time() -> None:
    boxes = walk([*range(20), *range(200, 220)], 100, 200, 0)
    assert ids_of(track(detections(boxes, frame_count=500), FPS)) == [1, 2]


def test_scores_above_one_count_as_one() -> None:
    boxes = walk(range(30), 100, 200, 3)
    large = [(frame, left, top, 40.0) for frame, left, top, _ in boxes]
    assert track(detections(large), FPS).track_id.tolist() == [1] * 30


@pytest.mark.parametrize("fps", [0.0, -25.0, float("nan"), float("inf")])
def test_an_impossible_frame_rate_is_refused(fps: float) -> None:
    with pytest.raises(ValueError, match="fps must be a positive number"):
        Tracker(fps)


def test_update_names_a_track_per_box_and_says_when_it_counts() -> None:
    tracker = Tracker(FPS, TrackerSettings(confirm_hits=2))
    boxes = np.array([[100.0, 100, 130, 180], [500.0, 100, 530, 180], [900.0, 100, 930, 180]])
    first = tracker.update(boxes, np.array([0.9, 0.9, 0.55]))
    assert first.number.tolist() == [1, 2, 0]
    assert first.confirmed.tolist() == [False, False, False]
    second = tracker.update(boxes[::-1] + 1, np.array([0.2, 0.9, 0.9]))
    assert second.number.tolist() == [0, 2, 1]
    assert second.confirmed.tolist() == [False, True, True]
    nothing = tracker.update(np.zeros((0, 4)), np.zeros(0))
    assert len(nothing.number) == len(nothing.confirmed) == 0


@st.composite
def games(draw: st.DrawFn) -> Sequence[Box]:
    """Players who run straight with small errors, misses, and false boxes."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    players, frames = draw(st.integers(0, 8)), draw(st.integers(1, 40))
    miss, false_boxes = draw(st.floats(0, 0.5)), draw(st.floats(0, 2))
    start, speed = rng.uniform(0, 600, (players, 2)), rng.normal(0, 4, (players, 2))
    rows: list[Box] = []
    for frame in range(frames):
        for place in start + speed * frame + rng.normal(0, 1, (players, 2)):
            if rng.random() >= miss:
                rows.append((frame, *place, rng.uniform(0.05, 1)))
        rows += [(frame, *rng.uniform(0, 600, 2), rng.uniform(0.05, 1)) for _ in range(rng.poisson(false_boxes))]
    return rows


@settings(max_examples=60, deadline=None)
@given(games())
def test_every_track_is_a_choice_of_detections_with_at_most_one_in_a_frame(rows: Sequence[Box]) -> None:
    boxes = detections(rows, frame_count=40)
    tracks = track(boxes, FPS)
    known = {(int(frame), *map(float, box)) for frame, box in zip(boxes.frame, boxes.xyxy, strict=True)}
    mine = [(int(frame), *map(float, box)) for frame, box in zip(tracks.frame, tracks.xyxy, strict=True)]
    assert len(set(mine)) == len(mine)
    assert set(mine) <= known
    assert ids_of(tracks) == list(range(1, len(ids_of(tracks)) + 1))
    counts = np.bincount(tracks.track_id, minlength=1)[1:]
    assert (counts >= TrackerSettings().confirm_hits).all()
    assert (tracks.score >= TrackerSettings().low_score).all()


@settings(max_examples=40, deadline=None)
@given(games(), st.randoms(use_true_random=False))
def test_the_order_of_boxes_within_a_frame_does_not_matter(rows: Sequence[Box], random: Random) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert same(track(detections(rows), FPS), track(detections(shuffled), FPS))


@settings(max_examples=20, deadline=None)
@given(games())
def test_the_same_input_gives_the_same_output(rows: Sequence[Box]) -> None:
    assert same(track(detections(rows), FPS), track(detections(rows), FPS))


@settings(max_examples=30, deadline=None)
@given(games())
def test_frame_by_frame_gives_what_the_whole_sequence_gives(rows: Sequence[Box]) -> None:
    boxes = detections(rows)
    tracker, offsets = Tracker(FPS), boxes.offsets()
    number = np.concatenate(
        [tracker.update(boxes.xyxy[begin:end], boxes.score[begin:end]).number for begin, end in pairwise(offsets)]
        or [np.zeros(0, int)]
    )
    tracks = track(boxes, FPS)
    order = {(int(f), *map(float, b)): int(n) for f, b, n in zip(boxes.frame, boxes.xyxy, number, strict=True)}
    pairs = {
        (int(identity), order[int(frame), *map(float, box)])
        for frame, identity, box in zip(tracks.frame, tracks.track_id, tracks.xyxy, strict=True)
    }
    # One number for each id and one id for each number, rising together.
    assert len(pairs) == len(ids_of(tracks)) == len({number for _, number in pairs})
    assert [number for _, number in sorted(pairs)] == sorted(number for _, number in pairs)
