"""ruff finds nothing in any Python file, as pyproject.toml configures it."""

import os
import subprocess
from pathlib import Path

import pytest

from lint.ruff_program import ruff_program

# Links to the workspace's files: to pyproject.toml, and to all Python files.
ROOT = Path(os.environ["PYPROJECT"]).absolute().parent


@pytest.mark.parametrize("command", ["check --output-format=concise", "format --diff"])
def test_every_python_file_is_as_it_should_be(command: str) -> None:
    # By name: ruff looks for files by itself, but not for links.
    files = sorted(str(path.relative_to(ROOT)) for pattern in ("*.py", "*.pyi") for path in ROOT.rglob(pattern))
    assert "tools/lint/test_ruff.py" in files
    settings = ["--config", "pyproject.toml", "--no-cache", "--quiet"]
    done = subprocess.run(
        [ruff_program(), *command.split(), *settings, *files], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"to mend it: bazel run //tools/lint -- --fix\n{done.stdout}{done.stderr}"
