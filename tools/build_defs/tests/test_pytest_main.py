"""What a pytest_test does as a Bazel test: each case runs pytest_main.py on a test file of its own."""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

MAIN = Path(__file__).absolute().parents[1] / "pytest_main.py"

THREE_TESTS = """
import pytest

def test_one(): pass

class TestGroup:
    @pytest.mark.parametrize("n", [1, 2])
    def test_two(self, n): pass
"""


def run(
    folder: Path, code: str, *arguments: str, cwd: Path | None = None, **environment: str
) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Runs a test file; returns the process and the names of the test cases in its report."""
    test_file, report = folder / "test_it.py", folder / "report.xml"
    test_file.write_text(code, encoding="utf-8")
    bazels_own = ("TEST_", "TESTBRIDGE_", "XML_OUTPUT_FILE")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(bazels_own)}
    process = subprocess.run(
        [sys.executable, str(MAIN), str(test_file), *arguments],
        env={**inherited, "PYTHONPATH": os.pathsep.join(sys.path), "XML_OUTPUT_FILE": str(report), **environment},
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    cases = [case.attrib["name"] for case in ElementTree.parse(report).iter("testcase")] if report.exists() else []
    return process, cases


def test_the_report_has_one_case_per_test(tmp_path: Path) -> None:
    process, cases = run(tmp_path, THREE_TESTS)
    assert (process.returncode, cases) == (0, ["test_one", "test_two[1]", "test_two[2]"])


def test_a_failing_test_fails(tmp_path: Path) -> None:
    process, cases = run(tmp_path, "def test_one(): assert 1 == 2")
    assert (process.returncode, cases) == (1, ["test_one"])
    assert "assert 1 == 2" in process.stdout


@pytest.mark.parametrize("code", ["", "def helper(): pass", "class Testing: pass"])
def test_a_file_without_tests_fails_and_says_so(tmp_path: Path, code: str) -> None:
    process, _ = run(tmp_path, code)
    assert process.returncode == 1
    assert "pytest collects no test from" in process.stderr


@pytest.mark.parametrize("code", ["def test_one(:", "import no_such_module\ndef test_one(): pass"])
def test_a_file_that_cannot_be_imported_fails(tmp_path: Path, code: str) -> None:
    process, _ = run(tmp_path, code)
    assert process.returncode not in (0, 5)


def test_a_filter_is_an_expression_of_pytest(tmp_path: Path) -> None:
    process, cases = run(tmp_path, THREE_TESTS, TESTBRIDGE_TEST_ONLY="two and not 1")
    assert (process.returncode, cases) == (0, ["test_two[2]"])


def test_a_filter_can_be_a_node_id(tmp_path: Path) -> None:
    process, cases = run(tmp_path, THREE_TESTS, TESTBRIDGE_TEST_ONLY="test_it.py::TestGroup::test_two")
    assert (process.returncode, cases) == (0, ["test_two[1]", "test_two[2]"])


def test_a_node_id_may_hold_commas(tmp_path: Path) -> None:
    code = "import pytest\n@pytest.mark.parametrize('x', ['a,b', 'c'])\ndef test_one(x): assert x == 'c'"
    process, cases = run(tmp_path, code, TESTBRIDGE_TEST_ONLY="test_it.py::test_one[a,b]")
    assert (process.returncode, cases) == (1, ["test_one[a,b]"])


def test_a_filter_of_both_kinds_is_refused(tmp_path: Path) -> None:
    process, _ = run(tmp_path, THREE_TESTS, TESTBRIDGE_TEST_ONLY="test_one,test_it.py::TestGroup")
    assert process.returncode not in (0, 1)
    assert "give node ids" in process.stdout + process.stderr


def test_a_conftest_above_the_build_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("raise SystemExit('stray')", encoding="utf-8")
    build = tmp_path / "build"
    build.mkdir()
    process, cases = run(build, "def test_one(): pass", cwd=build)
    assert (process.returncode, cases) == (0, ["test_one"])


@pytest.mark.parametrize("selection", ["nothing_like_it", "test_it.py::test_three"])
def test_a_filter_that_leaves_nothing_passes(tmp_path: Path, selection: str) -> None:
    process, cases = run(tmp_path, THREE_TESTS, TESTBRIDGE_TEST_ONLY=selection)
    assert (process.returncode, cases) == (0, [])


def test_a_filter_does_not_hide_a_file_without_tests(tmp_path: Path) -> None:
    process, _ = run(tmp_path, "", TESTBRIDGE_TEST_ONLY="anything")
    assert process.returncode == 1


def test_shards_run_every_test_once(tmp_path: Path) -> None:
    found = []
    for index in range(2):
        status = tmp_path / f"status{index}"
        process, cases = run(
            tmp_path,
            THREE_TESTS,
            TEST_TOTAL_SHARDS="2",
            TEST_SHARD_INDEX=str(index),
            TEST_SHARD_STATUS_FILE=str(status),
        )
        assert process.returncode == 0
        assert status.exists(), "Bazel is not told that the test knows shards"
        found += cases
    assert sorted(found) == ["test_one", "test_two[1]", "test_two[2]"]


def test_fail_fast_stops_at_the_first_failure(tmp_path: Path) -> None:
    code = "def test_one(): assert False\ndef test_two(): assert False"
    _, cases = run(tmp_path, code, TESTBRIDGE_TEST_RUNNER_FAIL_FAST="1")
    assert cases == ["test_one"]


def test_an_unexpected_pass_fails(tmp_path: Path) -> None:
    code = "import pytest\n@pytest.mark.xfail\ndef test_one(): pass"
    assert run(tmp_path, code)[0].returncode == 1
