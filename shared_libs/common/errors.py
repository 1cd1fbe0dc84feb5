"""Errors that are for the user to read: one line that names the file, the place, the cause and the way out.

A command line catches `UserError`, prints `error: <str>` to stderr and exits with 2. Anything else is a bug and
keeps its traceback.
"""

import errno
import os
from typing import Any, Self

from shared_libs.utils.paths import as_typed

PathLike = str | os.PathLike[str]

DASH = " \N{EN DASH} "


def _one_line(text: str) -> str:
    """`text` with line breaks, control characters and undecodable bytes made visible instead of acted upon."""
    return "".join(c if c.isprintable() else " " if c in "\n\t\r" else f"\\x{ord(c):02x}" for c in text).strip()


class UserError(Exception):
    """A problem for the user to solve: `path`, `line` (1-based or None), `cause` and `hint` (what to do)."""

    def __init__(self, path: PathLike, cause: str, *, line: int | None = None, hint: str | None = None) -> None:
        self.path = os.fspath(path)
        self.cause = _one_line(cause)
        self.line = line
        self.hint = _one_line(hint) if hint else None
        super().__init__(str(self))

    def __str__(self) -> str:
        place = _one_line(as_typed(self.path))
        if self.line is not None:
            place = f"{place}:{self.line}"
        return f"{place}: {self.cause}" + (f"{DASH}{self.hint}" if self.hint else "")

    def __reduce__(self) -> tuple[Any, ...]:
        # Pickled by hand, so that the error crosses process borders with its parts.
        return (_rebuild, (type(self), self.path, self.cause, self.line, self.hint))


class InputError(UserError, ValueError):
    """Something that was read is missing or wrong: str() is `<path>:<line>: <cause> \N{EN DASH} <hint>`."""

    @classmethod
    def from_os_error(cls, path: PathLike, error: OSError) -> Self:
        """The error for a file that cannot be opened or read."""
        code = error.errno
        if code == errno.ENOENT:
            return cls(path, "no such file", hint="check the path")
        if code == errno.EISDIR:
            return cls(path, "is a folder, not a file", hint="name the file in it")
        if code in (errno.EACCES, errno.EPERM):
            return cls(path, "may not be read (permission denied)", hint="check the file's permissions")
        return cls(path, f"cannot be read: {error.strerror or error}")


class OutputError(UserError):
    """Something could not be written; nothing partial is left. str() has the same form as `InputError`'s."""

    @classmethod
    def from_os_error(cls, path: PathLike, error: OSError) -> Self:
        """The error for a file that cannot be created, written or renamed."""
        code = error.errno
        if code == errno.ENOENT:
            return cls(path, "cannot be written: its folder does not exist", hint="make the folder first")
        if code == errno.ENOTDIR:
            return cls(path, "cannot be written: a part of its path is a file, not a folder")
        if code == errno.EISDIR:
            return cls(path, "is a folder, not a file", hint="name a file")
        if code in (errno.EACCES, errno.EPERM):
            return cls(path, "may not be written (permission denied)", hint="check the folder's permissions")
        if code == errno.EROFS:
            return cls(path, "cannot be written: the disk is read-only")
        if code in (errno.ENOSPC, errno.EDQUOT):
            return cls(path, "cannot be written: the disk is full", hint="free some space and run again")
        return cls(path, f"cannot be written: {error.strerror or error}")


class TransientError(UserError):
    """Something that was not to be had just now, such as a network or a server, and may be at the next try."""


def _rebuild(kind: type[UserError], path: str, cause: str, line: int | None, hint: str | None) -> UserError:
    return kind(path, cause, line=line, hint=hint)
