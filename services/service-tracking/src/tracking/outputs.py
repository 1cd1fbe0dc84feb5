"""A folder of results that is whole or was never touched, and the hidden place in it where a run works."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import signal
import threading
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO, NamedTuple

from shared_libs.common.errors import OutputError

RUN = "run.json"
"""Says what the others are; removed first and put in last, so that where it stands, the rest belongs to it."""

WORK = ".tracking"
"""Where a run works, inside the folder of results. It is there only while a run is under way or can be gone on with."""

SAVED = ".saved"
"""How the names of files end that the next run can go on from."""

_LOCK, _RESULTS = "lock", "results"
_TRIES = 20


class Output(NamedTuple):
    """Where to write: `results` becomes the folder of results; `work` stays when the run is cut short."""

    results: Path
    work: Path


@contextlib.contextmanager
def output_folder(folder: Path, names: Collection[str]) -> Iterator[Output]:
    """A temporary folder for files that appear in `folder` when the block ends well.

    `names` are all files that such a run can have: those that the block did not write are removed from `folder`, so
    that nothing there is left from an earlier run; other files stay. When the block raises or is interrupted, nothing
    is left that was not there before, parents of `folder` included – except where the block has put files that end in
    SAVED into `work`: those stay, for the next run to find, whatever ends this one.

    Raises OutputError where the folder cannot be made or written, and where another run is at work in it.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(folder, "is a file, not a folder", hint="name a folder for the results")
    made: list[Path] = []
    work = folder / WORK
    lock: IO[str] | None = None
    try:
        _make_parents(folder, made)
        lock = _lock(folder, work)
        for left in work.iterdir():
            if left.suffix == ".tmp" or left.name == _RESULTS:  # of a run that was killed
                shutil.rmtree(left) if left.is_dir() else left.unlink()
        output = Output(work / _RESULTS, work)
        output.results.mkdir()
        yield output
        with _undisturbed():
            _move_in(output.results, folder, names)
            made.clear()
            _remove(work)
    except OSError as error:
        if _concerns(error, folder):
            raise _of_folder(folder, OutputError.from_os_error(folder, error), error) from error
        raise
    except OutputError as error:
        if work in Path(error.path).parents:
            raise _of_folder(folder, error, error) from error
        raise
    finally:
        if lock is not None:
            if has_saved(work):
                shutil.rmtree(work / _RESULTS, ignore_errors=True)
                made.clear()
            else:
                _remove(work)
            lock.close()
        for parent in reversed(made):
            with contextlib.suppress(OSError):
                parent.rmdir()


def _of_folder(folder: Path, error: OutputError, cause: BaseException) -> OutputError:
    """The error in terms of the folder that the user has named, with the notes of its cause."""
    named = OutputError(folder, error.cause, hint=error.hint)
    for note in getattr(cause, "__notes__", ()):
        named.add_note(note)
    return named


def has_saved(work: Path) -> bool:
    """Whether there is something to go on from."""
    return next(work.glob(f"*{SAVED}"), None) is not None


def _lock(folder: Path, work: Path) -> IO[str]:
    """Makes `work` and locks it for this process. The lock ends with the process, however that ends."""
    for _ in range(_TRIES):
        work.mkdir(exist_ok=True)
        try:
            file = open(work / _LOCK, "a+", encoding="utf-8")  # noqa: SIM115 - it stays open for as long as the run
        except FileNotFoundError:
            continue  # another run has just ended, and taken its folder away
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read(20).strip()
            file.close()
            who = f" (process {holder})" if holder.isdigit() else ""
            hint = "wait for it, or name another folder for --out"
            raise OutputError(folder, f"another run is writing there{who}", hint=hint) from None
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
                raise
            return file  # a file system without locks
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.stat(work / _LOCK), os.fstat(file.fileno())):
                file.truncate(0)
                file.write(str(os.getpid()))
                file.flush()
                return file
        file.close()  # what was locked has been taken away meanwhile
    raise OutputError(folder, "other runs keep starting there", hint="name another folder for --out")


def _remove(work: Path) -> None:
    """Takes the hidden folder away; the lock last, so that nobody else starts in what is left of it."""
    for path in work.iterdir() if work.is_dir() else ():
        if path.name != _LOCK:
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    shutil.rmtree(work, ignore_errors=True)


def _make_parents(folder: Path, made: list[Path]) -> None:
    """Like `mkdir -p`, noting in `made` what was not there."""
    missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    for parent in reversed(missing):
        parent.mkdir(exist_ok=True)
        made.append(parent)


def _move_in(results: Path, folder: Path, names: Collection[str]) -> None:
    (folder / RUN).unlink(missing_ok=True)
    written = sorted(results.iterdir(), key=lambda file: file.name == RUN)
    for name in set(names) - {file.name for file in written}:
        (folder / name).unlink(missing_ok=True)
    for file in written:
        os.replace(file, folder / file.name)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Lets no signal in between for the moment that it takes to put results in their place."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _concerns(error: OSError, folder: Path) -> bool:
    """Whether the error is about writing the results. A full disk is reported without a file name."""
    if error.filename is None:
        return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)
    path = Path(os.fsdecode(error.filename))
    return path == folder or folder in path.parents or path in folder.parents
