"""Builds one virtual environment and says how: a stamp, written last, tells what it was built from."""

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from lock.lockfile import read_lock
from shared_libs.common.errors import InputError, OutputError
from shared_libs.common.files import atomic_write, sha256_file
from shared_libs.utils.progress import progress
from venvs.interpreter import Interpreter
from venvs.places import Place

STAMP = "laxai-venv.json"
PATHS = "laxai.pth"

# How pip begins the line for each file that it fetches, or takes from a folder.
FETCHING = ("Collecting ", "Processing ")

# Raised when a new way of building makes what stands out of date.
FORM = 1


def stamp_of(place: Place, interpreter: Interpreter) -> dict[str, object]:
    """What a virtual environment for `place` is built from."""
    return {
        "form": FORM,
        "import_roots": [str(path) for path in place.import_roots],
        "interpreter": str(interpreter.path),
        "lock_sha256": sha256_file(place.lock),
        "python": interpreter.version,
        "venv": str(place.venv),
    }


def is_up_to_date(place: Place, interpreter: Interpreter) -> bool:
    """Whether what stands was built to its end, from just this, and still has its interpreter."""
    try:
        stamp = json.loads((place.venv / STAMP).read_bytes())
    except (OSError, ValueError):
        return False
    # exists() follows the link to the interpreter, which may have been removed since.
    return bool(stamp == stamp_of(place, interpreter)) and place.python.exists()


@contextlib.contextmanager
def only_one(place: Place) -> Iterator[None]:
    """Waits until nobody else builds this virtual environment. The folder itself is what is locked."""
    handle = os.open(place.folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def build(place: Place, interpreter: Interpreter, extra_indexes: Sequence[str]) -> None:
    """Builds the virtual environment anew. Where that fails, what stood before is put back.

    It cannot be built elsewhere and moved: its scripts name the folder that they were installed into. Raises
    OutputError where the folder cannot be written, InputError where the lock cannot be installed, with what pip said.
    """
    aside = place.folder / f"{place.venv.name}.before"
    try:
        # A run that was killed left its half-built one here, and perhaps the whole one aside.
        if not (place.venv / STAMP).exists() and aside.exists():
            _remove(place.venv)
            aside.rename(place.venv)
        _remove(aside)
        if place.venv.is_symlink() or place.venv.exists():
            place.venv.rename(aside)
        try:
            _build(place, interpreter, extra_indexes)
        except BaseException:
            _remove(place.venv)
            if aside.exists():
                aside.rename(place.venv)
            raise
        _remove(aside)
    except OSError as error:
        raise OutputError.from_os_error(place.venv, error) from error


def _build(place: Place, interpreter: Interpreter, extra_indexes: Sequence[str]) -> None:
    # Debian's Python has no ensurepip unless python3-venv is installed; the tools' own pip does it.
    _run(place, [str(interpreter.path), "-I", "-m", "venv", "--without-pip", str(place.venv)], _environment())
    arguments = ["install", "--no-input", "--disable-pip-version-check", "--root-user-action=ignore"]
    arguments += ["--progress-bar=off", "--no-warn-script-location"]
    # The lock is whole, so nothing is to be resolved; and `pip check` says so afterwards.
    arguments += ["--require-hashes", "--only-binary=:all:", "--no-deps", "--requirement", str(place.lock)]
    for url in extra_indexes:
        arguments.append(f"--extra-index-url={url}")
    count = sum(pin.applies_here for pin in read_lock(place.lock))
    with progress(count, place.name, "wheels") as bar:
        _pip(place, arguments, lambda row: bar.advance() if row.startswith(FETCHING) else None)
    site_packages = place.venv / "lib" / f"python{'.'.join(interpreter.version.split('.')[:2])}" / "site-packages"
    with atomic_write(site_packages / PATHS, "w") as file:
        file.writelines(f"{path}\n" for path in place.import_roots)
    _pip(place, ["check", "--disable-pip-version-check"])
    with atomic_write(place.venv / STAMP, "w") as file:
        json.dump(stamp_of(place, interpreter), file, indent=1, sort_keys=True)
        file.write("\n")


def _pip(place: Place, arguments: Sequence[str], heard: Callable[[str], None] | None = None) -> None:
    path = os.pathsep.join(entry for entry in sys.path if entry)
    environment = {**_environment(), "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}
    # pip starts itself again in the other Python, from its own files; the rest of our path is no business of that one.
    program = (
        "import os, sys; os.environ.pop('PYTHONPATH', None); "
        "from pip._internal.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    _run(place, [sys.executable, "-c", program, "--python", str(place.python), *arguments], environment, heard)


def _environment() -> dict[str, str]:
    """This process's environment, without what would send another Python to this one's library."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def _run(
    place: Place, command: Sequence[str], environment: dict[str, str], heard: Callable[[str], None] | None = None
) -> None:
    """Runs a program; `heard` gets each line that it says. What it said is shown only where it failed."""
    said: list[str] = []
    with subprocess.Popen(
        command,
        env=environment,
        cwd=place.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        try:
            for row in process.stdout or ():
                said.append(row)
                if heard is not None:
                    heard(row)
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        print("".join(row for row in said if " is ignored: " not in row), end="", file=sys.stderr)
        cause = f"cannot be installed into {place.venv.name} of {place.name}"
        raise InputError(place.lock, cause, hint="pip's words are above; is the package index reachable?")


def _remove(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)
