from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from cloud.engines import guard

GRACE = 10.0


class Guarded:
    """A guard and the worker's end of the socket."""

    def __init__(self, folder: Path, *words: str, grace: float = GRACE) -> None:
        self.worker, end = socket.socketpair()
        self.worker.settimeout(20)
        self._lines = self.worker.makefile("r")
        program = [sys.executable, "-I", "-S", guard.__file__, str(folder), str(grace), *words]
        self.process = subprocess.Popen(
            program,
            stdin=end.fileno(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            text=True,
        )
        end.close()

    def hear(self) -> str:
        return self._lines.readline().strip()

    def printed(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def rest(self) -> list[str]:
        """What it says until it has ended."""
        lines = [line.strip() for line in self._lines]
        self.process.wait(20)
        return lines

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        self._lines.close()
        self.worker.close()


Start = Callable[..., Guarded]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a guard in tmp_path for a Python program."""
    started: list[Guarded] = []

    def go(source: str, *, grace: float = GRACE, shell: bool = False) -> Guarded:
        path = tmp_path / f"program{len(started)}.py"
        path.write_text("import os, signal, subprocess, sys, time\n" + textwrap.dedent(source))
        words = [sys.executable, str(path)]
        if shell:
            words = ["/bin/sh", "-c", f"{sys.executable} {path}; exit $?"]
        started.append(Guarded(tmp_path, *words, grace=grace))
        return started[-1]

    yield go
    for each in started:
        each.close()
    guard.kill_leftovers(str(tmp_path))
    for process in running_in(tmp_path):
        process.kill()


def running_in(folder: Path) -> list[psutil.Process]:
    """Processes that name the folder among their arguments."""
    found = []
    for process in psutil.process_iter():
        try:
            if any(str(folder) in word for word in process.cmdline()) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("source", "verdict"),
    [
        ("sys.exit(0)", "ended exit 0"),
        ("sys.exit(137)", "ended exit 137"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "ended signal 9"),
    ],
)
def test_an_exit_code_is_one_thing_and_a_signal_another(start: Start, source: str, verdict: str) -> None:
    told = start(source).rest()
    assert told[0].startswith("started ")
    assert told[1:] == [verdict]


def test_the_command_has_the_guards_output_nothing_to_read_and_a_group_of_its_own(start: Start) -> None:
    guarded = start("print(repr(sys.stdin.read()), os.getpgrp() == os.getpid(), flush=True)")
    assert guarded.printed() == "'' True"


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_the_command_does_not_ignore_the_signals_that_python_does(tmp_path: Path) -> None:
    guarded = Guarded(tmp_path, "/bin/sh", "-c", "grep SigIgn: /proc/self/status")
    ignored = int(guarded.printed().split()[1], 16)
    guarded.close()
    assert ignored & (1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1) == 0


def test_while_it_runs_the_folder_says_who_does(start: Start, tmp_path: Path) -> None:
    guarded = start("time.sleep(60)")
    command = int(guarded.hear().removeprefix("started "))
    found = json.loads((tmp_path / guard.RUNNING).read_text())
    assert (found["guard"], found["command"]) == (guarded.process.pid, command)

    guarded.worker.send(guard.STOP)

    assert guarded.rest() == ["ended signal 15"]
    assert not (tmp_path / guard.RUNNING).exists()


def test_a_program_that_cannot_be_started_is_told_with_its_reason(tmp_path: Path) -> None:
    guarded = Guarded(tmp_path, str(tmp_path / "none"))
    assert guarded.rest() == ["refused 2"]
    guarded.close()
    assert [path.name for path in tmp_path.iterdir()] == [guard.LOCK]


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    guarded = Guarded(tmp_path / "none", sys.executable)
    assert guarded.rest() == ["unusable 2"]
    guarded.close()


TIDY = """
def tidy(*_):
    time.sleep(0.3)
    open(sys.argv[0] + ".tidied", "w").close()
    sys.exit(143)
signal.signal(signal.SIGTERM, tidy)
print("ready", flush=True)
time.sleep(60)
"""


def test_when_the_worker_is_gone_the_command_ends_by_its_own_way(start: Start, tmp_path: Path) -> None:
    guarded = start(TIDY)
    assert guarded.printed() == "ready"
    guarded.worker.shutdown(socket.SHUT_WR)
    assert guarded.rest()[-1] == "ended exit 143"
    assert (tmp_path / "program0.py.tidied").exists()


def test_a_command_behind_a_shell_is_left_the_time_to_tidy_up(start: Start, tmp_path: Path) -> None:
    guarded = start(TIDY, shell=True)
    assert guarded.printed() == "ready"
    guarded.worker.send(guard.STOP)
    assert guarded.rest()[-1] == "ended signal 15"
    assert (tmp_path / "program0.py.tidied").exists()


def test_a_command_that_is_to_end_at_once_does(start: Start, tmp_path: Path) -> None:
    guarded = start(TIDY)
    assert guarded.printed() == "ready"
    guarded.worker.send(guard.KILL)
    assert guarded.rest()[-1] == "ended signal 9"
    assert not (tmp_path / "program0.py.tidied").exists()


DEAF = "signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"


def test_a_command_that_takes_no_hint_is_killed(start: Start) -> None:
    guarded = start(DEAF, grace=0.2)
    assert guarded.printed() == "ready"
    guarded.worker.send(guard.STOP)
    assert guarded.rest()[-1] == "ended signal 9"


FAMILY = """
for session in (False, True):
    words = [sys.executable, "-c", "import time; time.sleep(60)", sys.argv[0]]
    subprocess.Popen(words, start_new_session=session, env=ENVIRONMENT)
print("ready", flush=True)
"""


def test_nothing_that_a_command_started_outlives_it(start: Start, tmp_path: Path) -> None:
    guarded = start("ENVIRONMENT = {}" + FAMILY + "sys.exit(3)")
    assert guarded.rest()[-1] == "ended exit 3"
    assert running_in(tmp_path) == []


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's PR_SET_PDEATHSIG and /proc")
def test_of_a_guard_that_was_killed_nothing_is_left(start: Start, tmp_path: Path) -> None:
    guarded = start("ENVIRONMENT = None" + FAMILY + "time.sleep(60)")
    assert guarded.printed() == "ready"
    assert len(running_in(tmp_path)) == 4
    guarded.process.kill()
    until(lambda: len(running_in(tmp_path)) == 2)  # the system has killed the command

    assert start("sys.exit(0)").rest()[-1] == "ended exit 0"

    assert running_in(tmp_path) == []


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
@pytest.mark.parametrize("is_frozen", [False, True])
def test_a_second_guard_takes_over_when_the_first_ones_command_has_ended(
    start: Start, tmp_path: Path, is_frozen: bool
) -> None:
    journal = tmp_path / "journal"
    source = f"""
    import fcntl
    journal = open({str(journal)!r}, "a", buffering=1)
    alone = open({str(tmp_path / "alone")!r}, "w")
    try:
        fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        journal.write("two at once\\n")
    journal.write("begins\\n")
    print("ready", flush=True)
    """
    grace = 0.8 if is_frozen else GRACE
    first = start(textwrap.dedent(source) + "time.sleep(60)", grace=grace)
    assert first.printed() == "ready"
    if is_frozen:
        first.process.send_signal(signal.SIGSTOP)

    second = start(source, grace=grace)

    assert second.rest()[-1] == "ended exit 0"
    assert journal.read_text().splitlines() == ["begins", "begins"]
    assert first.rest()[1:] == ([] if is_frozen else ["told", "ended signal 15"])


def test_a_process_that_only_has_the_number_of_a_guard_is_left_alone(start: Start, tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as other:
        place = guard._place()
        noted = {"guard": other.pid, "born": 1, "place": place, "mark": "00", "command": other.pid}
        (tmp_path / guard.RUNNING).write_text(json.dumps(noted))
        with open(tmp_path / guard.LOCK, "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            assert start("sys.exit(0)", grace=0.2).rest() == ["busy"]
        assert start("sys.exit(0)").rest()[-1] == "ended exit 0"
        assert other.poll() is None
        other.kill()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"guard": null, "born": 1, "place": "", "mark": ""}', "\xff"])
def test_a_note_that_cannot_be_read_stops_nobody(start: Start, tmp_path: Path, text: str) -> None:
    (tmp_path / guard.RUNNING).write_text(text, encoding="latin-1")
    assert start("sys.exit(0)").rest()[-1] == "ended exit 0"


def test_who_waits_for_the_lock_can_be_told_to_leave(start: Start, tmp_path: Path) -> None:
    with open(tmp_path / guard.LOCK, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        guarded = start("sys.exit(0)", grace=60)
        guarded.worker.send(guard.STOP)
        assert guarded.rest() == ["stopped"]


def test_a_signal_to_the_guard_ends_the_command(start: Start) -> None:
    guarded = start("print('ready', flush=True); time.sleep(60)")
    assert guarded.printed() == "ready"
    os.kill(guarded.process.pid, signal.SIGTERM)
    assert guarded.rest()[1:] == ["told", "ended signal 15"]
