"""Which tracks are taken for clutter, by their scores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from tracking.phantoms import of_phantoms
from tracking.settings import TrackerSettings

FPS = 25.0
SETTINGS = TrackerSettings()
PEOPLE = [(200, 0.9), (200, 0.85), (200, 0.95)]

Float = NDArray[np.float64]


def dropped(tracks: list[tuple[int, float]], settings: TrackerSettings = SETTINGS, fps: float = FPS) -> list[int]:
    """The numbers of those dropped of tracks from 1 with so many boxes, each of such a score."""
    number = np.repeat(np.arange(1, len(tracks) + 1), [count for count, _ in tracks])
    score = np.repeat([score for _, score in tracks], [count for count, _ in tracks])
    return sorted(set(number[of_phantoms(number, score, fps, settings)].tolist()))


def test_a_faint_track_is_dropped() -> None:
    assert dropped([*PEOPLE, (20, 0.5)]) == [4]


def test_an_only_slightly_fainter_track_stays() -> None:
    assert dropped([*PEOPLE, (20, 0.82)]) == []


def test_equal_scores_drop_nothing() -> None:
    assert dropped([(count, 1.0) for count in (1, 3, 50, 400)]) == []


@pytest.mark.parametrize("score", [0.3, 0.6, 1.0])
def test_one_track_alone_stays(score: float) -> None:
    assert dropped([(10, score)]) == []


def test_what_was_seen_for_longer_may_be_fainter() -> None:
    assert dropped([*PEOPLE, (10, 0.76)]) == [4]
    assert dropped([*PEOPLE, (100, 0.76)]) == []


def test_longer_is_meant_in_seconds() -> None:
    assert dropped([(4 * count, score) for count, score in PEOPLE] + [(40, 0.76)], fps=4 * FPS) == [4]


def test_it_is_the_mean_that_counts() -> None:
    number = np.array([1] * 300 + [2] * 20)
    score = np.array([0.9] * 300 + [0.4, 1.0] * 10)
    assert set(number[of_phantoms(number, score, FPS, SETTINGS)].tolist()) == {2}
    score[300::2] = 0.75
    assert not of_phantoms(number, score, FPS, SETTINGS).any()


def test_scores_that_spread_widely_need_a_greater_deficit() -> None:
    faint = (20, 0.68)
    assert dropped([(400, 0.88), (1600, 0.9), faint]) == [3]
    assert dropped([(400, 0.6), (1600, 0.9), faint]) == []


def test_a_less_confident_detector_is_judged_alike() -> None:
    """Half the scores: the same tracks, as long as the scores spread by more than the least that counts."""
    tracks = [(400, 0.6), (1600, 0.9), (5, 0.3), (5, 0.7)]
    halved = [(count, score / 2) for count, score in tracks]
    assert dropped(tracks) == dropped(halved) == [3]


def test_the_deficit_can_be_set_so_high_that_nothing_is_dropped() -> None:
    assert dropped([*PEOPLE, (3, 0.16)], TrackerSettings(phantom_deficit=100)) == []


def test_nothing_is_dropped_of_nothing() -> None:
    assert of_phantoms(np.zeros(0, np.int64), np.zeros(0, np.float32), FPS, SETTINGS).shape == (0,)


@given(
    st.integers(1, 60).flatmap(
        lambda count: st.tuples(
            arrays(np.int64, count, elements=st.integers(1, 9)),
            arrays(np.float32, count, elements=st.floats(0, 1, width=32)),
        )
    )
)
def test_tracks_are_dropped_whole_and_never_one_above_the_usual(boxes: tuple[NDArray[np.int64], Float]) -> None:
    number, score = boxes
    mask = of_phantoms(number, score, FPS, SETTINGS)
    middle = np.median(score.astype(float))
    for each in np.unique(number):
        mine = number == each
        assert mask[mine].all() or not mask[mine].any()
        if score[mine].astype(float).mean() >= middle:
            assert not mask[mine].any()
