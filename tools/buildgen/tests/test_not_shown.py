"""What imports do not show, in BUILD files: strings, data, fixtures, and the marks that go when their reason goes."""

from __future__ import annotations

from pathlib import Path

from buildgen.tests.workspaces import make, rule


def test_a_module_named_in_a_string_is_a_marked_dependency_that_goes_with_its_reason(tmp_path: Path) -> None:
    files = {
        "lib/a.py": "",
        "tests/test_a.py": 'from unittest.mock import patch\n\n@patch("lib.a.open")\ndef test_a(o): ...\n',
    }
    workspace = make(tmp_path, files)
    assert workspace.run() == 0
    assert '        "//lib",  # keep: buildgen test_a.py:3\n' in workspace.builds()["tests"]
    workspace.write({"tests/test_a.py": "import lib.a\n\ndef test_a(): ...\n"})
    assert workspace.run() == 0
    assert 'deps = ["//lib"]' in workspace.builds()["tests"]
    workspace.write({"tests/test_a.py": "def test_a(): ...\n"})
    assert workspace.run() == 0
    assert "deps" not in workspace.builds()["tests"]


def test_a_dependency_kept_by_hand_never_goes(tmp_path: Path) -> None:
    build = 'py_library(\n    name = "lib",\n    srcs = ["a.py"],\n    deps = [\n        "//x",  # keep\n    ],\n)\n'
    workspace = make(tmp_path, {"lib/BUILD.bazel": build, "lib/a.py": ""})
    assert workspace.run() == 0
    assert '"//x",  # keep\n' in workspace.builds()["lib"]


def test_files_named_in_the_code_are_data_and_go_with_their_reason(tmp_path: Path) -> None:
    code = """\
    from importlib import resources
    from pathlib import Path
    A = Path(__file__).parent / "a.yaml"
    B = resources.files("lib") / "inner" / "b.txt"
    C = open("c.csv")
    D = Path(__file__).parent / "templates"
    E = Path(__file__).parent / "not_there.txt"
    """
    files = {
        "lib/__init__.py": code,
        "lib/a.yaml": "",
        "lib/inner/b.txt": "",
        "lib/c.csv": "",
        "lib/templates/x/y.html": "",
        "lib/BUILD.bazel": 'py_library(\n    name = "lib",\n    srcs = ["__init__.py"],\n    data = ["mine.txt"],\n)\n',
    }
    workspace = make(tmp_path, files)
    assert workspace.run() == 0
    assert (
        "    data = [\n"
        '        "a.yaml",  # keep: buildgen __init__.py:3\n'
        '        "c.csv",  # keep: buildgen __init__.py:5\n'
        '        "inner/b.txt",  # keep: buildgen __init__.py:4\n'
        '        "mine.txt",\n'
        '    ] + glob(["templates/**"]),\n'
    ) in workspace.builds()["lib"]
    assert workspace.run("--check") == 0
    workspace.write({"lib/__init__.py": ""})
    assert workspace.run() == 0
    assert '    data = ["mine.txt"],\n' in workspace.builds()["lib"]


def test_a_file_of_another_package_is_data_where_it_is_exported_and_a_warning_elsewhere(tmp_path: Path) -> None:
    files = {
        "config/BUILD.bazel": '# buildgen:handwritten\nexports_files(["a.yaml"])\n',
        "config/a.yaml": "",
        "config/b.yaml": "",
        "lib/x.py": 'from pathlib import Path\nA = Path(__file__).parents[1] / "config" / "a.yaml"\n'
        'B = Path(__file__).parents[1] / "config/b.yaml"\n',
    }
    workspace = make(tmp_path, files)
    assert workspace.run() == 0
    assert '"//config:a.yaml",  # keep: buildgen x.py:2' in workspace.builds()["lib"]
    (problem,) = workspace.problems()
    assert problem.startswith("warning: lib/x.py:3: config/b.yaml is in another package") and "exports_files" in problem


def test_files_outside_the_workspace_are_nobodys_data(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("")
    code = 'from pathlib import Path\nA = Path(__file__).parent / "../../secret"\n'
    workspace = make(tmp_path, {"lib/x.py": code})
    assert workspace.run() == 0
    assert "data" not in workspace.builds()["lib"]


def test_fixtures_bring_their_plugin_unless_they_are_the_tests_own(tmp_path: Path) -> None:
    files = {
        "requirements/tools.txt": "pytest-mock==3.0\npytest-benchmark==5.0\n",
        "tests/conftest.py": "import pytest\n@pytest.fixture\ndef benchmark(): ...\n",
        "tests/test_a.py": "def test_a(mocker, benchmark): ...\n",
        "requirements/import_names.json": "{}",
    }
    workspace = make(
        tmp_path, {**files, "tests/conftest.py": files["tests/conftest.py"].replace("import pytest\n", "")}
    )
    workspace.run()
    test = rule(workspace.builds()["tests"], "test_a")
    assert '"@pypi//pytest_mock",  # keep: buildgen test_a.py:1' in test
    assert "pytest_benchmark" not in test


def test_a_fixture_can_be_named_by_directive(tmp_path: Path) -> None:
    files = {
        "requirements/tools.txt": "our-plugin==3.0\n",
        "tests/BUILD.bazel": "# buildgen:fixture mocker our-plugin\n",
        "tests/test_a.py": "def test_a(mocker): ...\n",
    }
    workspace = make(tmp_path, files)
    assert workspace.run() == 0
    assert '"@pypi//our_plugin",  # keep: buildgen test_a.py:1' in workspace.builds()["tests"]


def test_a_module_that_a_command_starts_is_a_dependency(tmp_path: Path) -> None:
    files = {
        "tools/lib/__init__.py": "",
        "tools/lib/__main__.py": "",
        "tools/lib/tests/test_a.py": 'import subprocess, sys\n\ndef test_a(): run([sys.executable, "-m", "lib"])\n',
    }
    workspace = make(tmp_path, files)
    assert workspace.run() == 0
    assert '"//tools/lib:lib_bin",  # keep: buildgen test_a.py:3' in workspace.builds()["tools/lib/tests"]


def test_a_name_in_import_module_that_is_nowhere_is_a_warning(tmp_path: Path) -> None:
    workspace = make(tmp_path, {"lib/a.py": 'import importlib\nimportlib.import_module("nowhere.x")\n'})
    assert workspace.run() == 0
    assert workspace.problems()[0].startswith('warning: lib/a.py:2: import_module("nowhere.x"): nothing here')
