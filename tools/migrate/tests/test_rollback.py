"""The way back: exact where nothing was edited since, refused or carried where something was."""

import os
import stat
from pathlib import Path

import pytest

from migrate.executing import Branch, Copy, InPlace, execute
from migrate.model import MigrationError, Operations, Undecided
from migrate.repository import find_repository
from migrate.rollback import Undone, rollback
from migrate.testing.trees import File, Link, commit_all, contents, example, git, make_tree, picture, record_of

MODES: dict[str, Branch | InPlace] = {"git": Branch("Move files", "Rewrite imports"), "no git": InPlace()}

LONG = b"".join(b"line %d\n" % number for number in range(30))
SMALL = {
    "src/moved.py": File(b"moved\n"),
    "src/both.py": File(LONG),
    "src/gone.py": File(b"gone\n"),
    "stays.py": File(LONG),
    "run.sh": File(b"#!/bin/sh\n", 0o755),
}
NEW_LONG = LONG.replace(b"line 3\n", b"line three\n")
OPERATIONS = Operations(
    moves={"src/moved.py": "lib/moved.py", "src/both.py": "lib/both.py", "run.sh": "lib/run.sh"},
    deletes=["src/gone.py"],
    writes={"lib/both.py": NEW_LONG, "stays.py": NEW_LONG},
    creates={"lib/new.py": (b"new\n", 0o644), "run.sh": (b"exec lib/run.sh\n", 0o755)},
)


@pytest.fixture(params=list(MODES))
def mode(request: pytest.FixtureRequest) -> Branch | InPlace:
    return MODES[request.param]


@pytest.fixture
def root(mode: Branch | InPlace, tmp_path: Path) -> Path:
    """A small repository, before."""
    make_tree(tmp_path / "repo", SMALL)
    if isinstance(mode, Branch):
        commit_all(tmp_path / "repo")
    return tmp_path / "repo"


@pytest.fixture
def before(root: Path) -> dict[str, object]:
    """How it looked."""
    return picture(root)


@pytest.fixture
def migrated(root: Path, before: dict[str, object], mode: Branch | InPlace) -> Path:
    """The same repository, migrated."""
    execute(find_repository(root), OPERATIONS, record_of(OPERATIONS), mode)
    return root


def undo(root: Path, keep_edits: bool = False) -> Undone:
    return rollback(find_repository(root), keep_edits)


def refusal(root: Path, keep_edits: bool = False) -> list[str]:
    """The lines of a refusal, after which nothing has changed."""
    seen = picture(root)
    with pytest.raises(Undecided) as caught:
        undo(root, keep_edits)
    assert picture(root) == seen
    return str(caught.value).splitlines()


def test_everything_is_as_it_was(migrated: Path, before: dict[str, object]) -> None:
    assert picture(migrated) != before
    done = undo(migrated)
    assert picture(migrated) == before
    assert done == Undone(restored=5)
    with pytest.raises(MigrationError, match=r"no migration to undo: there is no \.migrate"):
        undo(migrated)
    assert picture(migrated) == before


def test_one_of_everything_comes_back(mode: Branch | InPlace, tmp_path: Path) -> None:
    tree, untracked, operations = example()
    root = tmp_path / "whole"
    make_tree(root, tree)
    if isinstance(mode, Branch):
        commit_all(root, but=untracked)
    before = picture(root)
    for _ in range(2):  # nothing stays that would keep it from being done again
        execute(find_repository(root), operations, record_of(operations), mode)
        undo(root)
        assert picture(root) == before


def test_every_edit_since_is_listed_and_nothing_is_done(migrated: Path) -> None:
    (migrated / "lib/moved.py").write_bytes(b"edited\n")
    (migrated / "lib/both.py").write_bytes(NEW_LONG + b"more\n")
    (migrated / "stays.py").unlink()
    (migrated / "lib/run.sh").chmod(0o644)
    (migrated / "run.sh").unlink()
    (migrated / "run.sh").symlink_to("lib/run.sh")
    assert refusal(migrated) == [
        "lib/run.sh: given other permissions since the migration",
        "lib/moved.py: edited since the migration",
        "lib/both.py: edited since the migration",
        "stays.py: deleted or moved away since the migration",
        "run.sh: edited since the migration",
        "`migrate rollback --keep-edits` carries edits to the old places",
    ]


def test_an_edit_that_was_taken_back_is_none(migrated: Path, before: dict[str, object]) -> None:
    about = (migrated / "lib/moved.py").stat()
    (migrated / "lib/moved.py").write_bytes(b"edited\n")
    (migrated / "lib/moved.py").write_bytes(b"moved\n")
    os.utime(migrated / "lib/moved.py", ns=(about.st_atime_ns, about.st_mtime_ns))
    undo(migrated)
    assert picture(migrated) == before


def test_an_edit_of_a_file_that_was_only_moved_goes_back_whole(migrated: Path) -> None:
    (migrated / "lib/moved.py").write_bytes(b"edited\n")
    (migrated / "lib/run.sh").chmod(0o700)
    done = undo(migrated, keep_edits=True)
    assert done.carried == ("run.sh", "src/moved.py")
    assert contents(migrated) == {path: thing.content for path, thing in SMALL.items()} | {"src/moved.py": b"edited\n"}
    assert stat.S_IMODE((migrated / "run.sh").stat().st_mode) == 0o700


def test_an_edit_of_a_rewritten_file_is_merged_into_the_old_one(migrated: Path) -> None:
    (migrated / "lib/both.py").write_bytes(NEW_LONG.replace(b"line 20\n", b"line twenty\n"))
    (migrated / "stays.py").write_bytes(NEW_LONG + b"one more\n")
    (migrated / "stays.py").chmod(0o755)
    done = undo(migrated, keep_edits=True)
    assert done.carried == ("src/both.py", "stays.py")
    assert done.restored == 3
    assert (migrated / "src/both.py").read_bytes() == LONG.replace(b"line 20\n", b"line twenty\n")
    assert (migrated / "stays.py").read_bytes() == LONG + b"one more\n"
    assert stat.S_IMODE((migrated / "stays.py").stat().st_mode) == 0o755
    assert stat.S_IMODE((migrated / "src/both.py").stat().st_mode) == 0o644
    assert not (migrated / ".migrate").exists()
    if (migrated / ".git").exists():
        assert git(migrated, "status", "--porcelain").splitlines() == [" M src/both.py", " M stays.py"]
        assert git(migrated, "branch", "--format=%(refname:short)").split() == ["main"]


def test_an_edit_of_a_line_that_was_rewritten_is_laid_beside(migrated: Path) -> None:
    edited = NEW_LONG.replace(b"line three\n", b"line 3, edited\n")
    (migrated / "lib/both.py").write_bytes(edited)
    make_tree(migrated, {"src/both.py.edited": File(b"somebody's\n")})
    done = undo(migrated, keep_edits=True)
    assert done.beside == (("src/both.py", "src/both.py.edited-2"),)
    assert (migrated / "src/both.py").read_bytes() == LONG
    assert (migrated / "src/both.py.edited-2").read_bytes() == edited
    assert (migrated / "src/both.py.edited").read_bytes() == b"somebody's\n"


def test_without_git_an_edit_of_a_rewritten_file_is_laid_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "repo"
    make_tree(root, SMALL)
    execute(find_repository(root), OPERATIONS, record_of(OPERATIONS), InPlace())
    (root / "stays.py").write_bytes(NEW_LONG + b"one more\n")
    monkeypatch.setenv("PATH", os.fspath(tmp_path))
    done = undo(root, keep_edits=True)
    assert done.beside == (("stays.py", "stays.py.edited"),)
    assert (root / "stays.py").read_bytes() == LONG
    assert (root / "stays.py.edited").read_bytes() == NEW_LONG + b"one more\n"


def test_bytes_that_are_no_text_are_laid_beside(migrated: Path) -> None:
    (migrated / "lib/both.py").write_bytes(bytes(range(256)) * 10)
    assert undo(migrated, keep_edits=True).beside == (("src/both.py", "src/both.py.edited"),)
    assert (migrated / "src/both.py.edited").read_bytes() == bytes(range(256)) * 10


def test_what_took_a_files_place_goes_back_with_it(migrated: Path) -> None:
    """A link or a folder where a moved or rewritten file was."""
    for name in ("moved.py", "both.py"):
        (migrated / "lib" / name).unlink()
    (migrated / "lib/moved.py").symlink_to("new.py")
    make_tree(migrated, {"lib/both.py/inside.py": File(b"inside\n")})
    done = undo(migrated, keep_edits=True)
    assert os.readlink(migrated / "src/moved.py") == "new.py"
    assert done.beside == (("src/both.py", "src/both.py.edited"),)
    assert (migrated / "src/both.py.edited/inside.py").read_bytes() == b"inside\n"
    assert (migrated / "src/both.py").read_bytes() == LONG


def test_a_new_file_that_was_edited_stays_or_is_laid_beside_an_old_one(migrated: Path) -> None:
    (migrated / "lib/new.py").write_bytes(b"mine by now\n")
    (migrated / "run.sh").write_bytes(b"mine, too\n")
    done = undo(migrated, keep_edits=True)
    assert done.beside == (("lib/new.py", "lib/new.py"), ("run.sh", "run.sh.edited"))
    expected = {path: thing.content for path, thing in SMALL.items()}
    expected |= {"lib/new.py": b"mine by now\n", "run.sh.edited": b"mine, too\n"}
    assert contents(migrated) == expected


def test_a_file_that_was_deleted_stays_deleted_if_it_was_only_moved(migrated: Path) -> None:
    (migrated / "lib/moved.py").unlink()
    (migrated / "lib/both.py").unlink()
    (migrated / "lib/new.py").unlink()
    done = undo(migrated, keep_edits=True)
    assert done.deleted == ("src/moved.py",)
    assert contents(migrated) == {p: thing.content for p, thing in SMALL.items() if p != "src/moved.py"}


def test_the_users_own_files_are_left_and_listed(migrated: Path) -> None:
    make_tree(migrated, {"lib/mine.py": File(b"mine\n"), "src/mine.py": File(b"mine\n"), "lib/sub/link": Link("..")})
    make_tree(migrated, {"lib/__pycache__/new.cpython-311.pyc": File(b"bytecode of a file that is gone")})
    done = undo(migrated)
    assert done.left == ("lib/mine.py", "lib/sub/link")
    expected = {path: thing.content for path, thing in SMALL.items()}
    mine = {"lib/mine.py": b"mine\n", "src/mine.py": b"mine\n", "lib/sub/link": ".."}
    assert contents(migrated) == expected | mine


def test_what_is_in_the_way_is_listed_and_nothing_is_done(migrated: Path) -> None:
    make_tree(migrated, {"src/gone.py": File(b"again\n"), "src/moved.py": Link("x")})
    expected = [
        "src/gone.py: came to be there since the migration, and the old one belongs there – move it away",
        "src/moved.py: came to be there since the migration, and the old one belongs there – move it away",
    ]
    assert refusal(migrated) == expected
    assert refusal(migrated, keep_edits=True) == expected


def test_a_file_in_a_folders_place_is_in_the_way(migrated: Path) -> None:
    assert not (migrated / "src").exists()
    (migrated / "src").write_bytes(b"")
    assert "src: is in the way of src/moved.py – move it away" in refusal(migrated)


def test_a_users_file_in_a_folder_that_must_become_a_file_is_in_the_way(tmp_path: Path) -> None:
    make_tree(tmp_path / "repo", {"tool": File(b"tool\n")})
    operations = Operations(moves={"tool": "tool/tool"})
    execute(find_repository(tmp_path / "repo"), operations, record_of(operations), InPlace())
    (tmp_path / "repo/tool/mine").touch()
    assert refusal(tmp_path / "repo") == ["tool/mine: is in the way of tool – move it away"]
    (tmp_path / "repo/tool/mine").unlink()
    undo(tmp_path / "repo")
    assert contents(tmp_path / "repo") == {"tool": b"tool\n"}


@pytest.fixture
def on_branch(tmp_path: Path) -> Path:
    """A git repository, migrated on a branch."""
    root = tmp_path / "on_branch"
    make_tree(root, SMALL)
    commit_all(root)
    execute(find_repository(root), OPERATIONS, record_of(OPERATIONS), Branch("m", "e", "layout"))
    return root


def test_commits_on_top_are_never_thrown_away(on_branch: Path) -> None:
    (on_branch / "lib/new.py").write_bytes(b"better\n")
    git(on_branch, "commit", "-qam", "better")
    for keep_edits in (False, True):
        (told,) = refusal(on_branch, keep_edits)
        assert told.startswith("layout: has commits on top of the migration's ")
    git(on_branch, "branch", "kept")
    git(on_branch, "reset", "-q", "--hard", "HEAD~1")
    undo(on_branch)
    assert contents(on_branch) == {path: thing.content for path, thing in SMALL.items()}
    assert git(on_branch, "branch", "--format=%(refname:short)").split() == ["kept", "main"]


def test_another_branch_is_not_rolled_back(on_branch: Path) -> None:
    git(on_branch, "switch", "-q", "main")
    assert refusal(on_branch) == ["HEAD is at main, not on layout – `git switch layout`, then roll back"]
    git(on_branch, "branch", "-q", "-D", "layout")
    (told,) = refusal(on_branch)
    assert told == (
        "layout: the migration's branch is gone, HEAD is at main – delete .migrate if that is what you want"
    )


def test_what_is_staged_is_not_thrown_away(on_branch: Path) -> None:
    (on_branch / "lib/new.py").write_bytes(b"staged\n")
    git(on_branch, "add", "lib/new.py")
    (on_branch / "lib/new.py").write_bytes(b"and changed again\n")
    says = (
        "lib/new.py (staged, and changed again): staged since the migration – unstage it first (git restore --staged)"
    )
    assert says in refusal(on_branch)
    assert refusal(on_branch, keep_edits=True) == [says]
    git(on_branch, "add", "lib/new.py")
    assert any("staged since the migration" in line for line in refusal(on_branch))
    undo(on_branch, keep_edits=True)
    assert (on_branch / "lib/new.py").read_bytes() == b"and changed again\n"


def test_a_git_repository_whose_git_folder_is_gone_is_told(on_branch: Path) -> None:
    (on_branch / ".git").rename(on_branch.parent / "elsewhere")
    with pytest.raises(
        MigrationError, match=r"migrated with git, and is no git work tree any more – restore \.git first"
    ):
        undo(on_branch)
    (on_branch.parent / "elsewhere").rename(on_branch / ".git")
    undo(on_branch)


def test_git_commands_after_the_migration_do_not_hinder_it(on_branch: Path) -> None:
    git(on_branch, "update-index", "--refresh")
    git(on_branch, "-c", "core.optionalLocks=true", "status")
    git(on_branch, "gc", "-q")
    undo(on_branch)
    assert git(on_branch, "status", "--porcelain", "--branch") == "## main\n"


def test_an_edit_in_a_copy_does_not_concern_the_original(tmp_path: Path) -> None:
    make_tree(tmp_path / "repo", SMALL)
    before = picture(tmp_path / "repo")
    execute(find_repository(tmp_path / "repo"), OPERATIONS, record_of(OPERATIONS), Copy(tmp_path / "copy"))
    (tmp_path / "copy/lib/moved.py").write_bytes(b"edited\n")
    undo(tmp_path / "copy", keep_edits=True)
    assert (tmp_path / "copy/src/moved.py").read_bytes() == b"edited\n"
    assert picture(tmp_path / "repo") == before
