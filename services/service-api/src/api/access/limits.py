"""Limits: of requests in a time, of a request's bytes, of what a tenant may have."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from http import HTTPStatus

from fastapi import Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import Problem


class Buckets:
    """Token buckets, one for each name: `burst` at once, and `rate` a second again. Of this process alone."""

    def __init__(self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._clock = clock
        self._lock = threading.Lock()
        self._levels: dict[str, tuple[float, float]] = {}

    def take(self, name: str) -> None:
        """Takes one token. Raises a 429 that says when there is one again."""
        with self._lock:
            time_now = self._clock()
            level = self._level(name, time_now)
            if level >= 1.0:
                self._levels[name] = (level - 1.0, time_now)
                if len(self._levels) > _MANY:
                    self._forget_full_ones(time_now)
                return
        seconds = max(1, math.ceil((1.0 - level) / self._rate))
        detail = f"Too many requests; try again in {seconds} s."
        raise Problem(HTTPStatus.TOO_MANY_REQUESTS, "too-many-requests", detail, headers={"Retry-After": str(seconds)})

    def __len__(self) -> int:
        return len(self._levels)

    def _level(self, name: str, time_now: float) -> float:
        level, since = self._levels.get(name, (self._burst, time_now))
        return min(self._burst, level + (time_now - since) * self._rate)

    def _forget_full_ones(self, time_now: float) -> None:
        levels = {name: self._level(name, time_now) for name in self._levels}
        self._levels = {name: self._levels[name] for name, level in levels.items() if level < self._burst}


_MANY = 10_000


class BodyLimit:
    """ASGI middleware: whoever reads more of a body than is allowed gets a 413 raised."""

    def __init__(self, app: ASGIApp, at_most: int) -> None:
        self._app = app
        self._at_most = at_most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope[_AT_MOST] = self._at_most
        declared = Headers(scope=scope).get("content-length", "")
        seen = 0

        async def count() -> Message:
            nonlocal seen
            if declared.isdecimal():
                _check_body(int(declared), scope[_AT_MOST])
            message = await receive()
            seen += len(message.get("body", b""))
            _check_body(seen, scope[_AT_MOST])
            return message

        await self._app(scope, count, send)


def allow_body(request: Request, at_most: int) -> None:
    """Lets a handler read that many bytes of a request: to be called before it reads the first.

    The handler takes `Request` and reads its stream: bodies that FastAPI reads are read before any code of ours.
    """
    request.scope[_AT_MOST] = at_most


def check_quota(what: str, has: int, more: int, at_most: int) -> None:
    """Whether a tenant that has so many (of "videos", "bytes of videos" …) may have `more`. Raises a 403."""
    if has + more > at_most:
        detail = f"That would be {has + more:,} {what}; {at_most:,} are allowed."
        raise Problem(HTTPStatus.FORBIDDEN, "quota-exceeded", detail, has=has, at_most=at_most)


_AT_MOST = "laxai.body_bytes"


def _check_body(size: int, at_most: int) -> None:
    if size > at_most:
        detail = f"The request is larger than the {at_most:,} bytes that are allowed here."
        raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", detail, at_most=at_most)
