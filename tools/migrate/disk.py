"""Every change that a migration makes to the disk, and nothing else makes one.

Each is announced to an observer before and after it (also where it fails), if there is one: tests count them, and
kill the process there.
A path is never written over: what is in the way is an error, except where a function says that it replaces.
"""

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

#: Is told "before" or "after", and what is done.
Observer = Callable[[str, str], None]

# From how many files on it is quicker to flush all disks at once.
_MANY = 100

_observer: Observer | None = None


def observe(observer: Observer | None) -> None:
    """From now on, every change is announced to `observer`; None ends it."""
    global _observer
    _observer = observer


@contextlib.contextmanager
def change(what: str) -> Iterator[None]:
    """Surrounds one change: a system call of this module, or a git command that writes."""
    if _observer is not None:
        _observer("before", what)
    try:
        yield
    finally:
        if _observer is not None:
            _observer("after", what)


def make_folder(path: Path, mode: int | None = None) -> None:
    """Makes a folder if it is not there, and gives it `mode` (else what the umask says)."""
    if not path.is_dir():
        with change(f"make folder {path}"):
            path.mkdir()
    if mode is not None and stat.S_IMODE(path.stat().st_mode) != mode:
        with change(f"set mode of {path}"):
            path.chmod(mode)


def remove_folder(path: Path) -> bool:
    """Removes a folder if it is there and empty. Returns whether it is gone."""
    if not os.path.lexists(path):
        return True
    try:
        with change(f"remove folder {path}"):
            path.rmdir()
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            return False
        raise
    return True


def move(source: Path, target: Path) -> None:
    """Renames a file; nothing may stand at `target`.

    Raises:
        FileExistsError: something does.
    """
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), os.fspath(target))
    with change(f"move {source} to {target}"):
        os.rename(source, target)


def replace(source: Path, target: Path) -> None:
    """Renames a file; a file at `target` is replaced in the same instant."""
    with change(f"move {source} over {target}"):
        os.replace(source, target)


def link(source: Path, target: Path) -> None:
    """Gives a file a second name; nothing may stand at `target`."""
    with change(f"link {source} as {target}"):
        os.link(source, target)


def symlink(path: Path, target: str) -> None:
    """Makes a symbolic link at `path`."""
    with change(f"make symbolic link {path}"):
        os.symlink(target, path)


def remove(path: Path) -> None:
    """Removes a file or a link, if it is there."""
    if os.path.lexists(path):
        with change(f"remove {path}"):
            path.unlink()


def remove_tree(path: Path) -> None:
    """Removes a folder and all that is in it, if it is there; links are not followed."""
    if not path.is_dir() or path.is_symlink():
        remove(path)
        return
    with os.scandir(path) as entries:
        children = sorted(Path(entry.path) for entry in entries)
    for child in children:
        remove_tree(child)
    remove_folder(path)


def write(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Writes a new file with exactly this mode. It is flushed to the disk with `flush`, not here.

    For places that nothing reads before they are whole: a name of its own in the state folder, or a temporary one.
    """
    with change(f"write {path}"):
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            with open(handle, "wb") as file:
                file.write(content)
            os.chmod(path, mode)
        except OSError as error:
            error.filename = error.filename or os.fspath(path)  # a full disk does not say which file it was
            raise


def write_whole(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Writes a file so that it is there whole or not at all, whenever the power fails; replaces an older one."""
    temporary = path.with_name(f"{path.name}.tmp")
    write(temporary, content, mode)
    flush([temporary])
    replace(temporary, path)
    flush([path.parent])


def flush(paths: Iterable[Path]) -> None:
    """Has files and folders on the disk before anything else is done."""
    paths = list(paths)
    if len(paths) > _MANY and sys.platform == "linux":  # elsewhere sync() does not wait
        os.sync()
        return
    for path in paths:
        try:
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except (FileNotFoundError, PermissionError):
            continue  # a folder that was removed since, a file that not even its owner may read
        try:
            os.fsync(handle)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EROFS):  # a folder, on some file systems
                raise
        finally:
            os.close(handle)


def told(error: OSError, root: Path) -> str:
    """An error of the disk on one line: where, what, and what to do."""
    where = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else os.fspath(root)
    where = "".join(c if c.isprintable() else f"\\x{ord(c) & 0xFF:02x}" for c in where)
    cures = {
        errno.ENOSPC: "the disk is full – make room and run again",
        errno.EDQUOT: "the disk quota is used up – make room and run again",
        errno.EACCES: "may not be written – check the permissions",
        errno.EPERM: "may not be changed – check the permissions",
        errno.EROFS: "the disk is read-only",
        errno.EEXIST: "something came to be there meanwhile – move it away and run again",
    }
    return f"{where}: {cures.get(error.errno or 0, error.strerror or str(error))}"
