"""Long lists in pages: everything is on one of them, once, whatever is added meanwhile."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from api.pages import following_after, newest_first, place_of
from api.problems import Problem

metadata = sa.MetaData()
things = sa.Table(
    "things", metadata, sa.Column("name", sa.String(40), primary_key=True), sa.Column("created", sa.Double)
)

TIMES = st.lists(st.sampled_from([0.0, 1.5, 1795815677.123456, 1795815677.1234562]), max_size=12)


@given(times=TIMES, limit=st.integers(1, 5))
def test_pages_have_everything_once_newest_first(times: list[float], limit: int) -> None:
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        metadata.create_all(connection)
        for number, created in enumerate(times):
            connection.execute(sa.insert(things).values(name=f"thing_{number:02}", created=created))
        pages = list(_pages(connection, limit))
    assert all(len(page) == limit for page in pages[:-1]) and len(pages[-1]) <= limit
    assert len(pages) == max(1, -(-len(times) // limit))
    wanted = sorted(((created, f"thing_{number:02}") for number, created in enumerate(times)), reverse=True)
    assert [(row.created, row.name) for page in pages for row in page] == wanted


def test_what_is_added_meanwhile_moves_nothing(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path}/things.db")
    with engine.begin() as connection:
        metadata.create_all(connection)
        for number in range(6):
            connection.execute(sa.insert(things).values(name=f"thing_{number}", created=float(number)))
        seen = []
        for number, page in enumerate(_pages(connection, 2)):
            seen += [row.name for row in page]
            connection.execute(sa.insert(things).values(name=f"later_{number}", created=100.0 + number))
    assert seen == [f"thing_{number}" for number in (5, 4, 3, 2, 1, 0)]


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e18, max_value=1e18), st.from_regex(r"\A[ -~]*\Z"))
def test_a_place_is_found_again(created: float, name: str) -> None:
    following = following_after(created, name)
    assert place_of(following, float, str) == (created, name)
    assert following.isascii() and not set(following) & set("=+/ ")


@given(
    st.text()
    | st.binary().map(lambda content: base64.urlsafe_b64encode(content).decode())
    | st.recursive(st.none() | st.booleans() | st.text() | st.integers(), st.lists).map(
        lambda document: base64.urlsafe_b64encode(json.dumps(document).encode()).decode()
    )
)
def test_what_is_no_place_is_refused(following: str) -> None:
    with pytest.raises(Problem) as refused:
        place_of(following, float, str)
    assert refused.value.status_code == 422


@pytest.mark.parametrize(
    "document",
    ['[1, "a"]', "[1.0]", '[1.0, "a", 2]', '["a", 1.0]', "[1.0, null]", "[true, false]", '[1.0, "\\u0000"]',
     '[NaN, "a"]', '[1e400, "a"]', '[1.0, "\\ud800"]', "{}", '"a"', "[" * 5000],
)  # fmt: skip
def test_a_place_of_another_kind_is_refused(document: str) -> None:
    with pytest.raises(Problem):
        place_of(base64.urlsafe_b64encode(document.encode()).decode().rstrip("="), float, str)


def _pages(connection: sa.Connection, limit: int) -> Any:
    following = None
    while True:
        rows, following = newest_first(connection, sa.select(things), things.c.created, things.c.name, limit, following)
        yield rows
        if following is None:
            return
