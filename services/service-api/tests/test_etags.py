"""ETags: a change that was meant for another form is refused, and what is unchanged is not sent again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.etags import check_if_match, etag_of, is_unchanged
from api.problems import Problem

PARTS = st.lists(st.text(st.characters(codec="utf-8")) | st.integers() | st.none(), max_size=3)


@given(PARTS, PARTS)
def test_etags_are_equal_where_their_parts_are(one: list[str | int | None], other: list[str | int | None]) -> None:
    assert (etag_of(*one) == etag_of(*other)) == (one == other)


def test_an_etag_is_a_quoted_word() -> None:
    etag = etag_of("video_0123456789ab", 7)
    assert etag[0] == etag[-1] == '"' and etag[1:-1].isalnum()


@pytest.mark.parametrize("given_form", ["{now}", '"another", {now}', " {now} ", "*"])
def test_a_change_of_the_form_that_there_is_is_let_through(given_form: str) -> None:
    check_if_match(given_form.format(now=etag_of(7)), etag_of(7))


@pytest.mark.parametrize("given_form", ["{before}", "W/{now}", "{bare}", "", '"*"', "{before},{before}"])
def test_a_change_of_another_form_is_refused_with_the_form_that_there_is(given_form: str) -> None:
    now = etag_of(7)
    with pytest.raises(Problem) as refused:
        check_if_match(given_form.format(now=now, bare=now.strip('"'), before=etag_of(6)), now)
    assert refused.value.status_code == 412
    assert refused.value.headers == {"ETag": now}


def test_a_change_that_names_no_form_is_refused() -> None:
    with pytest.raises(Problem) as refused:
        check_if_match(None, etag_of(7))
    assert refused.value.status_code == 428


def test_what_the_asker_has_is_not_sent_again() -> None:
    now = etag_of(7)
    for has in (now, f"W/{now}", f'"another", W/{now}', "*"):
        assert is_unchanged(has, now)
    for other in (None, "", etag_of(6), now.strip('"')):
        assert not is_unchanged(other, now)
