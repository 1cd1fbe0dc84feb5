"""The plain run, `--check` and `--clean`: what is done with the texts that `generate` gives."""

import contextlib
import errno
import os
import sys
from collections.abc import Sequence

from buildgen.facts import read_workspace
from buildgen.generate import Result, generate
from buildgen.tree import is_below


def run(root: str, here: str, asked: Sequence[str], *, check: bool, cleaning: bool, verbose: bool) -> int:
    """Writes the BUILD files of the workspace at `root`. Returns the exit status."""
    folders = []
    for word in asked:
        full = os.path.abspath(os.path.join(here, word))
        path = os.path.relpath(full, root).replace(os.sep, "/")
        if path.startswith("..") or not os.path.isdir(full):
            print(f"error: {word}: not a folder of the workspace {root} – name a folder in it", file=sys.stderr)
            return 2
        folders.append("" if path == "." else path)
    workspace = read_workspace(root)
    result = generate(workspace, cleaning=cleaning)
    changed = {
        path: text
        for path, text in result.changed.items()
        if not folders or any(is_below(path, folder) for folder in folders)
    }
    workspace.cache.save()
    for problem in result.problems.sorted():
        print(problem, file=sys.stderr)
    for note in result.notes:
        print(f"note: {note}", file=sys.stderr)
    if verbose:
        for path in result.handwritten:
            print(f"written by hand: //{path}", file=sys.stderr)
    failed = result.problems.has_errors
    if check:
        for path in sorted(changed):
            print(difference(path, result, changed[path]), end="")
        if changed:
            print(f"{_count(changed)} would change; to change them: bazel run //tools/buildgen", file=sys.stderr)
        return 2 if failed else 1 if changed else 0
    for path in sorted(changed):
        failed |= not _write(root, path, changed[path])
    if changed or verbose:
        print(f"{_count(changed)} changed", file=sys.stderr)
    return 2 if failed else 0


def _count(changed: dict[str, str | None]) -> str:
    return f"{len(changed)} file{'' if len(changed) == 1 else 's'}"


def difference(path: str, result: Result, text: str | None) -> str:
    """What would change in a file, as a diff."""
    import difflib

    before = result.before.get(path, "").splitlines(keepends=True)
    after = (text or "").splitlines(keepends=True)
    return "".join(difflib.unified_diff(before, after, f"{path} (now)", f"{path} (as it would be)"))


def _write(root: str, path: str, text: str | None) -> bool:
    """Writes or removes a file, whole or not at all. Says so where it cannot, and returns False.

    Not flushed to the disk one by one, as results of long work are: after a power cut, the next run writes them again.
    """
    full = os.path.realpath(os.path.join(root, path))
    temporary = f"{full}.{os.getpid()}.tmp"
    try:
        if text is None:
            os.unlink(full)
            return True
        if os.path.isdir(full):
            raise IsADirectoryError(errno.EISDIR, "is a folder, not a file")
        with open(temporary, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        if os.path.exists(full):
            mode = os.stat(full).st_mode
            os.chmod(temporary, mode & 0o777)
        os.replace(temporary, full)
    except FileNotFoundError:
        return text is None
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        print(f"error: {path}: cannot be written: {error.strerror} – check the folder's permissions", file=sys.stderr)
        return False
    return True
