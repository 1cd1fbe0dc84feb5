"""What service-api refuses, as an error."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from shared_libs.common.errors import UserError

_URN = "urn:laxai:problem:"


class ApiError(UserError):
    """An answer of 400 or more: its problem (RFC 9457).

    status: of HTTP. slug: the kind of problem, such as "no-such-video". detail: what it is this time. problem: the
    whole answer, with what this kind of problem has beside. headers: of the answer, names in lower case.
    """

    def __init__(self, address: str, status: int, problem: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        self.status = status
        self.problem = dict(problem)
        self.headers = dict(headers)
        self.slug = str(problem.get("type", "")).removeprefix(_URN)
        self.detail = str(problem.get("detail", ""))
        super().__init__(address, f"{self.detail or 'was refused'} ({status} {self.slug})".replace(" )", ")"))

    def __reduce__(self) -> tuple[Any, ...]:
        return ApiError, (self.path, self.status, self.problem, self.headers)


def api_error(address: str, status: int, headers: Mapping[str, str], content: bytes) -> ApiError:
    """The error for an answer, also where something between here and the service has answered in its place."""
    try:
        problem = json.loads(content)
    except ValueError:
        problem = None
    return ApiError(address, status, problem if isinstance(problem, dict) else {}, headers)
