"""Which boxes are looked at: clean ones, few, spread over every track's or player's life."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared_libs.common.crops import CropSettings, choose_crops, crop_quality
from shared_libs.common.tracks import Source, Tracks

FPS = 25.0
SIZE = (1280, 720)


def tracks_of(*boxes: tuple[int, int, float, float, float, float], score: float = 0.9) -> Tracks:
    """Rows of (frame, track id, left, top, right, bottom)."""
    table = np.array(boxes, np.float64).reshape(-1, 6)
    count = len(table)
    return Tracks.from_arrays(table[:, 0], table[:, 1], table[:, 2:], np.full(count, score), np.zeros(count))


@st.composite
def any_tracks(draw: st.DrawFn) -> Tracks:
    random = np.random.default_rng(draw(st.integers(0, 10**6)))
    rows = []
    for track in range(1, draw(st.integers(0, 8)) + 1):
        start, length = int(random.integers(0, 60)), int(random.integers(1, 120))
        step = int(random.integers(1, 4))
        place, motion = random.uniform((0, 0), SIZE), random.normal(0, 4, 2)
        height = random.uniform(10, 200)
        for frame in range(start, start + length, step):
            left, top = place + motion * (frame - start)
            rows.append((frame, track, left, top, left + height * random.uniform(0.3, 0.8), top + height))
    table = np.array(rows).reshape(-1, 6)
    source = random.random(len(rows)) < 0.2
    return Tracks.from_arrays(
        table[:, 0], table[:, 1], table[:, 2:], random.random(len(rows)), np.zeros(len(rows)), source
    )


@settings(max_examples=60, deadline=None)
@given(tracks=any_tracks(), per_group=st.integers(1, 20), per_second=st.floats(0.2, 3))
def test_few_boxes_of_each_track_are_chosen_and_only_seen_ones(
    tracks: Tracks, per_group: int, per_second: float
) -> None:
    crops = choose_crops(tracks, FPS, SIZE, CropSettings(per_group=per_group, per_second=per_second))
    assert (np.diff(crops.row) > 0).all()
    assert ((crops.quality > 0) & (crops.quality <= 1)).all()
    assert (tracks.source[crops.row] == Source.DETECTED).all()
    quality = crop_quality(tracks, SIZE)
    assert np.array_equal(quality[crops.row], crops.quality)
    for track in np.unique(tracks.track_id):
        mine = tracks.track_id == track
        span = int(np.ptp(tracks.frame[mine])) + 1
        chosen = int((tracks.track_id[crops.row] == track).sum())
        assert chosen <= max(per_group, np.ceil(span / FPS * per_second))
        assert (chosen > 0) == bool((quality[mine] > 0).any())


@settings(max_examples=60, deadline=None)
@given(tracks=any_tracks())
def test_quality_falls_with_every_overlap_as_counted_pair_by_pair(tracks: Tracks) -> None:
    alone = crop_quality(
        Tracks.from_arrays(  # everybody in a frame of his own
            np.arange(len(tracks)), tracks.track_id, tracks.xyxy, tracks.score, tracks.class_id, tracks.source
        )
    )
    factor = np.ones(len(tracks))
    for row in range(len(tracks)):
        nearer = farther = 0.0
        mine = tracks.xyxy[row].astype(np.float64)
        for other in np.flatnonzero(tracks.frame == tracks.frame[row]).tolist():
            if other == row:
                continue
            box = tracks.xyxy[other].astype(np.float64)
            shared = np.clip(np.minimum(mine[2:], box[2:]) - np.maximum(mine[:2], box[:2]), 0, None).prod()
            share = shared / (mine[2:] - mine[:2]).prod()
            if (box[3], other) > (mine[3], row):
                nearer += share
            else:
                farther += share
        factor[row] = (1 - min(nearer, 1)) ** 2 * (1 - 0.5 * min(farther, 1))
    assert crop_quality(tracks) == pytest.approx(alone * factor, abs=1e-4)


def test_who_stands_in_front_is_seen_better_than_who_is_hidden() -> None:
    both = tracks_of((0, 1, 100, 100, 140, 200), (0, 2, 110, 110, 150, 210), (0, 3, 400, 100, 440, 200))
    behind, front, alone = crop_quality(both, SIZE).tolist()
    assert behind < 0.5 * front < 0.5 * alone


def test_moments_when_somebody_is_hidden_are_not_chosen() -> None:
    still = [(frame, 1, 600, 300, 640, 400) for frame in range(100)]
    runner = [(frame, 2, 100 + 10 * frame, 320, 140 + 10 * frame, 420) for frame in range(100)]
    tracks = tracks_of(*still, *runner)
    crops = choose_crops(tracks, FPS, SIZE)
    chosen = tracks.frame[crops.row[tracks.track_id[crops.row] == 1]]
    meeting = (chosen > 46) & (chosen < 54)
    assert len(chosen) == 12
    assert not meeting.any()


@pytest.mark.parametrize(
    "worse",
    [
        (0, 1, 0, 100, 40, 200),  # cut by the left border
        (0, 1, 600, 640, 640, 720),  # by the lower one
        (0, 1, 600, 100, 608, 120),  # small
        (0, 1, 600, 100, 700, 200),  # as wide as it is high: two people, or half of one
    ],
)
def test_what_shows_less_of_a_person_has_less_quality(worse: tuple[int, int, float, float, float, float]) -> None:
    whole = crop_quality(tracks_of((0, 1, 600, 100, 640, 200)), SIZE)
    assert crop_quality(tracks_of(worse), SIZE) < 0.6 * whole


def test_a_doubtful_detection_has_less_quality() -> None:
    box = (0, 1, 600.0, 100.0, 640.0, 200.0)
    assert crop_quality(tracks_of(box, score=0.2)) < crop_quality(tracks_of(box, score=0.9))


def test_a_long_track_is_looked_at_about_once_a_second_all_the_time() -> None:
    tracks = tracks_of(*((frame, 1, 600, 300, 640, 400) for frame in range(60 * 25)))
    chosen = tracks.frame[choose_crops(tracks, FPS, SIZE).row]
    assert 55 <= len(chosen) <= 60
    assert np.diff(chosen).max() <= 50
    assert chosen[0] < 25
    assert chosen[-1] >= 59 * 25


def test_tracks_share_frames_so_that_few_become_pictures() -> None:
    frames = 2000
    lanes = [
        [(frame, track, 60 * track, 300, 60 * track + 40, 400) for frame in range(track * 7, frames)]
        for track in range(1, 16)
    ]
    tracks = tracks_of(*(row for lane in lanes for row in lane))
    crops = choose_crops(tracks, FPS, SIZE)
    assert len(crops) > 15 * 75
    assert len(np.unique(tracks.frame[crops.row])) < 0.3 * frames


def test_a_track_that_is_never_seen_well_is_looked_at_all_the_same() -> None:
    small: list[tuple[int, int, float, float, float, float]] = [(f, 1, 0, 710, 4, 719) for f in range(30)]
    crops = choose_crops(tracks_of(*small, score=0.2), FPS, SIZE)
    assert len(crops) == 12
    assert (crops.quality < CropSettings().least_quality).all()


def test_boxes_outside_of_the_picture_are_never_chosen() -> None:
    outside = [(0, 1, -50, 10, -5, 90), (0, 2, 1300, 10, 1340, 90), (0, 3, 50, 730, 90, 800), (0, 4, 50, -80, 90, -1)]
    assert not len(choose_crops(tracks_of(*outside), FPS, SIZE))


def test_no_tracks_give_no_crops() -> None:
    crops = choose_crops(Tracks.empty(100), FPS, SIZE)
    assert len(crops) == 0
    assert crops.row.dtype == np.int64


def test_of_many_boxes_the_better_ones_are_chosen() -> None:
    random = np.random.default_rng(1)
    frame = np.repeat(np.arange(5000), 10)
    place: npt.NDArray[np.float64] = random.uniform((0, 0), (1200, 600), (len(frame), 2))
    xyxy = np.hstack([place, place + np.array([40, 100])])
    tracks = Tracks.from_arrays(frame, np.tile(np.arange(1, 11), 5000), xyxy, random.random(len(frame)), 0 * frame)
    crops = choose_crops(tracks, FPS, SIZE)
    assert len(crops) == pytest.approx(10 * 200, rel=0.02)
    assert crops.quality.mean() > 1.3 * crop_quality(tracks, SIZE).mean()


def test_a_player_of_several_tracks_is_looked_at_as_one() -> None:
    """Two short tracks of player 0, and one that lives as long as both together, of player 1."""
    first = [(frame, 1, 100, 300, 140, 400) for frame in range(50)]
    second = [(frame, 2, 300, 300, 340, 400) for frame in range(50, 100)]
    other = [(frame, 3, 600, 300, 640, 400) for frame in range(100)]
    tracks = tracks_of(*first, *second, *other)
    player = np.array([-1, 0, 0, 1])[tracks.track_id]
    whose = player[choose_crops(tracks, FPS, SIZE, group=player).row]
    assert np.bincount(whose).tolist() == [12, 12]


def test_boxes_of_nobody_are_not_looked_at_and_hide_others_all_the_same() -> None:
    both = [
        (frame, track, 100 + 10 * track, 100 + 10 * track, 140 + 10 * track, 200 + 10 * track)
        for frame in range(12)
        for track in (1, 2)
    ]
    tracks = tracks_of(*both)
    behind = np.where(tracks.track_id == 1, 0, -1)
    crops = choose_crops(tracks, FPS, SIZE, group=behind)
    assert (tracks.track_id[crops.row] == 1).all()
    assert len(crops) == 12
    assert crops.quality.max() < 0.5 * crop_quality(tracks_of((0, 1, 110, 110, 150, 210)), SIZE)[0]


def test_a_long_absence_takes_no_boxes_from_the_time_in_which_somebody_is_seen() -> None:
    seen = [*range(50), *range(20_000, 20_050)]
    tracks = tracks_of(*((frame, 1, 600, 300, 640, 400) for frame in seen))
    most_of_it_empty = choose_crops(tracks, FPS, SIZE, CropSettings(per_second=0))
    assert len(most_of_it_empty) == 2
    crops = choose_crops(tracks, FPS, SIZE, CropSettings(per_second=0, longest_absence=1.0))
    early = tracks.frame[crops.row] < 50
    assert early.sum() >= 4
    assert (~early).sum() >= 4


def test_every_box_stands_for_a_part_of_a_life_that_is_not_too_short() -> None:
    tracks = tracks_of(*((frame, 1, 600, 300, 640, 400) for frame in range(50)))
    assert len(choose_crops(tracks, FPS, SIZE, CropSettings(per_group=40, shortest_part=0.2))) == 10
    assert len(choose_crops(tracks, FPS, SIZE, CropSettings(per_group=40, shortest_part=60))) == 1


def test_without_a_rate_a_long_life_gives_no_more_boxes_than_a_short_one() -> None:
    tracks = tracks_of(*((frame, 1, 600, 300, 640, 400) for frame in range(60 * 25)))
    assert len(choose_crops(tracks, FPS, SIZE, CropSettings(per_second=0))) == 12
