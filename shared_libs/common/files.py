"""Files that are whole or absent: written under a temporary name, flushed to disk, then renamed."""

import contextlib
import errno
import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, BinaryIO, Literal, TextIO, overload

from shared_libs.common.errors import InputError, OutputError, PathLike

# A file name may have 255 bytes on the usual file systems; the temporary one adds a dot, a random part and ".tmp".
_LONGEST_KEPT_NAME = 200

_WRITE_FAILURES = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)


def read_bytes(path: PathLike) -> bytes:
    """The whole file. Raises InputError where it is missing, a folder, or may not be read."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError.from_os_error(path, error) from error


def sha256_file(path: PathLike) -> str:
    """The SHA-256 of a file's bytes, 64 lower-case hex digits. Raises InputError where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError.from_os_error(path, error) from error


@contextlib.contextmanager
def temporary_beside(path: PathLike) -> Iterator[Path]:
    """A temporary file name in the folder of `path`, for libraries that open files themselves.

    When the block ends, the temporary file is flushed to disk and renamed to `path`. When the block raises (or is
    interrupted), the temporary file is removed and what stood at `path` before is untouched. A symbolic link is
    written through. Raises OutputError where the file cannot be written, also for OSErrors on the temporary file
    inside the block.
    """
    target = Path(os.path.realpath(path))
    _refuse_special(path, target)
    kept = target.name.encode("utf-8", "surrogateescape")[:_LONGEST_KEPT_NAME].decode("utf-8", "ignore")
    temporary = target.with_name(f".{kept}.{secrets.token_hex(4)}.tmp")
    try:
        # Created here, so that an unwritable folder is found before any work; 0o666 lets the umask decide.
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o666))
    except OSError as error:
        raise OutputError.from_os_error(path, error) from error
    try:
        yield temporary
        _flush(temporary)
        os.replace(temporary, target)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError) and _concerns(error, temporary):
            raise OutputError.from_os_error(path, error) from error
        raise
    with contextlib.suppress(OSError):  # some file systems cannot flush a folder; the file itself is safe by now
        _flush(target.parent)


@overload
def atomic_write(path: PathLike, mode: Literal["wb"] = "wb") -> contextlib.AbstractContextManager[BinaryIO]: ...
@overload
def atomic_write(path: PathLike, mode: Literal["w"]) -> contextlib.AbstractContextManager[TextIO]: ...
def atomic_write(path: PathLike, mode: str = "wb") -> contextlib.AbstractContextManager[IO[Any]]:
    """`with atomic_write(path) as file: file.write(…)`: the file appears whole when the block ends, or not at all.

    mode: "wb" for bytes, "w" for text (UTF-8, lines end with a line feed everywhere).
    On an exception in the block nothing is left behind and an older file at `path` stays as it was.
    Raises OutputError for a missing or unwritable folder, a full disk, a folder or device at `path`.
    """
    if mode not in ("w", "wb"):
        raise ValueError(f"mode is 'w' or 'wb', not {mode!r}")
    return _atomic_write(path, mode)


@contextlib.contextmanager
def _atomic_write(path: PathLike, mode: str) -> Iterator[IO[Any]]:
    text = {"encoding": "utf-8", "newline": "\n"} if mode == "w" else {}
    with temporary_beside(path) as temporary, open(temporary, mode, **text) as file:  # type: ignore[call-overload]
        yield file


def _refuse_special(path: PathLike, target: Path) -> None:
    """Renaming over a folder fails late, and over a device (/dev/null) would replace it: refuse both at once."""
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise OutputError.from_os_error(path, error) from error
    if stat.S_ISDIR(mode):
        raise OutputError.from_os_error(path, IsADirectoryError(errno.EISDIR, "is a folder"))
    if not stat.S_ISREG(mode):
        raise OutputError(path, "is not an ordinary file", hint="name a file")


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _concerns(error: OSError, temporary: Path) -> bool:
    """Whether an OSError is about the file being written. A write that fails on a full disk carries no file name."""
    names = [os.fsdecode(name) for name in (error.filename, error.filename2) if isinstance(name, str | bytes)]
    return os.fspath(temporary) in names if names else error.errno in _WRITE_FAILURES
