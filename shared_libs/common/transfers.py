"""A file on its way between this machine and storage: what is known of it, how far it is, whether it need go at all."""

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Self

from shared_libs.common.errors import InputError, OutputError
from shared_libs.common.files import sha256_file
from shared_libs.common.storage_failures import reading

Report = Callable[[int, int], None]
"""How far a transfer is: bytes done, bytes in all."""

PART = 8 << 20
"""Bytes of a large object that go over the network at a time."""


class Source(NamedTuple):
    """A file on this machine that is uploaded: its bytes, SHA-256 in hex digits, and MD5 in 16 bytes."""

    path: Path
    size: int
    sha256: str
    md5: bytes

    @classmethod
    def measured(cls, path: Path) -> Self:
        """Reads the whole file. Raises InputError where it cannot be read."""
        sha256, md5, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
        with reading(path), open(path, "rb") as file:
            while chunk := file.read(1 << 20):
                sha256.update(chunk)
                md5.update(chunk)
                size += len(chunk)
        return cls(path, size, sha256.hexdigest(), md5.digest())

    def part(self, start: int) -> bytes:
        """Up to PART bytes. Raises InputError where the file is not as long as it was."""
        wanted = min(PART, self.size - start)
        with reading(self.path), open(self.path, "rb") as file:
            file.seek(start)
            content = file.read(wanted)
        if len(content) != wanted:
            raise self.changed()
        return content

    def whole(self) -> bytes:
        """All of a file of one part. Raises InputError where it is not what it was."""
        content = self.part(0)
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise self.changed()
        return content

    def changed(self) -> InputError:
        """The error where the file is not what it was when it was measured."""
        return InputError(self.path, "changed while it was uploaded", hint="upload it when nothing writes to it")


def is_same(path: Path, size: int, sha256: Callable[[], str]) -> bool:
    """Whether a file on this machine has that content. sha256: gives 64 hex digits, called where the sizes agree."""
    try:
        return not path.is_symlink() and path.stat().st_size == size and sha256_file(path) == sha256()
    except (OSError, InputError):
        return False


def make_folder(path: Path) -> None:
    """With all above it. Raises OutputError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError.from_os_error(path, error) from error


def check_range(start: int, length: int) -> None:
    """ValueError for what is no range of bytes."""
    if start < 0 or length < 0:
        raise ValueError(f"a range begins at 0 or later and is not shorter than nothing, not {start}, {length}")


@contextlib.contextmanager
def reporting(report: Report | None) -> Iterator[Report]:
    """`report`, to be called inside the block, if there is one: what it raises is no failure of the transfer.

    It ends the block at once and is raised by it as it is.
    """

    def call(done: int, total: int) -> None:
        if report is not None:
            try:
                report(done, total)
            except Exception as error:
                raise _Halt(error) from error

    try:
        yield call
    except _Halt as halt:
        raise halt.error from None


class _Halt(BaseException):
    """Nobody takes it for an error of what calls the report."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


def is_taken(place: str) -> OutputError:
    """The error where something is to be added that is there."""
    return OutputError(place, "is there already, and is not replaced", hint="choose another id")
