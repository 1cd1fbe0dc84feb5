"""What a typecheck_test says of code that is wrong, and what it does not look at."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECK = Path("tools/build_defs/types_check.py").absolute()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text("[tool.mypy]\nstrict = true\n")
    for path, text in {
        "right/one.py": "A: int = 1\n",
        "wrong/two.py": 'A: int = "1"\n',
        "wrong/untyped.py": "def double(x):\n    return 2 * x\n",
        "lacking/three.py": "import no_such_wheel\n",
    }.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def check(tree: Path, checked: str, excluded: str = "") -> tuple[int, str]:
    """The exit code of the test over folders of the tree, and what it said."""
    about = {"PYPROJECT": str(tree / "pyproject.toml"), "CHECKED": checked, "EXCLUDED": excluded, "LAXAI_LOCK": "tools"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, str(CHECK)]
    done = subprocess.run(command, env=os.environ | about, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_wrong_and_missing_types_are_told_with_their_place_and_the_lock(tree: Path) -> None:
    code, said = check(tree, "right wrong")
    assert code == 1
    assert "under the lock of tools" in said
    assert "wrong/two.py:1: error: Incompatible types in assignment" in said
    assert "wrong/untyped.py:1: error: Function is missing a type annotation" in said


def test_a_module_that_is_not_there_comes_with_the_way_out(tree: Path) -> None:
    code, said = check(tree, "lacking")
    assert code == 1
    assert "missing in this target's `deps`, or in the lock" in said


def test_an_excluded_folder_is_not_looked_at(tree: Path) -> None:
    assert check(tree, ".", "wrong lacking")[0] == 0
