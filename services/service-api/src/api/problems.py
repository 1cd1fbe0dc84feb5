"""Errors as answers: application/problem+json (RFC 9457), whatever went wrong, without paths of this machine."""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import sqlalchemy as sa
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared_libs.common.errors import DASH, OutputError, TransientError, UserError
from shared_libs.common.job_client.client import JobConflict, NoSuchJob
from shared_libs.common.storage import StoragePathError
from shared_libs.config.logging import get_logger
from shared_libs.utils.ids import new_id

MEDIA_TYPE: Final = "application/problem+json"

RETRY_SECONDS: Final = 5
"""When to ask again, where something does not answer just now."""

SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "title": "Problem",
    "description": "What went wrong (RFC 9457). Some kinds of problem have further members.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "description": "The kind of problem: urn:laxai:problem: and its name."},
        "title": {"type": "string", "description": "The kind of problem, for people."},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "What it is this time, and what to do."},
        "errors": {
            "type": "array",
            "description": "Where a request is not as it should be.",
            "items": {
                "type": "object",
                "required": ["where", "cause"],
                "properties": {"where": {"type": "string"}, "cause": {"type": "string"}},
            },
        },
    },
}


class Problem(HTTPException):
    """An answer that says what went wrong: raised anywhere below a request.

    slug: the kind of problem, such as "no-such-video". more: further members of the answer.
    """

    def __init__(
        self, status: int, slug: str, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(status, detail, headers)
        self.slug = slug
        self.more = more

    def response(self) -> Response:
        """The answer."""
        document = {
            "type": f"urn:laxai:problem:{self.slug}",
            "title": self.slug.replace("-", " ").capitalize(),
            "status": self.status_code,
            "detail": self.detail,
            **self.more,
        }
        # In ASCII, since there are texts that have no UTF-8: half a surrogate pair that came in as \ud800.
        return Response(json.dumps(document).encode(), self.status_code, self.headers, MEDIA_TYPE)


def problem_of(error: Exception) -> Problem:
    """What is said of an error, whatever it is; what nobody expected is a 500 that says nothing of it."""
    match error:
        case Problem():
            return error
        case HTTPException():
            return Problem(error.status_code, _slug(error.status_code), _detail(error), headers=error.headers)
        case RequestValidationError():
            return _invalid(error)
        case NoSuchJob():
            return Problem(HTTPStatus.NOT_FOUND, "no-such-job", "There is no such job.")
        case JobConflict():
            return Problem(HTTPStatus.CONFLICT, "job-conflict", _told(error))
        case StoragePathError():
            return Problem(HTTPStatus.NOT_FOUND, "not-found", "There is nothing of that name.")
        case _ if _is_full(error):
            return Problem(HTTPStatus.INSUFFICIENT_STORAGE, "disk-full", "The disk is full; nothing was changed.")
        case TransientError() | sa.exc.OperationalError() | sa.exc.InterfaceError() | sa.exc.TimeoutError():
            detail = "The database or the storage does not answer just now; try again."
            after = {"Retry-After": str(RETRY_SECONDS)}
            return Problem(HTTPStatus.SERVICE_UNAVAILABLE, "not-now", detail, headers=after)
        case OutputError():
            return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "not-written", "It could not be written.")
        case UserError():
            return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "not-usable", _told(error))
        case _:
            request_id = new_id("request")
            detail = f"Something broke that should not; the service's log has it as {request_id}."
            return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "broken", detail, request_id=request_id)


def answer_with_problems(app: FastAPI) -> None:
    """Lets the app answer all errors with problems."""

    async def answer(request: Request, error: Exception) -> Response:
        answer = _answer(error, request.scope)
        if answer.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            answer.headers["Allow"] = ", ".join(_methods_at(app, request.scope))
        return answer

    for kind in (HTTPException, RequestValidationError, UserError, StoragePathError):
        app.add_exception_handler(kind, answer)


class CaughtErrors:
    """ASGI middleware: what nobody expected becomes an answer, and a line in the log."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = False

        async def note(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, note)
        except Exception as error:
            if scope["type"] != "http" or has_begun:
                raise
            await _answer(error, scope)(scope, receive, send)


def _answer(error: Exception, scope: Scope) -> Response:
    problem = problem_of(error)
    if problem.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR and error is not problem:
        said = {"method": scope["method"], "route": getattr(scope.get("route"), "path", ""), **problem.more}
        get_logger(__name__).error("request_failed", status=int(problem.status_code), exc_info=error, **said)
    return problem.response()


def _methods_at(app: FastAPI, scope: Scope) -> list[str]:
    """What an address takes. The router itself knows only of the first route there; what has no route is the page's."""
    routes = [each for each in app.router.routes if isinstance(each, Route) and each.matches(scope)[0] != Match.NONE]
    return sorted({method for route in routes for method in route.methods or ()}) or ["GET", "HEAD"]


def _invalid(error: RequestValidationError) -> Problem:
    # Without what was given: it may be a secret, or a book.
    found = [
        {"where": ".".join(map(str, each["loc"]))[:_LONG], "cause": each["msg"].removeprefix("Value error, ")}
        for each in error.errors()
    ]
    detail = "; ".join(f"{each['where']}: {each['cause']}" for each in found[:3])
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-request", detail, errors=found)


_LONG = 200
"""Of names that were made up by whoever asked."""


def _slug(status: int) -> str:
    return HTTPStatus(status).phrase.lower().replace(" ", "-").replace("'", "")


def _detail(error: HTTPException) -> str:
    match error.status_code:
        case HTTPStatus.NOT_FOUND:
            return "There is nothing at this address."
        case HTTPStatus.METHOD_NOT_ALLOWED:
            return "This address does not take that method."
        case _:
            return str(error.detail)


def _told(error: UserError) -> str:
    """What a UserError says: with its place where that is a plain name, and without paths and URLs of this machine."""
    place = f"{error.path}: " if _PLAIN.fullmatch(error.path) else ""
    line = f"line {error.line}: " if error.line is not None else ""
    return _PATH.sub("…", f"{place}{line}{error.cause}{DASH + error.hint if error.hint else ''}")


_PLAIN = re.compile(r"[\w .\[\]-]{1,200}")
_PATH = re.compile(r"[a-z][a-z0-9+.-]*://[^\s,;'\"]+|(?<![\w.])~?/[^\s:,;'\"]+")

_FULL = (errno.ENOSPC, errno.EDQUOT)


def _is_full(error: BaseException | None) -> bool:
    """Whether a full disk is the reason."""
    if error is None:
        return False
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    text = str(error) if isinstance(error, UserError | sa.exc.OperationalError) else ""
    return "disk is full" in text or _is_full(error.__cause__)
