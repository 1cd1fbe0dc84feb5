"""The command line: `bazel run //tools/venvs -- [NAME…] [--accelerator cuda] [--python PATH]`."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from lock.compiling import EXTRA_INDEX
from lock.index import drop_unreachable
from lock.lockfile import read_requirements
from lock.workspace import choose, workspace_root
from shared_libs.common.errors import InputError, UserError
from shared_libs.utils.paths import user_path
from venvs.building import build, is_up_to_date, only_one
from venvs.interpreter import Interpreter, find_interpreter
from venvs.places import Place, places

# What every place's own lock is for.
CPU = "cpu"


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def chosen_places(root: Path, asked: Sequence[str], accelerator: str) -> list[Place]:
    """The places to build for. Raises InputError for one that was named and is not there; others are passed over.

    Also where none of them has a lock for the accelerator, unless that is the CPU, which every lock is for.
    """
    known = {place.name: place for place in places(root, accelerator)}
    chosen = []
    for name in choose(asked, list(known), "virtual environment"):
        place = known[name]
        if not place.folder.is_dir():
            if asked:
                raise InputError(place.folder, "there is no such folder yet", hint="only its lock is there")
            say(f"{name}: passed over, there is no {place.folder.relative_to(root)} yet")
            continue
        if not place.lock.is_file():
            lock_name = place.lock.stem.replace("_", "-")
            hint = f"make it: bazel run //tools/lock -- {lock_name}"
            raise InputError(place.lock, "there is no such lock yet", hint=hint)
        chosen.append(place)
    if accelerator != CPU and not any(place.lock.stem.endswith(f"_{accelerator}") for place in chosen):
        cause = f"there is no lock for it, for any of {', '.join(place.name for place in chosen)}"
        raise InputError(accelerator, cause, hint="locks for an accelerator are called requirements/*_<accelerator>.in")
    return chosen


def run(root: Path, asked: Sequence[str], accelerator: str, interpreter: Interpreter) -> None:
    """Builds what is out of date, one after the other."""
    chosen = chosen_places(root, asked, accelerator)
    told = False
    for number, place in enumerate(chosen, 1):
        where = f"[{number}/{len(chosen)}] {place.venv.relative_to(root)}"
        with only_one(place):
            if is_up_to_date(place, interpreter):
                say(f"{where}: up to date")
                continue
            if interpreter.note and not told:
                say(interpreter.note)
                told = True
            started = time.monotonic()
            say(f"{where}: building from {place.lock.relative_to(root)} with Python {interpreter.version}")
            urls = read_requirements(place.lock.with_suffix(".in")).option(EXTRA_INDEX)
            build(place, interpreter, drop_unreachable(urls, say))
            say(f"{where}: built in {time.monotonic() - started:.1f} s")


def main(
    names: Annotated[
        list[str] | None, typer.Argument(help="service-tracking (or tracking) …, shared_libs, tools; all, if none.")
    ] = None,
    accelerator: Annotated[
        str, typer.Option("--accelerator", help="cuda: service-training from its lock for NVIDIA GPUs.")
    ] = CPU,
    python: Annotated[
        Path | None, typer.Option("--python", help="The Python to build with; the one that runs this, if not given.")
    ] = None,
) -> None:
    """Makes services/SERVICE/.venv from the service's lock, with its src/ and shared_libs importable."""
    try:
        interpreter = find_interpreter(user_path(python) if python else None)
        run(workspace_root(), names or [], accelerator, interpreter)
    except UserError as error:
        say(f"error: {error}")
        raise typer.Exit(2) from error


if __name__ == "__main__":
    typer.run(main)
