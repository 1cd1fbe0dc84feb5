#!/usr/bin/env python3
"""Makes each service's own virtual environment: SERVICE/.venv, with what its requirements.in and -test.in name.

    python make_venvs.py                        all of them
    python make_venvs.py --only service-api     one of them
    python make_venvs.py --python python3.11    with another Python than the one that runs this

The import roots of each service go into its .venv as well, so that `SERVICE/.venv/bin/python -m …` works from
anywhere. What is up to date is left alone. Needs nothing beyond Python's standard library.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

# Each service's folder and its import roots, from this file's folder.
SERVICES: "dict[str, list[str]]" = {}

REQUIREMENTS = ("requirements.in", "requirements-test.in")
STAMP = "made-from.json"
PATHS = "import-roots.pth"


class Failure(Exception):
    """Something that the user has to solve; one line."""


def python_of(venv: Path) -> Path:
    """The interpreter of a virtual environment."""
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def run(command: "list[str]", where: Path, hint: str) -> None:
    try:
        status = subprocess.call(command, cwd=str(where))
    except OSError as error:
        raise Failure(f"{command[0]}: cannot be run: {error.strerror}") from error
    if status:
        raise Failure(f"{' '.join(command)}: failed with status {status}; {hint}")


def ask(python: str, program: str) -> str:
    """What a short program prints under another interpreter."""
    try:
        done = subprocess.run([python, "-c", program], stdout=subprocess.PIPE, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Failure(f"{python}: is not a Python that can be run; name one with --python") from error
    return done.stdout.strip()


def can_import(python: str, name: str) -> bool:
    """Whether an interpreter has this module."""
    program = "import importlib.util, sys; sys.exit(importlib.util.find_spec(sys.argv[1]) is None)"
    return subprocess.call([python, "-c", program, name]) == 0


def is_empty(path: Path) -> bool:
    """Whether a requirements file asks for nothing."""
    rows = (row.strip() for row in path.read_text(encoding="utf-8").splitlines())
    return all(not row or row.startswith("#") or row == "-r requirements.in" for row in rows)


def make(root: Path, service: str, roots: "list[str]", python: str, version: str) -> str:
    """Makes one virtual environment anew unless it is up to date; says what was done."""
    folder = root / service
    if not folder.is_dir():
        raise Failure(f"{folder}: there is no such folder; is this file at the repository's root?")
    venv = folder / ".venv"
    files = [folder / name for name in REQUIREMENTS if (folder / name).is_file()]
    paths = [str((root / path).resolve()) for path in roots]
    digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    stamp = json.dumps({"python": version, "requirements": digests, "roots": paths, "venv": str(venv)}, sort_keys=True)
    try:
        if (venv / STAMP).read_text(encoding="utf-8") == stamp and python_of(venv).exists():
            return "up to date"
    except OSError:
        pass
    wanted = [file for file in files if not is_empty(file)]
    # Some Pythons cannot put pip into a virtual environment; then their own pip installs into it from outside.
    inner_pip = bool(wanted) and can_import(python, "ensurepip")
    if wanted and not inner_pip and not can_import(python, "pip"):
        raise Failure(f"{python}: has neither ensurepip nor pip; on Debian and Ubuntu, install python3-venv")
    without = [] if inner_pip else ["--without-pip"]
    run([python, "-m", "venv", "--clear", *without, str(venv)], folder, "name another Python with --python")
    inside = str(python_of(venv))
    if wanted:
        pip = [inside, "-m", "pip"] if inner_pip else [python, "-m", "pip", "--python", inside]
        arguments = [argument for file in wanted for argument in ("-r", str(file))]
        hint = f"correct {service}/requirements.in"
        run([*pip, "--disable-pip-version-check", "install", *arguments], root, hint)
        run([*pip, "--disable-pip-version-check", "check"], root, hint)
    site_packages = Path(ask(inside, "import sysconfig; print(sysconfig.get_paths()['purelib'])"))
    (site_packages / PATHS).write_text("".join(path + "\n" for path in paths), encoding="utf-8")
    (venv / STAMP).write_text(stamp, encoding="utf-8")
    return "made"


def chosen(only: "list[str]") -> "list[str]":
    """The services that were named, by folder or by its last part; all of them, where none was."""
    found = []
    for name in only:
        matching = [folder for folder in SERVICES if name.strip("/") in (folder, folder.rpartition("/")[2])]
        if not matching:
            raise Failure(f"--only {name}: there is no such service; there are {', '.join(sorted(SERVICES))}")
        found += matching
    return found or sorted(SERVICES)


def main() -> int:
    parser = argparse.ArgumentParser(description="Makes each service's own virtual environment.")
    parser.add_argument("--only", action="append", default=[], metavar="SERVICE", help="may be given several times")
    parser.add_argument("--python", default=sys.executable, help="the Python to make them with")
    options = parser.parse_args()
    root = Path(__file__).resolve().parent
    try:
        version = ask(options.python, "import sys; print(sys.version.split()[0])")
        services = chosen(options.only)
        for number, service in enumerate(services, 1):
            print(f"[{number}/{len(services)}] {service}/.venv ...", flush=True)
            print(
                f"[{number}/{len(services)}] {service}/.venv: "
                + make(root, service, SERVICES[service], options.python, version)
            )
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
