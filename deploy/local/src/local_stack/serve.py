"""LaxAI as a service on this machine: a worker that does jobs, and the API where there is one, until it is stopped.

./bazelw run //:serve [-- --storage DIR] [--tenant NAME]
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from local_stack.children import Children
from local_stack.commands import API
from local_stack.endings import exit_code_of
from local_stack.stack import SECONDS_TO_TIDY_UP, Part, Stack, api, settings_of_parts, worker
from shared_libs.common.configured import load_settings
from shared_libs.config.storage import StorageSettings
from shared_libs.utils.paths import user_path


def serve(storage: str | None = None, tenant: str | None = None) -> None:
    """Keeps all parts running. storage: a folder or URL; it and tenant are as in the settings where not given.

    Raises InputError, PartFailed for a part that finds its settings bad, and Stopped.
    """
    known = load_settings(StorageSettings, storage=storage, tenant=tenant)
    folder = user_path(os.path.expanduser(known.storage)).absolute()
    place = known.storage if "://" in known.storage else str(folder)
    settings = settings_of_parts(place, known.tenant, known.database)
    parts = [worker()]
    if os.environ.get(API):
        parts.append(api())
    with Children(SECONDS_TO_TIDY_UP) as children:
        Stack(children, parts, settings, _say).tend()


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
