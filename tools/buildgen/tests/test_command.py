"""The command line: --check, --clean, explain, exit statuses, and what happens when things go wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from buildgen.facts import _scan_some, read_workspace
from buildgen.generate import generate
from buildgen.tests.workspaces import Workspace, make

FILES = {
    "lib/__init__.py": "",
    "lib/a.py": "import lib\n",
    "use/u.py": "import lib.a\n\nfrom lib import a\n",
    "tests/test_u.py": 'from unittest.mock import patch\nimport use.u\n@patch("lib.a.x")\ndef test_u(): ...\n',
}


def snapshot(workspace: Workspace) -> dict[str, bytes]:
    return {
        path.relative_to(workspace.root).as_posix(): path.read_bytes()
        for path in sorted(workspace.root.rglob("*"))
        if path.is_file()
    }


def test_check_changes_nothing_shows_the_difference_and_exits_with_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = make(tmp_path, FILES)
    before = snapshot(workspace)
    assert workspace.run("--check") == 1
    assert snapshot(workspace) == before
    assert "+++ lib/BUILD.bazel (as it would be)\n@@ -0,0 +1," in capsys.readouterr().out
    assert workspace.run() == 0
    capsys.readouterr()
    assert workspace.run("--check") == 0
    assert capsys.readouterr().out == ""


def test_clean_takes_out_what_was_written_and_a_run_brings_it_back(tmp_path: Path) -> None:
    workspace = make(tmp_path, FILES)
    fresh = snapshot(workspace)
    assert workspace.run() == 0
    written = snapshot(workspace)
    assert workspace.run("--clean") == 0
    assert snapshot(workspace) == fresh
    assert workspace.run() == 0
    assert snapshot(workspace) == written


def test_clean_leaves_what_was_written_by_hand_and_a_run_brings_the_rest_back(tmp_path: Path) -> None:
    build = """\
    load("//tools/build_defs:python.bzl", "py_library")

    # By hand.
    py_library(
        name = "odd_name",
        srcs = [
            "__init__.py",
            "a.py",
        ],
        tags = ["manual"],
        visibility = ["//visibility:public"],
        deps = [
            "//x",  # keep
        ],
    )

    other_rule(
        name = "other",
    )
    """
    workspace = make(tmp_path, {**FILES, "lib/BUILD.bazel": build})
    assert workspace.run() == 0
    written = snapshot(workspace)
    assert workspace.read("lib/BUILD.bazel") == "\n".join(row[4:] for row in build.split("\n"))
    assert workspace.run("--clean") == 0
    assert "srcs" not in workspace.read("lib/BUILD.bazel")
    assert '# By hand.\npy_library(\n    name = "odd_name",\n    tags = ["manual"],\n' in workspace.read(
        "lib/BUILD.bazel"
    )
    assert workspace.run() == 0
    assert snapshot(workspace) == written


def test_explain_names_the_line_for_every_dependency(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = make(tmp_path, FILES)
    assert workspace.run("explain", "//use") == 0
    assert capsys.readouterr().out == "//lib\n    use/u.py:1: import lib.a\n    use/u.py:3: from lib import a\n"
    assert workspace.run("explain", "//tests:test_u", "//lib") == 0
    assert capsys.readouterr().out == '//lib\n    tests/test_u.py:3: patch "lib.a.x"\n'


def test_every_dependency_of_every_target_has_a_line_that_holds_its_reason(tmp_path: Path) -> None:
    workspace = make(tmp_path, FILES)
    for target in workspace.result().targets:
        for table in (target.deps, target.type_deps, target.data, target.globs):
            for reasons in table.values():
                assert reasons
                for reason in reasons:
                    rows = (workspace.root / reason.path).read_text().splitlines() or [""]
                    assert 1 <= reason.line <= len(rows)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["explain", "//nowhere"], "error: //nowhere: no such target"),
        (["explain", "//lib:gone"], "there are //lib"),
        (["explain", "//lib", "//gone"], "error: //lib has no dependency //gone"),
        (["explain"], "error: explain takes a target"),
        (["--wrong"], "error: there is no option --wrong"),
        (["--check", "--clean"], "exclude each other"),
        (["nowhere"], "error: nowhere: not a folder of the workspace"),
    ],
)
def test_a_wrong_command_is_one_line_and_exit_status_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    workspace = make(tmp_path, FILES)
    assert workspace.run(*arguments) == 2
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1


def test_only_the_folders_that_are_named_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = make(tmp_path, FILES)
    monkeypatch.setenv("BUILD_WORKING_DIRECTORY", str(workspace.root / "lib"))
    monkeypatch.setenv("BUILD_WORKSPACE_DIRECTORY", str(workspace.root))
    from buildgen.cli import main

    assert main(["."]) == 0
    assert set(workspace.builds()) == {"lib", "tools/build_defs"}


def test_what_cannot_be_read_is_reported_with_its_place_and_the_rest_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = make(
        tmp_path, {**FILES, "bad/a.py": "import os\ndef f(:\n", "worse/BUILD.bazel": 'a(\n  "b\n', "worse/c.py": ""}
    )
    (workspace.root / "bytes").mkdir()
    (workspace.root / "bytes" / "x.py").write_bytes(b"# \xff\n")
    (workspace.root / "dangling.py").symlink_to("nowhere")
    before = workspace.read("worse/BUILD.bazel")
    assert workspace.run() == 2
    said = capsys.readouterr().err
    assert "error: bad/a.py:2: syntax error: invalid syntax" in said
    assert "error: worse/BUILD.bazel:2: not a BUILD file: a string is not closed" in said
    assert "error: bytes/x.py:1: not readable as text" in said
    assert workspace.read("worse/BUILD.bazel") == before
    assert {"lib", "use", "tests", "bad", "bytes"} <= set(workspace.builds())
    assert not list(workspace.root.rglob("*.tmp"))


def test_a_file_that_cannot_be_read_is_an_error_with_its_reason(tmp_path: Path) -> None:
    ((_, _, digest, scanned),) = _scan_some(str(tmp_path), [("gone.py", (0, 0))], None)
    assert (digest, scanned[-1]) == ("", [0, "cannot be read: No such file or directory"])


def test_a_folder_that_cannot_be_written_is_reported_and_the_rest_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = make(tmp_path, FILES)
    (workspace.root / "lib" / "BUILD.bazel").mkdir()
    assert workspace.run() == 2
    assert "error: lib/BUILD.bazel: cannot be written: is a folder, not a file" in capsys.readouterr().err
    assert (workspace.root / "use" / "BUILD.bazel").is_file()


def test_a_bad_directive_is_an_error_with_its_line(tmp_path: Path) -> None:
    workspace = make(
        tmp_path, {**FILES, "lib/BUILD.bazel": "# buildgen:wrong x\n# gazelle:python_generation_mode odd\n"}
    )
    assert [problem.partition(" – ")[0] for problem in workspace.problems()] == [
        "error: lib/BUILD.bazel:1: # buildgen:wrong: no such directive",
        "error: lib/BUILD.bazel:2: # gazelle:python_generation_mode odd: not a value that it takes",
    ]


def texts(workspace: Workspace, cache: Path) -> dict[str, str | None]:
    read = read_workspace(str(workspace.root), cache_folder=str(cache))
    found = generate(read).texts
    read.cache.save()
    return found


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"key": 1}', '{"known": {"scan": 3}}', "\0\0\0"])
def test_a_damaged_cache_changes_nothing(tmp_path: Path, damage: str) -> None:
    workspace = make(tmp_path, FILES)
    expected = texts(workspace, tmp_path / "c")
    (stored,) = (tmp_path / "c").glob("*.cache")
    whole = stored.read_bytes()
    assert texts(workspace, tmp_path / "c") == expected
    stored.write_text(damage)
    assert texts(workspace, tmp_path / "c") == expected
    stored.write_bytes(whole[: len(whole) // 2])
    assert texts(workspace, tmp_path / "c") == expected
    stored.write_bytes(whole.replace(b"imports", b"exports"))
    assert texts(workspace, tmp_path / "c") == expected


def test_a_cache_that_cannot_be_written_changes_nothing(tmp_path: Path) -> None:
    workspace = make(tmp_path, FILES)
    (tmp_path / "file").write_text("")
    assert texts(workspace, tmp_path / "file" / "below") == texts(workspace, tmp_path / "c")


def test_what_is_kept_of_workspaces_that_are_gone_goes_after_a_month(tmp_path: Path) -> None:
    old, new = tmp_path / "c" / "0123.cache", tmp_path / "c" / "4567.cache"
    old.parent.mkdir()
    for path in (old, new):
        path.write_text("{}")
    os.utime(old, (0, 0))
    texts(make(tmp_path, FILES), tmp_path / "c")
    assert not old.exists() and new.exists()


def test_a_change_is_seen_even_where_time_and_size_stay_the_same(tmp_path: Path) -> None:
    workspace = make(tmp_path, {"one/a.py": "", "two/b.py": "", "use/u.py": "import one.a\n"})
    texts(workspace, tmp_path / "c")
    path = workspace.root / "use/u.py"
    status = path.stat()
    path.write_text("import two.b\n")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert '"//two"' in str(texts(workspace, tmp_path / "c")["use/BUILD.bazel"])


def test_it_runs_as_a_module_and_keeps_no_byte_code_beside_its_sources(tmp_path: Path) -> None:
    workspace = make(tmp_path, FILES)
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-m", "buildgen", "--verbose"],
        cwd=workspace.root / "lib",
        env=environment,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert "written by hand: //tools/build_defs" in done.stderr and "3 files changed" in done.stderr
    assert "lib" in workspace.builds()


def test_two_processes_read_what_one_reads(tmp_path: Path) -> None:
    files = {f"p{i}/m{i}.py": f"import p{i - 1}.m{i - 1}\n" + "x = 1\n" * 3000 for i in range(1, 20)}
    workspace = make(tmp_path, {**files, "p0/m0.py": ""})
    one = read_workspace(str(workspace.root), cache_folder=str(tmp_path / "a"), processes=1)
    two = read_workspace(str(workspace.root), cache_folder=str(tmp_path / "b"), processes=2)
    assert {path: list(scan) for path, scan in one.scans.items()} == {
        path: list(scan) for path, scan in two.scans.items()
    }
