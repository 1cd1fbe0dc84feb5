"""Parts that are kept running: real programs that stand in for the worker and the API."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.tests.parts import Pipe, part, serving_part, start, told, waiting_part
from local_stack.commands import API, CLOUD, TRACKING, TRAINING
from local_stack.stack import LONGEST_DELAY, LOST_ITS_LEASE, delay

# Finds its settings bad, once it is let go.
REFUSING_PART = """
import sys
open(GO).read()
sys.exit(print("error: no port", file=sys.stderr) or 2)
"""


def start_serving(
    where: Path, *arguments: str, worker: str, api: str | None = None, **settings: str
) -> subprocess.Popen[str]:
    commands = {CLOUD: worker, API: api or "", TRACKING: "sh tracking.sh", TRAINING: "sh 'training command.sh'"}
    given = {"LAXAI_STORAGE": str(where / "storage")} | commands | settings
    return start("local_stack.serve", *arguments, where=where, **given)


def stopped(process: subprocess.Popen[str], number: signal.Signals = signal.SIGTERM) -> list[str]:
    """Stops it; the lines that it printed."""
    process.send_signal(number)
    output, errors = process.communicate()
    assert errors == "stopped; nothing of it is running any more\n"
    assert process.returncode == 128 + number
    return output.splitlines()


def test_the_worker_is_told_where_storage_is_and_how_services_are_started(tmp_path: Path) -> None:
    pipe = Pipe(tmp_path / "pipe")
    process = start_serving(tmp_path, worker=serving_part(tmp_path, "worker", pipe), LAXAI_TENANT="hawks")
    pipe.wait_for(b"up")
    (line,) = stopped(process)

    ((arguments, settings),) = told(tmp_path, "worker")
    assert arguments == ["worker"]
    assert (settings["LAXAI_STORAGE"], settings["LAXAI_TENANT"]) == (str(tmp_path / "storage"), "hawks")
    commands = {name: shlex.split(text) for name, text in json.loads(settings["LAXAI_COMMANDS"]).items()}
    assert set(commands) == {"tracking", "training"}
    for program, script in ((commands["tracking"], "tracking.sh"), (commands["training"], "training command.sh")):
        assert Path(program[0]).is_absolute() and program[0].endswith("/sh")
        assert program[1:] == [script]
    assert line.startswith("worker   running, pid ")
    assert line.endswith(f", storage {tmp_path / 'storage'}")


@pytest.mark.parametrize(
    ("typed", "place"),
    [("games", "USER/games"), ("/games", "/games"), ("s3://key:word@bucket/games", "s3://key:word@bucket/games")],
)
def test_options_come_before_settings_and_paths_from_where_the_user_stands(
    tmp_path: Path, typed: str, place: str
) -> None:
    (tmp_path / "user").mkdir()
    pipe = Pipe(tmp_path / "pipe")
    worker = serving_part(tmp_path, "worker", pipe)
    user = {"BUILD_WORKING_DIRECTORY": str(tmp_path / "user"), "LAXAI_TENANT": "foxes"}
    process = start_serving(tmp_path, "--storage", typed, "--tenant", "owls", worker=worker, **user)
    pipe.wait_for(b"up")
    (line,) = stopped(process)

    ((_, settings),) = told(tmp_path, "worker")
    place = place.replace("USER", str(tmp_path / "user"))
    assert (settings["LAXAI_STORAGE"], settings["LAXAI_TENANT"]) == (place, "owls")
    assert line.endswith(f"storage {place.replace('key:word@', '')}")


def test_the_api_runs_beside_the_worker_where_there_is_one(tmp_path: Path) -> None:
    pipes = {name: Pipe(tmp_path / f"{name} pipe") for name in ("worker", "api")}
    parts = {name: serving_part(tmp_path, name, pipe) for name, pipe in pipes.items()}
    process = start_serving(tmp_path, **parts)
    for pipe in pipes.values():
        pipe.wait_for(b"up")
    lines = stopped(process)

    assert [line.split()[:2] for line in lines] == [["worker", "running,"], ["api", "running,"]]
    assert [arguments for arguments, _ in told(tmp_path, "api")] == [["serve"]]
    assert told(tmp_path, "api")[0][1]["LAXAI_STORAGE"] == str(tmp_path / "storage")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_nothing_running(tmp_path: Path, number: signal.Signals) -> None:
    pipes = [Pipe(tmp_path / name) for name in ("worker pipe", "api pipe")]
    commands = []
    for place, pipe in zip(("a", "b"), pipes, strict=True):
        (tmp_path / place).mkdir()
        commands.append(waiting_part(tmp_path / place, pipe))
    process = start_serving(tmp_path, worker=commands[0], api=commands[1])
    for pipe in pipes:
        pipe.wait_for(b"up")

    stopped(process, number)

    for pipe in pipes:
        pipe.wait_for_end()


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        ((1,), ["ended with exit code 1; started again in 1 s"]),
        ((0,), ["ended with exit code 0; started again in 1 s"]),
        ((LOST_ITS_LEASE,) * 2, ["ended with exit code 75; started again at once"] * 2),
    ],
)
def test_a_part_that_ends_is_started_again(tmp_path: Path, codes: tuple[int, ...], said: list[str]) -> None:
    pipe = Pipe(tmp_path / "pipe")
    process = start_serving(tmp_path, worker=serving_part(tmp_path, "worker", pipe, *codes))
    pipe.wait_for(b"up")
    lines = stopped(process)

    assert [line.removeprefix("worker   ") for line in lines[1::2]] == said
    assert all(line.startswith("worker   running, pid ") for line in lines[::2])
    assert len(set(lines[::2])) == len(told(tmp_path, "worker")) == len(codes) + 1


def test_it_is_started_again_later_and_later() -> None:
    assert [delay(1, failures) for failures in range(1, 8)] == [1, 2, 4, 8, 16, 30, 30]
    assert delay(1, 100_000) == LONGEST_DELAY
    assert delay(LOST_ITS_LEASE, 7) == 0


def test_a_part_whose_settings_are_bad_ends_it_and_stops_the_others(tmp_path: Path) -> None:
    pipe = Pipe(tmp_path / "pipe")
    os.mkfifo(tmp_path / "go")
    refusing = part(tmp_path, "refusing", REFUSING_PART, GO=str(tmp_path / "go"))
    process = start_serving(tmp_path, worker=waiting_part(tmp_path, pipe), api=refusing)
    pipe.wait_for(b"up")

    (tmp_path / "go").write_text("on")
    _, errors = process.communicate()

    assert process.returncode == 2
    assert errors == "error: no port\nerror: api ended with exit code 2; what it printed above says why\n"
    pipe.wait_for_end()


@pytest.mark.parametrize("missing", [CLOUD, TRACKING, TRAINING])
def test_a_command_that_is_not_set_is_an_error_of_one_line(tmp_path: Path, missing: str) -> None:
    process = start_serving(tmp_path, worker="sh worker.sh", **{missing: ""})
    output, errors = process.communicate()

    assert (process.returncode, output) == (2, "")
    assert errors.startswith(f"error: {missing}: is not set") and errors.count("\n") == 1


def test_a_program_that_the_system_refuses_is_an_error_of_one_line(tmp_path: Path) -> None:
    path = tmp_path / "worker"
    path.write_text("\x7fELF, or not\n")
    path.chmod(0o755)
    process = start_serving(tmp_path, worker=str(path))
    _, errors = process.communicate()

    assert process.returncode == 2
    assert errors.startswith(f"error: {path}: cannot be started: ") and errors.count("\n") == 1


def test_a_setting_that_cannot_be_used_is_an_error_of_one_line(tmp_path: Path) -> None:
    process = start_serving(tmp_path, worker=f"{sys.executable} -c pass", LAXAI_LOG_LEVEL="loud")
    _, errors = process.communicate()

    assert process.returncode == 2
    assert errors.startswith("error: LAXAI_LOG_LEVEL: ") and errors.count("\n") == 1
