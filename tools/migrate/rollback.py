"""The way back: from the journal, with or without git, from wherever a migration or an earlier rollback was cut short.

    placed files ── unplace ──> kept/ and new/ ── decide on edits ──> put back ──> git ──> the state folder goes

What the user changed since is never lost: without `keep_edits` it is a reason to refuse; with it, it is carried to
the old place, or laid beside it.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from migrate import disk
from migrate.carrying import Decisions, decide
from migrate.history import forget, staged, take_back, why_not_back
from migrate.journal import Journal, State, Step, locked, print_of
from migrate.model import STATE_FOLDER, MigrationError, Undecided
from migrate.repository import Repository, parents, shown


@dataclass(frozen=True)
class Undone:
    """What `rollback` did.

    Attributes:
        restored: how many files are where and as they were.
        carried: old paths of files that now have the user's edits.
        beside: edits that could not be carried: what they belong to, and where the user's version is.
        deleted: old paths of files that the user deleted or moved away since.
        left: files of the user's in folders that the migration had made; they are where they were.
    """

    restored: int = 0
    carried: tuple[str, ...] = ()
    beside: tuple[tuple[str, str], ...] = ()
    deleted: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


def rollback(repository: Repository, keep_edits: bool = False) -> Undone:
    """Undoes the migration that the repository's state folder tells of, and removes that folder.

    Args:
        repository: where `execute` was.
        keep_edits: carry what was edited since to the old places, instead of refusing.

    Raises:
        Undecided: files were edited since, or something is in the way; nothing was changed.
        MigrationError: there is nothing to undo, or it failed; it can be run again.
    """
    state = State(repository.root)
    if not state.folder.is_dir() or state.why_foreign():
        raise MigrationError(f"{shown(repository.root)}: no migration to undo: there is no {STATE_FOLDER}")
    try:
        with locked(state) as handle:
            git = repository.git.holding(handle) if repository.git is not None else None
            return undo(Repository(repository.root, git), state, keep_edits=keep_edits)
    except OSError as error:
        raise MigrationError(f"{disk.told(error, repository.root)}; `migrate rollback` goes on from there") from error


def undo(repository: Repository, state: State, *, keep_edits: bool) -> Undone:
    """As `rollback`, for who holds the lock. Raises OSError too."""
    root, git = repository.root, repository.git
    journal = state.read_journal()
    if journal is None:
        state.refuse_lost_files()
        state.end()
        return Undone()
    history = journal.history
    if history is not None and git is None:
        raise MigrationError(f"{shown(root)}: migrated with git, and is no git work tree any more – restore .git first")
    if not state.reached(Step.UNDOING):
        _refuse_if_changed(repository, state, journal, keep_edits=keep_edits)
        state.reach(Step.UNDOING)
    _unplace(root, state, journal)
    decisions = decide(root, state, journal)
    _put_back(root, state, journal, decisions)
    if history is not None and git is not None:
        if state.reached(Step.SWITCHING):
            take_back(git, history, state.tip.read_text())
        forget(git)
    left = _left(root, journal, {place for _, _, place in decisions.beside})
    # Originals that a version with the user's edits took the place of: the last ones in kept/.
    for number in decisions.carried:
        disk.remove_tree(state.kept(number))
    if any((state.folder / "kept").iterdir()):
        raise MigrationError(f"{STATE_FOLDER}/kept: not every file could be put back – `migrate rollback` goes on")
    state.end()
    return Undone(
        len(journal.originals) - len(decisions.carried) - len(decisions.whole) - len(decisions.deleted),
        tuple(journal.originals[number].path for number in sorted({*decisions.carried, *decisions.whole})),
        tuple((belongs, place) for _, belongs, place in decisions.beside),
        tuple(decisions.deleted),
        tuple(left),
    )


def _refuse_if_changed(repository: Repository, state: State, journal: Journal, *, keep_edits: bool) -> None:
    root, git, history = repository.root, repository.git, journal.history
    found = list(_in_the_way(root, state, journal))
    edits = list(_edits(root, state, journal))
    if history is not None and git is not None and state.reached(Step.SWITCHING):
        done = state.reached(Step.DONE)
        reason = why_not_back(git, history, state.tip.read_text(), done=done)
        if reason:
            raise Undecided(reason)  # and then the files cannot be compared with anything
        if done:
            lost = [path for path in staged(git) if not keep_edits or path.endswith(")")]
            found += [
                f"{shown(path)}: staged since the migration – unstage it first (git restore --staged)" for path in lost
            ]
    if edits and not keep_edits:
        found += edits
        found.append("`migrate rollback --keep-edits` carries edits to the old places")
    if found:
        raise Undecided("\n".join(found))


def _places(state: State, journal: Journal) -> Iterator[tuple[str, Path, int, bool]]:
    """What lies in its new place: the path, its slot in the state folder, its number, whether it was only moved."""
    if not state.reached(Step.LIFTED) or state.reached(Step.UNPLACED):
        return
    for number, original in enumerate(journal.originals):
        if original.new and not os.path.lexists(state.kept(number)):
            yield original.new, state.kept(number), number, True
    for number, content in enumerate(journal.contents):
        if not os.path.lexists(state.new(number)):
            yield content.path, state.new(number), number, False


def _edits(root: Path, state: State, journal: Journal) -> Iterator[str]:
    for path, _, number, moved in _places(state, journal):
        expected = journal.originals[number].print if moved else journal.contents[number].print
        seen = print_of(root / path)
        if seen == expected:
            continue
        if not os.path.lexists(root / path):
            what = "deleted or moved away"
        elif seen is not None and seen.sha256 == expected.sha256 and seen.is_link == expected.is_link:
            what = "given other permissions"
        else:
            what = "edited"
        yield f"{shown(path)}: {what} since the migration"


def _in_the_way(root: Path, state: State, journal: Journal) -> Iterator[str]:
    """What stands where a file has to go back to, and is not the migration's."""
    ours = {path for path, _, _, _ in _places(state, journal)}
    gone = {path for path in ours if not os.path.lexists(root / path)}
    for number, original in enumerate(journal.originals):
        path = original.path
        lifted = os.path.lexists(state.kept(number))
        if not lifted and (not state.reached(Step.LIFTED) or original.new in gone):
            continue  # it was never taken away; or is not there to be put back
        for folder in parents(path):
            full = root / folder
            if os.path.lexists(full) and (full.is_symlink() or not full.is_dir()) and folder not in ours:
                yield f"{shown(folder)}: is in the way of {shown(path)} – move it away"
        if not os.path.lexists(root / path) or path in ours:
            continue
        if path in journal.made and (root / path).is_dir():
            strangers = [name for name in _files_below(root, path) if name not in ours]
            if not strangers:
                continue
            yield f"{shown(strangers[0])}: is in the way of {shown(path)} – move it away"
        else:
            yield f"{shown(path)}: came to be there since the migration, and the old one belongs there – move it away"


def _unplace(root: Path, state: State, journal: Journal) -> None:
    if state.reached(Step.UNPLACED):
        return
    folders = set()
    for path, slot, _, _ in list(_places(state, journal)):
        if os.path.lexists(root / path):
            disk.move(root / path, slot)
            folders.add(os.path.dirname(path))
    disk.flush([state.folder / "kept", state.folder / "new", *(root / folder for folder in sorted(folders))])
    state.reach(Step.UNPLACED)


def _put_back(root: Path, state: State, journal: Journal, decisions: Decisions) -> None:
    if state.reached(Step.LIFTED):
        for folder in reversed(journal.made):
            _remove_caches(root / folder)
            disk.remove_folder(root / folder)
        for folder, _ in reversed(journal.removed):
            _make_folders(root, folder)
    folders = {folder for folder, _ in journal.removed}
    for number, original in enumerate(journal.originals):
        slot = state.carried(number) if number in decisions.carried else state.kept(number)
        if os.path.lexists(slot):
            disk.move(slot, root / original.path)
            folders.add(os.path.dirname(original.path))
    for number, _, place in decisions.beside:
        if os.path.lexists(state.new(number)):
            _make_folders(root, os.path.dirname(place))
            disk.move(state.new(number), root / place)
            folders.add(os.path.dirname(place))
    for folder, mode in journal.removed:
        disk.make_folder(root / folder, mode)
    disk.flush(root / folder for folder in sorted(folders))


def _make_folders(root: Path, folder: str) -> None:
    for parent in (*reversed(list(parents(folder))), folder):
        disk.make_folder(root / parent)


def _remove_caches(folder: Path) -> None:
    """Removes the bytecode that Python left beside files that are not there any more."""
    cache = folder / "__pycache__"
    if cache.is_dir() and not cache.is_symlink() and all(path.suffix == ".pyc" for path in cache.iterdir()):
        disk.remove_tree(cache)


def _left(root: Path, journal: Journal, known: set[str]) -> list[str]:
    """The user's files in folders that the migration made and that are therefore still there."""
    removed = {folder for folder, _ in journal.removed}
    found = {
        path
        for folder in journal.made
        if folder not in removed and (root / folder).is_dir()
        for path in _files_below(root, folder)
    }
    return sorted(found - known - {original.path for original in journal.originals})


def _files_below(root: Path, folder: str) -> Iterator[str]:
    for here, folders, files in os.walk(root / folder):
        links = [name for name in folders if os.path.islink(os.path.join(here, name))]
        for name in (*files, *links):
            yield os.path.relpath(os.path.join(here, name), root)
