from __future__ import annotations

import re
from pathlib import Path

import pytest

from testcases.__main__ import main
from testcases.tests.recorded import Recording, failed, passed, skipped

# What reads the run's result looks for this, alone on the last line.
SUMMARY = re.compile(r"\d+ passed, \d+ failed(, \d+ skipped)?")


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, list[str], str]:
    status = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return status, captured.out.splitlines(), captured.err


def test_a_good_run_ends_with_its_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recording = Recording(tmp_path)
    recording.test("//a:b", passed("a"), passed("b"))

    assert run(capsys, recording.write()) == (0, ["2 passed, 0 failed"], "")


def test_a_failed_run_names_what_failed_and_ends_with_its_count(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = Recording(tmp_path)
    recording.test("//a:b", passed("a"), failed("b", "assert 1 == 2"), status="FAILED")

    status, lines, _ = run(capsys, recording.write(3, "TESTS_FAILED"), "--failed-step", "./bazelw run //:demo")

    assert status == 1
    assert "  //a:b::test_file.b: assert 1 == 2" in lines
    assert any("./bazelw run //:demo" in line for line in lines)
    assert lines[-1] == "1 passed, 2 failed"


def test_skips_are_listed_by_reason_before_the_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    allowed = tmp_path / "allowed.txt"
    allowed.write_text("//a:b::* | CUDA | no GPU\n//a:gone::* | . | long since mended\n")
    recording = Recording(tmp_path)
    recording.test("//a:b", passed(), skipped("x"), skipped("y"))

    status, lines, _ = run(capsys, recording.write(), "--allowed-skips", allowed)

    assert status == 0
    assert lines[:4] == ["Skipped:", "  no CUDA device", "    //a:b::test_file.x", "    //a:b::test_file.y"]
    assert "allowed.txt:2: covers no skip" in lines[4]
    assert lines[-1] == "1 passed, 0 failed, 2 skipped"


def test_a_skip_that_is_not_allowed_fails_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recording = Recording(tmp_path)
    recording.test("//a:b", passed(), skipped("x"))

    status, lines, _ = run(capsys, recording.write())

    assert status == 1
    assert "    //a:b::test_file.x  <- not allowed" in lines
    assert SUMMARY.fullmatch(lines[-1])


def test_a_run_without_tests_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, lines, _ = run(capsys, Recording(tmp_path).write(4, "NO_TESTS_FOUND"))

    assert status == 1
    assert lines[-1] == "0 passed, 1 failed"


def test_a_file_that_cannot_be_used_ends_with_2_and_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, lines, errors = run(capsys, tmp_path / "none.json")

    assert (status, lines) == (2, [])
    assert errors.startswith("error: ") and errors.count("\n") == 1


def test_paths_are_relative_to_where_the_user_stands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = Recording(tmp_path)
    recording.test("//a:b", passed())
    recording.write()
    monkeypatch.setenv("BUILD_WORKING_DIRECTORY", str(tmp_path))

    status, lines, _ = run(capsys, "events.json")

    assert (status, lines) == (0, ["1 passed, 0 failed"])
