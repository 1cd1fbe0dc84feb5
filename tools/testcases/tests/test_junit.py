from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testcases.junit import Case, Outcome, UnreadableReport, path_of_uri, read_report
from testcases.tests.recorded import Recording, error, failed, passed, skipped

names = st.text("az09 .%#?&+;:@[]~'\"\\\n\té漢", min_size=1, max_size=30)


def read(tmp_path: Path, *cases: str) -> list[Case]:
    return read_report(Recording(tmp_path).report(*cases), "//a:b")


def test_each_outcome_is_told_with_its_reason(tmp_path: Path) -> None:
    cases = read(tmp_path, passed("p"), failed("f", "boom\nmore"), error("e"), skipped("s", "no CUDA device"))

    assert cases == [
        Case("//a:b", "test_file.p", Outcome.PASSED),
        Case("//a:b", "test_file.f", Outcome.FAILED, "boom"),
        Case("//a:b", "test_file.e", Outcome.FAILED, "fixture failed"),
        Case("//a:b", "test_file.s", Outcome.SKIPPED, "no CUDA device"),
    ]


def test_an_expected_failure_is_a_skip_that_says_so(tmp_path: Path) -> None:
    (case,) = read(tmp_path, skipped(message="issue 7", kind="pytest.xfail"))

    assert (case.outcome, case.reason) == (Outcome.SKIPPED, "expected to fail: issue 7")


def test_a_skip_whose_teardown_failed_is_a_failure(tmp_path: Path) -> None:
    (case,) = read(tmp_path, '<testcase name="t"><skipped message="later"/><error message="teardown"/></testcase>')

    assert (case.outcome, case.reason) == (Outcome.FAILED, "teardown")


def test_the_report_that_bazel_makes_up_is_one_case(tmp_path: Path) -> None:
    uri = Recording(tmp_path).file(
        '<?xml version="1.0" encoding="UTF-8"?><testsuites><testsuite name="slow" tests="1" failures="0" errors="1">'
        '<testcase name="slow" status="run" duration="3" time="3"><error message="exited with error code 142"></error>'
        "</testcase><system-out><![CDATA[-- Test timed out --]]></system-out></testsuite></testsuites>"
    )

    assert read_report(uri, "//:slow") == [Case("//:slow", "slow", Outcome.FAILED, "exited with error code 142")]


def test_cases_of_nested_suites_and_of_a_lone_suite_are_found(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    nested = f"<testsuites><testsuite>{passed('a')}<testsuite>{passed('b')}</testsuite></testsuite></testsuites>"

    assert len(read_report(recording.file(nested), "//a:b")) == 2
    assert len(read_report(recording.file(f"<testsuite>{passed()}</testsuite>"), "//a:b")) == 1


@pytest.mark.parametrize("text", ["", "<testsuites><testsuite>", "plain", "<html/>"])
def test_a_report_that_is_no_report_is_refused(tmp_path: Path, text: str) -> None:
    uri = Recording(tmp_path).file(text)

    with pytest.raises(UnreadableReport, match="its report"):
        read_report(uri, "//a:b")


def test_a_report_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableReport, match="cannot be read"):
        read_report((tmp_path / "none.xml").as_uri(), "//a:b")


@pytest.mark.parametrize("uri", ["bytestream://cache/blobs/1/2", "https://x/y.xml", "test.xml", "", "file://[x"])
def test_a_report_elsewhere_is_refused(uri: str) -> None:
    with pytest.raises(UnreadableReport, match="its report"):
        path_of_uri(uri)


@settings(deadline=None)
@given(parts=st.lists(names.filter(lambda name: name not in (".", "..")), min_size=1, max_size=4))
def test_any_path_survives_its_uri(parts: list[str]) -> None:
    path = Path("/", *parts)

    assert path_of_uri(path.as_uri()) == path
