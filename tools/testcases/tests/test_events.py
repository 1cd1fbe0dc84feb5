from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testcases.events import Target, read_events
from testcases.problems import InputProblem
from testcases.tests.recorded import CONFIGURATION, Recording, identity, passed


def test_every_attempt_is_read_with_its_target_and_its_reports(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    recording.test("//a:b", passed(), run=2, shard=3, attempt=1)

    (attempt,) = read_events(recording.write()).attempts

    assert attempt.target == Target("//a:b", CONFIGURATION["id"])
    assert (attempt.run, attempt.shard, attempt.number, attempt.status) == (2, 3, 1, "PASSED")
    assert attempt.reports == ((tmp_path / "report 1" / "test.xml").as_uri(),)


def test_the_last_attempt_of_each_shard_of_each_run_counts_whatever_the_order(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    for run in (1, 2):
        for shard in (1, 2):
            recording.result("//a:b", [], "PASSED", run=run, shard=shard, attempt=2)
            recording.result("//a:b", [], "FAILED", run=run, shard=shard, attempt=1)

    last = read_events(recording.write()).last_attempts()

    assert sorted((a.run, a.shard, a.number) for a in last) == [(1, 1, 2), (1, 2, 2), (2, 1, 2), (2, 2, 2)]


def test_the_same_label_in_two_configurations_is_two_targets(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    recording.test("//a:b", passed(), configuration="one")
    recording.test("//a:b", passed(), configuration="two")

    assert len(read_events(recording.write()).last_attempts()) == 2


def test_a_target_whose_analysis_failed_is_unbuilt(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    recording.add({"id": {"targetConfigured": {"label": "//a:b"}}, "aborted": {"reason": "ANALYSIS_FAILURE"}})

    assert read_events(recording.write(1, "BUILD_FAILURE")).unbuilt == {Target("//a:b"): "ANALYSIS_FAILURE"}


def test_of_a_failed_build_the_first_line_of_the_details_is_kept(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    detail = {"failureDetail": {"message": "missing input file '//a:c'\n\nUse --sandbox_debug"}}
    recording.add({"id": {"targetCompleted": identity("//a:b")}, "completed": detail})

    (cause,) = read_events(recording.write(1, "BUILD_FAILURE")).unbuilt.values()

    assert cause == "it could not be built: missing input file '//a:c'"


def test_a_target_that_was_built_is_not_unbuilt(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    recording.add({"id": {"targetCompleted": identity("//a:b")}, "completed": {"success": True}})

    stream = read_events(recording.write())

    assert (stream.unbuilt, stream.unfit, stream.attempts) == ({}, {}, [])


def test_how_the_run_ended_is_read(tmp_path: Path) -> None:
    stream = read_events(Recording(tmp_path).write(4, "NO_TESTS_FOUND"))

    assert (stream.exit_code, stream.exit_name) == (4, "NO_TESTS_FOUND")


def test_a_stream_without_its_last_message_is_refused(tmp_path: Path) -> None:
    path = Recording(tmp_path).write()
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))

    with pytest.raises(InputProblem, match="ends before Bazel's last message"):
        read_events(path)


def test_a_stream_of_a_bazel_that_gave_up_early_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "events.json"
    path.write_text('{"id":{"started":{}}}\n{"id":{"progress":{}},"lastMessage":true}\n')

    with pytest.raises(InputProblem, match="gave up before it looked at any target"):
        read_events(path)


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ('{"id":{"testResult":{"lab', "not JSON"),
        ("[]", "a JSON object is expected"),
        ('{"id":{"testResult":{}},"testResult":{}}', "not a build event"),
        ('{"id":{"testResult":{"label":"//a:b","run":"x"}},"testResult":{}}', "not a build event"),
        ('{"id":{"testSummary":[]},"testSummary":{}}', "not a build event"),
        ('{"id":3,"finished":4}', "not a build event"),
    ],
)
def test_a_malformed_line_is_refused_by_its_number(tmp_path: Path, line: str, cause: str) -> None:
    path = tmp_path / "events.json"
    path.write_text(f'{{"id":{{"started":{{}}}}}}\n{line}\n')

    with pytest.raises(InputProblem, match=rf"events\.json:2: .*{cause}"):
        read_events(path)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b""])
def test_a_file_that_is_no_stream_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "events.json"
    path.write_bytes(content)

    with pytest.raises(InputProblem):
        read_events(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(InputProblem, match="cannot be read"):
            read_events(path)


@settings(deadline=None)
@given(cut=st.integers(min_value=0, max_value=10_000))
def test_a_stream_cut_off_anywhere_is_never_taken_for_whole(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    recording = Recording(tmp_path_factory.mktemp("cut"))
    recording.test("//a:b", passed())
    whole = recording.write().read_bytes().rstrip()
    path = recording.folder / "cut.json"
    path.write_bytes(whole[: cut % len(whole)])

    with pytest.raises(InputProblem):
        read_events(path)


# What stands where an object of the protocol should be: such an object, or something else.
values: st.SearchStrategy[object] = st.sampled_from(
    [None, True, 3, "text", [], {}, {"label": "//a:b"}, {"label": [], "run": "x"}, {"exitCode": 3}, {"success": True}]
)
keys = st.sampled_from(["testResult", "testSummary", "targetCompleted", "targetConfigured", "finished", "aborted"])
odd_events = st.fixed_dictionaries({"id": st.dictionaries(keys, values, max_size=2) | values})


@settings(deadline=None)
@given(events=st.lists(st.tuples(odd_events, st.dictionaries(keys, values, max_size=3)), max_size=3))
def test_whatever_the_events_say_the_answer_is_a_stream_or_a_problem(
    tmp_path_factory: pytest.TempPathFactory, events: list[tuple[dict[str, object], dict[str, object]]]
) -> None:
    recording = Recording(tmp_path_factory.mktemp("any"))
    for identified, payload in events:
        recording.add({**payload, **identified})
    path = recording.write()
    try:
        stream = read_events(path)
    except InputProblem as problem:
        assert re.match(rf"{re.escape(str(path))}:\d+: not a build event", str(problem))
    else:
        assert {target.label for target in stream.statuses} <= {"//a:b"}
