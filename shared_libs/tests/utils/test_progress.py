import io
import json
from pathlib import Path

import pytest

from shared_libs.utils.progress import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_elsewhere_than_on_a_terminal_there_is_a_line_every_few_seconds() -> None:
    stream, clock = io.StringIO(), Clock()
    with progress(100, "tracking", "frames", stream=stream, clock=clock) as bar:
        for _ in range(100):
            clock.now += 0.125
            bar.advance()
    assert stream.getvalue().splitlines() == [
        "tracking: 40 / 100 frames, 8.0/s, about 8 s left",
        "tracking: 80 / 100 frames, 8.0/s, about 2 s left",
        "tracking: 100 / 100 frames, 8.0/s in 12 s",
    ]


def test_short_work_says_nothing_elsewhere() -> None:
    stream = io.StringIO()
    assert list(progress(3, "reading", stream=stream, clock=Clock()).over("abc")) == ["a", "b", "c"]
    assert stream.getvalue() == ""


def test_work_of_unknown_length_has_no_estimate() -> None:
    stream, clock = io.StringIO(), Clock()
    with progress(None, "reading", "boxes", stream=stream, clock=clock) as bar:
        clock.now += 10
        bar.update(20_000)
    assert stream.getvalue().splitlines()[0] == "reading: 20,000 boxes, 2,000.0/s"


def test_what_was_done_before_counts_but_not_in_the_rate() -> None:
    stream, clock = io.StringIO(), Clock()
    with progress(100, "tracking", "frames", stream=stream, clock=clock) as bar:
        bar.start_at(60)
        for _ in range(40):
            clock.now += 0.2
            bar.advance()
    assert stream.getvalue().splitlines() == [
        "tracking: 85 / 100 frames, 5.0/s, about 3 s left",
        "tracking: 100 / 100 frames, 5.0/s in 8 s",
    ]


def test_work_that_fails_does_not_say_that_it_is_done() -> None:
    stream, clock = io.StringIO(), Clock()
    with pytest.raises(RuntimeError), progress(100, "tracking", "frames", stream=stream, clock=clock) as bar:
        clock.now += 4000
        bar.update(50)
        raise RuntimeError
    assert stream.getvalue().splitlines() == ["tracking: 50 / 100 frames, 0.0/s, about 1 h 07 min left"] * 2


def test_quiet_is_quiet() -> None:
    for stream in (io.StringIO(), Terminal()):
        clock = Clock()
        with progress(2, "tracking", quiet=True, stream=stream, clock=clock) as bar:
            clock.now += 1000
            bar.advance()
        assert stream.getvalue() == ""


def test_on_a_terminal_there_is_one_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    with progress(4, "tracking", "frames", stream=stream) as bar:
        for _ in range(4):
            bar.advance()
    assert "tracking" in stream.getvalue()
    assert "4 / 4 frames" in stream.getvalue()
    assert "\x1b[" in stream.getvalue()


def states(stream: io.StringIO) -> list[tuple[str, int, int | None, str]]:
    """What was said to a program: stage, done, total, unit of each line."""
    said = [json.loads(line)["laxai_progress"] for line in stream.getvalue().splitlines()]
    return [(each["stage"], each["done"], each["total"], each["unit"]) for each in said]


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()], ids=["file", "terminal"])
def test_a_program_is_told_at_the_start_twice_a_second_and_at_the_end(
    monkeypatch: pytest.MonkeyPatch, stream: io.StringIO
) -> None:
    monkeypatch.setenv("LAXAI_PROGRESS", "json")
    clock = Clock()
    with progress(10, "tracking", "frames", stream=stream, clock=clock) as bar:
        for _ in range(10):
            clock.now += 0.125
            bar.advance()
    assert states(stream) == [("tracking", done, 10, "frames") for done in (0, 4, 8, 10)]
    assert stream.getvalue().endswith("\n")


def test_a_program_is_told_the_last_state_of_work_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAXAI_PROGRESS", "json")
    stream, clock = io.StringIO(), Clock()
    with pytest.raises(RuntimeError), progress(None, "reading", stream=stream, clock=clock) as bar:
        bar.start_at(5)
        bar.expect(9)
        bar.update(7)
        raise RuntimeError
    assert states(stream) == [("reading", 0, None, "steps"), ("reading", 7, 9, "steps")]


def test_quiet_is_quiet_to_a_program_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAXAI_PROGRESS", "json")
    stream, clock = io.StringIO(), Clock()
    with progress(2, "tracking", quiet=True, stream=stream, clock=clock) as bar:
        clock.now += 1000
        bar.advance()
    assert stream.getvalue() == ""


@pytest.mark.parametrize("value", ["", "1", "JSON", "text"])
def test_another_value_in_the_environment_changes_nothing(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("LAXAI_PROGRESS", value)
    stream, clock = io.StringIO(), Clock()
    with progress(10, "tracking", "frames", stream=stream, clock=clock) as bar:
        clock.now += 10
        bar.update(10)
    assert stream.getvalue().splitlines() == [
        "tracking: 10 / 10 frames, 1.0/s, about 0 s left",
        "tracking: 10 / 10 frames, 1.0/s in 10 s",
    ]


def test_the_last_line_of_json_stands_in_a_file_as_well(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LAXAI_PROGRESS", "json")
    monkeypatch.setenv("LAXAI_PROGRESS_FILE", str(tmp_path / "progress.json"))
    stream, clock = io.StringIO(), Clock()
    with progress(10, "tracking", "frames", stream=stream, clock=clock) as bar:
        for _ in range(10):
            clock.now += 1
            bar.advance()
            assert (tmp_path / "progress.json").read_text() == stream.getvalue().splitlines(keepends=True)[-1]
    assert [path.name for path in tmp_path.iterdir()] == ["progress.json"]


def test_a_file_that_cannot_be_written_costs_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LAXAI_PROGRESS", "json")
    monkeypatch.setenv("LAXAI_PROGRESS_FILE", str(tmp_path / "none" / "progress.json"))
    stream = io.StringIO()
    assert list(progress(2, "reading", stream=stream).over("ab")) == ["a", "b"]
    assert len(stream.getvalue().splitlines()) >= 2


def test_without_json_no_file_is_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("LAXAI_PROGRESS", raising=False)
    monkeypatch.setenv("LAXAI_PROGRESS_FILE", str(tmp_path / "progress.json"))
    list(progress(2, "reading", stream=io.StringIO()).over("ab"))
    assert not list(tmp_path.iterdir())
