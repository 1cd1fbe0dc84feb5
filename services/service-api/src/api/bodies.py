"""Bodies of requests that are too large to be held: taken bit by bit, so that memory stays flat."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from api.access.limits import allow_body
from api.problems import Problem

MOST_BYTES: Final = 2**53 - 1
"""That can be spoken of: numbers that JSON has exactly, whoever reads it."""

IDLE_SECONDS: Final = 30.0
"""After which a sender of whom nothing is heard is given up: most often the network has gone, and they come again."""


async def receive(request: Request, append: Callable[[bytes], None], at_most: int) -> None:
    """Hands the body of a request to `append`, bit by bit as it comes, in a thread.

    Raises a 400 where the request breaks off, 408 where it falls silent, 413 where it is larger than `at_most` bytes:
    what came before that was handed over.
    """
    allow_body(request, at_most)
    stream = request.stream()
    try:
        while True:
            async with asyncio.timeout(IDLE_SECONDS):
                chunk = await anext(stream, None)
            if chunk is None:
                return
            await run_in_threadpool(append, chunk)
    except ClientDisconnect:
        raise Problem(HTTPStatus.BAD_REQUEST, "broken-off", "The request broke off.") from None
    except TimeoutError:
        detail = f"Nothing has arrived for {IDLE_SECONDS:.0f} s."
        raise Problem(HTTPStatus.REQUEST_TIMEOUT, "too-slow", detail) from None
