from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.tests.parts import Pipe, part, waiting_part
from local_stack.children import Children

# A program that runs one child and tells how it came out.
RUNNER = """
import shlex, sys
from local_stack.children import Children, Stopped
with Children(seconds_to_tidy_up=SECONDS) as children:
    try:
        children.start(shlex.split(COMMAND))
        code = children.wait().exit_code
    except Stopped as stopped:
        sys.exit(stopped.exit_code)
print("ended with", code)
"""

# One that runs two, side by side.
RUNNER_OF_TWO = """
import shlex, sys
from local_stack.children import Children, Stopped
try:
    with Children(seconds_to_tidy_up=SECONDS) as children:
        for command in COMMANDS:
            children.start(shlex.split(command))
        if LEAVES:
            open(GO).read()
        else:
            children.wait()
except Stopped as stopped:
    sys.exit(stopped.exit_code)
"""


def start_runner(folder: Path, command: str, seconds: float = 60) -> subprocess.Popen[str]:
    return start_script(part(folder, "runner", RUNNER, COMMAND=command, SECONDS=seconds))


def start_script(script: str) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.Popen(shlex.split(script), env=environment, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize(
    ("source", "code"),
    [("raise SystemExit(0)", 0), ("raise SystemExit(7)", 7), ("import os; os.kill(os.getpid(), 9)", 137)],
)
def test_the_exit_code_is_the_programs_own(source: str, code: int) -> None:
    with Children() as children:
        pid = children.start([sys.executable, "-c", source])
        assert children.wait() == (pid, code)


def test_a_program_reads_nothing_and_prints_to_where_it_is_told(tmp_path: Path) -> None:
    source = "import sys; print(repr(sys.stdin.read())); print('why', file=sys.stderr)"
    with (tmp_path / "out").open("wb") as output, (tmp_path / "err").open("wb") as errors, Children() as children:
        children.start([sys.executable, "-c", source], output=output, errors=errors)
        children.wait()

    assert (tmp_path / "out").read_text() == "''\n"
    assert (tmp_path / "err").read_text() == "why\n"


def test_a_program_that_cannot_be_started_raises(tmp_path: Path) -> None:
    with Children() as children, pytest.raises(OSError):
        children.start([str(tmp_path / "none")])


def test_signal_handlers_are_put_back() -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)
    before = [signal.getsignal(number) for number in numbers]
    with Children():
        assert signal.getsignal(signal.SIGTERM) != before[1]

    assert before == [signal.getsignal(number) for number in numbers]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_stops_the_program_and_what_it_started(tmp_path: Path, number: signal.Signals, code: int) -> None:
    pipe = Pipe(tmp_path / "pipe")
    runner = start_runner(tmp_path, waiting_part(tmp_path, pipe))
    pipe.wait_for(b"up")

    runner.send_signal(number)

    assert runner.wait() == code
    pipe.wait_for_end()


def test_a_program_that_ignores_sigterm_is_killed_when_its_time_is_up(tmp_path: Path) -> None:
    pipe = Pipe(tmp_path / "pipe")
    runner = start_runner(tmp_path, waiting_part(tmp_path, pipe, stubborn=True), seconds=0.1)
    pipe.wait_for(b"up")

    runner.send_signal(signal.SIGTERM)

    assert runner.wait() == 143
    pipe.wait_for_end()


def test_a_second_signal_does_not_wait_for_a_stubborn_program(tmp_path: Path) -> None:
    pipe = Pipe(tmp_path / "pipe")
    runner = start_runner(tmp_path, waiting_part(tmp_path, pipe, stubborn=True), seconds=600)
    pipe.wait_for(b"up")

    runner.send_signal(signal.SIGINT)
    # Two that are pending at once would be one; the first has been taken when the next one is another.
    runner.send_signal(signal.SIGTERM)

    assert runner.wait() in (130, 143)
    pipe.wait_for_end()


def test_what_a_program_leaves_behind_does_not_outlive_it(tmp_path: Path) -> None:
    pipe = Pipe(tmp_path / "pipe")
    runner = start_runner(tmp_path, waiting_part(tmp_path, pipe, ends_at_once=True))
    pipe.wait_for(b"up")
    output, _ = runner.communicate()

    assert output == "ended with 0\n"
    pipe.wait_for_end()


def test_the_next_to_end_is_told_while_others_run() -> None:
    with Children() as children:
        slow_one = children.start([sys.executable, "-c", "import time; time.sleep(600)"])
        quick_one = children.start([sys.executable, "-c", "raise SystemExit(3)"])
        assert children.wait() == (quick_one, 3)
        assert children.wait(0) is None
        assert children.wait(0.05) is None
        os.kill(slow_one, signal.SIGKILL)
        assert children.wait() == (slow_one, 137)


def test_a_program_gets_the_environment_that_is_given_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HERE", "this")
    source = "import os, sys; open(sys.argv[1], 'w').write(os.environ.get('HERE', 'nothing') + os.environ['THERE'])"
    with Children(environment={"THERE": " but that"}) as children:
        children.start([sys.executable, "-c", source, str(tmp_path / "log")])
        children.wait()
    assert (tmp_path / "log").read_text() == "nothing but that"


def test_a_program_gets_the_settings_and_this_ones_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERE", "this")
    source = "import os, sys; open(sys.argv[1], 'w').write(os.environ['HERE'] + os.environ['MORE'])"
    with Children() as children:
        children.start([sys.executable, "-c", source, str(tmp_path / "log")], {"MORE": " and that"})
        children.wait()
    assert (tmp_path / "log").read_text() == "this and that"


@pytest.mark.parametrize("leaves", [False, True], ids=["a signal", "the block's end"])
@pytest.mark.parametrize("stubborn", [False, True], ids=["polite", "stubborn"])
def test_all_programs_are_stopped(tmp_path: Path, leaves: bool, stubborn: bool) -> None:
    pipes = [Pipe(tmp_path / name) for name in ("one", "two")]
    commands = []
    for pipe, ignores in zip(pipes, (stubborn, False), strict=True):
        folder = tmp_path / f"part of {pipe.path.name}"
        folder.mkdir()
        commands.append(waiting_part(folder, pipe, stubborn=ignores))
    os.mkfifo(tmp_path / "go")
    constants = {"COMMANDS": commands, "SECONDS": 0.1, "LEAVES": leaves, "GO": str(tmp_path / "go")}
    runner = start_script(part(tmp_path, "runner", RUNNER_OF_TWO, **constants))
    for pipe in pipes:
        pipe.wait_for(b"up")

    if leaves:
        (tmp_path / "go").write_text("on")
    else:
        runner.send_signal(signal.SIGTERM)

    assert runner.wait() == (0 if leaves else 143)
    for pipe in pipes:
        pipe.wait_for_end()
