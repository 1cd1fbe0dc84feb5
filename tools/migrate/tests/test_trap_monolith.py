"""The small monolith that holds every trap: what the plan says, what apply makes of it, and that its tests agree."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from migrate.cli import app
from migrate.completing import complete
from migrate.config import parse_mapping
from migrate.model import Certainty, Fate
from migrate.planning import Plan, make_plan
from migrate.testing import trap_monolith as monolith


def write(root: Path, files: dict[str, bytes]) -> None:
    for path, contents in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(contents)


def tree(root: Path) -> dict[str, tuple[bytes, int]]:
    """Every file below a folder, with its mode; what git and the migration keep for themselves is left out."""
    return {
        str(path.relative_to(root)): (path.read_bytes(), path.stat().st_mode)
        for path in sorted(root.rglob("*"))
        if path.is_file()
        and path.relative_to(root).parts[0] not in (".git", ".migrate")
        and "__pycache__" not in path.parts
    }


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "mono"
    write(folder, monolith.BEFORE)
    (folder / "deploy.sh").chmod(0o755)
    return folder


@pytest.fixture
def plan(root: Path) -> Plan:
    return make_plan(root, parse_mapping(monolith.MAPPING, "migration.toml"))


@pytest.fixture
def migrated(root: Path, tmp_path: Path) -> Path:
    mapping = tmp_path / "migration.toml"
    mapping.write_text(monolith.MAPPING)
    result = CliRunner().invoke(app, ["apply", str(root), "--mapping", str(mapping)])
    assert result.exit_code == 0, result.output
    return root


def outcomes(root: Path, *arguments: str) -> dict[str, str]:
    """pytest's outcome by test, called by its file's name and its own."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("PYTEST_ADDOPTS", None)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rA", "-q", "--tb=line", *arguments]
    result = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    found = {}
    for line in result.stdout.splitlines():
        outcome, _, rest = line.partition(" ")
        if outcome in ("PASSED", "FAILED", "ERROR") and "::" in rest:
            path, _, test = rest.split(" ")[0].partition("::")
            found[f"{path.rpartition('/')[2]}::{test}"] = outcome
    assert found, result.stdout + result.stderr
    return found


def test_every_file_is_accounted_for(plan: Plan) -> None:
    assert set(plan.files) == set(monolith.BEFORE)
    assert not [path for path, entry in plan.files.items() if entry.fate is Fate.UNMAPPED]
    assert plan.files["notes.tmp"].fate is Fate.DROPPED
    assert plan.files["legacy.py"].fate is Fate.LEFT
    assert not plan.decisions


def test_the_plan_is_the_golden_one(plan: Plan) -> None:
    assert plan.operations.writes == monolith.AFTER
    assert {path: contents for path, (contents, _) in plan.operations.creates.items()} == monolith.COPIES
    moved_only = {old: new for old, new in plan.operations.moves.items() if new not in plan.operations.writes}
    assert moved_only == monolith.MOVES


def test_modules_that_two_names_mean_are_told(plan: Plan) -> None:
    assert plan.two_names["src/common/storage.py"] == ("common.storage", "src.common.storage")
    assert plan.two_names["src/track/pipeline.py"] == ("src.track.pipeline", "track.pipeline")


def test_what_was_broken_before_is_told_with_its_place(plan: Plan) -> None:
    told = {f"{place}: {what}" for place, what in plan.broken}
    for beginning in (
        "legacy.py:1: not valid Python 3",
        "src/api/jobs.py:4: imports common.fast_storage",
        "src/train/__init__.py:4: __all__ names 'TrainingTrainer'",
        "pyproject.toml:7: an entry point names scripts.serve",
        "main.py old:1: imports tools.store_driver",
    ):
        assert any(line.startswith(beginning) for line in told), beginning


def test_names_that_are_stored_elsewhere_are_reported_and_kept(plan: Plan) -> None:
    stored = {str(mention.place): mention.text for mention in plan.mentions if mention.certainty is Certainty.STORED}
    assert stored == {"src/common/storage.py:11": "common.storage", "src/config/settings.py:2": "train.model"}
    assert b'"train.model"' in plan.operations.writes["shared_libs/config/settings.py"]


def test_a_path_of_somebodys_machine_is_asked_about(plan: Plan) -> None:
    asked = {str(mention.place) for mention in plan.mentions if mention.certainty is Certainty.ASK}
    assert "tests/test_all.py:18" in asked


def test_edges_that_no_layout_keeps_need_a_decision(root: Path) -> None:
    text = monolith.MAPPING.replace('allow_edges = ["service-api -> service-training"]\n', "")
    plan = make_plan(root, parse_mapping(text, "migration.toml"))
    (decision,) = plan.decisions
    assert decision.what.startswith("service-api -> service-training")
    assert [str(place) for place in decision.places] == ["src/api/jobs.py:10"]
    assert decision.toml[0] == 'allow_edges = ["service-api -> service-training"]'
    decided = make_plan(root, parse_mapping(text.replace("drop = ", decision.toml[0] + "\ndrop = "), "migration.toml"))
    assert not decided.decisions


def test_a_flat_move_that_hides_or_collides_needs_a_decision(root: Path) -> None:
    text = monolith.MAPPING.replace('package = "tracking"', 'style = "flat"').replace(
        ', { glob = "modules/**", under = "modules" }', ', "modules/**"'
    )
    write(root, {"src/track/player.py": b"Player = 2\n", "utils/__init__.py": b"", "src/track/json.py": b""})
    text = text.replace('"legacy.py",', '"legacy.py", "utils/**",')
    whats = [decision.what for decision in make_plan(root, parse_mapping(text, "migration.toml")).decisions]
    assert any("would all become services/service-tracking/src/player.py" in what for what in whats)
    assert any("would be module utils and hide utils/__init__.py at the root" in what for what in whats)
    assert any("would be module json and hide the standard library's json" in what for what in whats)


def test_the_tests_have_the_same_outcomes_afterwards(root: Path, tmp_path: Path) -> None:
    before = outcomes(root)
    mapping = tmp_path / "migration.toml"
    mapping.write_text(monolith.MAPPING)
    assert CliRunner().invoke(app, ["apply", str(root), "--mapping", str(mapping)]).exit_code == 0
    after = outcomes(root, "tests", "shared_libs")
    for service in ("service-tracking", "service-training"):
        after |= outcomes(root, f"services/{service}")
    assert after == before
    assert set(before.values()) == {"PASSED"} or "ERROR" not in before.values()


def test_a_second_apply_changes_nothing(migrated: Path, tmp_path: Path) -> None:
    once = tree(migrated)
    result = CliRunner().invoke(app, ["apply", str(migrated), "--mapping", str(tmp_path / "migration.toml")])
    assert result.exit_code == 0, result.output
    assert tree(migrated) == once
    plan = make_plan(migrated, parse_mapping(monolith.MAPPING, "migration.toml"))
    complete(plan)
    assert not plan.changes_anything


def test_rollback_gives_every_byte_back(root: Path, tmp_path: Path) -> None:
    before = tree(root)
    mapping = tmp_path / "migration.toml"
    mapping.write_text(monolith.MAPPING)
    assert CliRunner().invoke(app, ["apply", str(root), "--mapping", str(mapping)]).exit_code == 0
    assert tree(root) != before
    assert CliRunner().invoke(app, ["rollback", str(root)]).exit_code == 0
    assert tree(root) == before
    assert not (root / ".migrate").exists()


def test_a_program_still_runs_from_where_it_stands(migrated: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | {"HOME": "/home/coach"}
    program = migrated / "shared_libs/utils/cleanup.py"
    result = subprocess.run([sys.executable, program], env=environment, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "/home/coach"


def test_in_a_bazel_workspace_the_build_files_come_along_and_go_with_the_rollback(root: Path, tmp_path: Path) -> None:
    (root / "MODULE.bazel").write_text("")
    before = tree(root)
    mapping = tmp_path / "migration.toml"
    mapping.write_text(monolith.MAPPING.replace('"deploy.sh"]', '"deploy.sh", "MODULE.bazel"]'))
    result = CliRunner().invoke(app, ["apply", str(root), "--mapping", str(mapping)])
    assert result.exit_code == 0, result.output
    written = (root / "services/service-training/src/training/BUILD.bazel").read_text()
    assert '"//shared_libs/common",' in written
    assert CliRunner().invoke(app, ["rollback", str(root)]).exit_code == 0
    assert tree(root) == before
