"""A data set's folder that is whole, or is what it was before."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import glob
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from shared_libs.common.errors import InputError, OutputError
from training.dataset.description import DATASET

_ENDING = ".building"
_NEW, _REPLACED = "new", "replaced"


@contextlib.contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A hidden, empty folder beside `folder` that takes its place when the block ends well.

    What stands at `folder` may be nothing, an empty folder or a data set (it holds a dataset.json), which is replaced.
    When the block raises or is interrupted, nothing has changed. What a run that was killed has left behind is removed
    by the next one for the same folder; had it been killed in the moment between taking the old data set away and
    putting the new one in its place, the old one is put back.

    Raises InputError where `folder` is anything else, and OutputError where it cannot be written.
    """
    check_replaceable(folder)
    target = Path(os.path.realpath(folder))
    made: list[Path] = []
    try:
        _make_parents(target, made)
        with _work_folder(target) as work:
            new = work / _NEW
            new.mkdir()
            yield new
            with _locked(target.parent):
                check_replaceable(folder)  # somebody may have put something there meanwhile
                if target.exists():
                    os.rename(target, work / _REPLACED)
                os.rename(new, target)
                made.clear()
    except OSError as error:
        if _concerns(error, target):
            raise OutputError.from_os_error(folder, error) from error
        raise
    except OutputError as error:
        if _is_part_of(Path(error.path), target):
            raise OutputError(folder, error.cause, hint=error.hint) from error
        raise
    finally:
        for parent in reversed(made):
            with contextlib.suppress(OSError):
                parent.rmdir()


def check_replaceable(folder: Path) -> None:
    """Raises InputError where something stands at `folder` that is neither empty nor a data set, or is a disk."""
    if os.path.ismount(folder):
        raise InputError(
            folder, "is a disk of its own (mounted there): it cannot be replaced", hint="name a folder in it"
        )
    if folder.is_dir():
        try:
            is_ours = (folder / DATASET).is_file() or not any(folder.iterdir())
        except OSError as error:
            raise InputError.from_os_error(folder, error) from error
        if not is_ours:
            hint = "name another folder, or empty this one"
            raise InputError(folder, "holds something else than a data set, and would be replaced", hint=hint)
    elif os.path.lexists(folder):
        raise InputError(folder, "is a file, not a folder", hint="name a folder for the data set")


@contextlib.contextmanager
def _work_folder(target: Path) -> Iterator[Path]:
    """A hidden folder beside `target`, locked for as long as this process lives; gone when the block ends."""
    with _locked(target.parent):  # nobody takes it away before it is locked
        _remove_left(target)
        work = target.with_name(f".{target.name}.{secrets.token_hex(4)}{_ENDING}")
        work.mkdir()
        lock = contextlib.ExitStack()
        handle = lock.enter_context(_open(work))
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with lock:
        try:
            yield work
        finally:
            with _locked(target.parent):
                _remove(work, target)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Nobody else does so in `folder` meanwhile; not for long."""
    with _open(folder) as handle:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _open(folder: Path) -> Iterator[int]:
    """A handle to lock `folder` by: locked until it is closed, by whatever."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        yield handle
    finally:
        os.close(handle)


def _remove_left(target: Path) -> None:
    """Takes away what runs for `target` that are no longer alive have left."""
    for work in sorted(target.parent.glob(f".{glob.escape(target.name)}.*{_ENDING}")):
        with contextlib.suppress(OSError), _open(work) as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails where its run is alive, or nobody can tell
            _remove(work, target)


def _remove(work: Path, target: Path) -> None:
    """Takes a run's hidden folder away; an old data set in it goes back where there is no new one."""
    if (work / _REPLACED).exists() and not target.exists():
        os.rename(work / _REPLACED, target)
    shutil.rmtree(work, ignore_errors=True)


def _make_parents(target: Path, made: list[Path]) -> None:
    """Makes the folders above `target`, noting in `made` what was not there."""
    for parent in reversed([parent for parent in target.parents if not parent.exists()]):
        parent.mkdir(exist_ok=True)
        made.append(parent)


def _concerns(error: OSError, target: Path) -> bool:
    """Whether the error is about writing the data set. A full disk is reported without a file name."""
    if error.filename is None:
        return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)
    path = Path(os.fsdecode(error.filename))
    return path in target.parents or _is_part_of(path, target)


def _is_part_of(path: Path, target: Path) -> bool:
    """Whether `path` is of the data set's folder, or of a hidden one for it."""
    return path.is_relative_to(target) or any(part.startswith(f".{target.name}.") for part in path.parts)
