"""Whether a repository can be migrated as planned: everything that speaks against it, found before the first write."""

import os
import shutil
import stat
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from migrate.folders import folder_changes
from migrate.journal import Standing, State
from migrate.model import STATE_FOLDER, MigrationError, Operations, Undecided
from migrate.repository import Git, Listing, Repository, Status, list_repository, parents, shown

# Beside contents, for the journal and folders.
_SPACE_TO_SPARE = 4 << 20

_IN_PROGRESS = {
    "MERGE_HEAD": "a merge",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase or `git am`",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "BISECT_LOG": "a bisection",
}


def refuse_unless_ready(
    repository: Repository, operations: Operations, *, commits: bool = True, copy: Path | None = None
) -> None:
    """Finds everything that speaks against migrating as planned, and changes nothing.

    Args:
        repository: what is to be migrated.
        operations: what is to be done.
        commits: whether git's history is to be continued (where there is git).
        copy: the folder that a copy is to be made in and migrated; the repository itself is left alone.

    Raises:
        Undecided: something does; one line each.
        MigrationError: the operations themselves cannot be meant.
    """
    if standing := why_standing(repository, operations):
        raise Undecided(standing)
    _refuse_senseless(repository.root, operations)
    listing = list_repository(repository)
    found = list(_in_git(repository, operations, listing, commits=commits, copied=copy is not None))
    found += _in_the_tree(repository.root, operations, listing)
    found += _links(repository.root, operations, listing)
    found += _clashes(operations, listing)
    if copy is None:
        found += _unwritable(repository, operations, commits=commits)
    else:
        found += _unusable(repository.root, copy)
    found += _too_little_space(repository, operations, listing, copy)
    if found:
        raise Undecided("\n".join(found))


def why_standing(repository: Repository, operations: Operations | None = None) -> str:
    """What an earlier migration's state says against another one; "" where nothing does."""
    state = State(repository.root)
    if foreign := state.why_foreign():
        return foreign
    standing = state.standing()
    if standing is Standing.UNFINISHED:
        return f"{STATE_FOLDER}: an earlier migration was cut short – `migrate rollback` undoes it"
    if standing is Standing.UNDOING:
        return f"{STATE_FOLDER}: a rollback was cut short – `migrate rollback` finishes it"
    if standing is Standing.DONE and operations != Operations():
        return (
            f"{STATE_FOLDER}: an earlier migration can still be undone – `migrate rollback` does it; or delete"
            f" {STATE_FOLDER} to keep what it did for good"
        )
    return ""


def _refuse_senseless(root: Path, operations: Operations) -> None:
    """What no plan should ask for."""
    named = [
        *operations.moves,
        *operations.moves.values(),
        *operations.deletes,
        *operations.writes,
        *operations.creates,
    ]
    for path in named:
        try:
            os.fsencode(path)
        except UnicodeEncodeError as error:
            raise MigrationError(f"{shown(path)}: this name cannot be written on this machine's disk") from error
        parts = PurePosixPath(path).parts
        if "\0" in path or not parts or "/".join(parts) != path or path.startswith("/") or ".." in parts:
            raise MigrationError(f"{shown(path)}: not a path inside of the repository")
        if parts[0] == STATE_FOLDER or ".git" in parts:
            raise MigrationError(f"{shown(path)}: git's and migrate's own folders are not migrated")
    gone = {*operations.moves, *operations.deletes}
    targets = [*operations.moves.values(), *operations.creates]
    for path, times in Counter(targets).items():
        if times == 1:
            continue
        raise MigrationError(f"{shown(path)}: two files would go there")
    for path in sorted(set(operations.moves) & set(operations.deletes)):
        raise MigrationError(f"{shown(path)}: is both moved and deleted")
    moved = set(operations.moves.values())
    for path in operations.writes:
        if path in operations.creates or (path not in moved and (path in gone or not os.path.lexists(root / path))):
            raise MigrationError(f"{shown(path)}: is to be rewritten, and is not there")


def _in_git(
    repository: Repository, operations: Operations, listing: Listing, *, commits: bool, copied: bool
) -> Iterator[str]:
    for path in listing.nested:
        yield f"{shown(path)}: a submodule or a repository of its own – move it out of the repository first"
    git = repository.git
    if git is None:
        return
    for name, what in _IN_PROGRESS.items():
        if os.path.lexists(git.folder / name):
            yield f"{shown(repository.root)}: {what} is in progress – finish or abort it first"
    tracked = git.tracked()
    for path in _touched(operations):
        tag = tracked.get(path, ("H", "", ""))[0]
        if tag != "H" and tag not in "MUR":  # unmerged files are told below
            yield (
                f"{shown(path)}: marked as unchanged or left out for git (`git ls-files -v`: {tag})"
                " – `git update-index --no-assume-unchanged --no-skip-worktree` it first"
            )
    if copied:
        return
    if commits and not git.head()[1]:
        yield f"{shown(repository.root)}: no commit yet – commit first, or migrate with --no-git"
    yield from _dirt(git)


def _dirt(git: Git) -> Iterator[str]:
    output = git.run("status", "--porcelain", "-z", "--no-renames", "--untracked-files=no", "--ignore-submodules=all")
    kinds = {"M": "changed", "A": "added", "D": "deleted", "T": "changed in kind", "U": "unmerged"}
    for row in output.split(b"\0"):
        if row:
            staged, unstaged, path = chr(row[0]), chr(row[1]), os.fsdecode(row[3:])
            what = kinds.get(unstaged if unstaged != " " else staged, "changed")
            yield f"{shown(path)}: {what}, not committed – commit or stash it first"
    if (git.folder / "index.lock").exists():
        yield f"{shown(git.folder / 'index.lock')}: another git command is at work – wait, or remove the file"


def _in_the_tree(root: Path, operations: Operations, listing: Listing) -> Iterator[str]:
    """Sources that cannot be moved, targets where something is."""
    gone = {*operations.moves, *operations.deletes}
    moved = set(operations.moves.values())
    device = root.stat().st_dev
    checked: dict[str, str] = {}

    def way(path: str) -> str:
        """What is wrong with a folder that a path leads through."""
        if path not in checked:
            full = root / path
            if not os.path.lexists(full) or path in gone:
                checked[path] = ""
            elif full.is_symlink():
                checked[path] = f"leads through the symbolic link {shown(path)} – name the place that it points to"
            elif not full.is_dir():
                checked[path] = f"{shown(path)} is a file, not a folder – move it away"
            elif full.stat().st_dev != device:
                checked[path] = f"{shown(path)} is on another disk – unmount it, or migrate a copy"
            elif os.path.lexists(full / ".git"):
                checked[path] = f"{shown(path)} is a repository of its own – leave it where it is"
            else:
                checked[path] = ""
        return checked[path]

    for path in dict.fromkeys([*operations.moves, *operations.deletes, *operations.writes]):
        if path in moved and path not in gone:
            continue
        try:
            mode = (root / path).lstat().st_mode
        except OSError:
            yield f"{shown(path)}: is not there any more – plan again"
            continue
        if not stat.S_ISREG(mode) and not stat.S_ISLNK(mode):
            yield f"{shown(path)}: neither a file nor a link – leave it where it is"
        elif stat.S_ISREG(mode) and not os.access(root / path, os.R_OK):
            yield f"{shown(path)}: may not be read – check its permissions"
        yield from (f"{shown(path)}: {wrong}" for folder in parents(path) if (wrong := way(folder)))
    origin = {new: old for old, new in operations.moves.items()}
    for path in operations.writes:
        if (root / origin.get(path, path)).is_symlink():
            yield f"{shown(path)}: a symbolic link, and what it points to would be rewritten – leave it"
    _, removed = folder_changes(root, operations)
    vanishing = {path for path, _ in removed}
    files = {*operations.moves.values(), *operations.creates}
    for path in sorted(files):
        if os.path.lexists(root / path) and path not in gone and path not in vanishing:
            yield f"{shown(path)}: is there already, and something else is to go there – move it away, or map it"
        yield from (
            f"{shown(path)}: {wrong}" for folder in parents(path) if (wrong := way(folder)) and folder not in gone
        )
        yield from (
            f"{shown(path)}: {shown(folder)} would be a file and a folder"
            for folder in parents(path)
            if folder in files
        )


def _links(root: Path, operations: Operations, listing: Listing) -> Iterator[str]:
    """Links that leave the repository, and links that would point to something else afterwards."""
    after = Arrangement(operations, [entry.path for entry in listing.entries])
    deleted = set(operations.deletes)
    for entry in listing.entries:
        if not entry.is_link or entry.path in deleted:
            continue
        if entry.status is Status.IGNORED and entry.path not in operations.moves:
            continue
        pointer = os.readlink(root / entry.path)
        says = f"{shown(entry.path)}: a symbolic link to {shown(pointer)}"
        real = os.path.realpath(root / entry.path)
        target = os.path.normpath(os.path.join(os.path.dirname(entry.path), pointer))
        if os.path.isabs(pointer) or target.split("/", 1)[0] == ".." or not Path(real).is_relative_to(root.resolve()):
            yield f"{says}, which leaves the repository – replace it with what it points to, or remove it"
            continue
        there = operations.moves.get(entry.path, entry.path)
        expected = after.place(target)
        points_to = os.path.normpath(os.path.join(os.path.dirname(there), pointer))
        if expected is None:
            yield f"{says}, whose files would go to several places or be deleted – replace it with what it points to"
        elif points_to != expected and (expected != target or os.path.lexists(root / target)):
            yield f"{says}, which would point to {shown(points_to)}, not to {shown(expected)} – replace or remove it"


class Arrangement:
    """Where files and folders are after the moves."""

    def __init__(self, operations: Operations, files: list[str]) -> None:
        self._moves, self._deleted = operations.moves, set(operations.deletes)
        self._below: dict[str, list[str]] = {}
        for path in {*files, *operations.moves}:
            for folder in parents(path):
                self._below.setdefault(folder, []).append(path)

    def place(self, path: str) -> str | None:
        """The new place of a file, or of a folder that keeps its arrangement; None where it has no such."""
        if path in self._deleted:
            return None
        if path in self._moves or path not in self._below:
            return self._moves.get(path, path)
        homes = set()
        for file in self._below[path]:
            new = self._moves.get(file, file)
            rest = file[len(path) :]
            if file in self._deleted or not new.endswith(rest):
                return None
            homes.add(new[: len(new) - len(rest)])
        return homes.pop() if len(homes) == 1 else None


def _clashes(operations: Operations, listing: Listing) -> Iterator[str]:
    """New names that differ from others in case, or in how an accent is written, only."""
    gone = {*operations.moves, *operations.deletes}
    fresh = {*operations.moves.values(), *operations.creates}
    known: dict[str, str] = {}
    for path in [*(entry.path for entry in listing.entries if entry.path not in gone), *sorted(fresh)]:
        for name in (path, *parents(path)):
            folded = unicodedata.normalize("NFC", name).casefold()
            other = known.setdefault(folded, name)
            if other != name and path in fresh and os.path.dirname(other) == os.path.dirname(name):
                yield (
                    f"{shown(name)}: differs from {shown(other)} in upper and lower case only, which not every disk"
                    " keeps apart – give one another name"
                )


def _unwritable(repository: Repository, operations: Operations, *, commits: bool) -> Iterator[str]:
    root = repository.root
    folders = {""}
    for path in _touched(operations):
        folders.add(os.path.dirname(path))
    for path in (*operations.moves.values(), *operations.creates):
        folders.add(next((folder for folder in parents(path) if (root / folder).is_dir()), ""))
    for folder in sorted(folders):
        if (root / folder).is_dir() and not os.access(root / folder, os.W_OK | os.X_OK):
            yield f"{shown(folder) or shown(root)}: may not be written – check the folder's permissions"
    if repository.git is not None and commits and not os.access(repository.git.folder, os.W_OK | os.X_OK):
        yield f"{shown(repository.git.folder)}: may not be written – check the folder's permissions"


def _unusable(root: Path, copy: Path) -> Iterator[str]:
    """What speaks against making a copy there."""
    target = Path(os.path.abspath(copy))
    if os.path.lexists(target) and not (target.is_dir() and not target.is_symlink() and not any(target.iterdir())):
        yield f"{shown(copy)}: is there already – name a folder that is not there yet"
    elif not target.parent.is_dir():
        yield f"{shown(copy)}: there is no folder {shown(target.parent)} – make it first"
    elif not os.access(target.parent, os.W_OK | os.X_OK):
        yield f"{shown(copy)}: may not be made – check the permissions of {shown(target.parent)}"
    if target.parent.resolve().is_relative_to(root):
        yield f"{shown(copy)}: lies in the repository itself – name a folder outside of it"


def _too_little_space(
    repository: Repository, operations: Operations, listing: Listing, copy: Path | None
) -> Iterator[str]:
    # New contents are written twice, and once more into git's objects.
    needed = 3 * sum(map(len, operations.writes.values())) + 3 * sum(len(c) for c, _ in operations.creates.values())
    place = repository.root
    if copy is not None:
        place = Path(os.path.abspath(copy)).parent
        kept = (entry.path for entry in listing.entries if entry.status is not Status.IGNORED and not entry.is_link)
        needed += sum((repository.root / path).stat().st_size for path in kept)
    try:
        free = shutil.disk_usage(place).free
    except OSError:
        return  # it cannot be told; a copy's missing folder is told above
    if free < needed + _SPACE_TO_SPARE:
        wanted = (needed + _SPACE_TO_SPARE) >> 20
        yield f"{shown(place)}: about {wanted} MiB are needed, and {free >> 20} are free – make room"


def _touched(operations: Operations) -> list[str]:
    """Every path at which something changes that is there before."""
    moved = set(operations.moves.values())
    return [*operations.moves, *operations.deletes, *(path for path in operations.writes if path not in moved)]
