"""Uploads while they arrive: a file each, in a folder of this machine, which grows and is never written over.

How much has arrived is the file's size, and nothing else: nothing can disagree with it. Whoever works on one holds its
lock, which ends with the process.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from shared_libs.common.errors import OutputError
from shared_libs.common.files import sha256_file


class IsLocked(Exception):
    """Somebody else works on that upload."""


class Growing:
    """An upload that is locked, and open for more. `offset`: how many bytes of it there are."""

    def __init__(self, handle: int, path: Path) -> None:
        self._handle = handle
        self.path = path
        self.offset = os.fstat(handle).st_size

    def append(self, content: bytes) -> None:
        """Adds bytes. Raises OutputError where the disk is full; what could be written stays, and counts."""
        rest = memoryview(content)
        while rest:
            try:
                written = os.pwrite(self._handle, rest, self.offset)
            except OSError as error:
                raise _unwritten(error) from error
            rest = rest[written:]
            self.offset += written

    def keep(self) -> None:
        """Brings it to the disk, so that it outlasts a loss of power. Raises OutputError."""
        try:
            os.fsync(self._handle)
        except OSError as error:
            raise _unwritten(error) from error

    def sha256(self) -> str:
        """Of all there is, 64 lower-case hex digits."""
        return sha256_file(self.path)


class Spool:
    """The uploads in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def begin(self, video_id: str) -> None:
        """Makes an empty upload. Raises OutputError."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self.path(video_id), os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise _unwritten(error) from error

    def room(self) -> int:
        """Bytes that are free for uploads."""
        place = self._folder
        while not place.exists():
            place = place.parent
        return shutil.disk_usage(place).free

    def path(self, video_id: str) -> Path:
        """Where an upload is, if it is."""
        return self._folder / f"{video_id}{_ENDING}"

    def offset(self, video_id: str) -> int | None:
        """How much of an upload is there; None where there is no such upload on this machine."""
        try:
            return self.path(video_id).stat().st_size
        except FileNotFoundError:
            return None

    @contextlib.contextmanager
    def locked(self, video_id: str) -> Iterator[Growing]:
        """The upload, with nobody else at it. Raises IsLocked, and FileNotFoundError where it is not here."""
        handle = os.open(self.path(video_id), os.O_RDWR | os.O_CLOEXEC)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise IsLocked from None
            yield Growing(handle, self.path(video_id))
        finally:
            os.close(handle)

    def remove(self, video_id: str) -> None:
        """Takes an upload away. Nothing there is no error."""
        self.path(video_id).unlink(missing_ok=True)

    def idle_seconds(self, video_id: str) -> float:
        """For how long nothing has been added to an upload; 0 where there is no such upload on this machine."""
        try:
            return max(0.0, time.time() - self.path(video_id).stat().st_mtime)
        except FileNotFoundError:
            return 0.0

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Growing]:
        """An empty file of a moment, which goes when the block ends. Raises OutputError."""
        path = self._folder / f"{secrets.token_hex(8)}{_OF_A_MOMENT}"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _unwritten(error) from error
        try:
            yield Growing(handle, path)
        finally:
            os.close(handle)
            path.unlink(missing_ok=True)

    def sweep(self) -> None:
        """Takes away what processes that were killed have left of such files."""
        for path in self._folder.glob(f"*{_OF_A_MOMENT}*"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > _DAY:
                    path.unlink()


_ENDING: Final = ".upload"
_OF_A_MOMENT: Final = ".scratch"
_DAY: Final = 24 * 3600


def _unwritten(error: OSError) -> OutputError:
    # A file that may not become larger is as good as a full disk.
    if error.errno == errno.EFBIG:
        error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return OutputError.from_os_error("upload", error)
