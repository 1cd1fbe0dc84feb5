from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from cloud.engines.engine import Ending, Outcome, Task
from cloud.engines.local import LocalEngine
from shared_libs.common.errors import InputError, TransientError
from shared_libs.common.jobs import Progress

MIB = 2**20

SAY = """
import json, os, signal, subprocess, sys, time
def progress(done, total=9, stage="tracking"):
    said = {"stage": stage, "done": done, "total": total, "unit": "frames"}
    print(json.dumps({"laxai_progress": said}), file=sys.stderr, flush=True)
"""

ALONE = """
import fcntl
journal = open(sys.argv[1] + "/journal", "a", buffering=1)
alone = open(sys.argv[1] + "/alone", "w")
try:
    fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError:
    journal.write("two at once\\n")
def leave(*_):
    journal.write("ends\\n")
    os._exit(143)
signal.signal(signal.SIGTERM, leave)
journal.write("begins\\n")
"""
"""Notes when it begins and ends, and when another is there."""

needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A work folder; whatever still runs with a path in it is killed in the end."""
    folder = tmp_path / "work" / "job_0123456789ab"
    folder.mkdir(parents=True)
    yield folder
    for process in running_in(tmp_path):
        process.kill()


def running_in(folder: Path) -> list[psutil.Process]:
    """Processes that name the folder, or something in it, among their arguments."""
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


def command(folder: Path, source: str) -> str:
    """The command that runs a Python program."""
    path = folder.parent.parent / "a program.py"
    path.write_text(SAY + textwrap.dedent(source))
    return shlex.join([sys.executable, str(path)])


def task_in(folder: Path, **limits: float) -> Task:
    return Task("job_0123456789ab-1", "tracking", (str(folder),), folder, **limits)  # type: ignore[arg-type]


def run(
    folder: Path,
    source: str,
    report: Callable[[Progress], None] = lambda progress: None,
    stop: threading.Event | None = None,
    **limits: float,
) -> Outcome:
    engine = LocalEngine({"tracking": command(folder, source)})
    return engine.run(task_in(folder, **limits), report, stop or threading.Event())


def test_progress_flows_and_the_rest_is_in_the_log(folder: Path) -> None:
    reports: list[Progress] = []
    (folder / "log.txt").write_text("earlier\n")
    source = """
    print("begins", flush=True)
    for done in range(9):
        progress(done)
        time.sleep(0.02)
    print("ends")
    progress(9)
    """
    assert run(folder, source, reports.append) == Outcome(Ending.DONE, "", 0)
    done = [each.done for each in reports]
    assert done == sorted(set(done)) and done[-1] == 9
    assert {(each.stage, each.total) for each in reports} == {("tracking", 9)}
    assert (folder / "log.txt").read_text() == "earlier\nbegins\nends\n"


def test_of_a_command_that_says_nothing_new_the_latest_is_told_again(folder: Path) -> None:
    reports: list[Progress] = []

    def report(progress: Progress) -> None:
        reports.append(progress)
        if len(reports) == 2:
            stop.set()

    stop = threading.Event()
    assert run(folder, "progress(4); time.sleep(60)", report, stop).ending is Ending.STOPPED
    assert [each.done for each in reports] == [4, 4]


def test_bad_input_is_told_in_the_services_words_without_our_folders(folder: Path) -> None:
    source = """
    print(f"error: {sys.argv[1]}/inputs/source.mp4: no video in it – see {sys.argv[1]}/out/a b.txt", file=sys.stderr)
    sys.exit(2)
    """
    assert run(folder, source) == Outcome(Ending.REFUSED, "source.mp4: no video in it – see a b.txt", 2)


def test_folders_are_left_out_by_whatever_name_the_service_calls_them(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = folder.parent / "link"
    link.symlink_to(folder)
    monkeypatch.setenv("BUILD_WORKING_DIRECTORY", str(folder.parent))
    for name in (str(link), str(folder), "link"):
        outcome = run(link, f"print({f'error: {name}/inputs/a.mp4: bad'!r}); sys.exit(2)")
        assert outcome.message == "a.mp4: bad"


def test_a_refusal_without_a_reason_points_to_the_log(folder: Path) -> None:
    outcome = run(folder, "print('Usage: tracking'); sys.exit(2)")
    assert outcome.ending is Ending.REFUSED
    assert outcome.message == "tracking does not take what it was given; its log has the details – Usage: tracking"


@pytest.mark.parametrize(
    ("source", "how", "code"),
    [
        ("raise SystemExit(1)", "exit code 1", 1),
        ("os.kill(os.getpid(), signal.SIGKILL)", "killed by SIGKILL, perhaps for want of memory", None),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "killed by SIGSEGV", None),
    ],
)
def test_a_crash_says_how_and_with_what_last_words(folder: Path, source: str, how: str, code: int | None) -> None:
    outcome = run(folder, "print('error: before'); print('KeyError: 7', flush=True); " + source)
    message = f"tracking ended unexpectedly ({how}); its log has the details – KeyError: 7"
    assert outcome == Outcome(Ending.CRASHED, message, code)


def test_a_command_that_is_stopped_ends_by_its_own_way(folder: Path) -> None:
    stop = threading.Event()
    outcome = run(folder, ALONE + "progress(1); time.sleep(60)", lambda _: stop.set(), stop)
    assert outcome == Outcome(Ending.STOPPED, "tracking was stopped", 143)
    assert (folder / "journal").read_text() == "begins\nends\n"
    assert running_in(folder) == []


def test_a_command_that_will_not_be_stopped_is_killed_with_its_children(folder: Path) -> None:
    source = """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    words = [sys.executable, "-c", "import time; time.sleep(60)", *sys.argv]
    for session in (False, True):
        subprocess.Popen(words, start_new_session=session)
    progress(1)
    time.sleep(60)
    """
    stop = threading.Event()
    engine = LocalEngine({"tracking": command(folder, source)}, grace_seconds=0.3)
    outcome = engine.run(task_in(folder), lambda _: stop.set(), stop)
    assert outcome == Outcome(Ending.STOPPED, "tracking was stopped", None)
    assert running_in(folder) == []


def test_a_command_that_is_done_in_spite_of_being_stopped_is_done(folder: Path) -> None:
    stop = threading.Event()
    source = "signal.signal(signal.SIGTERM, lambda *_: os._exit(0)); progress(1); time.sleep(60)"
    assert run(folder, source, lambda _: stop.set(), stop).ending is Ending.DONE


def test_a_command_that_takes_too_long_is_ended_by_its_own_way(folder: Path) -> None:
    outcome = run(folder, ALONE + "time.sleep(60)", seconds=1.0)
    assert outcome.ending is Ending.TOO_LONG
    assert outcome.message == "tracking took longer than 1 s, which is the limit"
    assert (folder / "journal").read_text() == "begins\nends\n"


EATS = """
held = []
for _ in range(40):
    held.append(b"x" * (10 << 20))
    time.sleep(0.1)
"""


@pytest.mark.parametrize("is_child", [False, True])
def test_a_command_that_grows_beyond_its_memory_is_killed(folder: Path, is_child: bool) -> None:
    source = f"sys.exit(subprocess.call([sys.executable, '-c', {'import time' + EATS!r}]))" if is_child else EATS
    outcome = run(folder, source, memory_bytes=80 * MIB)
    assert outcome.ending is Ending.TOO_MUCH_MEMORY
    assert outcome.message == "tracking needed more than 80 MiB of memory, which is the limit"


@needs_proc
def test_memory_that_processes_share_counts_once(folder: Path) -> None:
    source = """
    held = b"x" * (60 << 20)
    children = []
    for _ in range(4):
        children.append(os.fork())
        if not children[-1]:
            time.sleep(0.8)
            os._exit(0)
    for child in children:
        os.waitpid(child, 0)
    """
    assert run(folder, source, memory_bytes=150 * MIB).ending is Ending.DONE


def test_a_flood_of_output_is_taken_and_its_log_stays_small(folder: Path) -> None:
    source = """
    for number in range(300):
        sys.stdout.write("x" * 99_999 + "\\n")
    progress(9)
    """
    reports: list[Progress] = []
    assert run(folder, source, reports.append).ending is Ending.DONE
    assert [each.done for each in reports] == [9]
    assert (folder / "log.txt").stat().st_size < 7 * MIB


def test_a_command_that_never_stops_talking_can_be_stopped(folder: Path) -> None:
    stop = threading.Event()
    outcome = run(folder, "progress(1)\nwhile True: print('y' * 1000)", lambda _: stop.set(), stop)
    assert outcome.ending is Ending.STOPPED


def test_what_report_raises_ends_the_command_and_is_passed_on(folder: Path) -> None:
    def report(progress: Progress) -> None:
        raise TransientError("database", "is not there")

    with pytest.raises(TransientError, match="is not there"):
        run(folder, ALONE + "progress(1); time.sleep(60)", report)
    assert (folder / "journal").read_text() == "begins\nends\n"
    assert running_in(folder) == []


@needs_proc
def test_nothing_stays_open_or_running_here(folder: Path) -> None:
    def held() -> tuple[int, int, list[psutil.Process]]:
        me = psutil.Process()
        return me.num_fds(), me.num_threads(), me.children()

    def fail(progress: Progress) -> None:
        raise KeyError

    run(folder, "sys.exit(0)")
    before = held()
    stop = threading.Event()
    run(folder, "sys.exit(1)")
    run(folder, "progress(1); time.sleep(60)", lambda _: stop.set(), stop)
    run(folder, "time.sleep(60)", seconds=0.1)
    with pytest.raises(KeyError):
        run(folder, "progress(1); time.sleep(60)", fail)
    with pytest.raises(InputError):
        LocalEngine({"tracking": str(unstartable(folder))}).run(task_in(folder), lambda _: None, threading.Event())
    with pytest.raises(InputError):
        LocalEngine({"tracking": "true"}, "/none").run(task_in(folder), lambda _: None, threading.Event())
    LocalEngine({"tracking": "false"}).check()
    assert held() == before


def unstartable(folder: Path) -> Path:
    """A program that may be executed, and cannot be."""
    path = folder / "program"
    path.write_bytes(b"\x7fELF")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        ("", "is not set"),
        ("python 'unclosed", "is not a command"),
        ("no-such-program track", "names no program"),
        ("./no/such/program", "names no program"),
    ],
)
def test_a_wrong_command_is_told_with_its_setting(folder: Path, words: str, cause: str) -> None:
    engine = LocalEngine({"tracking": words})
    with pytest.raises(InputError, match=cause) as caught:
        engine.run(task_in(folder), lambda _: None, threading.Event())
    assert str(caught.value).startswith("LAXAI_COMMANDS[tracking]: ")
    assert caught.value.hint
    assert engine.check()[0].says.startswith("LAXAI_COMMANDS[tracking]: " + cause)


def test_a_program_that_cannot_be_started_is_told(folder: Path) -> None:
    engine = LocalEngine({"tracking": str(unstartable(folder))})
    with pytest.raises(InputError, match="cannot be started: Exec format error"):
        engine.run(task_in(folder), lambda _: None, threading.Event())
    assert "cannot be started" in engine.check()[0].says


def test_a_work_folder_that_is_not_there_may_be_there_at_the_next_try(folder: Path) -> None:
    with pytest.raises(TransientError, match="cannot be worked in: No such file"):
        run(folder / "none", "sys.exit(0)")


def test_a_command_named_by_its_folder_is_looked_for_from_here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    program = folder / "bin" / "tracking"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "service-tracking 1.2 $0"\n')
    program.chmod(0o755)
    engine = LocalEngine({"tracking": "bin/tracking"})
    assert engine.run(task_in(folder), lambda _: None, threading.Event()).ending is Ending.DONE
    finding = engine.check()[0]
    assert finding.ok and finding.says == f"service-tracking 1.2 {program}"


def test_the_command_gets_our_environment_without_our_libraries(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/none")
    monkeypatch.setenv("LAXAI_PROGRESS", "no")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    run(folder, "print(json.dumps(dict(os.environ)))")
    found = json.loads((folder / "log.txt").read_text())
    assert "PYTHONPATH" not in found
    assert (found["LAXAI_PROGRESS"], found["OMP_NUM_THREADS"], found["PATH"]) == ("json", "3", os.environ["PATH"])


def test_check_tells_of_each_service_what_to_do(folder: Path) -> None:
    good = command(folder, "print('service-tracking 1.2'); sys.exit(sys.argv[1:] != ['--version'])")
    tracking, training = LocalEngine({"tracking": good}).check()
    assert (tracking.what, tracking.ok, tracking.says) == ("command of service-tracking", True, "service-tracking 1.2")
    assert not training.ok and "is not set" in training.says and "python -m training" in (training.hint or "")
    broken = LocalEngine({"tracking": f"{sys.executable} -c 'import none'"}).check()[0]
    assert not broken.ok and broken.says == "ends with code 1: ModuleNotFoundError: No module named 'none'"


HOST = """
import sys, threading
from pathlib import Path
from cloud.engines.engine import Task
from cloud.engines.local import LocalEngine
folder = Path(sys.argv[1])
task = Task("job_0123456789ab-1", "tracking", (str(folder),), folder)
outcome = LocalEngine({"tracking": sys.argv[2]}).run(task, lambda _: print("reported", flush=True), threading.Event())
print(outcome.ending, "-", outcome.message, flush=True)
"""


@pytest.fixture
def host(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process with an engine that runs, in `folder`, a command which is there by now."""
    words = [sys.executable, "-c", HOST, str(folder), command(folder, ALONE + "progress(1); time.sleep(60)")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "reported\n"
        yield process
        process.kill()


def test_of_an_engine_whose_process_is_killed_nothing_runs_on(folder: Path, host: subprocess.Popen[str]) -> None:
    host.kill()
    host.wait()
    until(lambda: running_in(folder) == [])
    assert (folder / "journal").read_text() == "begins\nends\n"


@needs_proc
def test_of_an_engine_that_was_frozen_and_woke_the_command_is_not_the_second(
    folder: Path, host: subprocess.Popen[str]
) -> None:
    host.send_signal(signal.SIGSTOP)
    outcome = run(folder, ALONE + "progress(1); time.sleep(0.2)")
    host.send_signal(signal.SIGCONT)
    assert outcome.ending is Ending.DONE
    assert (folder / "journal").read_text() == "begins\nends\nbegins\n"
    assert host.stdout is not None
    assert [line for line in host.stdout if line != "reported\n"] == [
        "stopped - tracking was stopped by somebody else\n"
    ]


@needs_proc
def test_a_command_whose_guard_is_killed_has_crashed_and_leaves_nothing(folder: Path) -> None:
    source = """
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", *sys.argv], start_new_session=True)
    progress(os.getppid())
    time.sleep(60)
    """
    outcome = run(folder, source.replace("os.getppid()", "os.getppid(), None"), lambda each: os.kill(each.done, 9))
    assert outcome.ending is Ending.CRASHED
    assert running_in(folder) == []
