"""Which folders a migration makes and which it leaves empty."""

import os
import stat
from collections import defaultdict
from pathlib import Path

from migrate.model import Operations
from migrate.repository import parents


def folder_changes(root: Path, operations: Operations) -> tuple[list[str], list[tuple[str, int]]]:
    """The folders to make, parents first; and those that nothing is left in, children first, with their modes.

    A folder in which ignored or other files stay is left alone, and so is one that was empty before.
    """
    gone = {*operations.moves, *operations.deletes}
    needed = {folder for path in (*operations.moves.values(), *operations.creates) for folder in parents(path)}
    # A path that is rewritten where it is stays.
    needed |= {folder for path in operations.writes for folder in parents(path)}
    emptied: list[tuple[str, int]] = []
    vanished = set(gone)
    by_depth: defaultdict[int, set[str]] = defaultdict(set)
    for path in gone:
        for folder in parents(path):
            by_depth[folder.count("/")].add(folder)
    for depth in sorted(by_depth, reverse=True):
        for folder in sorted(by_depth[depth] - needed):
            full = root / folder
            if full.is_dir() and all(f"{folder}/{name}" in vanished for name in os.listdir(full)):
                emptied.append((folder, stat.S_IMODE(full.stat().st_mode)))
                vanished.add(folder)
    made = [folder for folder in needed if folder in gone or not (root / folder).is_dir()]
    return sorted(made, key=lambda folder: (folder.count("/"), folder)), emptied
