"""The threads in which requests are answered: few, since Python runs one at a time."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

Result = TypeVar("Result")

THREADS: Final = 8
"""Fewer than an engine has connections: whoever had to wait for one there could wait for long, for it is not first
come, first served."""


async def in_thread(work: Callable[..., Result], *arguments: Any, **named: Any) -> Result:
    """What a function gives that is called in a thread, with the context variables of whoever asks."""
    call = functools.partial(contextvars.copy_context().run, work, *arguments, **named)
    return await asyncio.get_running_loop().run_in_executor(_threads, call)


def in_threads(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that an event loop may call: the same one if it is async, else one that is called in a thread."""
    if inspect.iscoroutinefunction(function):
        return function

    @functools.wraps(function)
    async def call(*arguments: Any, **named: Any) -> Any:
        return await in_thread(function, *arguments, **named)

    return call


_threads = ThreadPoolExecutor(THREADS, "answers")
