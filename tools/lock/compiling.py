"""Makes one lock with pip-compile, in a copy of requirements/: the workspace's own files are only read."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lock.index import PackageIndex
from lock.lockfile import Pin, read_lock, read_requirements
from lock.other_platforms import other_platform_pins, with_other_platforms, without_other_platforms
from lock.workspace import REQUIREMENTS
from shared_libs.common.errors import InputError

COMMAND = "bazel run //tools/lock"
EXTRA_INDEX = "--extra-index-url"


@dataclass(frozen=True, slots=True)
class Compiled:
    """A lock made: its text as it is to be written, its pins, and how long it took (seconds)."""

    name: str
    text: str
    pins: tuple[Pin, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Upgrades:
    """Which pins may change though they still satisfy the .in file: all, or some (`name` or `name==version`)."""

    everything: bool = False
    packages: tuple[str, ...] = ()


def extra_indexes(root: Path, names: Sequence[str]) -> list[str]:
    """The extra indexes that the .in files of some locks name, each once."""
    found: dict[str, None] = {}
    for name in names:
        found.update(dict.fromkeys(read_requirements(root / REQUIREMENTS / f"{name}.in").option(EXTRA_INDEX)))
    return list(found)


def compile_lock(root: Path, name: str, upgrades: Upgrades, reachable: Sequence[str]) -> Compiled:
    """Makes the lock `name`. Pins that still satisfy the .in files stay, unless `upgrades` says otherwise.

    Of the extra indexes only those in `reachable` are asked. Raises InputError where the .in files cannot be read or
    satisfied, with what pip said.
    """
    started = time.monotonic()
    asked = read_requirements(root / REQUIREMENTS / f"{name}.in")
    lock = root / REQUIREMENTS / f"{name}.txt"
    earlier = read_lock(lock) if lock.exists() and not upgrades.everything else []
    with tempfile.TemporaryDirectory(prefix="laxai-lock-") as scratch:
        copy = Path(scratch) / REQUIREMENTS
        _copy_requirements(root / REQUIREMENTS, copy, reachable)
        output = copy / lock.name
        if earlier:
            output.write_text(without_other_platforms(lock.read_text(encoding="utf-8")), encoding="utf-8")
        _pip_compile(root, copy, name, upgrades, [url for url in asked.option(EXTRA_INDEX) if url not in reachable])
        text = output.read_text(encoding="utf-8")
    index = PackageIndex([url for url in asked.option(EXTRA_INDEX) if url in reachable])
    others = other_platform_pins(
        asked.asked,
        earlier,
        lambda project, version: ((wheel.sha256, wheel.tags) for wheel in index.wheels_everywhere(project, version)),
    )
    text = with_other_platforms(text, others, root)
    with tempfile.TemporaryDirectory(prefix="laxai-lock-") as scratch:
        made = Path(scratch) / lock.name
        made.write_text(text, encoding="utf-8")
        return Compiled(name, text, tuple(read_lock(made)), time.monotonic() - started)


def _copy_requirements(source: Path, target: Path, reachable: Sequence[str]) -> None:
    """Copies what locks are made from; a line that names an index out of reach becomes a comment."""
    target.mkdir()
    for path in source.iterdir():
        if path.suffix == ".constraints":
            shutil.copyfile(path, target / path.name)
        elif path.suffix in (".in", ".part"):
            rows = []
            for row in path.read_text(encoding="utf-8").splitlines():
                words = row.replace("=", " ", 1).split()
                left_out = words[:1] == [EXTRA_INDEX] and words[1] not in reachable
                rows.append(f"# {row}\n" if left_out else f"{row}\n")
            (target / path.name).write_text("".join(rows), encoding="utf-8")


def _pip_compile(root: Path, copy: Path, name: str, upgrades: Upgrades, out_of_reach: Sequence[str]) -> None:
    arguments = ["--quiet", "--no-config", "--no-color", "--generate-hashes", "--allow-unsafe", "--no-strip-extras"]
    arguments += ["--no-emit-options", "--no-emit-index-url", "--no-emit-find-links", "--no-emit-trusted-host"]
    arguments += ["--annotation-style=split", "--newline=lf", "--resolver=backtracking"]
    if upgrades.everything:
        arguments.append("--upgrade")
    for package in upgrades.packages:
        arguments.append(f"--upgrade-package={package}")
    constraints = copy / f"{name}.constraints"
    if constraints.exists():
        arguments.append(f"--constraint={constraints.relative_to(copy.parent).as_posix()}")
    # Relative names, from a folder that is laid out like the workspace: they stand in the lock's comments.
    arguments += [f"--output-file={REQUIREMENTS}/{name}.txt", f"{REQUIREMENTS}/{name}.in"]
    environment = {
        **os.environ,
        # The child finds what this process found, however Bazel put it on the path.
        "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry),
        "CUSTOM_COMPILE_COMMAND": COMMAND,
        # Wheels only: what has none would have to be compiled on every machine that installs the lock.
        "PIP_ONLY_BINARY": ":all:",
        # What a wheel requires is read out of it where it lies, if the server gives parts of files: CUDA's are large.
        "PIP_USE_FEATURE": " ".join([*os.environ.get("PIP_USE_FEATURE", "").split(), "fast-deps"]),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "lock.pip_compile", *arguments],
        cwd=copy.parent,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        hint = "pip's words are above"
        if out_of_reach:
            hint += f"; {', '.join(out_of_reach)} could not be reached and was left out, which may be the reason"
        said = "\n".join(row for row in done.stderr.splitlines() if " is ignored: " not in row).strip()
        print(said.replace(f"{copy.parent}{os.sep}", ""), file=sys.stderr)
        raise InputError(root / REQUIREMENTS / f"{name}.in", "cannot be locked; no lock was changed", hint=hint)
