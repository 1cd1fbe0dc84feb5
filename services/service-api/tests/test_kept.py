"""What is dear to make is made once, and kept within bounds."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.kept import Kept


def test_of_many_who_ask_at_once_one_makes_it() -> None:
    kept: Kept[str, int] = Kept(10, 100, lambda value: 1)
    made: list[str] = []
    found: list[int] = []

    def make() -> int:
        made.append("once")
        time.sleep(0.05)
        return 7

    askers = [threading.Thread(target=lambda: found.append(kept.get("run", make))) for _ in range(20)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert made == ["once"] and found == [7] * 20


def test_what_could_not_be_made_is_tried_again() -> None:
    kept: Kept[str, int] = Kept(10, 100, lambda value: 1)

    def fail() -> int:
        raise KeyError("away")

    with pytest.raises(KeyError):
        kept.get("run", fail)
    assert kept.get("run", lambda: 3) == 3
    kept.drop("run")
    assert kept.get("run", lambda: 4) == 4


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 60)), max_size=60))
def test_no_more_is_kept_than_is_allowed_and_the_last_ones_are(asked: list[tuple[int, int]]) -> None:
    kept: Kept[tuple[int, int], int] = Kept(4, 100, lambda value: value)
    for key in asked:
        assert kept.get(key, lambda key=key: key[1]) == key[1]  # type: ignore[misc]
    recent = list(dict.fromkeys(reversed(asked)))
    expected: list[tuple[int, int]] = []
    for key in recent[:4]:
        if sum(each[1] for each in [*expected, key]) > 100:
            break
        expected.append(key)

    def must_not_be_made() -> int:
        raise AssertionError("it was not kept")

    for key in expected:
        assert kept.get(key, must_not_be_made) == key[1]
    assert len(kept) <= 4


def test_what_is_too_heavy_by_itself_is_given_and_not_kept() -> None:
    kept: Kept[str, int] = Kept(4, 100, lambda value: value)
    kept.get("light", lambda: 90)
    assert kept.get("heavy", lambda: 101) == 101 and len(kept) == 1
