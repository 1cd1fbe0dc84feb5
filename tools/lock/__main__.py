"""The command line: `bazel run //tools/lock -- [NAME…] [--upgrade] [--upgrade-package X] [--check]`."""

import difflib
import platform
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import typer
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from lock.compiling import Compiled, Upgrades, compile_lock, extra_indexes
from lock.import_names import RECORD, Imports, import_names, read_record, record_text, update_record
from lock.index import PackageIndex, drop_unreachable
from lock.lockfile import Pin, read_lock
from lock.other_platforms import PYTHON
from lock.workspace import REQUIREMENTS, choose, lock_names, workspace_root
from shared_libs.common.errors import InputError, UserError
from shared_libs.common.files import atomic_write
from shared_libs.utils.progress import progress

AT_ONCE = 2


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def run(root: Path, asked: Sequence[str], upgrades: Upgrades, check: bool) -> int:
    """Locks, or with `check` compares. Returns the exit status: 1 where `check` found a difference."""
    refuse_other_machines(root)
    available = lock_names(root)
    names = choose(asked, available, "lock")
    plans = {name: upgrades_for(root, name, upgrades) for name in names}
    refuse_unknown_packages(upgrades, plans)
    reachable = drop_unreachable(extra_indexes(root, names), say)
    say(f"locking {', '.join(names)}")
    started = time.monotonic()
    made: dict[str, Compiled] = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        pending = [pool.submit(compile_lock, root, name, plans[name], reachable) for name in names]
        try:
            for task in pending:
                compiled = task.result()
                made[compiled.name] = compiled
                figures = f"{len(compiled.pins):>3} pins  {compiled.seconds:6.1f} s"
                say(f"{compiled.name:<18} {figures}  {changes(root, compiled)}")
        except BaseException:
            for task in pending:
                task.cancel()
            raise
    texts = {root / REQUIREMENTS / f"{name}.txt": compiled.text for name, compiled in made.items()}
    texts[root / REQUIREMENTS / RECORD] = new_record(root, available, made, reachable)
    stale = {path: text for path, text in texts.items() if current(path) != text}
    say(f"{len(names)} locks in {time.monotonic() - started:.1f} s, {len(stale)} files to change")
    if check:
        for path, text in stale.items():
            print("".join(difference(root, path, text)), end="")
        if stale:
            say("out of date; to change the files: bazel run //tools/lock")
        return 1 if stale else 0
    for path, text in stale.items():
        with atomic_write(path, "w") as file:
            file.write(text)
        say(f"wrote {path.relative_to(root)}")
    return 0


def refuse_other_machines(root: Path) -> None:
    """A lock is what pip resolves on the machine that locks, and the services run on Linux."""
    here = (sys.version_info[:2], platform.system(), platform.machine())
    if here != (PYTHON, "Linux", "x86_64"):
        version = ".".join(map(str, PYTHON))
        cause = f"locks are made by Python {version} on Linux x86_64, and this is Python {platform.python_version()}"
        hint = "run it in a Linux container, or in CI"
        raise InputError(root / REQUIREMENTS, f"{cause} on {here[1]} {here[2]}", hint=hint)


def upgrades_for(root: Path, name: str, upgrades: Upgrades) -> Upgrades:
    """`upgrades` without the packages that this lock does not pin."""
    lock = root / REQUIREMENTS / f"{name}.txt"
    if not upgrades.packages or not lock.exists():
        return upgrades
    pinned = {pin.name for pin in read_lock(lock)}
    return Upgrades(upgrades.everything, tuple(p for p in upgrades.packages if project(p) in pinned))


def refuse_unknown_packages(upgrades: Upgrades, plans: dict[str, Upgrades]) -> None:
    for package in upgrades.packages:
        if not any(package in plan.packages for plan in plans.values()):
            cause = f"none of these locks pins it: {', '.join(plans)}"
            raise InputError(package, cause, hint="to add a package, write it into an .in file and lock")


def project(package: str) -> str:
    """The normalised name in `name` or `name==version`. Raises InputError for anything that is neither."""
    try:
        return canonicalize_name(Requirement(package).name)
    except InvalidRequirement as error:
        raise InputError(package, "not a package", hint="write --upgrade-package numpy or numpy==2.4.6") from error


def changes(root: Path, compiled: Compiled) -> str:
    """What a new lock changes, in words."""
    lock = root / REQUIREMENTS / f"{compiled.name}.txt"
    if current(lock) == compiled.text:
        return "unchanged"
    if not lock.exists():
        return "new"
    before = {pin.name: pin.version for pin in read_lock(lock)}
    after = {pin.name: pin.version for pin in compiled.pins}
    said = [
        f"{name} {before.get(name, '(new)')} -> {after.get(name, '(gone)')}"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]
    return ", ".join(said) or "hashes or comments changed"


def new_record(root: Path, available: Sequence[str], made: dict[str, Compiled], reachable: Sequence[str]) -> str:
    """The text of import_names.json for all locks: those just made, and the others as they stand."""
    pins: list[Pin] = []
    for name in available:
        lock = root / REQUIREMENTS / f"{name}.txt"
        if name in made:
            pins.extend(made[name].pins)
        elif lock.exists():
            pins.extend(read_lock(lock))
    try:
        record = read_record(root / REQUIREMENTS / RECORD)
    except InputError:
        record = {}  # it is made from nothing but the locks, so a damaged one is simply made anew
    index = PackageIndex(reachable)

    def look_up(pin: Pin) -> Imports:
        wheel = index.wheel_for_here(pin.name, pin.version)
        return Imports(wheel.sha256, import_names(index.files_in(wheel)))

    with progress(len(pins), "import names", "pins") as bar:

        def each() -> Iterator[Pin]:
            for pin in pins:
                yield pin
                bar.advance()

        return record_text(update_record(record, each(), look_up))


def current(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def difference(root: Path, path: Path, text: str) -> Iterator[str]:
    name = path.relative_to(root).as_posix()
    before = (current(path) or "").splitlines(keepends=True)
    return difflib.unified_diff(before, text.splitlines(keepends=True), f"{name} (now)", f"{name} (as it would be)")


def main(
    names: Annotated[list[str] | None, typer.Argument(help="Which locks; all, if none is named.")] = None,
    upgrade: Annotated[bool, typer.Option("--upgrade", help="Take the newest version of everything.")] = False,
    upgrade_package: Annotated[
        list[str] | None, typer.Option("--upgrade-package", "-P", help="Take the newest X, or X==VERSION.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; show what would change, and exit with 1 if anything.")
    ] = False,
) -> None:
    """Makes requirements/NAME.txt from requirements/NAME.in: every version pinned, every file's hash."""
    upgrades = Upgrades(upgrade, tuple(upgrade_package or ()))
    try:
        for package in upgrades.packages:
            project(package)
        status = run(workspace_root(), names or [], upgrades, check)
    except UserError as error:
        say(f"error: {error}")
        raise typer.Exit(2) from error
    raise typer.Exit(status)


if __name__ == "__main__":
    typer.run(main)
