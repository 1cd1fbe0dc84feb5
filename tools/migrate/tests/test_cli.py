"""The command line: exit codes, one clear line per error, JSON, and that nothing is written where nothing should be."""

import json
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from migrate.cli import app
from migrate.testing import trap_monolith as monolith


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "mono"
    for path, contents in monolith.BEFORE.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(contents)
    (folder / "migration.toml").write_text(monolith.MAPPING)
    return folder


def run(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    return result.exit_code, result.output


def picture(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def git(root: Path, *arguments: str) -> str:
    names = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=main"]
    return subprocess.run(["git", *names, *arguments], cwd=root, check=True, capture_output=True, text=True).stdout


def test_a_plan_says_what_it_would_do_and_writes_nothing(root: Path) -> None:
    before = picture(root)
    code, output = run("plan", root)
    assert code == 0, output
    assert f"{len(monolith.BEFORE) + 1} files" in output
    assert "service-api -> service-training" in output and "allowed by allow_edges" in output
    assert "nothing needs a decision" in output
    assert picture(root) == before


def test_a_plan_that_needs_a_decision_ends_with_3_and_shows_the_line(root: Path) -> None:
    (root / "stray.txt").write_text("")
    code, output = run("plan", root)
    assert code == 3
    assert "| leave = [" in output and '"stray.txt"]' in output


def test_a_plan_as_json_accounts_for_every_file(root: Path) -> None:
    code, output = run("plan", root, "--json")
    assert code == 0
    plan = json.loads(output)
    assert {entry["path"] for entry in plan["files"]} == {*monolith.BEFORE, "migration.toml"}
    assert plan["schema"] == 1
    assert {entry["place"] for entry in plan["broken_before"]} >= {"legacy.py:1", "src/api/jobs.py:4"}
    assert "services/service-api/requirements.in" in plan["created"]


def test_the_diff_of_a_plan_shows_the_edits(root: Path) -> None:
    _, output = run("plan", root, "--diff")
    assert "-from modules.player import Player\n" in output
    assert "+from tracking.modules.player import Player\n" in output


def test_apply_refuses_what_is_undecided_before_it_writes(root: Path) -> None:
    (root / "stray.txt").write_text("")
    before = picture(root)
    code, output = run("apply", root)
    assert code == 3 and "stray.txt" in output
    assert picture(root) == before


def test_apply_makes_a_branch_with_moves_and_edits_in_commits_of_their_own(root: Path) -> None:
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "before")
    code, output = run("apply", root, "--branch", "new-layout")
    assert code == 0, output
    assert git(root, "branch", "--show-current").strip() == "new-layout"
    moves, edits = (git(root, "show", "--stat=200", "--format=%s", commit) for commit in ("HEAD~1", "HEAD"))
    assert moves.startswith("Move ") and " 0 insertions(+), 0 deletions(-)" in moves
    assert "services/service-training/requirements.in" in edits
    assert git(root, "status", "--porcelain") == ""
    log = git(root, "log", "--follow", "--format=%s", "--", "services/service-training/src/training/training.py")
    assert log.splitlines()[-1] == "before"
    assert run("rollback", root)[0] == 0
    assert git(root, "branch", "--format=%(refname:short)").split() == ["main"]


def test_a_dirty_work_tree_is_refused_with_3(root: Path) -> None:
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "before")
    (root / "src/main.py").write_text("changed = True\n")
    before = picture(root)
    for more in ([], ["--no-git"]):
        code, output = run("apply", root, *more)
        assert code == 3 and "src/main.py" in output
    assert picture(root) == before


def test_untracked_files_need_no_rule_move_with_their_folder_and_stay_untracked(root: Path) -> None:
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "before")
    (root / "my notes.txt").write_text("mine")
    (root / "src/common/local.txt").write_text("mine, too")
    before = picture(root / "src") | {"my notes.txt": b"mine"}
    code, output = run("apply", root)
    assert code == 0, output
    assert git(root, "status", "--porcelain").split("\n")[:2] == [
        '?? "my notes.txt"',
        "?? shared_libs/common/local.txt",
    ]
    assert run("rollback", root)[0] == 0
    assert picture(root / "src") | {"my notes.txt": (root / "my notes.txt").read_bytes()} == before


def test_a_copy_is_migrated_and_the_original_stays(root: Path, tmp_path: Path) -> None:
    before = picture(root)
    code, output = run("apply", root, "--copy", tmp_path / "copy")
    assert code == 0, output
    assert picture(root) == before
    assert (tmp_path / "copy/services/service-training/src/training/model.py").is_file()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("leave = [", "not valid TOML"),
        ("leaves = []", "leaves is not known; did you mean leave?"),
        ("version = 2", "this program reads version 1"),
        (
            '[[component]]\nname = "a"\nkind = "servce"\nsources = ["a/**"]',
            "kind = 'servce' must be one of service, shared",
        ),
        ('[[component]]\nname = "a"\nkind = "shared"\ntarget = "../x"\nsources = ["a"]', "must not have empty parts"),
        ('allow_edges = ["a -> b"]', "there is no component a"),
    ],
)
def test_a_mapping_that_cannot_be_meant_is_one_line_and_2(root: Path, text: str, told: str) -> None:
    (root / "migration.toml").write_text(text)
    code, output = run("plan", root)
    assert code == 2 and told in output and "migration.toml" in output
    assert len(output.strip().splitlines()) == 1


def test_what_is_not_there_is_one_line_and_2(root: Path, tmp_path: Path) -> None:
    for arguments in (
        ("plan", tmp_path / "nowhere"),
        ("plan", root, "--mapping", tmp_path / "no.toml"),
        ("rollback", root),
        ("verify", root),
    ):
        code, output = run(*arguments)
        assert code == 2 and len(output.strip().splitlines()) == 1, output


def test_init_writes_a_mapping_that_applies_and_does_not_replace_one(root: Path) -> None:
    (root / "migration.toml").unlink()
    assert run("init", root)[0] == 0
    assert run("plan", root)[0] == 0
    before = (root / "migration.toml").read_bytes()
    assert run("init", root)[0] == 2
    assert (root / "migration.toml").read_bytes() == before
    code, output = run("init", root, "--out", "-")
    assert code == 0 and "[[component]]" in output


def test_the_shipped_mapping_is_read() -> None:
    from migrate.config import SHIPPED, shipped_mapping

    for name in SHIPPED:
        mapping = shipped_mapping(name)
        assert {component.name for component in mapping.components} >= {
            "service-tracking",
            "service-training",
            "common",
        }
