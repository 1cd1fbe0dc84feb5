"""What the recipe of each kind of job can do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pydantic import JsonValue

from cloud.engines.engine import Service
from shared_libs.common.model_store import ModelStore
from shared_libs.common.stored_files import StoredFiles

Report = Callable[[int, int], None]
"""How far a transfer is: bytes done, bytes in all."""

Allowed = Callable[[], None]
"""Called before a file is sent: does not come back, or raises, where the job is not this worker's (any more)."""


@dataclass(frozen=True, slots=True)
class Command:
    """A service's command; `stage` says in a word or two what it does."""

    service: Service
    arguments: tuple[str, ...]
    stage: str


class Recipe(Protocol):
    """Of one job. All of it may be done again after a crash, and then costs little where it was done already.

    Where something cannot be read or written: InputError and OutputError for good, TransientError where another try may
    do.
    """

    def fetch(self, tenant: str, files: StoredFiles, models: ModelStore, inputs: Path, report: Report) -> None:
        """What the commands read, from storage into the folder `inputs`."""

    def commands(self, inputs: Path, out: Path) -> tuple[Command, ...]:
        """What is run, one after the other; each leaves its results below `out`."""

    def store(
        self, tenant: str, files: StoredFiles, out: Path, made: str, allowed: Allowed, report: Report
    ) -> dict[str, JsonValue]:
        """Puts the results into storage, whole or invisible; gives the job's result.

        made: 12 hex digits, new with each execution of the commands, of which the new run's, dataset's or model's id is
        made.
        """

    def discard(self, tenant: str, files: StoredFiles, made: str) -> None:
        """Takes away what a `store` of that `made` left when it was broken off for good."""
