"""The command line, over a small workspace."""

import subprocess
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from lint.__main__ import main

UNFORMATTED = "import os\nx = {'a':1}\n"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for path, text in {
        "MODULE.bazel": "",
        ".gitignore": "ignored.*\n",
        "README.md": "[a](a.py)\n",
        "a.py": "A = 1\n",
        "ignored.py": UNFORMATTED,
        "ignored.md": "[x](nowhere)\n",
        "run": "#!/usr/bin/env bash\necho\n",
    }.items():
        (tmp_path / path).write_text(text)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    # As `bazel run` does.
    monkeypatch.setenv("BUILD_WORKSPACE_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("BUILD_WORKING_DIRECTORY", str(tmp_path))
    return tmp_path


def lint(*words: str) -> Result:
    app = typer.Typer()
    app.command()(main)
    return CliRunner().invoke(app, words)


def test_a_clean_workspace_is_clean_whatever_git_ignores(workspace: Path) -> None:
    result = lint()
    assert (result.exit_code, result.stderr) == (0, "5 files: nothing to mend\n")


def test_without_fix_nothing_is_changed(workspace: Path) -> None:
    (workspace / "a.py").write_text(UNFORMATTED)
    assert lint().exit_code == 1
    assert (workspace / "a.py").read_text() == UNFORMATTED


def test_fix_formats_and_mends(workspace: Path) -> None:
    (workspace / "a.py").write_text(UNFORMATTED)
    assert lint("--fix", "a.py").exit_code == 0
    assert (workspace / "a.py").read_text() == 'x = {"a": 1}\n'


def test_only_what_was_named_is_looked_at(workspace: Path) -> None:
    (workspace / "part").mkdir()
    (workspace / "part" / "b.md").write_text("[x](nowhere.md)\n")
    assert lint("a.py", "run").exit_code == 0
    result = lint("part")
    assert result.exit_code == 1
    assert "part/b.md:1: nowhere.md is not there\n" in result.stderr


def test_a_broken_script_is_told(workspace: Path) -> None:
    (workspace / "run").write_text("#!/usr/bin/env bash\nif\n")
    result = lint()
    assert result.exit_code == 1
    assert "run: line 3: syntax error" in result.stderr


def test_a_file_that_is_not_there_is_an_error_in_one_line(workspace: Path) -> None:
    result = lint("none.py")
    assert (result.exit_code, result.stderr) == (2, "error: none.py: is not there\n")


def test_outside_of_git_it_says_what_it_asks_git_for(workspace: Path) -> None:
    (workspace / ".git").rename(workspace / "not.git")
    result = lint()
    assert result.exit_code == 2
    assert "lint asks git which files there are" in result.stderr
