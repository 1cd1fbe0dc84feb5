"""Whole folders to storage and from it: several files at a time, since datasets are thousands of small pictures."""

import os
import stat
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Protocol

from shared_libs.common.errors import InputError
from shared_libs.common.storage_failures import reading
from shared_libs.common.transfers import Report

_AT_A_TIME = 8
_BETWEEN_REPORTS = 0.5  # seconds

Allowed = Callable[[], None]
"""Called before each file; raises where the transfer is to end."""


class _Files(Protocol):
    def place(self, path: str = "") -> str: ...
    def sizes(self, folder: str) -> dict[str, int]: ...
    def upload(self, source: Path, path: str, *, report: Report | None = None) -> None: ...
    def download(self, path: str, target: Path, *, report: Report | None = None) -> None: ...


def is_name(path: str) -> bool:
    """Whether a relative path is of a file in storage: it leads nowhere else, and nothing in it begins with a dot.

    What begins with a dot is temporary.
    """
    return "\0" not in path and all(part and not part.startswith(".") for part in path.split("/"))


def sizes_below(folder: Path) -> dict[str, int]:
    """All files below a folder, relative to it, and their bytes; none where it is not there.

    Raises InputError for a symbolic link, which could lead anywhere, and for what is neither file nor folder.
    """
    found: dict[str, int] = {}
    waiting = [(folder, "")]
    while waiting:
        place, prefix = waiting.pop()
        try:
            with reading(place), os.scandir(place) as entries:
                for entry in sorted(entries, key=lambda entry: entry.name):
                    if entry.name.startswith("."):
                        continue
                    mode = entry.stat(follow_symlinks=False).st_mode
                    if stat.S_ISDIR(mode):
                        waiting.append((place / entry.name, f"{prefix}{entry.name}/"))
                    elif stat.S_ISREG(mode):
                        found[f"{prefix}{entry.name}"] = entry.stat().st_size
                    else:
                        raise _unfit(entry)
        except InputError as error:
            if not isinstance(error.__cause__, FileNotFoundError):
                raise
    return dict(sorted(found.items()))


def upload_files(
    files: _Files, source: Path, folder: str, last: str, allowed: Allowed, report: Report | None = None
) -> None:
    """All files below `source`, and `last` once all others are there."""
    sizes = sizes_below(source)
    if last not in sizes:
        raise InputError(source / last, "no such file, and it would come last", hint="check the folder")
    others = {name: size for name, size in sizes.items() if name != last}
    total = sum(sizes.values())
    transfer = _Transfer(lambda name, each: files.upload(source / name, f"{folder}/{name}", report=each), total, report)
    transfer.run(others, allowed)
    transfer.run({last: sizes[last]}, allowed)


def download_files(files: _Files, folder: str, target: Path, report: Report | None = None) -> None:
    """All files below a folder of storage. Raises InputError where there are none."""
    sizes = files.sizes(folder)
    if not sizes:
        raise InputError(files.place(folder), "no such folder, or nothing in it", hint="check the path")
    transfer = _Transfer(
        lambda name, each: files.download(f"{folder}/{name}", target / name, report=each), sum(sizes.values()), report
    )
    transfer.run(sizes, lambda: None)


class _Stopped(Exception):
    """Ends the transfer of a file when another one has failed."""


class _Transfer:
    """Moves files in threads; `allowed` and `report` are called in the thread that began it."""

    def __init__(self, move: Callable[[str, Report], None], total: int, report: Report | None) -> None:
        self._move = move
        self._total = total
        self._report = report
        self._done: dict[str, int] = {}
        self._stopped = threading.Event()

    def run(self, sizes: Mapping[str, int], allowed: Allowed) -> None:
        """Moves the files of these names and bytes. The first error ends it, and is raised."""
        running: set[Future[None]] = set()
        with ThreadPoolExecutor(max_workers=_AT_A_TIME) as pool:
            try:
                for name, size in sizes.items():
                    while len(running) >= _AT_A_TIME:
                        running = self._settled(running)
                    allowed()
                    running.add(pool.submit(self._one, name, size))
                while running:
                    running = self._settled(running)
            except BaseException:
                self._stopped.set()
                raise

    def _one(self, name: str, size: int) -> None:
        def note(done: int, total: int) -> None:
            if self._stopped.is_set():
                raise _Stopped
            self._done[name] = done

        note(0, size)
        self._move(name, note)
        self._done[name] = size

    def _settled(self, running: set[Future[None]]) -> set[Future[None]]:
        """Waits until something is done, and gives what is not."""
        done, waiting = wait(running, timeout=_BETWEEN_REPORTS, return_when=FIRST_COMPLETED)
        for each in done:
            each.result()
        if self._report is not None:
            self._report(sum(self._done.copy().values()), self._total)
        return waiting


def _unfit(entry: "os.DirEntry[str]") -> InputError:
    if entry.is_symlink():
        cause = "is a symbolic link, and those are not followed"
        return InputError(entry.path, cause, hint="put the file itself there")
    return InputError(entry.path, "is not an ordinary file", hint="take it away")
