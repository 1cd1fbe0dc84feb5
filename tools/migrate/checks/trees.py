"""The two trees that are compared, as copies: what is run can change a copy only."""

import dataclasses
import os
import shutil
from pathlib import Path

from migrate.journal import State
from migrate.model import STATE_FOLDER, MigrationError, Undecided
from migrate.repository import Repository, shown
from migrate.rollback import rollback

#: Not copied: no program's source, and often large.
_LEFT_OUT = {"__pycache__", "node_modules", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".tox", ".nox"}


def copy_tree(source: Path, target: Path, *, with_state: bool = False) -> None:
    """Copies a repository without its history, virtual environments and caches; links stay links.

    `.git` is never copied: as a file it would lead to the real repository's own. with_state: also `.migrate`.
    """

    def left_out(folder: str, names: list[str]) -> set[str]:
        skipped = _LEFT_OUT & set(names)
        if Path(folder) == source:
            skipped |= {".git"} & set(names)
            if not with_state:
                skipped |= {STATE_FOLDER} & set(names)
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(os.path.join(path, "pyvenv.cfg")) or _is_special(path):
                skipped.add(name)
        return skipped

    try:
        shutil.copytree(source, target, symlinks=True, ignore=left_out, ignore_dangling_symlinks=True)
    except shutil.Error as error:
        first = error.args[0][0]
        raise MigrationError(f"{first[0]}: cannot be copied: {first[2]}") from error
    except OSError as error:
        raise MigrationError(f"{source}: cannot be copied: {error.strerror or error}") from error


def _is_special(path: str) -> bool:
    """A socket, a pipe or a device."""
    return not os.path.islink(path) and not os.path.isfile(path) and not os.path.isdir(path)


def make_before(repository: Path, target: Path, given: Path | None) -> str:
    """The tree as it was before the move, at `target`; says where it is from.

    given: the old tree, where it still stands. Otherwise the repository is copied and rolled back there.
    """
    if given is not None:
        if not given.is_dir():
            raise MigrationError(f"{shown(given)}: there is no such folder; --before names the tree before the move")
        copy_tree(given, target)
        return f"the tree before the move is a copy of {given.name}"
    state = State(target)
    if (repository / STATE_FOLDER).is_dir():
        copy_tree(repository, target, with_state=True)
    journal = state.read_journal()
    if journal is None:
        raise MigrationError(
            f"{shown(repository)}: was not migrated in its place; name the tree before the move with --before"
        )
    # The copy has no history of its own to take back.
    state.write_journal(dataclasses.replace(journal, history=None))
    try:
        rollback(Repository(target))
    except Undecided as error:
        raise MigrationError(
            f"the tree before the move cannot be made again, as files were edited since; name it with --before\n{error}"
        ) from error
    return "the tree before the move is the repository, rolled back in a copy"
