"""The Python that virtual environments are made of: one whose path lasts, and whose version is the locks'."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from lock.other_platforms import PYTHON
from shared_libs.common.errors import InputError

AIRGAP = "LAXAI_AIRGAP_PYTHON"
VERSION = ".".join(map(str, PYTHON))


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python: its path with no symbolic links, and its full version. `note` is what the user should know of it."""

    path: Path
    version: str
    note: str | None = None


def find_interpreter(asked: Path | None) -> Interpreter:
    """The interpreter that was asked for; else the airgap's; else the one that runs this program.

    Raises InputError where it cannot be run or is not the Python of the locks.
    """
    if asked is not None:
        return _examined(asked, None)
    home = os.environ.get(AIRGAP)
    if home:
        airgap = "this is the private root's Python: outside of it, it needs the C libraries of Debian 12 or later"
        return _examined(Path(home) / "bin" / f"python{VERSION}", airgap)
    path = Path(getattr(sys, "_base_executable", None) or sys.executable).resolve()
    note = None
    if {"external", "execroot"} & set(path.parts):
        note = f"{path} is Bazel's; 'bazel clean --expunge' removes it, and then this has to be run again"
    return _examined(path, note)


def _examined(path: Path, note: str | None) -> Interpreter:
    facts = "[os.path.realpath(sys._base_executable), sys.version.split()[0]]"
    program = f"import json, os, sys; print(json.dumps({facts}))"
    hint = f"name a Python {VERSION} with --python"
    try:
        done = subprocess.run([path, "-I", "-c", program], capture_output=True, text=True, check=False)
    except OSError as error:
        raise InputError(path, f"cannot be run: {error.strerror or error}", hint=hint) from error
    try:
        base, version = json.loads(done.stdout)
    except ValueError as error:
        said = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        raise InputError(path, f"is not a Python: {said[0]}", hint=hint) from error
    if not version.startswith(f"{VERSION}."):
        raise InputError(path, f"is Python {version}, and the locks are for {VERSION}", hint=hint)
    return Interpreter(Path(base), version, note)
