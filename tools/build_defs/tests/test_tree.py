"""@tree: every file of the workspace, but what .gitignore names, can be an input of a test."""

import os
from pathlib import Path

FILES = Path(os.environ["FILES"])
PATHS = FILES.read_text(encoding="utf-8").splitlines()


def test_files_of_every_kind_and_place_are_named() -> None:
    assert sorted(set(PATHS)) == PATHS
    expected = {".bazelignore", ".ci/run", "MODULE.bazel", "README.md", "tools/build_defs/tests/BUILD.bazel"}
    assert expected <= set(PATHS)


def test_what_git_ignores_is_not() -> None:
    folders = {folder for path in PATHS for folder in path.split("/")[:-1]}
    assert not folders & {".git", ".venv", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis"}
    assert not any(folder.startswith("bazel-") for folder in folders)
    assert not any(path.endswith(".pyc") for path in PATHS)


def test_every_python_file_is_an_input_also_where_other_packages_and_modules_begin() -> None:
    python = [path for path in PATHS if path.endswith((".py", ".pyi"))]
    assert any(path.startswith("tools/airgap/modules/") for path in python)
    assert [path for path in python if not (FILES.parent / path).is_file()] == []


def test_what_bazel_would_read_is_linked_under_another_name() -> None:
    assert (FILES.parent / "tools/build_defs/tests/BUILD.bazel.txt").is_file()
    assert not (FILES.parent / "tools/build_defs/tests/BUILD.bazel").exists()
