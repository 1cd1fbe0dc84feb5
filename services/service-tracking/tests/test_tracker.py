"""The tracker, seen from outside: which boxes get which ids."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from random import Random
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError

from shared_libs.common.detections import Detections
from shared_libs.common.tracks import Source, Tracks
from tracking import kernel, tracker
from tracking.bank import Bank
from tracking.knobs import knobs_of
from tracking.settings import TrackerSettings
from tracking.tracker import track

FPS = 25.0
LONG = 100_000 if os.environ.get("LAXAI_EXHAUSTIVE") == "1" else 5_000
"""Frames of a long game."""

Float = NDArray[np.float64]
Names = dict[tuple[float, ...], str]
"""Who is in which box, by frame and box."""
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
    for pause, expected in ((22, [1]), (26, [1, 2])):
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


def test_clutter_that_the_detector_is_unsure_of_is_no_track() -> None:
    clutter = walk(range(5, 20), 20, 300, 0, score=0.62)
    people = walk(range(60), 300, 200, 3) + walk(range(10, 60), 900, 500, -3, score=0.95)
    tracks = track(detections(clutter + people), FPS)
    assert ids_of(tracks) == [1, 2]
    assert tracks.score.min() > 0.8
    everything = track(detections(clutter + people), FPS, TrackerSettings(phantom_deficit=100))
    assert [lefts_of(everything, number)[0] for number in (1, 2, 3)] == [(0, 300.0), (5, 20.0), (10, 930.0 - 60)]


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


def test_who_turns_up_near_where_somebody_was_lost_is_somebody_new_where_many_come() -> None:
    """The same two tracks on a field, where the second is the first found again, and in a street."""
    around = walk(range(120), 100, 200, 0) + walk(range(132, 150), 152, 200, 0)
    passers_by = [
        box
        for one in range(36)
        for box in walk(range(4 * one, 4 * one + 4), 600 + 173 * one % 1100, 311 * one % 800, 0)
    ]

    def here(boxes: list[Box]) -> int:
        tracks = track(detections(boxes), FPS)
        return len(set(tracks.track_id[tracks.xyxy[:, 0] < 400].tolist()))

    assert here(around) == 1
    assert here(around + passers_by) == 2


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
        track(Detections.empty(1), fps)


@pytest.mark.parametrize("camera", [np.eye(3)[None], np.eye(2, 3), np.zeros((0, 3, 2))])
def test_an_impossible_camera_is_refused(camera: Float) -> None:
    with pytest.raises(ValueError, match="camera must be "):
        track(Detections.empty(1), FPS, camera=camera)


@pytest.mark.parametrize(
    "values",
    [
        {"high_score": 1.5},
        {"low_score": -0.1},
        {"low_score": 0.5, "high_score": 0.4},
        {"high_score": 0.7, "new_track_score": 0.6},
        {"confirm_hits": 0},
        {"confirm_hits": 2.5},
        {"reentry_seconds": -1.0},
        {"reentry_seconds": float("nan")},
        {"reentry_seconds": float("inf")},
        {"measurement_noise": 0.0},
        {"measurement_noise": float("inf")},
        {"acceptance": float("nan")},
        {"no_such_setting": 1},
    ],
)
def test_settings_refuse_nonsense(values: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        TrackerSettings.model_validate(values)


# A camera over a field: where people are is meant in the scene, and the picture shows a part of it.


class View(NamedTuple):
    """Left edge of the picture in the scene, and picture pixels per scene pixel."""

    left: float
    zoom: float = 1.0


PICTURE = np.array([1000.0, 600.0])


def filmed(people: dict[str, Callable[[int], tuple[float, float]]], views: Sequence[View]) -> tuple[Detections, Names]:
    """What a detector sees of `people`, each given as its left and top by frame, all 30 by 80; and who each box is."""
    rows, names = [], {}
    for frame, view in enumerate(views):
        for name, place in people.items():
            left, top = place(frame)
            begin = np.array([(left - view.left) * view.zoom, top * view.zoom])
            box = np.concatenate([begin, begin + np.array([30, 80]) * view.zoom]).astype(np.float32)
            if (box[:2] >= 0).all() and (box[2:] <= PICTURE).all():
                rows.append((frame, *box))
                names[frame, *box.tolist()] = name
    table = np.array(rows)
    scores, classes = np.full(len(rows), 0.9), np.zeros(len(rows), int)
    return Detections.from_arrays(table[:, 0].astype(int), table[:, 1:], scores, classes, len(views)), names


def camera_of(views: Sequence[View]) -> Float:
    """The transforms that a perfect look at the picture would find."""
    motion = np.tile(np.eye(2, 3), (len(views), 1, 1))
    for frame, (before, now) in enumerate(pairwise(views), start=1):
        zoom = now.zoom / before.zoom
        motion[frame, 0, 0] = motion[frame, 1, 1] = zoom
        motion[frame, 0, 2] = (before.left - now.left) * now.zoom
    return motion


def ids_by_name(tracks: Tracks, names: Names) -> dict[str, set[int]]:
    ids: dict[str, set[int]] = {}
    for frame, number, box in zip(tracks.frame, tracks.track_id, tracks.xyxy, strict=True):
        ids.setdefault(names[int(frame), *box.tolist()], set()).add(int(number))
    return ids


def line(left: float, top: float, speed: float = 0.0) -> Callable[[int], tuple[float, float]]:
    return lambda frame: (left + speed * frame, top)


THERE_AND_BACK = [View(float(left)) for left in [0] * 25 + [*range(0, 400, 10)] + [*range(400, 0, -10)] + [0] * 25]
SCENE = {f"scene {place}": line(450 + 150 * place, 100 + 70 * place, 0.4) for place in range(4)}


@pytest.mark.parametrize("known", [False, True], ids=["boxes only", "camera known"])
def test_who_leaves_as_the_camera_pans_and_returns_when_it_pans_back_keeps_the_id(known: bool) -> None:
    boxes, names = filmed(SCENE | {"left behind": line(100, 300)}, THERE_AND_BACK)
    camera = camera_of(THERE_AND_BACK) if known else None
    seen = sorted(frame for frame, *_ in (key for key, name in names.items() if name == "left behind"))
    assert max(after - before for before, after in pairwise(seen)) > 50
    ids = ids_by_name(track(boxes, FPS, camera=camera), names)
    assert len(ids["left behind"]) == 1
    assert len(set.union(*ids.values())) == len(ids) == 5
    forgetful = TrackerSettings(reentry_seconds=1.0)
    assert len(ids_by_name(track(boxes, FPS, forgetful, camera), names)["left behind"]) == 2


@pytest.mark.parametrize("known", [False, True], ids=["boxes only", "camera known"])
def test_someone_new_far_from_where_everybody_left_gets_a_new_id(known: bool) -> None:
    views = [View(float(left)) for left in [0] * 40 + [*range(0, 3000, 50)] + [3000] * 40]
    people = {"old": line(300, 300), "new": line(3800, 40)}
    boxes, names = filmed(people, views)
    ids = ids_by_name(track(boxes, FPS, camera=camera_of(views) if known else None), names)
    assert ids == {"old": {1}, "new": {2}}


def test_a_known_camera_carries_a_hidden_player_through_pan_and_zoom() -> None:
    views = [View(0.0)] * 20 + [View(left, 1 + left / 200) for left in np.linspace(0, 200, 20).tolist()]
    views += [View(200.0, 2.0)] * 20
    boxes, names = filmed({"one": line(300, 120), "two": line(345, 120)}, views)
    hidden = (boxes.frame >= 20) & (boxes.frame < 40)
    boxes = Detections.from_arrays(
        boxes.frame[~hidden], boxes.xyxy[~hidden], boxes.score[~hidden], boxes.class_id[~hidden], len(views)
    )
    # On the screen "one" comes back where "two" was, and as tall as neither.
    ids = ids_by_name(track(boxes, FPS, camera=camera_of(views)), names)
    assert ids == {"one": {1}, "two": {2}}


def test_the_same_motion_at_other_frame_rates_gives_the_same_tracks() -> None:
    for fps in (10, 25, 50, 120):

        def hides(frame: int, fps: int = fps) -> tuple[float, float]:
            return 100 + 40 * frame / fps, -500 if fps < frame < 1.8 * fps else 400

        people = {"right": line(100, 200, 120 / fps), "left": line(580, 215, -120 / fps), "hides": hides}
        boxes, names = filmed(people, [View(0.0)] * (4 * fps))
        ids = ids_by_name(track(boxes, float(fps)), names)
        assert sorted(map(sorted, ids.values())) == [[1], [2], [3]], fps


@pytest.mark.parametrize("every", [1, 7, 499])
def test_the_interval_of_reports_changes_nothing(every: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    rows = [
        (frame, 100 + 90 * place + 2 * frame, 100 + 40 * place + rng.normal(), rng.uniform(0.3, 1))
        for frame in range(300)
        for place in range(8)
        if rng.random() > 0.2
    ]
    expected = track(detections(rows), FPS)
    monkeypatch.setattr(tracker, "_FRAMES_BETWEEN_REPORTS", every)
    reports: list[int] = []
    assert same(track(detections(rows), FPS, on_frame=reports.append), expected)
    assert reports == list(range(0, 300, every))


def test_the_bank_stays_small_however_long_the_game_is() -> None:
    """Visitors come and go for ever; only those of the last seconds are remembered."""
    visit = np.arange(LONG)
    # Each comes for 20 frames, three at a time, always at another place.
    left = 100.0 + (visit // 20 * 397 % 7) * 250
    rows = np.concatenate([np.stack([visit, left, 100 + 300 * lane + left / 9], axis=1) for lane in range(3)])
    xyxy = np.concatenate([rows[:, 1:], rows[:, 1:] + [30, 80]], axis=1)
    boxes = Detections.from_arrays(rows[:, 0].astype(int), xyxy, np.full(len(rows), 0.9), np.zeros(len(rows), int))
    sizes, alive = set(), set()

    def watched(bank: Bank, *rest: Any) -> tuple[int, int, int]:
        result: tuple[int, int, int] = kernel.advance(bank, *rest)
        sizes.add(len(bank))
        alive.add(result[0])
        return result

    # A remembered second is 25 / 20 visits of three.
    tracks = track(boxes, FPS, TrackerSettings(reentry_seconds=4.0), advance=watched)
    assert len(tracks) == len(boxes)
    assert max(alive) <= 3 * (4 * 25 / 20 + 2)
    assert max(sizes) == 64


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


BOXES = st.tuples(
    st.integers(0, 5),
    st.floats(-1e6, 1e6, width=32),
    st.floats(-1e6, 1e6, width=32),
    st.floats(2**-3, 1e5, width=32),
    st.floats(2**-3, 1e5, width=32),
    st.floats(0, 1, width=32),
)
"""frame, left, top, width, height, score"""


@settings(max_examples=150, deadline=None)
@given(st.lists(BOXES, max_size=25), st.integers(1, 4), st.sampled_from([1.0, 25.0, 240.0]))
def test_any_boxes_give_ids_that_are_unique_in_a_frame(
    boxes: list[tuple[int, float, float, float, float, float]], copies: int, fps: float
) -> None:
    """Tiny ones, huge ones, far away, and each of them several times."""
    table = np.array(boxes * copies).reshape(-1, 6)
    xyxy = np.concatenate([table[:, 1:3], table[:, 1:3] + table[:, 3:5]], axis=1).astype(np.float32)
    whole = (xyxy[:, 2:] > xyxy[:, :2]).all(axis=1)
    given_boxes = Detections.from_arrays(
        table[whole, 0].astype(int), xyxy[whole], table[whole, 5], np.zeros(whole.sum(), int), 6
    )
    tracks = track(given_boxes, fps, TrackerSettings(confirm_hits=1 if copies % 2 else 3))
    keys = list(zip(tracks.frame.tolist(), tracks.track_id.tolist(), strict=True))
    assert len(set(keys)) == len(keys)
    known = Counter((int(f), *map(float, b)) for f, b in zip(given_boxes.frame, given_boxes.xyxy, strict=True))
    assert not Counter((int(f), *map(float, b)) for f, b in zip(tracks.frame, tracks.xyxy, strict=True)) - known


@pytest.mark.parametrize("size", [1e-3, 1e15])
def test_sizes_beyond_all_pictures_are_followed_as_well(size: float) -> None:
    left = np.arange(30) * size / 10
    xyxy = np.stack([left, np.zeros(30), left + size, np.full(30, 2 * size)], axis=1)
    boxes = Detections.from_arrays(np.arange(30), xyxy, np.full(30, 0.9), np.zeros(30, int))
    assert track(boxes, FPS).track_id.tolist() == [1] * 30


def test_two_boxes_in_the_same_place_are_two_tracks() -> None:
    tracks = track(detections(walk(range(30), 100, 200, 3) * 2), FPS)
    assert tracks.track_id.tolist() == [1, 2] * 30


def test_a_single_frame_can_have_tracks() -> None:
    boxes = detections([(0, 100, 200, 0.9), (0, 300, 200, 0.9)])
    assert len(track(boxes, FPS)) == 0
    assert track(boxes, FPS, TrackerSettings(confirm_hits=1)).track_id.tolist() == [1, 2]


def test_no_frames_give_no_tracks() -> None:
    tracks = track(Detections.empty(0), FPS)
    assert (len(tracks), tracks.frame_count) == (0, 0)


@pytest.mark.parametrize("fps", [7.0, 25.0, 60.0])
def test_the_same_motion_is_expected_at_every_frame_rate(fps: float) -> None:
    usual, here = knobs_of(TrackerSettings(), 25.0), knobs_of(TrackerSettings(), fps)
    slower = 25.0 / fps
    # Per frame, a speed is longer by the ratio of the frames; the variance that a random acceleration gives to a
    # velocity grows with the time, and with the square of the frame that the velocity is counted in.
    assert here.start_speed == pytest.approx(usual.start_speed * slower)
    assert here.start_velocity == pytest.approx(usual.start_velocity * slower)
    assert here.acceleration_noise**2 == pytest.approx(usual.acceleration_noise**2 * slower**3)
    assert here.reentry_frames == round(TrackerSettings().reentry_seconds * fps)
    assert here.confirm_hits == usual.confirm_hits
