"""How fast is learned."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.schedule import WARM_UP, rate_at


@given(st.floats(0, 1))
def test_the_rate_is_a_share_of_the_highest(progress: float) -> None:
    assert 0 <= rate_at(progress) <= 1


@given(st.floats(0, WARM_UP), st.floats(0, WARM_UP))
def test_it_rises_while_it_warms_up(one: float, two: float) -> None:
    assert rate_at(min(one, two)) <= rate_at(max(one, two))


@given(st.floats(WARM_UP, 1), st.floats(WARM_UP, 1))
def test_then_it_falls(one: float, two: float) -> None:
    assert rate_at(min(one, two)) >= rate_at(max(one, two))


def test_the_first_step_learns_a_little_and_the_last_nothing() -> None:
    assert 0 < rate_at(0) < 0.05
    assert rate_at(WARM_UP) == 1
    assert rate_at(WARM_UP - 1e-9) == pytest.approx(1)
    assert rate_at((1 + WARM_UP) / 2) == pytest.approx(0.5)
    assert rate_at(1) == 0
    assert rate_at(1.5) == 0
