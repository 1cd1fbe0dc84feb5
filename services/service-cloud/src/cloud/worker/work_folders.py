"""The folders in which jobs are worked on, and who of those that share them is alive.

{work}/place            the name of this disk, as steps remember where they left something
{work}/workers/{id}     locked for as long as that worker lives, however it ends
{work}/{job}/           inputs/, out/, log.txt
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import secrets
import shutil
import time
from collections.abc import Callable, Collection
from pathlib import Path

from shared_libs.common.errors import OutputError
from shared_libs.utils.ids import parse_id

_PLACE, _WORKERS = "place", "workers"
_MONTH = 30 * 86400.0


class WorkFolders:
    """Below `root`, which is made if needed. Raises OutputError where nothing can be written there."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self._locks: list[int] = []
        try:
            (self.root / _WORKERS).mkdir(parents=True, exist_ok=True)
            self.place = self._name_of_place()
        except OSError as error:
            raise OutputError.from_os_error(self.root, error) from error

    def of(self, first_try: str) -> Path:
        """The folder of a job; it need not be there."""
        parse_id(first_try, "job")
        return self.root / first_try

    def stand_for(self, worker_id: str) -> None:
        """As long as this process lives, others see that `worker_id` does."""
        path = self.root / _WORKERS / worker_id
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.write(descriptor, _machine().encode())
        self._locks.append(descriptor)

    def dead(self) -> list[str]:
        """Workers that stood here, on this machine, and do not live any more.

        Of those on other machines the locks say nothing: not every shared disk passes them on.
        """
        machine = _machine().encode()
        paths = (self.root / _WORKERS).iterdir()
        return [path.name for path in paths if _content(path) == machine and _is_free(path)]

    def forget(self, worker_ids: Collection[str]) -> None:
        """Those have been dealt with."""
        for worker_id in worker_ids:
            (self.root / _WORKERS / worker_id).unlink(missing_ok=True)

    def remove(self, first_try: str) -> None:
        """A job's folder and all in it."""
        shutil.rmtree(self.of(first_try), ignore_errors=True)

    def prune(self, ended: Callable[[Collection[str]], Collection[str]], keep_seconds: float) -> None:
        """Removes the folders of jobs that have ended and in which nothing has happened for so long.

        ended: which of some jobs have. Of jobs that it does not know – removed, or in another database – the folders
        stay a month at least. What workers of other machines left in workers/ goes as well.
        """
        now = time.time()
        last = {}
        for folder in self.root.glob("job_*"):
            with contextlib.suppress(OSError):  # gone already: another worker shares this disk
                last[folder.name] = _last_touched(folder)
        known = set(ended([name for name in last if last[name] < now - keep_seconds])) if last else set()
        for name, touched in last.items():
            if name in known or touched < now - max(keep_seconds, _MONTH):
                shutil.rmtree(self.root / name, ignore_errors=True)
        machine = _machine().encode()
        for path in (self.root / _WORKERS).iterdir():
            with contextlib.suppress(OSError):
                if _content(path) != machine and path.stat().st_mtime < now - _MONTH:
                    path.unlink()

    def _name_of_place(self) -> str:
        path = self.root / _PLACE
        if not path.exists():
            draft = path.with_name(f".{_PLACE}.{secrets.token_hex(4)}")
            draft.write_text(secrets.token_hex(6))
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)  # whole, and by the first who comes
            draft.unlink()
        return path.read_text()


def _machine() -> str:
    """This machine since it was started; a container is one of its own."""
    boot = _content(Path("/proc/sys/kernel/random/boot_id")).decode().strip()
    return f"{platform.node()} {boot}"


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _is_free(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        return True
    finally:
        os.close(descriptor)


def _last_touched(folder: Path) -> float:
    return max([folder.stat().st_mtime, *(entry.stat().st_mtime for entry in os.scandir(folder))])
