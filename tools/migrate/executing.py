"""Carries out what was planned, so that it can be undone at every moment."""

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from migrate import disk
from migrate.folders import folder_changes
from migrate.history import Commits, free_branch, switch
from migrate.journal import Content, History, Journal, Original, Print, State, Step, locked, print_of, write_record
from migrate.model import STATE_FOLDER, MigrationError, Operations, Record, Undecided
from migrate.readiness import refuse_unless_ready, why_standing
from migrate.repository import Repository, copy_repository, shown
from migrate.rollback import undo


@dataclass(frozen=True)
class Branch:
    """In place, with two commits on a new branch: the moves, then everything else."""

    moves_message: str
    edits_message: str
    name: str = ""  # "" for migrate/<date>-<n>


@dataclass(frozen=True)
class InPlace:
    """In place, without git's history: a plain folder, or --no-git."""


@dataclass(frozen=True)
class Copy:
    """Not here: in a copy, a plain folder without `.git` and without ignored files."""

    folder: Path


Mode = Branch | InPlace | Copy


@dataclass(frozen=True)
class Done:
    """What `execute` did: where, on which branch ("" without git) and with which commits (none that are empty)."""

    root: Path
    branch: str = ""
    commits: tuple[str, ...] = ()


def execute(repository: Repository, operations: Operations, record: Record, mode: Mode) -> Done:
    """Migrates. Nothing to do changes nothing, not even the record of an earlier migration.

    Args:
        repository: what to migrate.
        operations: what to do.
        record: what `verify` wants to know afterwards.
        mode: where, and what becomes of git's history.

    Raises:
        Undecided: something speaks against it; nothing was changed.
        MigrationError: it failed, and everything was put back; or, in so many words, `migrate rollback` has to do that.
    """
    if isinstance(mode, Branch) and repository.git is None:
        raise MigrationError(f"{shown(repository.root)}: not a git work tree – migrate with --no-git")
    refuse_unless_ready(
        repository,
        operations,
        commits=isinstance(mode, Branch),
        copy=mode.folder if isinstance(mode, Copy) else None,
    )
    if isinstance(mode, Copy):
        return _execute_in_copy(repository, operations, record, mode.folder)
    if operations == Operations():
        return Done(repository.root)
    state = State(repository.root)
    try:
        with locked(state) as handle:
            git = repository.git.holding(handle) if repository.git is not None else None
            return _execute_locked(Repository(repository.root, git), state, operations, record, mode)
    except OSError as error:
        raise MigrationError(f"{disk.told(error, repository.root)}; nothing was changed") from error


def _execute_locked(repository: Repository, state: State, operations: Operations, record: Record, mode: Mode) -> Done:
    if standing := why_standing(repository):  # by somebody who was quicker
        raise Undecided(standing)
    state.refuse_lost_files()
    try:
        return _execute(repository, state, operations, record, mode)
    except BaseException as error:
        _put_back(repository, state, error)
        raise


def _execute_in_copy(repository: Repository, operations: Operations, record: Record, folder: Path) -> Done:
    """Makes the copy under another name, and gives it its own when it is whole."""
    target = Path(os.path.abspath(folder))
    unfinished = target.with_name(f"{target.name}.migrating")
    if not _is_unfinished_copy(unfinished):
        raise Undecided(f"{shown(unfinished)}: is in the way of making a copy – move it away")
    try:
        _discard_copy(unfinished)
        disk.make_folder(unfinished)
        disk.make_folder(unfinished / STATE_FOLDER)  # tells that it is ours
        copy_repository(repository, unfinished, also={*operations.moves, *operations.deletes})
        execute(Repository(unfinished), operations, record, InPlace())
        if target.is_dir():
            disk.remove_folder(target)
        disk.move(unfinished, target)
    except BaseException as error:
        _discard_copy(unfinished)
        if isinstance(error, OSError):
            raise MigrationError(f"{disk.told(error, target.parent)}; nothing was left of the copy") from error
        raise
    return Done(target)


def _is_unfinished_copy(folder: Path) -> bool:
    """Whether there is nothing, or what a migration that was cut short left."""
    if not os.path.lexists(folder):
        return True
    return folder.is_dir() and ((folder / STATE_FOLDER).is_dir() or not any(folder.iterdir()))


def _discard_copy(folder: Path) -> None:
    """Removes an unfinished copy, last what tells that it is one."""
    if folder.is_dir():
        disk.make_folder(folder / STATE_FOLDER)
        for child in sorted(folder.iterdir()):
            if child.name != STATE_FOLDER:
                disk.remove_tree(child)
        disk.remove_tree(folder)


def _execute(repository: Repository, state: State, operations: Operations, record: Record, mode: Mode) -> Done:
    root, git = repository.root, repository.git
    history = None
    if isinstance(mode, Branch) and git is not None:
        history = History(*git.head(), f"refs/heads/{free_branch(git, mode.name)}")
    state.begin()
    journal = _write_down(root, state, operations, history)
    commits: list[str] = []
    writer = None
    if isinstance(mode, Branch) and git is not None and history is not None:
        writer = Commits(git, operations)
        commits.append(writer.moves(history.commit, mode.moves_message))
    _lift(root, state, journal)
    _place(root, state, journal)
    if isinstance(mode, Branch) and git is not None and history is not None and writer is not None:
        commits.append(writer.edits(commits[0], mode.edits_message))
        disk.write_whole(state.tip, commits[1].encode())
        state.reach(Step.SWITCHING)
        switch(git, history, commits[1])
    write_record(state, record)
    state.reach(Step.DONE)
    if history is None:
        return Done(root)
    made = tuple(commit for commit in dict.fromkeys(commits) if commit != history.commit)
    return Done(root, history.branch.removeprefix("refs/heads/"), made)


def _write_down(root: Path, state: State, operations: Operations, history: History | None) -> Journal:
    """Writes all new contents into the state folder, then the journal. The tree is as it was."""
    origin = {new: old for old, new in operations.moves.items()}
    rewritten = {origin.get(path, path): path for path in operations.writes}
    originals: list[Original] = []
    numbers: dict[str, int] = {}
    for path in sorted({*operations.moves, *operations.deletes, *rewritten}):
        seen = print_of(root / path)
        if seen is None:
            raise Undecided(f"{shown(path)}: is not there any more – plan again")
        new = "" if path in rewritten else operations.moves.get(path, "")
        numbers[path] = len(originals)
        originals.append(Original(path, new, seen))
    wanted: list[tuple[str, bytes, int, int | None]] = []
    for old, path in sorted(rewritten.items()):
        number = numbers[old]
        wanted.append((path, operations.writes[path], originals[number].print.mode, number))
    wanted += [(path, content, mode, None) for path, (content, mode) in sorted(operations.creates.items())]
    contents = []
    base = bytearray()
    for number, (path, content, permissions, replaced) in enumerate(wanted):
        disk.write(state.new(number), content, permissions)
        place = (0, 0)
        if replaced is not None:
            _keep_owner(root / originals[replaced].path, state.new(number))
            place = (len(base), len(content))
            base += content
        # The permissions as this disk keeps them.
        seen = Print(hashlib.sha256(content).hexdigest(), stat.S_IMODE(state.new(number).stat().st_mode))
        contents.append(Content(path, seen, replaced, place))
    disk.write(state.base, bytes(base))
    disk.flush([*(state.new(number) for number in range(len(contents))), state.folder / "new", state.base])
    made, removed = folder_changes(root, operations)
    journal = Journal(tuple(originals), tuple(contents), tuple(made), tuple(removed), history)
    state.write_journal(journal)
    return journal


def _keep_owner(old: Path, new: Path) -> None:
    """Root, who migrates somebody else's files, leaves them theirs."""
    was, now = old.stat(), new.stat()
    if (was.st_uid, was.st_gid) != (now.st_uid, now.st_gid):
        try:
            os.chown(new, was.st_uid, was.st_gid)
        except PermissionError:
            return
        os.chmod(new, was.st_mode & 0o7777)  # chown takes the set-user-id away


def _lift(root: Path, state: State, journal: Journal) -> None:
    for number, original in enumerate(journal.originals):
        disk.move(root / original.path, state.kept(number))
    disk.flush([state.folder / "kept", *_folders(root, [original.path for original in journal.originals])])
    state.reach(Step.LIFTED)


def _place(root: Path, state: State, journal: Journal) -> None:
    for folder, _ in journal.removed:
        disk.remove_folder(root / folder)
    for folder in journal.made:
        disk.make_folder(root / folder)
    for number, original in enumerate(journal.originals):
        if original.new:
            disk.move(state.kept(number), root / original.new)
    for number, content in enumerate(journal.contents):
        disk.move(state.new(number), root / content.path)
    paths = [original.new for original in journal.originals if original.new]
    paths += [content.path for content in journal.contents]
    disk.flush(_folders(root, paths + list(journal.made)))
    state.reach(Step.PLACED)


def _folders(root: Path, paths: list[str]) -> list[Path]:
    return [root / folder for folder in sorted({os.path.dirname(path) for path in paths})]


def _put_back(repository: Repository, state: State, error: BaseException) -> None:
    """Undoes what was begun. Raises MigrationError with what went wrong; returns for what is no failure of ours."""
    said = str(error) if isinstance(error, MigrationError) else ""
    if isinstance(error, OSError):
        said = disk.told(error, repository.root)
    try:
        undo(repository, state, keep_edits=True)
    except (OSError, MigrationError) as second:
        also = disk.told(second, repository.root) if isinstance(second, OSError) else str(second)
        raise MigrationError(
            f"{said or repr(error)}; it could not be put back ({also}) – that solved, `migrate rollback` does it"
        ) from error
    if isinstance(error, Undecided):
        raise error
    if said:
        raise MigrationError(f"{said}; everything was put back as it was") from error
