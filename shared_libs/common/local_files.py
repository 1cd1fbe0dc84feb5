"""Files of storage in a folder of this machine."""

import contextlib
import hashlib
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from shared_libs.common.errors import InputError, OutputError, TransientError
from shared_libs.common.files import atomic_write, sha256_file, temporary_beside
from shared_libs.common.folder_transfers import Allowed, download_files, is_name, sizes_below, upload_files
from shared_libs.common.storage_failures import reading, writing
from shared_libs.common.transfers import PART, Report, Source, check_range, is_same, is_taken, make_folder, reporting

_CHUNK = 1 << 20
_BROKEN_OFF = re.compile(r"[0-9a-f]{64}\.upload")


class LocalFiles:
    """Files below a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def place(self, path: str = "") -> str:
        """Where a file is."""
        return str(self._root / path)

    def folders(self, path: str) -> list[str]:
        """Names of the folders in a folder, none where that is not there."""
        try:
            with os.scandir(self._root / path) as entries:
                return sorted(entry.name for entry in entries if entry.is_dir() and is_name(entry.name))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise InputError.from_os_error(self.place(path), error) from error

    def names(self, folder: str) -> list[str]:
        """All files below a folder, relative to it, in order; none where it is not there.

        InputError where there is a symbolic link among them.
        """
        return list(self.sizes(folder))

    def sizes(self, folder: str) -> dict[str, int]:
        """The files that `names` gives, and their bytes."""
        return sizes_below(self._root / folder)

    def size(self, path: str) -> int | None:
        """Bytes of a file, None where there is none."""
        with reading(self.place(path)):
            try:
                found = os.stat(self._root / path)
            except FileNotFoundError:
                return None
        return found.st_size if stat.S_ISREG(found.st_mode) else None

    def read(self, path: str) -> bytes | None:
        """The whole file, None where there is none."""
        with reading(self.place(path)):
            try:
                return (self._root / path).read_bytes()
            except FileNotFoundError:
                return None

    def read_range(self, path: str, start: int, length: int) -> bytes:
        """`length` bytes from the 0-based `start`, or as many as there are. InputError also where there is no file."""
        check_range(start, length)
        with reading(self.place(path)), open(self._root / path, "rb") as file:
            file.seek(start)
            return file.read(length)

    def sha256(self, path: str) -> str:
        """64 lower-case hex digits. InputError also where there is no such file."""
        return sha256_file(self._root / path)

    def download(self, path: str, target: Path, *, report: Report | None = None) -> None:
        """A copy at `target`, whole or not there; nothing is done where it is the same already."""
        source = self._root / path
        size = self.size(path)
        if size is None:
            raise InputError(source, "no such file", hint="check the path")
        if not is_same(target, size, lambda: sha256_file(source)):
            make_folder(target.parent)
            with temporary_beside(target) as temporary, reporting(report) as call:
                sha256 = hashlib.sha256()
                with open(temporary, "wb") as copy:
                    for chunk in _chunks(source):
                        copy.write(chunk)
                        sha256.update(chunk)
                        call(copy.tell(), size)
                if sha256_file(temporary) != sha256.hexdigest():
                    cause = "did not arrive on the disk as it was read"
                    raise TransientError(target, cause, hint="try again; if it stays so, check the disk")
        elif report is not None:
            report(size, size)

    def download_folder(self, folder: str, target: Path, *, report: Report | None = None) -> None:
        """Copies of all files below a folder; those that are the same already are left as they are.

        InputError where there are none, and for a symbolic link among them.
        """
        download_files(self, folder, target, report)

    def write(self, path: str, content: bytes) -> None:
        """One file, in place of an older one."""
        target = self._root / path
        make_folder(target.parent)
        with atomic_write(target) as file:
            file.write(content)

    def upload(self, source: Path, path: str, *, report: Report | None = None) -> None:
        """A copy of `source`, in place of an older one, visible when it is whole.

        Goes on where an upload of the same content broke off; nothing is done where it is there already.
        """
        measured = Source.measured(source)
        target = self._root / path
        with reporting(report) as call:
            if not is_same(target, measured.size, lambda: measured.sha256):
                make_folder(target.parent)
                _Upload(measured, target).run(call)
            call(measured.size, measured.size)

    def upload_folder(
        self, source: Path, folder: str, *, last: str, allowed: Allowed, report: Report | None = None
    ) -> None:
        """Copies of all files below `source`, and of its file `last` when all others are there.

        `allowed` is called before each file. InputError for a symbolic link among them.
        """
        upload_files(self, source, folder, last, allowed, report)

    def remove_folder(self, folder: str) -> None:
        """All below a folder, and the folder, at once. Nothing there is no error."""
        target = self._root / folder
        with writing(target):
            with contextlib.suppress(FileNotFoundError):
                os.rename(target, target.with_name(f".{target.name}.{secrets.token_hex(4)}.removed"))
            for removed in target.parent.glob(f".{target.name}.*.removed"):
                with contextlib.suppress(FileNotFoundError):  # somebody else is at it as well
                    shutil.rmtree(removed)

    def add(self, folder: str, files: Mapping[str, Path], last: str, content: bytes) -> None:
        """A new folder with copies of `files`, which can be read, and the file `last`, all at once.

        OutputError where the folder is there already.
        """
        target = self._root / folder
        temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
        try:
            temporary.mkdir(parents=True)
            for name, source in files.items():
                with open(source, "rb") as original, atomic_write(temporary / name) as copy:
                    shutil.copyfileobj(original, copy, _CHUNK)
            with atomic_write(temporary / last) as file:
                file.write(content)
            os.rename(temporary, target)  # fails onto a folder that has something in it, whoever was first
        except OutputError as error:
            raise OutputError(target, error.cause, hint=error.hint) from error
        except OSError as error:
            raise is_taken(str(target)) if target.exists() else OutputError.from_os_error(target, error) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


class _Upload:
    """A copy that grows under a name made of its content, so that whoever goes on with it adds the same bytes."""

    def __init__(self, source: Source, target: Path) -> None:
        self._source = source
        self._target = target
        self._prefix = f".{target.name[:150]}."
        self._temporary = target.with_name(f"{self._prefix}{source.sha256}.upload")

    def run(self, report: Report) -> None:
        try:
            with writing(self._target):
                if self._source.size > PART:
                    self._remove_others()
                with open(os.open(self._temporary, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666), "r+b") as copy:
                    self._fill(copy.fileno(), report)
                    os.fsync(copy.fileno())
                    if hashlib.file_digest(copy, "sha256").hexdigest() != self._source.sha256:
                        raise self._source.changed()
                self._publish()
        except (InputError, OutputError):
            with contextlib.suppress(OSError):
                self._temporary.unlink()
            raise

    def _fill(self, copy: int, report: Report) -> None:
        """Writes what is not there yet, each byte at its place: several at a time do no harm."""
        there = os.fstat(copy).st_size
        if there > self._source.size:
            os.ftruncate(copy, self._source.size)
        for start in range(0, self._source.size, PART):
            part = self._source.part(start)
            if start + len(part) > there or os.pread(copy, len(part), start) != part:
                _write(copy, part, start)
            report(start + len(part), self._source.size)

    def _publish(self) -> None:
        try:
            os.replace(self._temporary, self._target)
        except FileNotFoundError as error:  # somebody who uploads the same has done so
            if not is_same(self._target, self._source.size, lambda: self._source.sha256):
                cause = "the upload was ended by another one to the same place"
                raise TransientError(self._target, cause, hint="try again later") from error
        with contextlib.suppress(OSError):  # some file systems cannot flush a folder
            _flush(self._target.parent)

    def _remove_others(self) -> None:
        """What broke off of uploads of other content to the same place."""
        with os.scandir(self._target.parent) as entries:
            found = [entry for entry in entries if entry.name.startswith(self._prefix)]
        for entry in found:
            rest = entry.name.removeprefix(self._prefix)
            if _BROKEN_OFF.fullmatch(rest) and entry.name != self._temporary.name:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(entry.path)


def _chunks(path: Path) -> Iterator[bytes]:
    """A file's content, bit by bit. Raises InputError where it cannot be read."""
    with contextlib.ExitStack() as opened:
        with reading(path):
            file = opened.enter_context(open(path, "rb"))
        while True:
            with reading(path):
                chunk = file.read(_CHUNK)
            if not chunk:
                return
            yield chunk


def _write(file: int, content: bytes, start: int) -> None:
    rest = memoryview(content)
    while rest:
        written = os.pwrite(file, rest, start)
        rest, start = rest[written:], start + written


def _flush(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
