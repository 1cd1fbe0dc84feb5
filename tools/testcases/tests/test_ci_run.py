"""Runs .ci/run in a workspace whose bazelw is a stand-in that does as told."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from testcases.tests.recorded import Recording, failed, passed

ROOT = Path(__file__).parents[3]

README = """\
# A workspace

Not a command: ./bazelw test //... --of-the-prose

```sh
./bazelw run //:demo    # a film and a report
./bazelw test //...
./bazelw test //services/...
```
"""

BAZELW = """\
#!/usr/bin/env bash
printf '%s\\n' "$*" >>calls
case $* in
    --version) exit "${VERSION_STATUS-0}" ;;
    test*)
        for word; do
            case $word in --build_event_json_file=*) [ -z "$EVENTS" ] || cp "$EVENTS" "${word#*=}" ;; esac
        done
        echo "the tests run"
        exit "${TEST_STATUS-0}" ;;
    *//tools/testcases*)
        echo "INFO: noise" >&2
        while [ "$1" != -- ]; do shift; done
        shift
        exec "$PYTHON" -m testcases "$@" ;;
    *//tools/buildgen*) exit "${BUILDGEN_STATUS-0}" ;;
    *//tools/affected*) exit "${AFFECTED_STATUS-0}" ;;
    *//:demo*) echo "the demo runs"; exit "${DEMO_STATUS-0}" ;;
esac
"""


@dataclass(frozen=True, slots=True)
class Workspace:
    folder: Path

    def run(self, **settings: object) -> tuple[int, list[str]]:
        """Runs .ci/run; its exit code and the lines of output and errors together, as a log has them."""
        environment = {"PATH": os.environ["PATH"], "EVENTS": "", "PYTHON": sys.executable, "CI": "true"}
        environment |= {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "TMPDIR": str(self.folder / "tmp")}
        done = subprocess.run(
            ["bash", ".ci/run"],
            cwd=self.folder,
            env=environment | {name: str(value) for name, value in settings.items()},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout.splitlines()

    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text().splitlines()

    def recording(self) -> Recording:
        return Recording(self.folder / "reports")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    for name in (".ci", "tmp", "reports"):
        (tmp_path / name).mkdir()
    shutil.copyfile(ROOT / ".ci" / "run", tmp_path / ".ci" / "run")
    (tmp_path / ".ci" / "allowed_skips.txt").write_text("# none\n")
    (tmp_path / "README.md").write_text(README)
    (tmp_path / "bazelw").write_text(BAZELW)
    (tmp_path / "bazelw").chmod(0o755)
    return Workspace(tmp_path)


def test_a_good_run_ends_with_the_count(workspace: Workspace) -> None:
    recording = workspace.recording()
    recording.test("//a:b", passed("x"), passed("y"))

    status, lines = workspace.run(EVENTS=recording.write())

    assert status == 0
    assert lines[-1] == "2 passed, 0 failed"


def test_the_commands_are_those_of_the_readme(workspace: Workspace) -> None:
    recording = workspace.recording()
    recording.test("//a:b", passed())
    workspace.run(EVENTS=recording.write())

    version, test, generated, affected, demo, count = workspace.calls()

    assert version == "--version"
    assert test.startswith("test --config=ci --build_event_json_file=") and test.endswith(
        "/events.json //... //:tests_that_build"
    )
    assert generated.startswith("run ") and generated.endswith("//tools/buildgen -- --check")
    assert affected.startswith("run ") and affected.endswith("//tools/affected -- HEAD")
    assert demo.startswith("run --config=ci //:demo -- --out ") and demo.endswith(" --no-serve")
    assert "//tools/testcases" in count


def test_failed_tests_end_it_with_bazels_exit_code(workspace: Workspace) -> None:
    recording = workspace.recording()
    recording.test("//a:b", passed("x"), failed("y"), status="FAILED")

    status, lines = workspace.run(EVENTS=recording.write(3, "TESTS_FAILED"), TEST_STATUS=3)

    assert (status, lines[-1]) == (3, "1 passed, 1 failed")


def test_a_failed_demo_is_a_failed_case(workspace: Workspace) -> None:
    recording = workspace.recording()
    recording.test("//a:b", passed())

    status, lines = workspace.run(EVENTS=recording.write(), DEMO_STATUS=7)

    assert (status, lines[-1]) == (1, "1 passed, 1 failed")
    assert "  the run::./bazelw run //:demo: the command failed" in lines


def test_build_files_that_are_out_of_date_are_a_failed_case(workspace: Workspace) -> None:
    recording = workspace.recording()
    recording.test("//a:b", passed())

    status, lines = workspace.run(EVENTS=recording.write(), BUILDGEN_STATUS=1)

    assert (status, lines[-1]) == (1, "1 passed, 1 failed")
    assert "  the run::buildgen --check: the command failed" in lines


def test_that_nobody_can_say_what_changed_is_a_failed_case(workspace: Workspace) -> None:
    recording = workspace.recording()
    recording.test("//a:b", passed())

    status, lines = workspace.run(EVENTS=recording.write(), AFFECTED_STATUS=2)

    assert (status, lines[-1]) == (1, "1 passed, 1 failed")
    assert "  the run::affected HEAD: the command failed" in lines


def test_a_failed_build_is_not_taken_for_success(workspace: Workspace) -> None:
    status, lines = workspace.run(EVENTS=workspace.recording().write(1, "BUILD_FAILURE"), TEST_STATUS=1)

    assert (status, lines[-1]) == (1, "0 passed, 1 failed")


def test_a_run_without_an_event_stream_fails(workspace: Workspace) -> None:
    status, lines = workspace.run(TEST_STATUS=0)

    assert status == 2
    assert lines[-1].startswith("error: ") and lines[-1].endswith("cannot be read: No such file or directory")


def test_without_a_bazel_it_says_so_and_runs_nothing(workspace: Workspace) -> None:
    status, lines = workspace.run(VERSION_STATUS=36)

    assert status == 36
    assert lines[-1] == ".ci/run: error: there is no Bazel here: see above"
    assert workspace.calls() == ["--version"]


def test_it_leaves_no_temporary_files(workspace: Workspace) -> None:
    recording = workspace.recording()
    recording.test("//a:b", passed())
    workspace.run(EVENTS=recording.write())

    assert list((workspace.folder / "tmp").iterdir()) == []


@pytest.mark.parametrize(
    ("readme", "complaint"),
    [
        ("```\n./bazelw run //:demo\n```\n", "begins with './bazelw test //...', and has 0"),
        (README + "```\n./bazelw test //...\n```\n", "and has 2"),
        (README.replace("//:demo", "//:demo; rm x"), "and has 0"),
        (README.replace("//:demo ", "//:demo -- $HOME"), "only plain words can be run"),
    ],
)
def test_a_readme_without_exactly_one_such_command_is_refused(
    workspace: Workspace, readme: str, complaint: str
) -> None:
    (workspace.folder / "README.md").write_text(readme)

    status, lines = workspace.run()

    assert status == 1
    assert complaint in lines[-1]
    assert not (workspace.folder / "calls").exists()


def test_the_readme_of_this_workspace_has_the_commands(workspace: Workspace) -> None:
    shutil.copyfile(ROOT / "README.md", workspace.folder / "README.md")
    recording = workspace.recording()
    recording.test("//a:b", passed())

    assert workspace.run(EVENTS=recording.write())[0] == 0
