from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.engines.output import Log, Output
from shared_libs.common.jobs import Progress


def line_of(**said: object) -> bytes:
    return json.dumps({"laxai_progress": said}).encode() + b"\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.txt"


@pytest.fixture
def output(path: Path) -> Output:
    return Output(Log(path))


def test_progress_is_taken_out_and_the_rest_goes_into_the_log(output: Output, path: Path) -> None:
    output.feed(b"begins\n" + line_of(stage="tracking", done=3, total=9, unit="frames") + b"goes on\n")
    assert output.progress == Progress(stage="tracking", done=3, total=9, message="3 of 9 frames")
    assert path.read_bytes() == b"begins\ngoes on\n"
    assert list(output.lines) == ["begins", "goes on"]


@pytest.mark.parametrize(
    ("said", "progress"),
    [
        ({"stage": "reading", "done": 2000}, Progress(stage="reading", done=2000, message="2,000")),
        ({"stage": "any", "done": 2, "total": None, "unit": "boxes"}, Progress(stage="any", done=2, message="2 boxes")),
        ({"stage": "a" * 100, "done": 0}, Progress(stage="a" * 64, message="0")),
        ({"stage": "linking", "done": 7, "total": 5}, Progress(stage="linking", done=5, total=5, message="5 of 5")),
        ({"stage": "linking", "done": 1, "later": "more"}, Progress(stage="linking", done=1, message="1")),
    ],
)
def test_progress_is_brought_into_the_form_of_a_job(
    output: Output, said: dict[str, object], progress: Progress
) -> None:
    output.feed(line_of(**said))
    assert output.progress == progress


@pytest.mark.parametrize(
    "line",
    [
        b'{"laxai_progress": {"stage": "tracking"}}',
        b'{"laxai_progress": {"stage": "", "done": 1}}',
        b'{"laxai_progress": {"stage": 5, "done": 1}}',
        b'{"laxai_progress": {"stage": "tracking", "done": -1}}',
        b'{"laxai_progress": {"stage": "tracking", "done": true}}',
        b'{"laxai_progress": {"stage": "tracking", "done": 1.5}}',
        b'{"laxai_progress": {"stage": "tracking", "done": NaN}}',
        b'{"laxai_progress": {"stage": "tracking", "done": 99999999999999999999}}',
        b'{"laxai_progress": {"stage": "tracking", "done": 1, "total": "9"}}',
        b'{"laxai_progress": {"stage": "tracking", "done": 1, "unit": []}}',
        b'{"laxai_progress": []}',
        b'{"laxai_progress": {"stage": "tracking", "done": 1}',
        b'{"laxai_progress": ' + b"[" * 50_000,
        b'{"laxai_progress": "\xff"}',
        b' {"laxai_progress": {"stage": "tracking", "done": 1}}',
    ],
)
def test_what_is_no_progress_is_ordinary_output(output: Output, path: Path, line: bytes) -> None:
    output.feed(line_of(stage="before", done=1) + line + b"\n")
    assert output.progress is not None and output.progress.stage == "before"
    assert path.read_bytes() == line + b"\n"


def test_the_last_error_counts_without_its_first_word(output: Output) -> None:
    output.feed("error: one\nan error: two\nerror: source.mp4: no video in it – try another\nbye".encode())
    assert output.error == "source.mp4: no video in it – try another"


def test_a_last_line_without_an_end_is_a_line(output: Output, path: Path) -> None:
    output.feed(b"error: no")
    output.feed(b" room")
    assert not output.lines
    output.close()
    output.close()
    assert output.error == "no room"
    assert path.read_bytes() == b"error: no room\n"


def test_lines_are_kept_as_people_can_read_them(output: Output) -> None:
    output.feed(b"\x1b[1;31mred\x1b[0m\x07\n\n  10 %\r 100 %\r\ntab\tand \xff\x00\n" + b"x" * 5000 + b"\n")
    assert list(output.lines) == ["red", "100 %", "tab and �", "x" * 500]


def test_the_last_twenty_lines_are_kept(output: Output) -> None:
    output.feed(b"".join(b"%d\n" % number for number in range(100)))
    assert list(output.lines) == [str(number) for number in range(80, 100)]


def test_an_endless_line_is_cut_into_pieces(output: Output, path: Path) -> None:
    for _ in range(100):
        output.feed(b"a" * 10_000)
    output.close()
    pieces = path.read_bytes().split(b"\n")
    assert max(len(piece) for piece in pieces) == 64 * 1024
    assert b"".join(pieces) == b"a" * 1_000_000


_CHUNKS = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.sampled_from(
            [b"\n", b"error: ", b"e" * 70_000, line_of(stage="any", done=1, total=2), b'{"laxai_progress"']
        ),
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(chunks=_CHUNKS, size=st.integers(1, 90_000))
def test_how_the_bytes_come_makes_no_difference(
    chunks: list[bytes], size: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = b"".join(chunks)
    folder = tmp_path_factory.mktemp("output")
    one, other = Output(Log(folder / "one")), Output(Log(folder / "other"))
    one.feed(data)
    for start in range(0, len(data), max(size, len(data) // 50)):
        other.feed(data[start : start + max(size, len(data) // 50)])
    for output in (one, other):
        output.close()
    assert (one.progress, one.error, one.lines) == (other.progress, other.error, other.lines)
    for name in ("one", "other"):
        (folder / name).touch()
    assert (folder / "one").read_bytes() == (folder / "other").read_bytes()


def test_of_a_long_log_the_beginning_and_the_end_stay(path: Path) -> None:
    log = Log(path, piece=1000)
    for number in range(2000):
        log.add(b"%05d\n" % number)
        assert path.stat().st_size <= 3006
    text = path.read_text()
    assert text.startswith("".join(f"{number:05d}\n" for number in range(166)))
    assert text.endswith("".join(f"{number:05d}\n" for number in range(1840, 2000)))
    assert text.count("left out") == 1
    assert [each.name for each in path.parent.iterdir()] == ["log.txt"]


def test_a_log_goes_on_where_an_earlier_command_left_it(path: Path) -> None:
    path.write_bytes(b"earlier\n")
    Log(path).add(b"later\n")
    assert path.read_bytes() == b"earlier\nlater\n"


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    output = Output(Log(tmp_path / "none" / "log.txt"))
    output.feed(b"error: no disk\n")
    assert output.error == "no disk"
