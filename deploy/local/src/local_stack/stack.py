"""The parts of LaxAI that are kept running on one machine: a worker that does jobs, and the API."""

from __future__ import annotations

import contextlib
import json
import math
import re
import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from local_stack.children import Children, Ended
from local_stack.commands import API, CLOUD, TRACKING, TRAINING, command, not_startable
from local_stack.endings import PartFailed

BAD_SETTINGS, LOST_ITS_LEASE = 2, 75
"""Exit codes of a part: what it was told is wrong; others do its jobs now, and it may begin anew."""

SECONDS_TO_TIDY_UP = 8.0
LONGEST_DELAY = 30.0
SECONDS_TO_COUNT_AS_WELL = 60.0
"""A part that ran for so long is started again as if it had never ended before."""

Say = Callable[["Part", str], None]


@dataclass(slots=True)
class Part:
    """A program that is kept running. log: for what it prints; this process's own output where there is none.

    failures: in a row. start_at: by time.monotonic(); inf while it runs.
    """

    name: str
    command: Sequence[str]
    log: Path | None = None
    failures: int = 0
    start_at: float = field(default_factory=time.monotonic)
    started: float = -math.inf


class Stack:
    """Keeps parts running among `children`: one that ends is started again, later and later.

    settings: of all parts. say: is told what becomes of each. patience: after so many failures in a row a part is given
    up; None for never.
    """

    def __init__(
        self,
        children: Children,
        parts: Sequence[Part],
        settings: Mapping[str, str],
        say: Say,
        patience: int | None = None,
    ) -> None:
        self._children = children
        self._parts = parts
        self._settings = settings
        self._say = say
        self._patience = patience
        self._running: dict[int, Part] = {}
        self._place = re.sub(r"://[^/@]*@", "://", settings["LAXAI_STORAGE"])  # without a password

    def tend(self, seconds: float = math.inf) -> Ended | None:
        """Looks after the parts for so long, or until a program that is none of them ends, which is given.

        Raises PartFailed for a part that finds its settings bad or is given up, InputError for one that cannot be
        started, and Stopped.
        """
        until = time.monotonic() + seconds
        while True:
            for part in self._parts:
                if part.start_at <= time.monotonic():
                    self._start(part)
            next_start = min(part.start_at for part in self._parts)
            ended = self._children.wait(max(min(next_start, until) - time.monotonic(), 0))
            if ended is not None:
                if ended.pid not in self._running:
                    return ended
                self._plan_next_start(self._running.pop(ended.pid), ended)
            elif time.monotonic() >= until:
                return None

    def _start(self, part: Part) -> None:
        with contextlib.ExitStack() as files:
            log = files.enter_context(part.log.open("ab")) if part.log is not None else None
            try:
                pid = self._children.start(part.command, self._settings, output=log, errors=log)
            except OSError as error:
                raise not_startable(part.command, error) from error
        part.started, part.start_at = time.monotonic(), math.inf
        self._running[pid] = part
        self._say(part, f"running, pid {pid}, storage {self._place}")

    def _plan_next_start(self, part: Part, ended: Ended) -> None:
        now = time.monotonic()
        part.failures = 1 if now - part.started >= SECONDS_TO_COUNT_AS_WELL else part.failures + 1
        if ended.exit_code == BAD_SETTINGS or part.failures == self._patience:
            raise PartFailed(part.name, ended.exit_code)
        seconds = delay(ended.exit_code, part.failures)
        part.start_at = now + seconds
        when = f"in {seconds:g} s" if seconds else "at once"
        self._say(part, f"ended with exit code {ended.exit_code}; started again {when}")


def delay(exit_code: int, failures: int) -> float:
    """Seconds until a part is started again that ended with `exit_code`, for the `failures`th time in a row."""
    return 0.0 if exit_code == LOST_ITS_LEASE else min(2.0 ** min(failures - 1, 5), LONGEST_DELAY)


def worker(log: Path | None = None) -> Part:
    """The part that does the jobs."""
    return Part("worker", [*command(CLOUD), "worker"], log)


def api(log: Path | None = None) -> Part:
    """The part that is asked for them: the API and the page."""
    return Part("api", [*command(API), "serve"], log)


def settings_of_parts(storage: str, tenant: str, database: str) -> dict[str, str]:
    """What the environment of all parts says: where things are, whose, and how the worker starts the services."""
    services = {"tracking": TRACKING, "training": TRAINING}
    return {
        "LAXAI_STORAGE": storage,
        "LAXAI_TENANT": tenant,
        "LAXAI_DATABASE": database,
        "LAXAI_COMMANDS": json.dumps({name: shlex.join(command(variable)) for name, variable in services.items()}),
    }
