"""Verification, against a reference that looks at every pair of pairs."""

from __future__ import annotations

import math
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.dataset.crop_set import CropSet
from training.evaluation.measuring import measure
from training.evaluation.verification import BINS, FALSE_ACCEPTS, Verification, accepts, binned, edges

WIDTH = 2 / BINS

likenesses = st.lists(
    st.one_of(st.floats(-1, 1, width=32), st.sampled_from([-1.0, -0.5, 0.0, 0.25, 0.25 + WIDTH / 2, 1.0])),
    min_size=1,
    max_size=30,
)


def verified(right: list[float], wrong: list[float]) -> Verification:
    return Verification.of(binned(np.array(right, np.float32)), binned(np.array(wrong, np.float32)))


def bin_of(likeness: float) -> int:
    return min(BINS - 1, math.floor(likeness * BINS / 2) + BINS // 2)


def rates(right: list[float], wrong: list[float], edge: float) -> tuple[float, float]:
    """Shares of right pairs below an edge of bins, and of wrong ones at or above it; nothing is above the last edge."""
    line = edge if edge < 1 else math.inf
    missed = sum(likeness < line for likeness in right) / len(right)
    return missed, sum(likeness >= line for likeness in wrong) / len(wrong)


@settings(max_examples=100, deadline=None)
@given(likenesses, likenesses)
def test_the_area_is_the_chance_that_a_right_pair_is_more_alike(right: list[float], wrong: list[float]) -> None:
    result = verified(right, wrong)
    pairs = list(product(right, wrong))
    exact = sum((one > other) + (one == other) / 2 for one, other in pairs) / len(pairs)
    in_one_bin = sum(bin_of(one) == bin_of(other) for one, other in pairs) / len(pairs)
    assert result.area_error == pytest.approx(in_one_bin / 2)
    assert abs(result.area_under_curve - exact) <= result.area_error + 1e-12


@settings(max_examples=100, deadline=None)
@given(likenesses, likenesses)
def test_both_errors_cross_at_the_threshold_but_for_one_bin(right: list[float], wrong: list[float]) -> None:
    result = verified(right, wrong)
    edge = math.floor(result.equal_error_threshold / WIDTH) * WIDTH
    missed_below, through_below = rates(right, wrong, edge)
    missed_above, through_above = rates(right, wrong, edge + WIDTH)
    assert max(missed_below, through_above) - 1e-12 <= result.equal_error_rate
    assert result.equal_error_rate <= min(missed_above, through_below) + 1e-12


@settings(max_examples=100, deadline=None)
@given(likenesses, likenesses)
def test_the_strict_threshold_is_the_lowest_that_lets_few_through(right: list[float], wrong: list[float]) -> None:
    result = verified(right, wrong)
    missed, let_through = rates(right, wrong, result.strict_threshold)
    assert let_through <= FALSE_ACCEPTS
    assert result.strict_accepts == pytest.approx(1 - missed)
    if result.strict_threshold > -1:
        assert rates(right, wrong, result.strict_threshold - WIDTH)[1] > FALSE_ACCEPTS


def test_a_likeness_on_an_edge_is_above_it() -> None:
    line = edges()
    for edge in (-1.0, -0.5, 0.0, 0.25, 1 - WIDTH):
        assert line[binned(np.array([edge], np.float32)).argmax()] == edge
        below = np.nextafter(np.float32(edge), np.float32(-2))
        assert line[binned(np.array([below], np.float32)).argmax()] == max(-1, edge - WIDTH)


def test_likenesses_just_beyond_the_ends_are_in_the_outermost_bins() -> None:
    counts = binned(np.array([[1.0, 1.0000001], [-1.0, -1.0000001]], np.float32))
    assert counts[0] == counts[-1] == 2
    assert len(counts) == BINS


def test_pairs_that_are_told_perfectly_have_their_threshold_midway() -> None:
    result = verified([0.8, 0.9], [0.1, 0.4])
    assert (result.area_under_curve, result.equal_error_rate, result.strict_accepts) == (1, 0, 1)
    assert result.equal_error_threshold == pytest.approx(0.6, abs=WIDTH)
    assert result.strict_threshold == pytest.approx(0.4, abs=WIDTH)


def test_pairs_that_are_told_perfectly_wrong_have_no_area() -> None:
    result = verified([0.1], [0.9])
    assert (result.area_under_curve, result.equal_error_rate) == (0, 1)


def test_pairs_that_are_all_equally_alike_are_a_coin_toss() -> None:
    result = verified([0.5] * 3, [0.5] * 7)
    assert (result.area_under_curve, result.equal_error_rate) == (0.5, 0.5)
    assert result.equal_error_threshold == pytest.approx(0.5, abs=WIDTH)


def test_equal_rates_over_a_stretch_have_their_threshold_in_its_middle() -> None:
    # One in ten of either is on the other's side; between 0.3 and 0.7 nothing lies.
    result = verified([0.1, *[0.7] * 9], [0.9, *[0.3] * 9])
    assert result.equal_error_rate == pytest.approx(0.1)
    assert result.equal_error_threshold == pytest.approx(0.5, abs=WIDTH)


def test_one_wrong_pair_in_a_thousand_may_get_through() -> None:
    result = verified([0.5], [0.9] + [0.1] * 999)
    assert result.strict_threshold == pytest.approx(0.1, abs=WIDTH)
    assert verified([0.5], [0.9] * 2 + [0.1] * 1998).strict_accepts == 1
    assert verified([0.5], [0.9] * 2 + [0.1] * 999).strict_accepts == 0


def test_without_pairs_of_either_kind_nothing_is_said() -> None:
    for result in (verified([], [0.5]), verified([0.5], [])):
        assert math.isnan(result.area_under_curve) and math.isnan(result.equal_error_threshold)


def test_the_curve_begins_with_all_pairs_and_ends_with_none() -> None:
    shares = accepts(binned(np.array([0.1, 0.5, 0.5, 1.0], np.float32)))
    assert len(shares) == BINS + 1
    assert (shares[0], shares[-1]) == (1, 0)
    assert (np.diff(shares) <= 0).all()


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_every_pair_that_counts_is_counted_once(data: st.DataObject) -> None:
    people = data.draw(st.integers(1, 4))
    identity = sorted(data.draw(st.lists(st.integers(0, people - 1), min_size=1, max_size=12)))
    count = len(identity)
    times = st.sampled_from([math.nan, 0.0, 0.5, 1.0, 1.5, 4.0])
    time = data.draw(st.lists(times, min_size=count, max_size=count))
    different = np.triu(np.array(data.draw(st.lists(st.booleans(), min_size=16, max_size=16))).reshape(4, 4), 1)
    different = (different | different.T)[:people, :people]
    # Of length 1 to the last bit, so that likenesses are multiples of 1/8: edges of bins, all of them.
    vectors = (
        np.random.default_rng(data.draw(st.integers(0, 999))).choice([-0.25, 0.25], (count, 16)).astype(np.float32)
    )
    crops = CropSet(
        pictures=np.zeros((count, 1, 1, 3), np.uint8),
        identity=np.array(identity, np.int32),
        time=np.array(time),
        names=("",) * count,
        identities=("",) * people,
        game=np.zeros(people, np.int32),
        different=different,
    )
    right, wrong = np.zeros(BINS, int), np.zeros(BINS, int)
    for one, other in combinations(range(count), 2):
        likeness = sum(float(a) * float(b) for a, b in zip(vectors[one], vectors[other], strict=True))
        if identity[one] != identity[other]:
            wrong[bin_of(likeness)] += different[identity[one], identity[other]]
        elif math.isnan(time[one]) or math.isnan(time[other]) or abs(time[one] - time[other]) >= 1:
            right[bin_of(likeness)] += 1
    result = measure(vectors, crops, quiet=True).verification
    assert (result.right == right).all() and (result.wrong == wrong).all()
    assert (result.right_pairs, result.wrong_pairs) == (right.sum(), wrong.sum())
