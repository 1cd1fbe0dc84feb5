"""A migration that is killed at any single change to the disk is undone to the last byte; so is a killed rollback."""

import os
import random
import shutil
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from migrate import disk
from migrate.executing import Branch, Copy, InPlace, Mode, execute
from migrate.model import MigrationError, Operations, Undecided
from migrate.repository import find_repository
from migrate.rollback import rollback
from migrate.testing.trees import Killer, commit_all, count_changes, example, in_child, make_tree, picture, record_of

EXHAUSTIVE = os.environ.get("LAXAI_EXHAUSTIVE") == "1"
MODES: dict[str, Mode] = {"git": Branch("Move files", "Rewrite imports"), "no git": InPlace()}


@pytest.fixture(scope="module", params=list(MODES))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def original(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, as a git repository or as a plain folder."""
    root = tmp_path_factory.mktemp("original") / "repo"
    tree, untracked, _ = example()
    make_tree(root, tree)
    if kind == "git":
        commit_all(root, but=untracked)
    return root


@pytest.fixture
def fresh(original: Path, tmp_path: Path) -> Callable[[], Path]:
    """Makes a copy of it, the only one at any time."""

    def fresh() -> Path:
        shutil.rmtree(tmp_path / "repo", ignore_errors=True)
        shutil.copytree(original, tmp_path / "repo", symlinks=True)
        return tmp_path / "repo"

    return fresh


def migrate(root: Path, mode: Mode) -> None:
    _, _, operations = example()
    execute(find_repository(root), operations, record_of(operations), mode)


def undo(root: Path, keep_edits: bool = False) -> None:
    rollback(find_repository(root), keep_edits)


def moments(changes: int, sample: int, seed: int = 7) -> Iterator[tuple[int, str]]:
    """Where to kill: before and after every change, or a sample of these with the first and the last."""
    every = [(number, when) for number in range(1, changes + 1) for when in ("before", "after")]
    if EXHAUSTIVE or len(every) <= sample:
        return iter(every)
    chosen = random.Random(seed).sample(every[1:-1], sample - 2)
    return iter([every[0], *sorted(chosen), every[-1]])


def test_killed_at_any_change_it_is_undone_to_the_last_byte(kind: str, fresh: Callable[[], Path]) -> None:
    mode = MODES[kind]
    changes = count_changes(lambda: migrate(fresh(), mode))
    assert changes > 60
    refused = 0
    for number, when in moments(changes, 24):
        root = fresh()
        before = picture(root)
        assert in_child(partial(migrate, root, mode), Killer(number, when)) == -signal.SIGKILL
        halfway = picture(root)
        if (root / ".migrate" / "journal.json").exists():
            with pytest.raises(Undecided, match="migrate rollback"):
                migrate(root, mode)
            assert picture(root) == halfway, "a refused apply changed something"
            refused += 1
        if (root / ".migrate").exists():
            undo(root)
        assert picture(root) == before, (number, when)
    assert refused > 8


def test_a_rollback_that_is_killed_is_finished_by_the_next(kind: str, fresh: Callable[[], Path]) -> None:
    def undo_it() -> None:
        undo(root)

    root = fresh()
    before = picture(root)
    migrate(root, MODES[kind])
    migrated = root.with_name("migrated")
    root.rename(migrated)
    shutil.copytree(migrated, root, symlinks=True)
    changes = count_changes(undo_it)
    assert picture(root) == before
    assert changes > 50
    for number, when in moments(changes, 16):
        shutil.rmtree(root)
        shutil.copytree(migrated, root, symlinks=True)
        assert in_child(undo_it, Killer(number, when)) == -signal.SIGKILL
        if (root / ".migrate").exists():
            undo(root)
        assert picture(root) == before, (number, when)


def test_killed_again_and_again_on_the_way_back(kind: str, fresh: Callable[[], Path]) -> None:
    chance = random.Random(3)
    changes = count_changes(lambda: migrate(fresh(), MODES[kind]))
    for _ in range(200 if EXHAUSTIVE else 5):
        root = fresh()
        before = picture(root)
        in_child(partial(migrate, root, MODES[kind]), Killer(chance.randint(1, changes), "after"))
        while (root / ".migrate").exists():
            in_child(partial(undo, root), Killer(chance.randint(1, 40), chance.choice(["before", "after"])))
        assert picture(root) == before


def test_killed_while_it_carries_edits_back(kind: str, fresh: Callable[[], Path]) -> None:
    """Every way that an edit can go: whole, merged, beside, deleted, a new file that stays, one that is in the way."""

    def undo_it() -> None:
        undo(root, keep_edits=True)

    root = fresh()
    migrate(root, MODES[kind])
    home = root / "services/service-track/src/track"
    (home / "run.sh").write_bytes(b"#!/bin/sh\necho edited\n")
    (home / "a.py").write_bytes(b"from shared_libs.common import b\nA = 1\n\n\nC = 3\n")
    (home / "__init__.py").unlink()
    (root / "main.py").write_bytes(b"import track.a, sys\n")
    (root / "chain/one.py").write_bytes(b"edited\n")
    (root / "services/service-track/pytest.ini").write_bytes(b"[pytest]\naddopts = -q\n")
    (home / "mine.py").write_bytes(b"mine\n")
    migrated = root.with_name("migrated")
    root.rename(migrated)
    shutil.copytree(migrated, root, symlinks=True)
    changes = count_changes(undo_it)
    expected = picture(root)
    for number, when in moments(changes, 16):
        shutil.rmtree(root)
        shutil.copytree(migrated, root, symlinks=True)
        assert in_child(undo_it, Killer(number, when)) == -signal.SIGKILL
        if (root / ".migrate").exists():
            undo_it()
        assert without_times(picture(root)) == without_times(expected), (number, when)


def without_times(seen: dict[str, object]) -> dict[str, object]:
    """A file into which edits were merged is a new one each time."""
    return {
        path: (about[0], about[1], about[3]) if isinstance(about, tuple) and about[0] == "file" else about
        for path, about in seen.items()
    }


class FullDisk:
    """An observer that lets nothing be written from a given change on; what needs no space still works."""

    def __init__(self, number: int, *, for_good: bool) -> None:
        self.left, self.for_good, self.struck = number, for_good, 0

    def __call__(self, when: str, what: str) -> None:
        if when == "before":
            self.left -= 1
            needs_space = what.startswith(("write", "make folder", "git", "link"))
            if self.left <= 0 and needs_space and (self.for_good or not self.struck):
                self.struck += 1
                raise OSError(28, os.strerror(28))


@pytest.mark.parametrize("for_good", [False, True])
def test_a_full_disk_is_one_line_and_nothing_is_left_changed(
    kind: str, for_good: bool, fresh: Callable[[], Path]
) -> None:
    changes = count_changes(lambda: migrate(fresh(), MODES[kind]))
    by_itself = 0
    for number, _ in moments(changes, 10):
        root = fresh()
        before = picture(root)
        full = FullDisk(number, for_good=for_good)
        disk.observe(full)
        try:
            with pytest.raises(MigrationError) as caught:
                migrate(root, MODES[kind])
        except pytest.fail.Exception:
            assert not full.struck  # nothing that needs space came any more
            continue
        finally:
            disk.observe(None)
        assert "the disk is full – make room" in str(caught.value)
        assert len(str(caught.value).splitlines()) == 1
        if (root / ".migrate").exists():
            assert for_good
            assert "`migrate rollback` does it" in str(caught.value)
            undo(root)
        else:
            by_itself += 1
        assert picture(root) == before, number
    assert by_itself > 2


def test_a_killed_copy_leaves_the_original_alone_and_can_be_made_again(
    kind: str, fresh: Callable[[], Path], tmp_path: Path
) -> None:
    root = fresh()
    before = picture(root)
    target = tmp_path / "copy"

    def copy() -> None:
        migrate(root, Copy(target))

    changes = count_changes(copy)
    made = without_times(picture(target))
    for number, when in moments(changes, 8):
        shutil.rmtree(target)
        assert in_child(copy, Killer(number, when)) == -signal.SIGKILL
        assert picture(root) == before
        if not target.exists():  # it has its name only when it is whole
            copy()
        assert without_journal(without_times(picture(target))) == without_journal(made)
        assert sorted(os.listdir(tmp_path)) == ["copy", "repo"]


def without_journal(seen: dict[str, object]) -> dict[str, object]:
    return {path: about for path, about in seen.items() if not path.startswith(".migrate/")}


def test_the_example_has_one_of_everything() -> None:
    _, _, operations = example()
    assert all((operations.moves, operations.deletes, operations.writes, operations.creates))
    assert operations != Operations()
