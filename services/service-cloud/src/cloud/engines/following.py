"""Follows a command that runs elsewhere: looks at it again and again, through short failures, until it has ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from cloud.engines import outcomes
from cloud.engines.engine import Outcome, Task
from shared_libs.common.errors import TransientError
from shared_libs.common.jobs import Progress

_SECONDS_BETWEEN_LOOKS_AT_THE_END: Final = 0.2


class Unavailable(Exception):
    """Whoever runs the command does not answer just now, or has no room."""


@dataclass(frozen=True, slots=True)
class Pace:
    """In seconds. patience: how long nobody may answer. to_stop: how long the end of what was stopped is waited for."""

    between_looks: float = 0.8
    patience: float = 60.0
    to_stop: float = 4.5


class Followed(Protocol):
    """A task and what stands for it elsewhere. Methods raise Unavailable where another try may do."""

    @property
    def progress(self) -> Progress | None:
        """The latest; None before there is any."""

    def look(self) -> Outcome | None:
        """Brings what is there one step nearer to what is wanted, and gives the outcome once there is one."""

    def end(self) -> bool:
        """Asks for the end, which may be done again; whether it has come."""


def follow(
    followed: Followed, task: Task, place: str, pace: Pace, report: Callable[[Progress], None], stop: threading.Event
) -> Outcome:
    """Looks until there is an outcome or `stop` is set, which ends the command; `report` gets the progress each time.

    place: who runs the command. Raises TransientError where it does not answer for too long, and what `look` raises.
    """
    silent_since: float | None = None
    while not stop.is_set():
        outcome = None
        try:
            outcome = followed.look()
            silent_since = None
        except Unavailable as error:
            silent_since = silent_since or time.monotonic()
            if time.monotonic() - silent_since > pace.patience:
                raise _silent(place, error) from error
        if followed.progress is not None:
            report(followed.progress)
        if outcome is not None:
            return outcome
        stop.wait(pace.between_looks)
    return _end(followed, task, place, pace.to_stop)


def _end(followed: Followed, task: Task, place: str, seconds: float) -> Outcome:
    until = time.monotonic() + seconds
    is_told, silence = False, Unavailable()
    while time.monotonic() < until:
        try:
            if followed.end():
                return outcomes.stopped(task)
            is_told = True
        except Unavailable as error:
            silence = error
        time.sleep(_SECONDS_BETWEEN_LOOKS_AT_THE_END)
    if not is_told:
        raise _silent(place, silence)
    return outcomes.stopped(task, f", which {place} has not confirmed yet")


def _silent(place: str, error: Unavailable) -> TransientError:
    return TransientError(place, f"does not answer: {error}", hint="see that it can be reached from here")
