"""Of boxes of one person only the surest stays, as a plain reference says."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tracking.detectors.suppression import surest


def overlap(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Intersection over union."""
    sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    common = float(max(sides[0], 0) * max(sides[1], 0))
    return common / float(np.prod(one[2:] - one[:2]) + np.prod(other[2:] - other[:2]) - common)


@st.composite
def crowds(draw: st.DrawFn) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.intp]]:
    count = draw(st.integers(0, 25))
    numbers = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    corner = numbers.integers(0, 12, (count, 2))
    xyxy = np.concatenate([corner, corner + numbers.integers(1, 10, (count, 2))], axis=1).astype(np.float32)
    return xyxy, (numbers.integers(1, 5, count) / 5).astype(np.float32), numbers.integers(0, 3, count)


@settings(deadline=None)
@given(crowds(), st.sampled_from([0.0, 0.3, 0.5, 0.65, 1.0]), st.booleans())
def test_it_keeps_what_the_rule_says(
    crowd: tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.intp]], most: float, by_view: bool
) -> None:
    xyxy, score, view = crowd
    expected: list[int] = []
    for row in sorted(range(len(score)), key=lambda row: (-score[row], row)):
        rivals = [kept for kept in expected if not by_view or view[kept] != view[row]]
        if all(overlap(xyxy[row], xyxy[kept]) <= most for kept in rivals):
            expected.append(row)
    assert surest(xyxy, score, most, view if by_view else None).tolist() == expected


def test_the_surer_box_stays_and_another_person_does_too() -> None:
    xyxy = np.array([[0, 0, 10, 20], [1, 0, 11, 20], [30, 0, 40, 20]], np.float32)
    assert surest(xyxy, np.array([0.5, 0.9, 0.2], np.float32), 0.65).tolist() == [1, 2]
    assert surest(np.empty((0, 4), np.float32), np.empty(0, np.float32), 0.5).tolist() == []
