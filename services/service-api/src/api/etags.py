"""ETags (RFC 9110): whoever changes something says which form of it they have seen, and nothing is lost unseen."""

from __future__ import annotations

import hashlib
from http import HTTPStatus
from typing import Annotated

from fastapi import Header

from api.problems import Problem
from shared_libs.common.json_text import dump_json

IfMatch = Annotated[
    str | None, Header(alias="If-Match", max_length=4000, description="The ETag of what the change is meant for.")
]
IfNoneMatch = Annotated[
    str | None, Header(alias="If-None-Match", max_length=4000, description="ETags of what is there already.")
]


def etag_of(*parts: str | int | float | None) -> str:
    """The ETag of what `parts` tell apart from all its other forms, such as an id and a count of changes."""
    return f'"{hashlib.sha256(dump_json(list(parts))).hexdigest()[:24]}"'


def check_if_match(given: str | None, current: str) -> None:
    """Sees that a change was meant for the form that there is. Raises 428 where nothing is said, 412 for another."""
    if given is None:
        detail = "Say in If-Match which ETag the change is meant for."
        raise Problem(HTTPStatus.PRECONDITION_REQUIRED, "if-match-missing", detail)
    # Strong comparison: a weak one (W/"…") is of no use for changes.
    if given.strip() != "*" and current not in _listed(given):
        detail = "It was changed in the meantime; read it again, and repeat the change if it is still wanted."
        raise Problem(HTTPStatus.PRECONDITION_FAILED, "stale", detail, headers={"ETag": current})


def is_unchanged(given: str | None, current: str) -> bool:
    """Whether the asker has the form that there is, so that a 304 will do. Weak comparison."""
    if given is None:
        return False
    return given.strip() == "*" or current in [each.removeprefix("W/") for each in _listed(given)]


def _listed(given: str) -> list[str]:
    # Ours have no comma within.
    return [each.strip() for each in given.split(",")]
