"""The git half of a migration: two commits on a branch of their own, and the way back.

Commits are made from an index of their own in `.git/migrate/`, so that nothing the user sees changes before all is
ready; then the branch, HEAD and the index follow. No hook runs, and no reflog of HEAD is written.
"""

import contextlib
import datetime
import errno
import itertools
import os
from collections.abc import Sequence
from pathlib import Path

from migrate import disk
from migrate.journal import History
from migrate.model import MigrationError, Operations
from migrate.repository import Git, listed, names, shown

# File systems without hard links.
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)

_BRANCHES = "refs/heads/"


def free_branch(git: Git, asked: str = "") -> str:
    """The name of a branch that is not there yet: the one asked for, or `migrate/<date>-<n>`.

    Raises:
        MigrationError: the one asked for is there, or is no name for a branch.
    """
    taken = set(os.fsdecode(git.run("for-each-ref", "--format=%(refname)", _BRANCHES)).splitlines())

    def clash(name: str) -> str:
        """A branch that it cannot be beside: itself, or one of which the other would be a folder."""
        wanted = f"{_BRANCHES}{name}/"
        return next((t for t in sorted(taken) if t and (f"{t}/".startswith(wanted) or wanted.startswith(f"{t}/"))), "")

    if asked:
        if git.answer("check-ref-format", "--branch", asked, accepted=(0, 1, 128))[0]:
            raise MigrationError(f"--branch {shown(asked)}: git takes no such name for a branch – give another")
        if other := clash(asked):
            raise MigrationError(
                f"--branch {shown(asked)}: there is a branch {shown(other.removeprefix(_BRANCHES))} – give another name"
            )
        return asked
    today = datetime.date.today().isoformat()
    stem = "migrate-" if f"{_BRANCHES}migrate" in taken else "migrate/"
    return next(name for n in itertools.count(1) if not clash(name := f"{stem}{today}-{n}"))


class Commits:
    """Makes the two commits. Nothing of it can be seen before `switch`."""

    def __init__(self, git: Git, operations: Operations) -> None:
        """Puts the repository's index aside, and takes a copy of it to work on."""
        self.git, self.operations = git, operations
        folder = work_folder(git)
        disk.remove_tree(folder)
        disk.make_folder(folder)
        content = git.index.read_bytes()
        # Before: what rollback puts back. Beside the index, so that this needs no space on the disk.
        for path in (folder / "before", folder / "index"):
            disk.write(path, content, git.index.stat().st_mode & 0o777)
        disk.flush([folder / "before", folder])
        self.index = folder / "index"
        self.tracked = git.tracked()
        self.absent = "0" * len(git.head()[1])

    def moves(self, parent: str, message: str) -> str:
        """The commit of the moves alone: every file's contents as they were. Returns `parent` if nothing moves."""
        moves = {old: new for old, new in self.operations.moves.items() if old in self.tracked}
        gone = [self._row("0", self.absent, old) for old in moves]
        come = [self._row(*self.tracked[old][1:], new) for old, new in moves.items()]
        return self._commit(gone + come, parent, message)

    def edits(self, parent: str, message: str) -> str:
        """The commit of everything else, once the files are in their places. Returns `parent` if nothing changed."""
        operations = self.operations
        here = set(names(self.git.run("ls-files", "-z", index=self.index)))
        gone = [self._row("0", self.absent, path) for path in operations.deletes if path in here]
        self._feed(gone)
        fresh = [path for path in operations.creates if path not in here]
        # "./", so that no name reads as a pattern of git's own.
        asked = listed(f"./{path}" for path in fresh)
        answer = names(self.git.run("check-ignore", "-z", "--stdin", given=asked, accepted=(0, 1)))
        ignored = {path.removeprefix("./") for path in answer}
        added = [path for path in (*operations.writes, *operations.creates) if path in here or path not in ignored]
        # Files that git did not track are not added for being rewritten; new ones are ours.
        added = [path for path in added if path in here or path in operations.creates]
        if added:
            self.git.change("update-index", "--add", "-z", "--stdin", given=listed(added), index=self.index)
        programs = [path for path in added if operations.creates.get(path, (b"", 0))[1] & 0o100]
        if programs:  # said outright, for file systems and configurations that do not know the permission
            self.git.change("update-index", "--chmod=+x", "-z", "--stdin", given=listed(programs), index=self.index)
        commit = self._commit([], parent, message)
        with disk.change("git update-index --refresh"):
            self.git.answer("update-index", "-q", "--refresh", index=self.index)
        return commit

    def _row(self, mode: str, blob: str, path: str) -> bytes:
        return f"{mode} {blob}\t".encode() + os.fsencode(self.git.prefix + path)

    def _feed(self, rows: Sequence[bytes]) -> None:
        if rows:
            given = b"".join(row + b"\0" for row in rows)
            self.git.change("update-index", "-z", "--index-info", given=given, index=self.index)

    def _commit(self, rows: Sequence[bytes], parent: str, message: str) -> str:
        self._feed(rows)
        tree = self.git.change("write-tree", index=self.index).decode().strip()
        if tree == self.git.run("rev-parse", f"{parent}^{{tree}}").decode().strip():
            return parent
        return self.git.commit(tree, parent, message)


def work_folder(git: Git) -> Path:
    """Where the index before and the one to come are kept."""
    return git.folder / "migrate"


def switch(git: Git, history: History, tip: str) -> None:
    """Makes the branch, has HEAD name it, and installs the new index."""
    git.change("update-ref", "-m", "migrate", history.branch, tip, "")
    git.change("symbolic-ref", "HEAD", history.branch)
    _install_index(git, work_folder(git) / "index")
    disk.remove(work_folder(git) / "index")


def why_not_back(git: Git, history: History, tip: str, *, done: bool) -> str:
    """Why the branch cannot be taken back, "" where it can: commits on top, or something else is checked out.

    Args:
        git: the work tree.
        history: where git stood before.
        tip: the commit that the migration's branch was given.
        done: whether the migration came to its end; before, HEAD may still be where it was.
    """
    branch = shown(history.branch.removeprefix(_BRANCHES))
    head, commit = git.head()
    now = git.commit_of(history.branch)
    if now not in ("", tip):
        return (
            f"{branch}: has commits on top of the migration's {tip[:12]} – keep them with `git branch NAME`, take them"
            f" off with `git reset --hard {tip[:12]}`, then roll back"
        )
    if head == history.branch or (not done and (head, commit) == (history.head, history.commit)):
        return ""
    where = shown(head.removeprefix(_BRANCHES)) if head else commit[:12]
    if now:
        return f"HEAD is at {where}, not on {branch} – `git switch {branch}`, then roll back"
    return f"{branch}: the migration's branch is gone, HEAD is at {where} – delete .migrate if that is what you want"


def staged(git: Git) -> list[str]:
    """What was staged since: paths, with a mark where the file was then changed again."""
    found = []
    output = git.run("status", "--porcelain", "-z", "--no-renames", "--untracked-files=no", "--ignore-submodules=all")
    for row in names(output):
        if row[0] != " ":
            found.append(row[3:] + (" (staged, and changed again)" if row[1] != " " else ""))
    return found


def take_back(git: Git, history: History, tip: str) -> None:
    """Undoes `switch`, however far it came; also where this was cut short itself."""
    lock = git.folder / "index.lock"
    before = work_folder(git) / "before"
    for ours in (before, work_folder(git) / "index"):
        if ours.exists() and lock.exists() and os.path.samefile(ours, lock):
            disk.remove(lock)
    head, _ = git.head()
    if head == history.branch:
        if history.head:
            git.change("symbolic-ref", "HEAD", history.head)
        else:
            git.change("update-ref", "--no-deref", "HEAD", history.commit)
    if before.exists() and not os.path.samefile(before, git.index):
        _install_index(git, before)
    if git.commit_of(history.branch):
        git.change("update-ref", "-d", history.branch, tip)


def forget(git: Git) -> None:
    """Removes what was kept beside the index."""
    disk.remove_tree(work_folder(git))


def _install_index(git: Git, source: Path) -> None:
    """Puts an index in the place of the repository's, under git's own lock where there are hard links."""
    lock = git.folder / "index.lock"
    try:
        disk.link(source, lock)
    except FileExistsError as error:
        raise MigrationError(
            f"{shown(lock)}: another git command is at work – wait for its end, or remove the file if there is none"
        ) from error
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        disk.replace(source, git.index)
    else:
        try:
            disk.replace(lock, git.index)
        except BaseException:
            with contextlib.suppress(OSError):
                disk.remove(lock)
            raise
    disk.flush([git.folder])
