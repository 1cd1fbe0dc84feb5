"""The command line: `bazel run //tools/venvs -- [NAME…] [--python PATH]`."""

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


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def chosen_places(root: Path, asked: Sequence[str]) -> list[Place]:
    """The places to build for. Raises InputError for one that was named and is not there; others are passed over."""
    known = {place.name: place for place in places(root)}
    chosen = []
    for name in choose(asked, list(known), "virtual environment"):
        place = known[name]
        if not place.folder.is_dir():
            if asked:
                raise InputError(place.folder, "there is no such folder yet", hint="only its lock is there")
            say(f"{name}: passed over, there is no {place.folder.relative_to(root)} yet")
            continue
        if not place.lock.is_file():
            raise InputError(place.lock, "there is no such lock yet", hint=f"make it: bazel run //tools/lock -- {name}")
        chosen.append(place)
    return chosen


def run(root: Path, asked: Sequence[str], interpreter: Interpreter) -> None:
    """Builds what is out of date, one after the other."""
    chosen = chosen_places(root, asked)
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
    python: Annotated[
        Path | None, typer.Option("--python", help="The Python to build with; the one that runs this, if not given.")
    ] = None,
) -> None:
    """Makes services/SERVICE/.venv from the service's lock, with its src/ and shared_libs importable."""
    try:
        interpreter = find_interpreter(user_path(python) if python else None)
        run(workspace_root(), names or [], interpreter)
    except UserError as error:
        say(f"error: {error}")
        raise typer.Exit(2) from error


if __name__ == "__main__":
    typer.run(main)
