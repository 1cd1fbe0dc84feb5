"""What every engine takes and gives."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal, Protocol

from cloud.findings import Finding
from shared_libs.common.jobs import Progress

Service = Literal["tracking", "training"]
"""Whose command is run."""


@dataclass(frozen=True, slots=True)
class Task:
    """One command of a job.

    key: `{job}-{which of its commands}`; tasks of one key are one piece of work, which is adopted, not started twice.
    arguments: after the service's command; their paths are absolute, below `folder`.
    folder: the job's work folder; what the command prints is added to its log.txt.
    memory_bytes: resident, of the command and all that it starts; None for no limit. seconds: None for no limit.
    """

    key: str
    service: Service
    arguments: tuple[str, ...]
    folder: Path
    memory_bytes: int | None = None
    seconds: float | None = None


class Ending(StrEnum):
    """How a command ended."""

    DONE = "done"
    REFUSED = "refused"
    """Bad input, as exit code 2 says."""
    STOPPED = "stopped"
    """It was asked to."""
    TOO_LONG = "too long"
    TOO_MUCH_MEMORY = "too much memory"
    CRASHED = "crashed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """message: one line for people, "" where all is well. exit_code: None where the command left none."""

    ending: Ending
    message: str = ""
    exit_code: int | None = None


class Engine(Protocol):
    """Runs commands, here or elsewhere.

    outlives_worker: whether a command goes on when this process ends, to be adopted by the next one that runs its task.
    """

    outlives_worker: bool

    def run(self, task: Task, report: Callable[[Progress], None], stop: threading.Event) -> Outcome:
        """Runs a command to its end, or adopts the one of this key that runs already.

        report: called at least once a second while the command says how far it is. stop: when set, the command is ended
        within 5 seconds, by its own way if it takes it.

        Raises TransientError where the engine cannot be reached just now, InputError where a setting is wrong.
        """

    def check(self) -> list[Finding]:
        """Whether commands could be run now."""
