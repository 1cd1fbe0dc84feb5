"""Waiting, with an eye on everything that runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from local_stack.background import Result, in_background
from local_stack.children import Children
from local_stack.commands import not_startable
from local_stack.endings import PartFailed
from local_stack.stack import Stack

SECONDS_BETWEEN_LOOKS = 0.1


def _nothing() -> None:
    """For those who have nothing to do in between."""


class Attendance:
    """Waits for programs and for work in other threads, while the parts of `stack` are kept running.

    Whatever waits here is also ended by what `Stack.tend` raises.
    """

    def __init__(self, children: Children, stack: Stack) -> None:
        self._children = children
        self._stack = stack
        self._ended: dict[int, int] = {}

    def start(
        self,
        words: Sequence[str],
        settings: Mapping[str, str] | None = None,
        *,
        output: IO[bytes],
        errors: IO[bytes],
    ) -> int:
        """Starts a program, and returns its process id. Raises InputError where it cannot be started, and Stopped."""
        try:
            return self._children.start(words, settings, output=output, errors=errors)
        except OSError as error:
            raise not_startable(words, error) from error

    def wait_for_program(self, name: str, pid: int, look: Callable[[], None] = _nothing) -> None:
        """Until the program has ended; `look` is called now and then. Raises PartFailed where it did not end well."""
        while pid not in self._ended:
            self._tend()
            look()
        code = self._ended.pop(pid)
        if code != 0:
            raise PartFailed(name, code)

    def run(
        self,
        name: str,
        words: Sequence[str],
        log: Path,
        settings: Mapping[str, str] | None = None,
        look: Callable[[], None] = _nothing,
    ) -> None:
        """Runs a program to its end; what it prints goes to `log`. Raises as `start` and `wait_for_program`."""
        with log.open("ab") as file:
            self.wait_for_program(name, self.start(words, settings, output=file, errors=file), look)

    def wait_for(self, work: Callable[[], Result], look: Callable[[], None] = _nothing) -> Result:
        """What `work` gives, which is done in a thread of its own; `look` is called in this one, now and then."""
        future = in_background(work)
        while not future.done():
            self._tend()
            look()
        return future.result()

    def wait_for_ever(self) -> None:
        """Until this process is told to stop: raises Stopped."""
        while True:
            self._stack.tend()

    def _tend(self) -> None:
        ended = self._stack.tend(SECONDS_BETWEEN_LOOKS)
        if ended is not None:
            self._ended[ended.pid] = ended.exit_code
