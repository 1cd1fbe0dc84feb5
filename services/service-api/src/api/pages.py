"""Long lists in pages: a page ends with what to ask for the next one with."""

from __future__ import annotations

import base64
import binascii
from http import HTTPStatus
from typing import Annotated, Any, Generic, TypeVar

import sqlalchemy as sa
from fastapi import Query
from pydantic import BaseModel, Field

from api.problems import Problem
from shared_libs.common.errors import InputError
from shared_libs.common.json_text import dump_json, parse_json

Item = TypeVar("Item")

Limit = Annotated[int, Query(ge=1, le=200, description="How many at most.")]
"""With 50 as its default, by convention."""

Following = Annotated[
    str | None,
    Query(pattern="^[A-Za-z0-9._+-]{1,400}$", description="The next page: `following` of the page before."),
]


class Page(BaseModel, Generic[Item]):
    """A page of a list."""

    items: list[Item]
    following: Annotated[str | None, Field(description="Ask with it for the next page; null on the last.")] = None


def newest_first(
    connection: sa.Connection,
    query: sa.Select[Any],
    created: sa.ColumnElement[float],
    name: sa.ColumnElement[str],
    limit: int,
    following: str | None,
) -> tuple[list[Any], str | None]:
    """A page's rows by falling time, and by `name`, an id, where times are equal; and what follows, None on the last.

    query: selects `created` and `name` under these names among others. Raises a 422 where `following` is of no page.
    """
    if following is not None:
        query = query.where(sa.tuple_(created, name) < sa.tuple_(*place_of(following, float, str)))
    rows = list(connection.execute(query.order_by(created.desc(), name.desc()).limit(limit + 1)))
    page = rows[:limit]
    if len(rows) <= limit:
        return page, None
    last = page[-1]._mapping
    return page, following_after(last[created], last[name])


def following_after(*values: str | float | int) -> str:
    """What stands for a place in a list, given by the values that the list is sorted by."""
    return base64.urlsafe_b64encode(dump_json(list(values))).decode().rstrip("=")


def place_of(following: str, *kinds: type) -> tuple[Any, ...]:
    """The values that a place was given by, and of their types. Raises a 422 where it is no place."""
    try:
        text = base64.b64decode(following + "=" * (-len(following) % 4), altchars=b"-_", validate=True)
        values = parse_json("following", text)
    except (ValueError, binascii.Error, InputError):
        values = None
    is_place = isinstance(values, list) and [type(value) for value in values] == list(kinds)
    if not is_place or not all(map(_is_comparable, values)):
        detail = "following is not the end of a page; take it from the page before."
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-request", detail)
    return tuple(values)


def _is_comparable(value: str | float | int) -> bool:
    """Whether databases take it: not every text and number that JSON has."""
    return value.isprintable() if isinstance(value, str) else -(2**63) < value < 2**63
