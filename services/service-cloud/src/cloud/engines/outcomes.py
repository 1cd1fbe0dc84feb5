"""What is told of how a command ended, in the same words wherever it ran."""

from __future__ import annotations

import signal
from collections.abc import Iterable
from pathlib import PurePath
from typing import Final

from cloud.engines.engine import Ending, Outcome, Task
from shared_libs.common.errors import DASH
from shared_libs.utils.progress import duration_text

REFUSED_CODE: Final = 2

# What a shell adds to a signal's number to make an exit code of it.
_SIGNALLED: Final = 128


def done() -> Outcome:
    """It ended well."""
    return Outcome(Ending.DONE, exit_code=0)


def stopped(task: Task, how: str = "") -> Outcome:
    """It was asked to. how: what else is to be said."""
    return Outcome(Ending.STOPPED, f"{task.service} was stopped{how}")


def too_long(task: Task) -> Outcome:
    """Its time was up."""
    limit = "" if task.seconds is None else f"{duration_text(task.seconds)}, which is "
    return Outcome(Ending.TOO_LONG, f"{task.service} took longer than {limit}the limit")


def too_much_memory(task: Task, exit_code: int | None = None) -> Outcome:
    """It grew beyond what it may have."""
    limit = "" if task.memory_bytes is None else f"{_size_text(task.memory_bytes)} of memory, which is "
    return Outcome(Ending.TOO_MUCH_MEMORY, f"{task.service} needed more than {limit}the limit", exit_code)


def by_exit_code(
    task: Task, code: int, *, error: str | None, last_line: str | None, details: str = "its log has the details"
) -> Outcome:
    """How a container ended that nobody ended. error, last_line: of what it printed, as people may see it (`shown`).

    details: where there is more to know.
    """
    if code == 0:
        return done()
    details += f"{DASH}{last_line}" if last_line else ""
    if code == REFUSED_CODE:
        return Outcome(Ending.REFUSED, error or f"{task.service} does not take what it was given; {details}", code)
    return Outcome(Ending.CRASHED, f"{task.service} ended unexpectedly ({_code_text(code)}); {details}", code)


def shown(text: str, folders: Iterable[PurePath]) -> str:
    """`text` without the places of files in a work folder, under each of its names: they say nothing to people."""
    for folder in folders:
        for part in (f"{folder}/inputs/", f"{folder}/out/", f"{folder}/"):
            text = text.replace(part, "")
    return text


def _code_text(code: int) -> str:
    try:
        name = signal.Signals(code - _SIGNALLED).name
    except ValueError:
        return f"exit code {code}"
    return f"killed by {name}" + (", perhaps for want of memory" if name == "SIGKILL" else "")


def _size_text(size: int) -> str:
    return f"{size / 2**30:,.1f} GiB" if size >= 2**30 else f"{size / 2**20:,.0f} MiB"
