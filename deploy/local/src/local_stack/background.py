"""Work in a thread of its own, for a main thread that has signals and programs to look after."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Result = TypeVar("Result")


def in_background(work: Callable[[], Result]) -> Future[Result]:
    """Begins `work`; what it gives or raises is the future's. It does not keep this process from ending."""
    future: Future[Result] = Future()

    def run() -> None:
        try:
            result = work()
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(result)

    # Not of a pool: the interpreter waits for a pool's threads when it ends.
    threading.Thread(target=run, daemon=True).start()
    return future
