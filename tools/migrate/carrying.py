"""What becomes of edits that the user made to files after a migration that is rolled back."""

import json
import os
import shutil
import subprocess
from dataclasses import asdict, dataclass, field
from pathlib import Path

from migrate import disk
from migrate.journal import Content, Journal, State, Step, print_of
from migrate.repository import parents


@dataclass
class Decisions:
    """Decided once, when all files lie in the state folder, and then kept to.

    Attributes:
        carried: numbers of originals whose place a version with the user's edits takes: carried/N.
        whole: numbers of originals that the user edited and the migration did not: they go back as they are.
        beside: the user's versions that cannot be carried: the content's number, what it belongs to, where it goes.
        deleted: paths of originals that the user deleted or moved away.
    """

    carried: list[int] = field(default_factory=list)
    whole: list[int] = field(default_factory=list)
    beside: list[tuple[int, str, str]] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)


def decide(root: Path, state: State, journal: Journal) -> Decisions:
    """Decides what becomes of edits, or reads what was decided before a rollback was cut short."""
    if state.reached(Step.CARRIED):
        if not state.decisions.exists():
            return Decisions()
        document = json.loads(state.decisions.read_bytes())
        document["beside"] = [(number, belongs, place) for number, belongs, place in document["beside"]]
        return Decisions(**document)
    decisions = Decisions()
    # Before the step `lifted` nobody had a new place to edit anything in.
    for number, original in enumerate(journal.originals if state.reached(Step.LIFTED) else ()):
        seen = print_of(state.kept(number))
        if not os.path.lexists(state.kept(number)):
            decisions.deleted.append(original.path)
        elif seen != original.print:
            decisions.whole.append(number)
    for number, content in enumerate(journal.contents):
        if os.path.lexists(state.new(number)) and print_of(state.new(number)) != content.print:
            _decide_on(root, state, journal, number, content, decisions)
    if decisions != Decisions():
        disk.flush([*(state.carried(number) for number in decisions.carried), state.folder / "carried"])
        disk.write_whole(state.decisions, json.dumps(asdict(decisions)).encode("ascii"))
    state.reach(Step.CARRIED)
    return decisions


def _decide_on(root: Path, state: State, journal: Journal, number: int, content: Content, decisions: Decisions) -> None:
    taken = {original.path for original in journal.originals} | {place for _, _, place in decisions.beside}
    if content.original is None:
        # A new file: it is the user's by now and stays, unless an old one belongs there.
        in_the_way = {*taken, *(folder for path in taken for folder in parents(path))}
        free = content.path not in in_the_way and not in_the_way.intersection(parents(content.path))
        place = content.path if free else _free_name(root, content.path, taken)
        decisions.beside.append((number, content.path, place))
        return
    original = journal.originals[content.original]
    merged = _merge(state, state.new(number), _written(state, content), state.kept(content.original))
    if merged is None:
        decisions.beside.append((number, original.path, _free_name(root, original.path, taken)))
        return
    seen = print_of(state.new(number))
    mode = seen.mode if seen is not None and seen.mode != content.print.mode else original.print.mode
    disk.write(state.carried(content.original), merged, mode)
    decisions.carried.append(content.original)


def _written(state: State, content: Content) -> bytes:
    """What the migration wrote."""
    start, size = content.base
    with state.base.open("rb") as file:
        file.seek(start)
        return file.read(size)


def _merge(state: State, edited: Path, written: bytes, original: Path) -> bytes | None:
    """The original with the edits that were made to what the migration wrote; None where they touch the same lines."""
    if not all(path.is_file() and not path.is_symlink() for path in (edited, original)):
        return None
    if edited.read_bytes() == written:
        return original.read_bytes()  # its permissions alone were changed
    git = shutil.which("git")
    if git is None:
        return None
    ancestor = state.folder / "carried" / "ancestor"
    disk.write(ancestor, written)
    line = [git, "merge-file", "-p", "-q", *(os.fspath(path) for path in (edited, ancestor, original))]
    result = subprocess.run(line, capture_output=True, check=False)
    disk.remove(ancestor)
    return result.stdout if result.returncode == 0 else None


def _free_name(root: Path, path: str, taken: set[str]) -> str:
    name, number = f"{path}.edited", 1
    while name in taken or os.path.lexists(root / name):
        number += 1
        name = f"{path}.edited-{number}"
    return name
