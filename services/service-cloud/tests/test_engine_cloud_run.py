from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from google.cloud import run_v2
from google.rpc.status_pb2 import Status
from pydantic import ValidationError
from tests.cloud_run_server import Cloud, Failure, clients_of, deployed_job, serving

from cloud.engines.begun import FILE
from cloud.engines.cloud_run import CloudRunEngine
from cloud.engines.cloud_run_calls import Clients
from cloud.engines.cloud_run_settings import CloudRunSettings
from cloud.engines.engine import Ending, Outcome, Task
from cloud.engines.following import Pace
from shared_libs.common.errors import InputError, TransientError
from shared_libs.common.jobs import Progress

PACE = Pace(between_looks=0.05, patience=0.5)
JOB = "projects/games/locations/europe-west1/jobs/laxai-tracking"
IMAGE = "registry.example/laxai-service-tracking:1"

# A service: its arguments are `--out FOLDER` and what to do, each a word.
SERVICE = """
import json, os, pathlib, signal, sys, time
out, words = pathlib.Path(sys.argv[2]), sys.argv[3:]
out.mkdir(exist_ok=True)
def say(done):
    line = {"laxai_progress": {"stage": "tracking", "done": done, "total": 4, "unit": "frames"}}
    pathlib.Path(os.environ["LAXAI_PROGRESS_FILE"]).write_text(json.dumps(line))
assert os.environ["LAXAI_PROGRESS"] == "json"
with open(out / "starts", "a") as file: file.write("start\\n")
for word in words:
    if word == "tidy": signal.signal(signal.SIGTERM, lambda *_: ((out / "tidied").touch(), sys.exit(143)))
    if word == "work": say(4); time.sleep(0.2)
    if word == "wait":
        say(1)
        while not (out / "go").exists(): time.sleep(0.01)
    if word == "sleep": say(2); time.sleep(30)
    if word == "refuse": sys.exit(2)
    if word == "crash": sys.exit(1)
    if word == "die": os.kill(os.getpid(), 9)
"""


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "here" / "work"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def settings(tmp_path: Path) -> CloudRunSettings:
    return CloudRunSettings(project="games", region="europe-west1", mount=str(tmp_path / "there"))


@pytest.fixture
def cloud(settings: CloudRunSettings, work: Path) -> Iterator[Cloud]:
    cloud = Cloud({JOB: deployed_job(JOB, IMAGE, settings.mount)}, {IMAGE: SERVICE}, work)
    yield cloud
    assert cloud.violations == []


@pytest.fixture
def clients(cloud: Cloud) -> Iterator[Clients]:
    with serving(cloud) as clients:
        yield clients


@pytest.fixture
def engine(settings: CloudRunSettings, work: Path, clients: Clients) -> CloudRunEngine:
    return CloudRunEngine(settings, work, clients, PACE, seconds_for_an_answer=0.4)


def task(work: Path, *words: str, key: str = "job_0123456789ab-1", seconds: float | None = None) -> Task:
    folder = work / "job_0123456789ab"
    folder.mkdir(exist_ok=True)
    return Task(key, "tracking", ("--out", str(folder / "out"), *words), folder, seconds=seconds)


def run(engine: CloudRunEngine, wanted: Task) -> tuple[Outcome, list[Progress]]:
    told: list[Progress] = []
    return engine.run(wanted, told.append, threading.Event()), told


class Running:
    """A run in a thread of its own."""

    def __init__(self, engine: CloudRunEngine, wanted: Task) -> None:
        self.told: list[Progress] = []
        self.stop = threading.Event()
        self._outcome: Outcome | BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=[engine, wanted])
        self._thread.start()

    def outcome(self) -> Outcome:
        self._thread.join(15)
        if isinstance(self._outcome, BaseException):
            raise self._outcome
        assert self._outcome is not None
        return self._outcome

    def wait_for_progress(self) -> None:
        until = time.monotonic() + 30
        while not self.told:
            assert time.monotonic() < until
            time.sleep(0.01)

    def _run(self, engine: CloudRunEngine, wanted: Task) -> None:
        try:
            self._outcome = engine.run(wanted, self.told.append, self.stop)
        except BaseException as error:
            self._outcome = error


def starts(wanted: Task) -> int:
    return len((wanted.folder / "out" / "starts").read_text().splitlines())


def test_a_command_runs_as_an_execution_and_its_progress_arrives(
    engine: CloudRunEngine, cloud: Cloud, work: Path
) -> None:
    wanted = task(work, "work", seconds=90)
    outcome, told = run(engine, wanted)
    assert outcome == Outcome(Ending.DONE, exit_code=0)
    assert told[-1] == Progress(stage="tracking", done=4, total=4, message="4 of 4 frames")
    (execution,) = cloud.executions.values()
    assert execution.template.timeout.total_seconds() == 90
    assert "https://console.example/logs/laxai-tracking-00001" in (wanted.folder / "log.txt").read_text()


@pytest.mark.parametrize(
    ("word", "ending", "code", "message"),
    [
        ("refuse", Ending.REFUSED, 2, "tracking does not take what it was given; its log has the details: https://"),
        ("crash", Ending.CRASHED, 1, "tracking ended unexpectedly (exit code 1); its log has the details: https://"),
        ("die", Ending.CRASHED, 137, "tracking ended unexpectedly (killed by SIGKILL, perhaps for want of memory)"),
    ],
)
def test_how_a_command_ended_is_told_with_the_place_of_its_log(
    engine: CloudRunEngine, work: Path, word: str, ending: Ending, code: int, message: str
) -> None:
    outcome, _ = run(engine, task(work, word))
    assert (outcome.ending, outcome.exit_code) == (ending, code)
    assert outcome.message.startswith(message)


def test_a_command_that_takes_too_long_is_ended(engine: CloudRunEngine, work: Path) -> None:
    outcome, _ = run(engine, task(work, "sleep", seconds=1))
    assert outcome == Outcome(Ending.TOO_LONG, "tracking took longer than 1 s, which is the limit")


def test_a_command_that_ran_out_of_memory_is_told(engine: CloudRunEngine, cloud: Cloud, work: Path) -> None:
    status = Status(code=8, message="Memory limit of 4096 MiB exceeded with 4100 MiB used")
    cloud.next_end = run_v2.TaskAttemptResult(term_signal=9, status=status)
    outcome, _ = run(engine, task(work))
    assert outcome == Outcome(Ending.TOO_MUCH_MEMORY, "tracking needed more than the limit")


def test_an_execution_that_never_began_is_a_failure_that_passes(
    engine: CloudRunEngine, cloud: Cloud, work: Path
) -> None:
    cloud.next_end = run_v2.TaskAttemptResult(status=Status(code=13, message="the machine was lost"))
    with pytest.raises(TransientError, match="tracking was cut short: the machine was lost"):
        run(engine, task(work))
    cloud.next_end = None
    assert run(engine, task(work, "work"))[0].ending == Ending.DONE


def test_a_stop_ends_the_command_by_its_own_way_within_five_seconds(engine: CloudRunEngine, work: Path) -> None:
    wanted = task(work, "tidy", "sleep")
    running = Running(engine, wanted)
    running.wait_for_progress()
    began = time.monotonic()
    running.stop.set()
    assert running.outcome() == Outcome(Ending.STOPPED, "tracking was stopped")
    assert time.monotonic() - began < 5
    assert (wanted.folder / "out" / "tidied").exists()


def test_a_stop_before_anything_began_begins_nothing(engine: CloudRunEngine, cloud: Cloud, work: Path) -> None:
    stop = threading.Event()
    stop.set()
    assert engine.run(task(work, "work"), lambda _: None, stop).ending == Ending.STOPPED
    assert cloud.executions == {}


def test_a_stop_while_nobody_answers_is_a_failure_that_passes(
    settings: CloudRunSettings, cloud: Cloud, work: Path, clients: Clients
) -> None:
    running = Running(CloudRunEngine(settings, work, clients, replace(PACE, to_stop=0.5)), task(work, "sleep"))
    running.wait_for_progress()
    cloud.failures.append(Failure("CancelExecution", 1_000))
    running.stop.set()
    with pytest.raises(TransientError, match="does not answer"):
        running.outcome()


def test_a_second_worker_follows_what_runs_already(
    engine: CloudRunEngine, cloud: Cloud, settings: CloudRunSettings, work: Path, clients: Clients
) -> None:
    wanted = task(work, "wait")
    first = Running(engine, wanted)
    first.wait_for_progress()
    second = Running(CloudRunEngine(settings, work, clients, PACE), wanted)
    second.wait_for_progress()
    (wanted.folder / "out" / "go").touch()
    assert first.outcome() == second.outcome() == Outcome(Ending.DONE, exit_code=0)
    assert starts(wanted) == len(cloud.executions) == 1


def test_what_ended_well_unseen_is_not_begun_again(engine: CloudRunEngine, cloud: Cloud, work: Path) -> None:
    wanted = task(work, "work")
    for _ in range(3):
        assert run(engine, wanted)[0].ending == Ending.DONE
    assert starts(wanted) == len(cloud.executions) == 1


def test_what_ended_well_in_a_work_folder_that_is_gone_is_begun_again(
    engine: CloudRunEngine, cloud: Cloud, work: Path
) -> None:
    wanted = task(work, "work")
    run(engine, wanted)
    (wanted.folder / FILE).write_text("{")
    assert run(engine, wanted)[0].ending == Ending.DONE
    assert len(cloud.executions) == 2


def test_what_ended_badly_unseen_is_begun_again(engine: CloudRunEngine, cloud: Cloud, work: Path) -> None:
    assert run(engine, task(work, "crash"))[0].ending == Ending.CRASHED
    assert run(engine, task(work, "work"))[0].ending == Ending.DONE
    assert len(cloud.executions) == 2


def test_the_next_command_of_a_job_is_another_execution(engine: CloudRunEngine, cloud: Cloud, work: Path) -> None:
    for number in (1, 2):
        assert run(engine, task(work, "work", key=f"job_0123456789ab-{number}"))[0].ending == Ending.DONE
    assert len(cloud.executions) == 2


@pytest.mark.parametrize("hidden", [0, 2], ids=["listed-at-once", "listed-later"])
def test_an_execution_whose_beginning_got_no_answer_is_not_begun_twice(
    engine: CloudRunEngine, cloud: Cloud, work: Path, hidden: int
) -> None:
    cloud.failures.append(Failure("RunJob", 1, after=True))
    cloud.hidden_lists = hidden
    wanted = task(work, "work")
    assert run(engine, wanted)[0].ending == Ending.DONE
    assert starts(wanted) == len(cloud.executions) == 1


def test_an_execution_that_was_asked_for_and_refused_is_asked_for_again(
    engine: CloudRunEngine, cloud: Cloud, work: Path
) -> None:
    cloud.failures.append(Failure("RunJob", 1))
    assert run(engine, task(work, "work"))[0].ending == Ending.DONE
    assert len(cloud.executions) == 1


def test_a_worker_that_died_between_asking_and_the_answer_leaves_one_execution(
    engine: CloudRunEngine, cloud: Cloud, settings: CloudRunSettings, work: Path, clients: Clients
) -> None:
    wanted = task(work, "wait")
    cloud.failures.append(Failure("RunJob", 1, after=True))
    dying = Running(CloudRunEngine(settings, work, clients, replace(PACE, between_looks=30, to_stop=0.2)), wanted)
    until = time.monotonic() + 30
    while not cloud.executions and time.monotonic() < until:
        time.sleep(0.01)
    cloud.hidden_lists = 3
    second = Running(engine, wanted)
    second.wait_for_progress()
    (wanted.folder / "out" / "go").touch()
    assert second.outcome().ending == Ending.DONE
    assert starts(wanted) == len(cloud.executions) == 1
    dying.stop.set()
    dying.outcome()


def test_of_two_executions_begun_at_the_same_moment_the_older_one_stays(
    engine: CloudRunEngine, cloud: Cloud, settings: CloudRunSettings, work: Path, clients: Clients
) -> None:
    wanted = task(work, "tidy", "wait")
    first = Running(engine, wanted)
    first.wait_for_progress()
    (wanted.folder / FILE).unlink()
    cloud.hidden_lists = 1
    second = Running(CloudRunEngine(settings, work, clients, PACE), wanted)
    until = time.monotonic() + 30
    while sum(one.is_cancelled for one in cloud.executions.values()) < 1 and time.monotonic() < until:
        time.sleep(0.01)
    assert [one.is_cancelled for one in cloud.executions.values()] == [False, True]
    (wanted.folder / "out" / "go").touch()
    assert first.outcome() == second.outcome() == Outcome(Ending.DONE, exit_code=0)


def test_short_failures_are_waited_out(engine: CloudRunEngine, cloud: Cloud, work: Path) -> None:
    cloud.failures += [
        Failure("ListExecutions", 2),
        Failure("GetExecution", 2, grpc.StatusCode.RESOURCE_EXHAUSTED),
        Failure("ListTasks", 1, grpc.StatusCode.INTERNAL),
    ]
    assert run(engine, task(work, "work"))[0].ending == Ending.DONE
    assert len(cloud.executions) == 1


def test_a_silence_that_lasts_is_a_failure_that_passes(
    settings: CloudRunSettings, work: Path, engine: CloudRunEngine, cloud: Cloud
) -> None:
    cloud.failures.append(Failure("ListExecutions", 1_000))
    with pytest.raises(TransientError, match="Cloud Run: does not answer: by order of the test"):
        run(engine, task(work, "work"))
    with grpc.insecure_channel("127.0.0.1:9") as channel:
        nobody = CloudRunEngine(settings, work, clients_of(channel), replace(PACE, patience=0.1))
        with pytest.raises(TransientError, match="does not answer"):
            run(nobody, task(work, "work"))


def test_a_missing_right_is_told(engine: CloudRunEngine, cloud: Cloud, work: Path) -> None:
    cloud.failures.append(Failure("RunJob", 1, grpc.StatusCode.PERMISSION_DENIED))
    with pytest.raises(InputError, match="Cloud Run: refuses: by order of the test – see LAXAI_CLOUD_RUN"):
        run(engine, task(work, "work"))


def test_an_execution_that_others_ended_is_a_failure_that_passes(
    engine: CloudRunEngine, cloud: Cloud, work: Path
) -> None:
    running = Running(engine, task(work, "sleep"))
    running.wait_for_progress()
    cloud.cancel(next(iter(cloud.executions)))
    with pytest.raises(TransientError, match="tracking was cut short: somebody cancelled it"):
        running.outcome()


def test_an_execution_that_was_deleted_is_a_failure_that_passes(
    engine: CloudRunEngine, cloud: Cloud, work: Path
) -> None:
    running = Running(engine, task(work, "sleep"))
    running.wait_for_progress()
    cloud.close()
    cloud.executions.clear()
    with pytest.raises(TransientError, match="was deleted while it ran"):
        running.outcome()


def test_settings_that_are_missing_are_told_with_an_example(work: Path, clients: Clients) -> None:
    with pytest.raises(InputError, match="LAXAI_CLOUD_RUN: does not name project, region and the job of tracking"):
        run(CloudRunEngine(CloudRunSettings(), work, clients, PACE), task(work))
    for wrong in ({"jobs": {"cooking": "x"}}, {"mount": "work"}, {"zone": "x"}):
        with pytest.raises(ValidationError):
            CloudRunSettings.model_validate(wrong)


def test_doctor_says_what_is_well_and_what_is_not(engine: CloudRunEngine, cloud: Cloud) -> None:
    tracking, training = engine.check()
    assert (tracking.ok, tracking.says) == (True, IMAGE)
    assert not training.ok and "laxai-training" in training.says and training.hint
    cloud.jobs[JOB].template.template.max_retries = 3
    assert engine.check()[0].says == f"{JOB} repeats what failed"
    cloud.jobs[JOB].template.template.max_retries = 0
    cloud.jobs[JOB].template.template.containers[0].volume_mounts[0].mount_path = "/data"
    assert "has no volume at" in engine.check()[0].says
    cloud.failures.append(Failure("GetJob", 1))
    assert engine.check()[0].says == "does not answer: by order of the test"
