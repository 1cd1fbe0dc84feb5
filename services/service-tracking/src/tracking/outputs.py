"""A folder of results that is whole or was never touched."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

from shared_libs.common.errors import OutputError

RUN = "run.json"
"""Says what the others are; removed first and put in last, so that where it stands, the rest belongs to it."""


@contextlib.contextmanager
def whole_folder(folder: Path, names: Collection[str]) -> Iterator[Path]:
    """A temporary folder for files that appear in `folder` when the block ends well.

    `names` are all files that such a run can have: those that the block did not write are removed from `folder`, so
    that nothing there is left from an earlier run; other files stay. When the block raises or is interrupted, the
    temporary folder is removed, with whatever parents of `folder` were made for it. Raises OutputError where the
    folder cannot be made or written.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(folder, "is a file, not a folder", hint="name a folder for the results")
    existed = folder.is_dir()
    made: list[Path] = []
    # Inside an existing folder: its parent may be another file system, or not ours to write.
    temporary = (folder if existed else folder.parent) / f".{folder.name}.{secrets.token_hex(4)}.tmp"
    try:
        if not existed:
            _make_parents(folder.parent, made)
        temporary.mkdir()
        yield temporary
        if existed:
            _move_in(temporary, folder, names)
        else:
            temporary.rename(folder)
            made.clear()
    except OSError as error:
        if _concerns(error, folder, temporary):
            raise OutputError.from_os_error(folder, error) from error
        raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        for parent in reversed(made):
            with contextlib.suppress(OSError):
                parent.rmdir()


def _make_parents(folder: Path, made: list[Path]) -> None:
    """Like `mkdir -p`, noting in `made` what was not there."""
    missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    for parent in reversed(missing):
        parent.mkdir(exist_ok=True)
        made.append(parent)


def _move_in(temporary: Path, folder: Path, names: Collection[str]) -> None:
    (folder / RUN).unlink(missing_ok=True)
    written = sorted(temporary.iterdir(), key=lambda file: file.name == RUN)
    for name in set(names) - {file.name for file in written}:
        (folder / name).unlink(missing_ok=True)
    for file in written:
        os.replace(file, folder / file.name)


def _concerns(error: OSError, *folders: Path) -> bool:
    """Whether the error is about writing the results. A full disk is reported without a file name."""
    if error.filename is None:
        return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
    path = Path(os.fsdecode(error.filename))
    return any(path == folder or folder in path.parents or path in folder.parents for folder in folders)
