"""The command line, in a real repository; Bazel's answer is a recorded one."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from affected.__main__ import main
from affected.tests.graphs import rule

ANSWER = "\n".join(
    [
        rule("//services/service-a:service-a", "py_binary", ["//services/service-a:code.py"]),
        rule("//services/service-a:image", "oci_image", ["//services/service-a:service-a"]),
        rule("//services/service-a:test_code", "py_test", ["//services/service-a:code.py"]),
        rule("//services/service-a:test_long", "py_test", ["//services/service-a:code.py"], tags=["manual"]),
        rule("//services/service-b:service-b", "py_binary", ["//services/service-b:code.py"]),
        rule("//docs:page", "filegroup", ["//docs:page.md"]),
    ]
)


def git(root: Path, *words: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    subprocess.run(["git", *identity, "-C", str(root), *words], check=True, capture_output=True)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "a workspace"
    for path, text in {
        "MODULE.bazel": "",
        "services/service-a/BUILD.bazel": "",
        "services/service-a/code.py": "",
        "services/service-b/code.py": "",
        "docs/page.md": "",
        "notes.txt": "",
        "bazelw": f'#!/bin/sh\necho "$@" >asked.txt\ncat <<"END"\n{ANSWER}\nEND\n',
        ".gitignore": "asked.txt\n",
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    (root / "bazelw").chmod(0o755)
    git(root.parent, "init", "--quiet", str(root))
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "x")
    monkeypatch.setenv("BUILD_WORKSPACE_DIRECTORY", str(root))
    monkeypatch.setenv("BUILD_WORKING_DIRECTORY", str(root / "docs"))
    return root


def change(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).write_text("changed\n")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "y")


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[list[str], list[str]]:
    assert main(arguments) == 0
    said = capsys.readouterr()
    return said.out.splitlines(), said.err.splitlines()


@pytest.mark.parametrize(
    ("form", "lines"),
    [
        ("targets", ["//services/service-a:image", "//services/service-a:service-a", "//services/service-a:test_code"]),
        ("tests", ["//services/service-a:test_code"]),
        ("images", ["//services/service-a:image"]),
        ("services", ["service-a"]),
    ],
)
def test_a_list_is_of_what_was_asked_for(
    workspace: Path, capsys: pytest.CaptureFixture[str], form: str, lines: Sequence[str]
) -> None:
    change(workspace, "services/service-a/code.py")
    out, err = printed(capsys, "HEAD~1..HEAD", "--format", form)
    assert out == lines
    (summary,) = err
    assert summary.startswith("1 file changed since ")
    assert summary.endswith("4 of 6 targets affected, 2 of them tests")


def test_bazel_is_asked_for_all_targets_and_their_files(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(workspace, "docs/page.md")
    assert printed(capsys, "HEAD~1")[0] == ["//docs:page"]
    asked = (workspace / "asked.txt").read_text()
    assert asked.startswith("query //...:* --output=streamed_jsonproto ")


def test_manual_targets_are_listed_when_asked_for(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(workspace, "services/service-a/code.py")
    out, _ = printed(capsys, "HEAD~1..HEAD", "--format", "tests", "--manual")
    assert out == ["//services/service-a:test_code", "//services/service-a:test_long"]


def test_each_target_is_explained(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(workspace, "services/service-a/code.py")
    out, _ = printed(capsys, "HEAD~1..HEAD", "--format", "images", "--explain")
    assert out == [
        "//services/service-a:image",
        "    services/service-a/code.py was modified",
        "    //services/service-a:service-a <- //services/service-a:code.py",
    ]


def test_json_has_everything(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(workspace, "services/service-a/code.py")
    (workspace / "services" / "service-b" / "code.py").write_text("changed\n")
    out, err = printed(capsys, "HEAD~1..HEAD", "--format", "json")
    document = json.loads("\n".join(out))
    assert document["changes"] == [
        {"path": "services/service-a/code.py", "kind": "modified"},
        {"path": "services/service-b/code.py", "kind": "modified"},
    ]
    assert document["uncommitted"] is True
    assert "some of it not committed" in err[0]
    assert document["everything"] == []
    assert document["services"] == ["service-a", "service-b"]
    assert document["images"] == ["//services/service-a:image"]
    assert document["targets"][0] == {
        "label": "//services/service-a:image",
        "kind": "oci_image",
        "test": False,
        "manual": False,
        "why": [
            "services/service-a/code.py was modified",
            "//services/service-a:code.py",
            "//services/service-a:service-a",
        ],
    }
    assert len(document["base"]) == len(document["head"]) == 40


def test_everything_is_said_with_its_reason(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(workspace, "MODULE.bazel")
    (workspace / "MODULE.bazel").write_text("# nothing\n")
    out, err = printed(capsys, "HEAD~1..HEAD", "--explain", "--format", "services")
    reason = "MODULE.bazel was modified: it says which modules and wheels there are"
    assert out == ["service-a", f"    {reason}", "service-b", f"    {reason}"]
    assert err[1:] == [f"everything counts: {reason}"]


def test_nothing_affected_is_an_empty_list(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(workspace, "notes.txt")
    out, err = printed(capsys, "HEAD~1..HEAD")
    assert out == []
    assert err[0].endswith("0 of 6 targets affected, 0 of them tests")


def test_without_changes_bazel_is_not_asked(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = printed(capsys)
    assert out == []
    assert err[0].startswith("nothing changed since ")
    assert not (workspace / "asked.txt").exists()


def test_the_list_is_written_where_the_user_stands(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(workspace, "docs/page.md")
    out, _ = printed(capsys, "HEAD~1..HEAD", "--output", "list.txt")
    assert out == []
    assert (workspace / "docs" / "list.txt").read_text() == "//docs:page\n"


def test_another_command_can_start_bazel(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(workspace, "docs/page.md")
    script = f"print({rule('//docs:one', 'py_test', ['//docs:page.md'])!r})"
    bazel = shlex.join([sys.executable, "-c", script])
    assert printed(capsys, "HEAD~1..HEAD", "--bazel", bazel)[0] == ["//docs:one"]


@pytest.mark.parametrize(
    ("bazel", "cause"),
    [
        ("false", "Bazel's query ended with 1"),
        ("echo", "its query printed something unexpected"),
        ("/none/bazel", "cannot be started"),
    ],
)
def test_a_bazel_that_fails_is_one_line(
    workspace: Path, capsys: pytest.CaptureFixture[str], bazel: str, cause: str
) -> None:
    change(workspace, "docs/page.md")
    assert main(["HEAD~1..HEAD", "--bazel", bazel]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert line.startswith("error: ")
    assert cause in line


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [(["none..HEAD"], "there is no commit none"), (["--format", "xml"], "'xml'"), (["HEAD", "x"], "x")],
)
def test_what_is_mistyped_is_one_line_and_2(
    workspace: Path, capsys: pytest.CaptureFixture[str], arguments: Sequence[str], cause: str
) -> None:
    assert main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert cause in line


def test_a_module_file_that_cannot_be_read_is_one_line(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (workspace / "MODULE.bazel").write_text("module(\n")
    assert main([]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {os.path.join(str(workspace), 'MODULE.bazel')}:1: '(' is not closed")
