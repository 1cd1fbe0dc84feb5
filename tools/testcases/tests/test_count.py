from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testcases.allow_list import read_allowed_skips
from testcases.count import Count, count
from testcases.events import read_events
from testcases.junit import Outcome
from testcases.tests.recorded import Recording, error, failed, identity, passed, skipped


def counted(recording: Recording, exit_code: int = 0, exit_name: str = "SUCCESS") -> Count:
    return count(read_events(recording.write(exit_code, exit_name)))


def reasons(result: Count) -> list[str]:
    return [case.reason for case in result.of(Outcome.FAILED)]


def test_cases_of_all_targets_runs_and_shards_are_added_up(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    recording.test("//a:one", passed("a"), passed("b"))
    recording.result("//a:two", [recording.report(passed())], shard=1)
    recording.result("//a:two", [recording.report(passed())], shard=2)
    recording.result("//a:two", [recording.report(passed())], run=2, shard=1)
    recording.summary("//a:two")

    result = counted(recording)

    assert result.summary == "5 passed, 0 failed"
    assert result.succeeded


def test_a_cached_result_counts_like_a_fresh_one(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    recording.result("//a:one", [recording.report(passed())], cachedLocally=True)
    recording.result("//a:two", [recording.report(passed())], executionInfo={"cachedRemotely": True})

    assert counted(recording).summary == "2 passed, 0 failed"


def test_of_a_flaky_test_only_the_last_attempt_counts(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    recording.result("//a:b", [recording.report(failed("x"), failed("y"))], "FAILED", attempt=1)
    recording.result("//a:b", [recording.report(passed("x"), passed("y"))], "PASSED", attempt=2)
    recording.summary("//a:b", "FLAKY")

    result = counted(recording)

    assert result.summary == "2 passed, 0 failed"
    assert result.flaky == ["//a:b"]


def test_an_interrupted_last_attempt_is_a_failure(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    recording.result("//a:b", [recording.report(failed())], "FAILED", attempt=1)
    recording.add({"id": {"testResult": identity("//a:b", run=1, shard=1, attempt=2)}, "aborted": {}})

    assert reasons(counted(recording, 8, "INTERRUPTED")) == ["it did not run (NO_STATUS)"]


def test_failures_and_errors_are_both_failed(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    recording.test("//a:b", passed("a"), failed("b"), error("c"), status="FAILED")

    result = counted(recording, 3, "TESTS_FAILED")

    assert result.summary == "1 passed, 2 failed"
    assert not result.succeeded


def test_a_target_that_failed_after_its_last_case_is_one_failed_case_more(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    recording.test("//a:b", passed(), status="FAILED")

    result = counted(recording, 3, "TESTS_FAILED")

    assert result.summary == "1 passed, 1 failed"
    assert reasons(result) == ["it failed without a failed case in its report (FAILED)"]


@pytest.mark.parametrize("uris", [[], ["file:///no/such/test.xml"], ["bytestream://cache/blobs/1"]])
def test_a_test_without_a_readable_report_is_one_failed_case_even_if_it_passed(tmp_path: Path, uris: list[str]) -> None:
    for status in ("PASSED", "FAILED", "TIMEOUT"):
        recording = Recording(tmp_path)
        recording.result("//a:b", uris, status)
        recording.summary("//a:b", status)

        assert counted(recording).summary == "0 passed, 1 failed"


def test_a_timeout_is_said_to_be_one(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    recording.result("//a:b", [], "TIMEOUT")
    recording.test("//a:c", error(), status="TIMEOUT")

    assert reasons(counted(recording)) == ["it ran out of time (TIMEOUT)", "it ran out of time: fixture failed"]


def test_a_target_that_could_not_be_built_is_one_failed_case(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    recording.test("//a:good", passed())
    recording.add({"id": {"targetCompleted": identity("//a:bad")}, "completed": {}})
    recording.summary("//a:bad", "FAILED_TO_BUILD")
    recording.add({"id": {"targetConfigured": {"label": "//a:worse"}}, "aborted": {"reason": "ANALYSIS_FAILURE"}})

    result = counted(recording, 1, "BUILD_FAILURE")

    assert result.summary == "1 passed, 2 failed"
    assert {case.label for case in result.of(Outcome.FAILED)} == {"//a:bad", "//a:worse"}


def test_each_shard_that_was_announced_and_never_ran_is_a_failed_case(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    recording.add({"id": {"testSummary": identity("//a:b")}, "aborted": {}})
    for shard in (1, 2):
        recording.add({"id": {"testResult": identity("//a:b", run=1, shard=shard, attempt=1)}, "aborted": {}})

    assert counted(recording, 1, "BUILD_FAILURE").summary == "0 passed, 2 failed"


def test_a_bazel_that_failed_for_no_target_is_one_failed_case(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    recording.test("//a:b", passed())

    result = counted(recording, 1, "BUILD_FAILURE")

    assert result.summary == "1 passed, 1 failed"
    assert reasons(result) == ["it ended with 1 (BUILD_FAILURE)"]


def test_another_step_that_failed_is_one_failed_case(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    recording.test("//a:b", passed())

    result = count(read_events(recording.write()), failed_steps=["./bazelw run //:demo"])

    assert result.summary == "1 passed, 1 failed"
    assert not result.succeeded


def test_a_run_in_which_nothing_ran_does_not_succeed(tmp_path: Path) -> None:
    allowed = tmp_path / "allowed.txt"
    allowed.write_text("//...::* | . | all of them\n")
    recording = Recording(tmp_path)
    recording.test("//a:b", skipped())

    result = count(read_events(recording.write()), read_allowed_skips(allowed))

    assert result.summary == "0 passed, 0 failed, 1 skipped"
    assert not result.forbidden_skips
    assert not result.succeeded


def test_a_target_that_does_not_fit_the_platform_is_a_skip_that_must_be_allowed(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    recording.test("//a:b", passed())
    aborted = {"reason": "SKIPPED", "description": "Target //a:c build was skipped."}
    recording.add({"id": {"targetCompleted": identity("//a:c")}, "aborted": aborted})

    result = counted(recording)

    assert result.summary == "1 passed, 0 failed, 1 skipped"
    assert [case.address for case in result.forbidden_skips] == ["//a:c::(whole target)"]


def test_a_skip_counts_against_the_list(tmp_path: Path) -> None:
    allowed = tmp_path / "allowed.txt"
    allowed.write_text("//a:b::*gpu* | CUDA | no GPU\n//a:b::*old* | . | unused\n")
    recording = Recording(tmp_path)
    recording.test("//a:b", passed(), skipped("test_gpu"), skipped("test_new", "later"))

    result = count(read_events(recording.write()), read_allowed_skips(allowed))

    assert [case.name for case in result.forbidden_skips] == ["test_file.test_new"]
    assert [line.line for line in result.unused_allowed_skips] == [2]
    assert not result.succeeded


KINDS = {"passed": passed, "failed": failed, "error": error, "skipped": skipped}
reports = st.lists(st.sampled_from(sorted(KINDS)), max_size=5)
targets = st.lists(st.lists(reports, min_size=1, max_size=3), max_size=4)


@settings(deadline=None)
@given(targets=targets)
def test_every_case_is_counted_once_and_as_what_it_was(
    tmp_path_factory: pytest.TempPathFactory, targets: list[list[list[str]]]
) -> None:
    recording = Recording(tmp_path_factory.mktemp("any"))
    for number, shards in enumerate(targets):
        for shard, kinds in enumerate(shards, start=1):
            cases = [KINDS[kind](f"test_{place}") for place, kind in enumerate(kinds)]
            status = "FAILED" if {"failed", "error"} & set(kinds) else "PASSED"
            # An attempt before the last one is there to be passed over.
            recording.result(f"//a:t{number}", [recording.report(failed("test_old"))], "FAILED", shard=shard)
            recording.result(f"//a:t{number}", [recording.report(*cases)], status, shard=shard, attempt=2)
    kinds = [kind for shards in targets for shard in shards for kind in shard]

    result = counted(recording)

    assert len(result.cases) == len(kinds)
    assert len(result.of(Outcome.PASSED)) == kinds.count("passed")
    assert len(result.of(Outcome.FAILED)) == kinds.count("failed") + kinds.count("error")
    assert len(result.of(Outcome.SKIPPED)) == kinds.count("skipped")
    assert result.succeeded == ("passed" in kinds and not {"failed", "error", "skipped"} & set(kinds))
