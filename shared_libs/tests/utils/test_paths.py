from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_libs.utils.paths import as_typed, user_path

VARIABLE = "BUILD_WORKING_DIRECTORY"


def test_a_relative_path_is_relative_to_where_the_user_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "/home/coach")
    assert user_path("det.txt") == Path("/home/coach/det.txt")
    assert user_path("../det.txt") == Path("/home/coach/../det.txt")
    assert user_path(Path("/data/det.txt")) == Path("/data/det.txt")


def test_outside_of_bazel_a_path_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert user_path("det.txt") == Path("det.txt")
    assert as_typed("/home/coach/det.txt") == "/home/coach/det.txt"


@given(st.lists(st.sampled_from(["..", "a", "b c", "é"]), min_size=1, max_size=4).map("/".join))
def test_messages_show_a_path_as_it_was_typed(typed: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, "/home/coach")
        assert as_typed(user_path(typed)) == typed
        assert as_typed("/home/coaches/det.txt") == "/home/coaches/det.txt"
        assert as_typed("/home/coach/") == "/home/coach/"
