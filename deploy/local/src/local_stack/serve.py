"""LaxAI as a service on this machine: a worker that does jobs, and the API where there is one, until it is stopped.

./bazelw run //:serve [-- --storage DIR] [--tenant NAME]
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from local_stack.children import Children, Ended
from local_stack.commands import API, CLOUD, TRACKING, TRAINING, command, not_startable
from local_stack.endings import PartFailed, exit_code_of
from shared_libs.common.configured import load_settings
from shared_libs.config.storage import StorageSettings
from shared_libs.utils.paths import user_path

BAD_SETTINGS, LOST_ITS_LEASE = 2, 75
"""Exit codes of a part: what it was told is wrong; others do its jobs now, and it may begin anew."""

SECONDS_TO_TIDY_UP = 8.0
LONGEST_DELAY = 30.0
SECONDS_TO_COUNT_AS_WELL = 60.0
"""A part that ran for so long is started again as if it had never ended before."""


@dataclass(slots=True)
class Part:
    """A program that is kept running. failures: in a row. start_at: by time.monotonic(); inf while it runs."""

    name: str
    command: Sequence[str]
    failures: int = 0
    start_at: float = field(default_factory=time.monotonic)
    started: float = -math.inf


def serve(storage: str | None = None, tenant: str | None = None) -> None:
    """Keeps all parts running. storage: a folder or URL; it and tenant are as in the settings where not given.

    Raises InputError, PartFailed for a part that finds its settings bad, and Stopped.
    """
    settings = _settings_of_parts(storage, tenant)
    parts = [Part("worker", [*command(CLOUD), "worker"])]
    if os.environ.get(API):
        parts.append(Part("api", [*command(API), "serve"]))
    place = re.sub(r"://[^/@]*@", "://", settings["LAXAI_STORAGE"])  # without a password
    running: dict[int, Part] = {}
    with Children(SECONDS_TO_TIDY_UP) as children:
        while True:
            for part in parts:
                if part.start_at <= time.monotonic():
                    pid = _start(children, part, settings)
                    running[pid] = part
                    _say(part, f"running, pid {pid}, storage {place}")
            ended = children.wait(max(min(part.start_at for part in parts) - time.monotonic(), 0))
            if ended is not None:
                _plan_next_start(running.pop(ended.pid), ended)


def delay(exit_code: int, failures: int) -> float:
    """Seconds until a part is started again that ended with `exit_code`, for the `failures`th time in a row."""
    return 0.0 if exit_code == LOST_ITS_LEASE else min(2.0 ** min(failures - 1, 5), LONGEST_DELAY)


def _settings_of_parts(storage: str | None, tenant: str | None) -> dict[str, str]:
    """What the environment of all parts says: where storage is, whose, and how the worker starts the services."""
    settings = load_settings(StorageSettings, storage=storage, tenant=tenant)
    services = {"tracking": TRACKING, "training": TRAINING}
    folder = user_path(os.path.expanduser(settings.storage)).absolute()
    return {
        "LAXAI_STORAGE": settings.storage if "://" in settings.storage else str(folder),
        "LAXAI_TENANT": settings.tenant,
        "LAXAI_DATABASE": settings.database,
        "LAXAI_COMMANDS": json.dumps({name: shlex.join(command(variable)) for name, variable in services.items()}),
    }


def _start(children: Children, part: Part, settings: Mapping[str, str]) -> int:
    try:
        pid = children.start(part.command, settings)
    except OSError as error:
        raise not_startable(part.command, error) from error
    part.started, part.start_at = time.monotonic(), math.inf
    return pid


def _plan_next_start(part: Part, ended: Ended) -> None:
    if ended.exit_code == BAD_SETTINGS:
        raise PartFailed(part.name, ended.exit_code)
    now = time.monotonic()
    part.failures = 1 if now - part.started >= SECONDS_TO_COUNT_AS_WELL else part.failures + 1
    seconds = delay(ended.exit_code, part.failures)
    part.start_at = now + seconds
    _say(part, f"ended with exit code {ended.exit_code}; started again {f'in {seconds:g} s' if seconds else 'at once'}")


def _say(part: Part, text: str) -> None:
    print(f"{part.name:<8} {text}", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="serve", description="Runs LaxAI on this machine until Ctrl-C: a worker for jobs, and the API."
    )
    parser.add_argument("--storage", metavar="DIR", help="folder or URL of the storage; or LAXAI_STORAGE")
    parser.add_argument("--tenant", metavar="NAME", help="whose part of it; or LAXAI_TENANT")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs until it is stopped: the exit code is 128 + n after signal n, and 2 for bad settings."""
    options = _parser().parse_args(arguments)
    return exit_code_of(lambda: serve(options.storage, options.tenant))


if __name__ == "__main__":
    sys.exit(main())
