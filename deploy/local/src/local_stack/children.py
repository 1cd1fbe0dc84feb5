"""Programs that run for this one and never outlive it."""

from __future__ import annotations

import contextlib
import math
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from types import FrameType, TracebackType
from typing import IO, Any, NamedTuple, Self

from local_stack.commands import environment_of_child

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

SECONDS_TO_TIDY_UP = 5.0


class Stopped(Exception):
    """This process was told to stop. `exit_code` is the shell's for the signal: 130 for Ctrl-C, 143 for SIGTERM."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(f"stopped by {number.name}")
        self.exit_code = 128 + number


class Ended(NamedTuple):
    """A program that is over. `exit_code` is 128 + n when signal n ended it."""

    pid: int
    exit_code: int


class Children:
    """Runs programs, any number at a time, in `environment`: this process's own unless given.

    Each program gets a process group, so that whatever it starts is stopped with it. On SIGINT, SIGTERM or SIGHUP, and
    at the end of the block, the groups receive SIGTERM and, when they have not ended after `seconds_to_tidy_up` or a
    second signal comes, SIGKILL. Use it as a context manager, in the main thread: signal handlers are set inside and
    put back at the end.
    """

    def __init__(
        self, seconds_to_tidy_up: float = SECONDS_TO_TIDY_UP, environment: Mapping[str, str] = os.environ
    ) -> None:
        self._seconds_to_tidy_up = seconds_to_tidy_up
        self._environment = environment
        self._told: list[signal.Signals] = []
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._handlers: dict[signal.Signals, Any] = {}
        self._news: queue.SimpleQueue[None] = queue.SimpleQueue()  # a signal handler may always put something in

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            # What was ignored from the start (nohup) stays so.
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._handlers[number] = signal.signal(number, self._on_signal)
        self._handlers[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, self._on_end)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end_all()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def start(
        self,
        command: Sequence[str],
        settings: Mapping[str, str] | None = None,
        *,
        output: IO[bytes] | None = None,
        errors: IO[bytes] | None = None,
    ) -> int:
        """Starts a command, with `settings` added to the environment, and returns its process id.

        output, errors: files for what it prints; this process's own where not given. Raises Stopped when this process
        was told to stop; nothing of any program runs any more then. Raises OSError when the command cannot be started.
        """
        self._stop_here_if_told()
        environment = environment_of_child(self._environment) | dict(settings or {})
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, env=environment, process_group=0
        )
        self._running[process.pid] = process
        return process.pid

    def wait(self, seconds: float = math.inf) -> Ended | None:
        """The next program that has ended, or None when none has within `seconds`.

        Nothing runs any more of what it started and left behind. Raises Stopped as `start` does.
        """
        until = time.monotonic() + seconds
        while True:
            self._stop_here_if_told()
            ended = self._next_ended()
            left = until - time.monotonic()
            if ended is not None or left <= 0:
                return ended
            self._sleep(left)

    def _next_ended(self) -> Ended | None:
        for pid, process in self._running.items():
            code = process.poll()
            if code is not None:
                _signal_group(pid, signal.SIGKILL)  # what it started and left behind
                del self._running[pid]
                return Ended(pid, code if code >= 0 else 128 - code)
        return None

    def _stop_here_if_told(self) -> None:
        if self._told:
            self._end_all()
            raise Stopped(self._told[0])

    def _end_all(self) -> None:
        self._signal_groups(signal.SIGTERM)
        until = time.monotonic() + self._seconds_to_tidy_up
        while self._running:
            if self._next_ended() is not None:
                continue
            left = until - time.monotonic()
            if left > 0 and len(self._told) < 2:
                self._sleep(left)
                continue
            self._signal_groups(signal.SIGKILL)
            for process in self._running.values():
                process.wait()

    def _sleep(self, seconds: float) -> None:
        """Until there is news, or for so long."""
        with contextlib.suppress(queue.Empty):
            self._news.get(timeout=min(seconds, threading.TIMEOUT_MAX))

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._told.append(signal.Signals(number))
        self._news.put(None)

    def _on_end(self, number: int, frame: FrameType | None) -> None:
        self._news.put(None)

    def _signal_groups(self, number: signal.Signals) -> None:
        for pid in self._running:
            _signal_group(pid, number)


def _signal_group(group: int, number: signal.Signals) -> None:
    # Gone already, or (on macOS) only zombies are left of it.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
