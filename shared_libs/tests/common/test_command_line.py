"""The frame of a command line, around programs that end in every way: mostly as processes of their own.

typer is none of shared_libs' requirements: its stand-in here is called as it is, and raises what it does. The command
lines of the services have tests of their own with the real one.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from shared_libs.common.command_line import run_command_line
from shared_libs.common.errors import InputError, OutputError

# What a program does comes in place of BODY.
PROGRAM = """
import signal, sys, time
from shared_libs.common.command_line import run_command_line

def app(args, standalone_mode):
    BODY

try:
    code = run_command_line(app, "program")
finally:
    print("handlers put back:", signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, flush=True)
sys.exit(code)
"""
WAIT = """
    try:
        print("up", flush=True)
        time.sleep(60)
    except BaseException as error:
        NOTE
        raise
    finally:
        print("tidied up", flush=True)
"""


class Mistyped(Exception):
    """As typer's: with its context, where it has one."""

    def __init__(self, command_path: str | None) -> None:
        self.ctx = None if command_path is None else type("Context", (), {"command_path": command_path})()

    def format_message(self) -> str:
        return "No such option:\n --oot."


def start(body: str, *, before: str = "", **pipes: Any) -> "subprocess.Popen[str]":
    source = before + PROGRAM.replace("    BODY", body if body.startswith("\n") else f"    {body}")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    given: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | pipes
    return subprocess.Popen([sys.executable, "-c", source], env=environment, text=True, **given)


def ends_with(end: object) -> Callable[..., Any]:
    """A program that returns a value or raises an exception."""

    def app(args: Sequence[str], standalone_mode: bool) -> object:
        if isinstance(end, BaseException):
            raise end
        return end

    return app


def first_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.parametrize(("end", "code"), [(None, 0), (0, 0), (3, 3), ("a value", 0)])
def test_the_exit_code_is_the_commands_own_where_it_gives_one(end: object, code: int) -> None:
    assert run_command_line(ends_with(end), "program", []) == code


def test_a_command_gets_what_was_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[list[str], bool]] = []

    def app(args: list[str], standalone_mode: bool) -> None:
        seen.append((args, standalone_mode))

    monkeypatch.setattr(sys, "argv", ["program", "list"])
    run_command_line(app, "program", ("show", "a"))
    run_command_line(app, "program", ())
    run_command_line(app, "program")
    assert seen == [(["show", "a"], False), ([], False), (["list"], False)]


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (InputError("det.txt", "width is -3", line=7, hint="look"), "det.txt:7: width is -3 – look"),
        (OutputError("out", "cannot be  written"), "out: cannot be written"),
        (Mistyped("program show"), "No such option: --oot – see `program show --help`"),
        (Mistyped(None), "No such option: --oot – see `program --help`"),
    ],
)
def test_what_the_user_can_put_right_is_one_line(
    error: Exception, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(ends_with(error), "program", []) == 2
    assert capsys.readouterr() == ("", f"error: {line}\n")


def test_an_error_with_a_note_says_where_the_same_command_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    error = OutputError("out", "the disk is full")
    error.add_note("at frame 600 of 900")
    assert run_command_line(ends_with(error), "program", []) == 2
    said = "error: out: the disk is full; the same command goes on at frame 600 of 900\n"
    assert capsys.readouterr() == ("", said)


@pytest.mark.parametrize("bug", [ValueError("a bug"), KeyError("a"), SystemExit(4), BrokenPipeError(32, "a server's")])
def test_anything_else_is_raised_as_it_is(bug: BaseException, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(type(bug)) as raised:
        run_command_line(ends_with(bug), "program", [])
    assert raised.value is bug
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize(
    ("note", "said"),
    [
        ("pass", "interrupted; nothing was written\n"),
        ("error.add_note('at frame 6')", "interrupted at frame 6; the same command goes on from there\n"),
    ],
)
def test_a_signal_unwinds_the_command(number: signal.Signals, code: int, note: str, said: str) -> None:
    process = start(WAIT.replace("NOTE", note))
    assert first_line(process) == "up\n"
    process.send_signal(number)
    assert process.communicate() == ("tidied up\nhandlers put back: True\n", said)
    assert process.returncode == code


def test_a_program_has_its_own_words_for_an_end_by_a_signal(capsys: pytest.CaptureFixture[str]) -> None:
    def app(args: Sequence[str], standalone_mode: bool) -> None:
        signal.raise_signal(signal.SIGTERM)

    assert run_command_line(app, "program", [], interrupted="stopped; the job goes on") == 143
    assert capsys.readouterr() == ("", "stopped; the job goes on\n")


def test_ctrl_c_that_a_script_has_ignored_stays_so() -> None:
    process = start(
        "signal.raise_signal(signal.SIGINT); print('goes on')",
        before="import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)",
    )
    assert process.communicate() == ("goes on\nhandlers put back: True\n", "")
    assert process.returncode == 0


@pytest.mark.parametrize(
    "body",
    [
        "print('a line', flush=True)",
        "print('a line')",
        # As typer does it.
        "\n    try:\n        print('a line', flush=True)\n    except OSError:\n        sys.exit(1)",
    ],
    ids=["at once", "at the end", "typer"],
)
def test_a_reader_who_has_gone_is_nobodys_failure(body: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = start(body, stdout=writing)
    os.close(writing)
    assert process.communicate()[1] == ""
    assert process.returncode == 0


def test_a_pipe_to_somebody_else_that_breaks_is_a_failure() -> None:
    body = """
    import os
    reading, writing = os.pipe()
    os.close(reading)
    try:
        os.write(writing, b"for a program of ours")
    except OSError:
        sys.exit(1)
"""
    process = start(body)
    said, complaint = process.communicate()
    assert said == "handlers put back: True\n"
    assert complaint.endswith("BrokenPipeError: [Errno 32] Broken pipe\n")
    assert process.returncode == 1
