"""Any tree, any operations: it is carried out as meant, or refused untouched; and it is undone to the last byte."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from migrate import disk
from migrate.executing import Branch, InPlace, execute
from migrate.model import Operations, Undecided
from migrate.repository import find_repository
from migrate.rollback import rollback
from migrate.testing.trees import File, Killer, Link, commit_all, contents, in_child, make_tree, picture, record_of

EXHAUSTIVE = os.environ.get("LAXAI_EXHAUSTIVE") == "1"
PLAIN = settings(
    max_examples=1000 if EXHAUSTIVE else 60,
    deadline=None,
    database=None,
    derandomize=not EXHAUSTIVE,
    suppress_health_check=list(HealthCheck),
)
WITH_GIT = settings(PLAIN, max_examples=200 if EXHAUSTIVE else 12)

# Few names, so that files and folders meet; chains, swaps and folders that become files come about by themselves.
PARTS = st.sampled_from(["a", "b", "c d", "é", os.fsdecode(b"\xfe\n")])
PATHS = st.lists(PARTS, min_size=1, max_size=3).map("/".join)
CONTENTS = st.sampled_from([b"", b"x\n", b"x\r\ny\r\n", b"\0\xff" * 40, b"def f():\n    pass\n" * 9])
FILES = st.builds(File, CONTENTS, st.sampled_from([0o644, 0o755, 0o600, 0o444]))
LINKS = PATHS.map(lambda path: Link(path.split("/")[-1]))
FATES = st.sampled_from(["stay", "move", "move", "move", "delete", "write", "move and write"])


class Case(NamedTuple):
    tree: dict[str, File | Link]
    untracked: tuple[str, ...]
    operations: Operations
    kill: tuple[int, str]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    tree: dict[str, File | Link] = {}
    for path in draw(st.lists(PATHS, min_size=1, max_size=8, unique=True)):
        if fits(path, tree):
            tree[path] = draw(FILES | LINKS)
    operations = Operations()
    taken: set[str] = set()
    fates = {path: draw(FATES) for path in tree}
    taken |= {path for path, fate in fates.items() if fate in ("stay", "write")}
    for path, fate in fates.items():
        if fate == "delete":
            operations.deletes.append(path)
        new = path
        if "move" in fate:
            new = draw(PATHS)
            if not fits(new, taken) or new == path:
                operations.deletes.append(path)
                continue
            operations.moves[path] = new
            taken.add(new)
        if "write" in fate and isinstance(tree[path], File):
            operations.writes[new] = draw(CONTENTS)
    for path in draw(st.lists(PATHS, max_size=3, unique=True)):
        if fits(path, taken):
            operations.creates[path] = (draw(CONTENTS), draw(st.sampled_from([0o644, 0o755])))
            taken.add(path)
    untracked = tuple(path for path in tree if draw(st.integers(0, 4)) == 0)
    return Case(tree, untracked, operations, (draw(st.integers(1, 90)), draw(st.sampled_from(["before", "after"]))))


def fits(path: str, taken: set[str] | dict[str, File | Link]) -> bool:
    """Whether a file can be there, beside all others."""
    return not any(f"{path}/".startswith(f"{other}/") or f"{other}/".startswith(f"{path}/") for other in taken)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(disk, "flush", list)  # no power fails here
        yield tmp_path_factory.mktemp("trees")


def check(case: Case, root: Path, mode: Branch | InPlace) -> None:
    shutil.rmtree(root, ignore_errors=True)
    make_tree(root, case.tree)
    if isinstance(mode, Branch):
        commit_all(root, but=() if len(case.untracked) == len(case.tree) else case.untracked)
    before, files = picture(root), contents(root)

    def migrate() -> None:
        execute(find_repository(root), case.operations, record_of(case.operations), mode)

    try:
        migrate()
    except Undecided as error:
        event("refused: " + str(error).splitlines()[0].split(": ", 1)[1][:20])
        assert picture(root) == before
        return
    event("migrated")
    assert contents(root) == meant(files, case.operations)
    if (root / ".migrate").exists():
        rollback(find_repository(root))
    assert picture(root) == before
    # Once more, killed somewhere on the way.
    in_child(migrate, Killer(*case.kill))
    if (root / ".migrate").exists():
        in_child(lambda: rollback(find_repository(root)), Killer(case.kill[0] // 2, case.kill[1]))
    if (root / ".migrate").exists():
        rollback(find_repository(root))
    assert picture(root) == before


def meant(files: dict[str, bytes | str], operations: Operations) -> dict[str, bytes | str]:
    """What operations mean, said another way than by carrying them out."""
    after = {
        operations.moves.get(path, path): content for path, content in files.items() if path not in operations.deletes
    }
    return after | operations.writes | {path: content for path, (content, _) in operations.creates.items()}


@PLAIN
@given(case=cases())
def test_in_a_plain_folder(case: Case, folder: Path) -> None:
    check(case, folder / "plain", InPlace())


@WITH_GIT
@given(case=cases())
def test_in_a_git_repository(case: Case, folder: Path) -> None:
    check(case, folder / "git", Branch("Move", "Edit"))
