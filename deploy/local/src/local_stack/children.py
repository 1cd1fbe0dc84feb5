"""Programs that run for this one and never outlive it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence
from types import FrameType, TracebackType
from typing import Any, Self

from local_stack.commands import environment_of_child

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

SECONDS_TO_TIDY_UP = 5.0


class Stopped(Exception):
    """This process was told to stop. `exit_code` is the shell's for the signal: 130 for Ctrl-C, 143 for SIGTERM."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(f"stopped by {number.name}")
        self.exit_code = 128 + number


class Children:
    """Runs programs, one at a time, with their output on this process's own.

    Each program gets a process group, so that whatever it starts is stopped with it. On SIGINT, SIGTERM or SIGHUP the
    group receives SIGTERM and, when it has not ended after `seconds_to_tidy_up` or a second signal comes, SIGKILL.
    Use it as a context manager, in the main thread: signal handlers are set inside and put back at the end.
    """

    def __init__(self, seconds_to_tidy_up: float = SECONDS_TO_TIDY_UP) -> None:
        self._seconds_to_tidy_up = seconds_to_tidy_up
        self._stopped_by: signal.Signals | None = None
        self._group: int | None = None
        self._handlers: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            # What was ignored from the start (nohup) stays so.
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._handlers[number] = signal.signal(number, self._on_signal)
        self._handlers[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._on_time_up)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        self._signal_group(signal.SIGKILL)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def run(self, command: Sequence[str]) -> int:
        """Runs a command to its end and returns its exit code; 128 + n when signal n ended it.

        Raises Stopped when this process was told to stop; nothing of the command runs any more then. Raises OSError
        when the command cannot be started.
        """
        self._stop_here_if_told()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, env=environment_of_child(), process_group=0)
        self._group = process.pid
        if self._stopped_by is not None:  # the signal came before there was a group to pass it on to
            self._begin_to_stop()
        code = process.wait()
        signal.setitimer(signal.ITIMER_REAL, 0)
        self._signal_group(signal.SIGKILL)  # what it started and left behind
        self._group = None
        self._stop_here_if_told()
        return code if code >= 0 else 128 - code

    def _stop_here_if_told(self) -> None:
        if self._stopped_by is not None:
            raise Stopped(self._stopped_by)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        first = self._stopped_by is None
        if first:
            self._stopped_by = signal.Signals(number)
            self._begin_to_stop()
        else:
            self._signal_group(signal.SIGKILL)

    def _begin_to_stop(self) -> None:
        self._signal_group(signal.SIGTERM)
        signal.setitimer(signal.ITIMER_REAL, self._seconds_to_tidy_up)

    def _on_time_up(self, number: int, frame: FrameType | None) -> None:
        self._signal_group(signal.SIGKILL)

    def _signal_group(self, number: signal.Signals) -> None:
        if self._group is not None:
            # Gone already, or (on macOS) only zombies are left of it.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._group, number)
