from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kubernetes import client
from pydantic import ValidationError
from tests.kubernetes_server import Cluster, Failure, failed, pending, serving, unplaced

from cloud.engines.begun import FILE
from cloud.engines.engine import Ending, Outcome, Task
from cloud.engines.following import Pace
from cloud.engines.kubernetes import KubernetesEngine
from cloud.engines.kubernetes_job import job_for, job_name
from cloud.engines.kubernetes_settings import KubernetesSettings, Toleration
from cloud.engines.mounted import MountedWork
from shared_libs.common.errors import InputError, TransientError
from shared_libs.common.jobs import Progress

PACE = Pace(between_looks=0.05, patience=0.5)

IMAGE = "registry.example/laxai-service-tracking:1"

# A service: `ARGUMENTS` are `--out FOLDER` and what to do, each a word.
SERVICE = """
import json, os, pathlib, signal, sys, time
out, words = pathlib.Path(sys.argv[2]), sys.argv[3:]
out.mkdir(exist_ok=True)
assert os.environ["LAXAI_PROGRESS"] == "json" and os.environ["HOME"] == "/tmp"
def say(done): print(json.dumps({"laxai_progress": {"stage": "tracking", "done": done, "total": 4, "unit": "frames"}}))
with open(out / "starts", "a") as file: file.write("start\\n")
for word in words:
    if word == "ignore": signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if word == "tidy": signal.signal(signal.SIGTERM, lambda *_: ((out / "tidied").touch(), sys.exit(143)))
    if word == "work":
        for done in range(5): say(done); print(f"frame {done}"); time.sleep(0.05)
    if word == "wait":
        say(1)
        while not (out / "go").exists(): time.sleep(0.01)
    if word == "sleep": say(2); time.sleep(30)
    if word == "garbage": sys.stdout.buffer.write(b"\\xff\\x00\\x9f not text\\n"); sys.stdout.flush()
    if word == "refuse": print(f"error: {out.parent}/inputs/source.mp4: no video in it"); sys.exit(2)
    if word == "crash": raise RuntimeError("it broke")
    if word == "die": os.kill(os.getpid(), 9)
"""


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "here" / "work"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def settings(tmp_path: Path) -> KubernetesSettings:
    return KubernetesSettings(namespace="games", images={"tracking": IMAGE}, mount=str(tmp_path / "there"))


@pytest.fixture
def cluster(settings: KubernetesSettings, work: Path) -> Iterator[Cluster]:
    cluster = Cluster(settings.namespace, {IMAGE: SERVICE}, {settings.claim: work})
    yield cluster
    assert cluster.violations == []


@pytest.fixture
def api(cluster: Cluster) -> Iterator[client.ApiClient]:
    with serving(cluster) as api:
        yield api


@pytest.fixture
def engine(settings: KubernetesSettings, work: Path, api: client.ApiClient) -> KubernetesEngine:
    return KubernetesEngine(settings, work, api, PACE)


def task(work: Path, *words: str, key: str = "job_0123456789ab-1", **limits: int) -> Task:
    folder = work / "job_0123456789ab"
    folder.mkdir(exist_ok=True)
    return Task(key, "tracking", ("--out", str(folder / "out"), *words), folder, **limits)


def run(engine: KubernetesEngine, wanted: Task) -> tuple[Outcome, list[Progress]]:
    told: list[Progress] = []
    return engine.run(wanted, told.append, threading.Event()), told


class Running:
    """A run in a thread of its own."""

    def __init__(self, engine: KubernetesEngine, wanted: Task) -> None:
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

    def wait_for(self, stage: str) -> None:
        until = time.monotonic() + 10
        while stage not in {progress.stage for progress in self.told}:
            assert time.monotonic() < until, self.told
            time.sleep(0.01)

    def _run(self, engine: KubernetesEngine, wanted: Task) -> None:
        try:
            self._outcome = engine.run(wanted, self.told.append, self.stop)
        except BaseException as error:
            self._outcome = error


def starts(wanted: Task) -> int:
    return len((wanted.folder / "out" / "starts").read_text().splitlines())


def test_a_command_runs_in_a_container_and_its_progress_and_its_log_arrive(
    engine: KubernetesEngine, work: Path
) -> None:
    wanted = task(work, "work", "garbage", "work")
    outcome, told = run(engine, wanted)
    assert outcome == Outcome(Ending.DONE, exit_code=0)
    assert told[-1] == Progress(stage="tracking", done=4, total=4, message="4 of 4 frames")
    lines = (wanted.folder / "log.txt").read_bytes().splitlines()
    frames = [f"frame {number}".encode() for number in range(5)]
    assert lines == [*frames, b"\xff\x00\x9f not text", *frames]


def test_the_job_has_the_limits_and_the_place_that_were_asked_for(work: Path, settings: KubernetesSettings) -> None:
    more = settings.model_copy(
        update={
            "cpu": {"tracking": "3500m"},
            "gpus": {"tracking": 1},
            "node_selector": {"tracking": {"pool": "gpu"}},
            "tolerations": (Toleration(key="nvidia.com/gpu", effect="NoSchedule"),),
            "image_pull_secrets": ("registry",),
            "service_account": "laxai-task",
        }
    )
    wanted = task(work, memory_bytes=8 * 2**30, seconds=90)
    mounted = MountedWork(work, PurePosixPath("/mnt/jobs"))
    body = json.loads(job_for(wanted, more, mounted).to_json())
    pod = body["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["args"] == ["--out", "/mnt/jobs/job_0123456789ab/out"]
    assert container["resources"] == {
        "limits": {"memory": "8589934592", "nvidia.com/gpu": "1"},
        "requests": {"memory": "8589934592", "cpu": "3500m"},
    }
    assert pod["activeDeadlineSeconds"] == 90
    assert pod["nodeSelector"] == {"pool": "gpu"}
    assert pod["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    assert pod["imagePullSecrets"] == [{"name": "registry"}]
    assert pod["serviceAccountName"] == "laxai-task"


def test_a_refusal_is_told_in_the_service_s_words_without_places(engine: KubernetesEngine, work: Path) -> None:
    outcome, _ = run(engine, task(work, "refuse"))
    assert outcome == Outcome(Ending.REFUSED, "source.mp4: no video in it", 2)


def test_a_crash_is_told_with_its_last_line(engine: KubernetesEngine, work: Path) -> None:
    outcome, _ = run(engine, task(work, "crash"))
    message = "tracking ended unexpectedly (exit code 1); its log has the details – RuntimeError: it broke"
    assert outcome == Outcome(Ending.CRASHED, message, 1)


def test_a_process_that_was_killed_is_told_with_the_signal(engine: KubernetesEngine, work: Path) -> None:
    outcome, _ = run(engine, task(work, "die"))
    assert (outcome.ending, outcome.exit_code) == (Ending.CRASHED, 137)
    assert "killed by SIGKILL, perhaps for want of memory" in outcome.message


def test_a_command_that_takes_too_long_is_ended(engine: KubernetesEngine, work: Path) -> None:
    outcome, _ = run(engine, task(work, "tidy", "sleep", seconds=1))
    assert outcome == Outcome(Ending.TOO_LONG, "tracking took longer than 1 s, which is the limit")


def test_a_stop_ends_the_command_by_its_own_way_within_five_seconds(
    engine: KubernetesEngine, cluster: Cluster, work: Path
) -> None:
    wanted = task(work, "tidy", "sleep")
    running = Running(engine, wanted)
    running.wait_for("tracking")
    began = time.monotonic()
    running.stop.set()
    assert running.outcome() == Outcome(Ending.STOPPED, "tracking was stopped")
    assert time.monotonic() - began < 5
    assert (wanted.folder / "out" / "tidied").exists()
    assert cluster.jobs == {}


def test_a_stop_before_anything_began_leaves_no_job(engine: KubernetesEngine, cluster: Cluster, work: Path) -> None:
    stop = threading.Event()
    stop.set()
    assert engine.run(task(work, "work"), lambda _: None, stop).ending == Ending.STOPPED
    assert cluster.started == []


def test_a_stop_that_the_cluster_has_not_carried_out_in_time_says_so(
    settings: KubernetesSettings, cluster: Cluster, work: Path, api: client.ApiClient
) -> None:
    engine = KubernetesEngine(settings, work, api, replace(PACE, to_stop=0.5))
    running = Running(engine, task(work, "ignore", "sleep"))
    running.wait_for("tracking")
    running.stop.set()
    assert running.outcome() == Outcome(Ending.STOPPED, "tracking was stopped, which Kubernetes has not confirmed yet")
    cluster.close()


def test_a_stop_while_the_cluster_is_silent_is_a_failure_that_passes(
    settings: KubernetesSettings, cluster: Cluster, work: Path, api: client.ApiClient
) -> None:
    engine = KubernetesEngine(settings, work, api, replace(PACE, to_stop=0.5))
    running = Running(engine, task(work, "sleep"))
    running.wait_for("tracking")
    cluster.fail(Failure("DELETE", "/jobs/", 1_000, HTTPStatus.SERVICE_UNAVAILABLE))
    running.stop.set()
    with pytest.raises(TransientError, match="does not answer"):
        running.outcome()


def test_a_second_worker_follows_what_runs_already(
    engine: KubernetesEngine, cluster: Cluster, settings: KubernetesSettings, work: Path, api: client.ApiClient
) -> None:
    wanted = task(work, "wait")
    first = Running(engine, wanted)
    first.wait_for("tracking")
    other = KubernetesEngine(settings, work, api, PACE)
    second = Running(other, wanted)
    second.wait_for("tracking")
    (wanted.folder / "out" / "go").touch()
    assert first.outcome() == second.outcome() == Outcome(Ending.DONE, exit_code=0)
    assert starts(wanted) == len(cluster.started) == 1


def test_what_ended_well_unseen_is_not_begun_again(engine: KubernetesEngine, work: Path) -> None:
    wanted = task(work, "work")
    for _ in range(3):
        assert run(engine, wanted)[0].ending == Ending.DONE
    assert starts(wanted) == 1


def test_what_ended_well_in_a_work_folder_that_is_gone_is_begun_again(
    engine: KubernetesEngine, cluster: Cluster, work: Path
) -> None:
    wanted = task(work, "work")
    run(engine, wanted)
    (wanted.folder / FILE).unlink()
    assert run(engine, wanted)[0].ending == Ending.DONE
    assert starts(wanted) == len(cluster.started) == 2


def test_what_ended_badly_unseen_is_begun_again(engine: KubernetesEngine, cluster: Cluster, work: Path) -> None:
    assert run(engine, task(work, "crash"))[0].ending == Ending.CRASHED
    assert run(engine, task(work, "work"))[0].ending == Ending.DONE
    assert len(cluster.started) == 2


def test_the_job_of_another_task_under_the_same_name_is_refused(engine: KubernetesEngine, work: Path) -> None:
    run(engine, task(work, "work", key="job-0123456789ab-1"))
    with pytest.raises(InputError, match="laxai-job-0123456789ab-1 is of something else"):
        run(engine, task(work, "work"))


def test_short_failures_of_the_cluster_are_waited_out(engine: KubernetesEngine, cluster: Cluster, work: Path) -> None:
    cluster.fail(
        Failure("GET", "/jobs/", 2, HTTPStatus.SERVICE_UNAVAILABLE),
        Failure("POST", "/jobs", 1, HTTPStatus.TOO_MANY_REQUESTS),
        Failure("GET", "/pods", 2, None),
        Failure("GET", "/log", 3, HTTPStatus.BAD_GATEWAY),
    )
    wanted = task(work, "work")
    outcome, told = run(engine, wanted)
    assert outcome.ending == Ending.DONE
    assert told[-1].done == 4
    assert starts(wanted) == 1


@pytest.mark.parametrize("status", [None, HTTPStatus.INTERNAL_SERVER_ERROR])
def test_a_job_whose_making_got_no_answer_is_not_made_twice(
    engine: KubernetesEngine, cluster: Cluster, work: Path, status: HTTPStatus | None
) -> None:
    cluster.fail(Failure("POST", "/jobs", 1, status, after=True))
    wanted = task(work, "work")
    assert run(engine, wanted)[0].ending == Ending.DONE
    assert starts(wanted) == len(cluster.started) == 1


def test_two_workers_that_begin_at_the_same_moment_make_one_job(
    engine: KubernetesEngine, cluster: Cluster, work: Path
) -> None:
    wanted = task(work, "work")
    both = [Running(engine, wanted), Running(engine, wanted)]
    assert [one.outcome().ending for one in both] == [Ending.DONE, Ending.DONE]
    assert starts(wanted) == len(cluster.started) == 1


def test_a_cluster_that_stays_silent_is_a_failure_that_passes(
    engine: KubernetesEngine, cluster: Cluster, work: Path
) -> None:
    cluster.fail(Failure("GET", "/jobs/", 1_000, HTTPStatus.SERVICE_UNAVAILABLE))
    with pytest.raises(TransientError, match=r"Kubernetes: does not answer: by order of the test \(503\)"):
        run(engine, task(work, "work"))


def test_a_cluster_that_is_not_there_is_a_failure_that_passes(settings: KubernetesSettings, work: Path) -> None:
    configuration = client.Configuration(host="http://127.0.0.1:9")
    configuration.retries = 0
    engine = KubernetesEngine(settings, work, client.ApiClient(configuration), replace(PACE, patience=0.1))
    with pytest.raises(TransientError, match="does not answer"):
        run(engine, task(work, "work"))


def test_a_used_up_quota_is_a_failure_that_passes(engine: KubernetesEngine, cluster: Cluster, work: Path) -> None:
    full = "jobs.batch is forbidden: exceeded quota: games"
    cluster.fail(Failure("POST", "/jobs", 1_000, HTTPStatus.FORBIDDEN, message=full))
    with pytest.raises(TransientError, match="exceeded quota"):
        run(engine, task(work, "work"))


def test_a_missing_right_is_told(engine: KubernetesEngine, cluster: Cluster, work: Path) -> None:
    cluster.lacking.add("create jobs")
    with pytest.raises(InputError, match=r"cannot create jobs \(403\) – see the rights"):
        run(engine, task(work, "work"))


def test_a_job_that_was_taken_away_is_a_failure_that_passes(
    engine: KubernetesEngine, cluster: Cluster, work: Path
) -> None:
    wanted = task(work, "sleep")
    running = Running(engine, wanted)
    running.wait_for("tracking")
    cluster.take_away_at_once(job_name(wanted))
    with pytest.raises(TransientError, match="was taken away while it ran"):
        running.outcome()


@pytest.mark.parametrize(
    "scene",
    [
        failed(137, reason="Error", conditions=[{"type": "DisruptionTarget", "status": "True"}]),
        failed(143) | {"reason": "Evicted", "message": "The node was low on resource: memory"},
        failed(137, reason="ContainerStatusUnknown"),
        {"phase": "Failed", "reason": "UnexpectedAdmissionError", "message": "no GPU is left"},
    ],
    ids=["preempted", "evicted", "machine-restarted", "not-admitted"],
)
def test_a_pod_that_lost_its_machine_is_a_failure_that_passes_and_begins_anew(
    engine: KubernetesEngine, cluster: Cluster, work: Path, scene: dict[str, object]
) -> None:
    cluster.first_scene = scene
    with pytest.raises(TransientError, match="tracking was cut short"):
        run(engine, task(work, "work"))
    cluster.first_scene = None
    assert run(engine, task(work, "work"))[0].ending == Ending.DONE


def test_a_container_that_ran_out_of_memory_is_told_with_the_limit(
    engine: KubernetesEngine, cluster: Cluster, work: Path
) -> None:
    cluster.first_scene = failed(137, reason="OOMKilled")
    outcome, _ = run(engine, task(work, "work", memory_bytes=3 * 2**30))
    message = "tracking needed more than 3.0 GiB of memory, which is the limit"
    assert outcome == Outcome(Ending.TOO_MUCH_MEMORY, message, 137)


def test_the_pod_s_last_words_serve_where_its_log_is_lost(
    engine: KubernetesEngine, cluster: Cluster, work: Path
) -> None:
    cluster.first_scene = failed(2, message="warning: x\nerror: source.mp4: no video in it\n")
    cluster.fail(Failure("GET", "/log", 1_000, HTTPStatus.INTERNAL_SERVER_ERROR))
    outcome, _ = run(engine, task(work, "work"))
    assert outcome == Outcome(Ending.REFUSED, "source.mp4: no video in it", 2)


def test_an_image_that_cannot_be_pulled_is_told_after_a_while(
    engine: KubernetesEngine, cluster: Cluster, work: Path
) -> None:
    cluster.first_scene = pending("ImagePullBackOff", "Back-off pulling image")
    told: list[Progress] = []
    with pytest.raises(InputError, match=f"{IMAGE} cannot be started: Back-off pulling image – see images"):
        engine.run(task(work, "work"), told.append, threading.Event())
    assert told[-1] == Progress(stage="waiting", message="waits for its container: ImagePullBackOff")
    assert all(job.deleted_at is not None for job in cluster.jobs.values())


def test_waiting_for_a_machine_is_told_and_lasts_as_long_as_it_takes(
    engine: KubernetesEngine, cluster: Cluster, work: Path
) -> None:
    cluster.first_scene = unplaced("0/3 nodes are available")
    running = Running(engine, task(work, "work"))
    running.wait_for("waiting")
    time.sleep(0.7)
    cluster.pod().scene = {"phase": "Succeeded"}
    assert running.outcome().ending == Ending.DONE
    assert running.told[-1] == Progress(stage="waiting", message="waits for a machine: 0/3 nodes are available")


def test_a_service_without_an_image_is_told_with_an_example(engine: KubernetesEngine, work: Path) -> None:
    wanted = Task("job_0123456789ab-1", "training", (), work / "job_0123456789ab")
    with pytest.raises(InputError, match="LAXAI_KUBERNETES: names no image for training – for example"):
        run(engine, wanted)


def test_a_task_beside_the_work_folder_is_refused(engine: KubernetesEngine, work: Path) -> None:
    elsewhere = work.parent / "elsewhere"
    elsewhere.mkdir()
    with pytest.raises(InputError, match="is not below the work folder"):
        run(engine, Task("job_0123456789ab-1", "tracking", (), elsewhere))


def test_doctor_finds_all_well(engine: KubernetesEngine) -> None:
    found = {finding.what: (finding.ok, finding.says) for finding in engine.check()}
    assert found == {
        "Kubernetes": (True, "version v1.37.0 answers"),
        "Kubernetes: rights": (True, "may run Jobs in games"),
        "Kubernetes: volume": (True, "laxai-work is there"),
        "Kubernetes: image of service-tracking": (True, IMAGE),
        "Kubernetes: image of service-training": (False, "names no image for training"),
    }


def test_doctor_says_what_is_wrong_and_what_to_do(engine: KubernetesEngine, cluster: Cluster) -> None:
    cluster.lacking |= {"delete jobs", "get pods/log"}
    cluster.access_modes = ["ReadWriteOnce"]
    wrong = {finding.what: finding for finding in engine.check() if not finding.ok}
    assert wrong["Kubernetes: rights"].says == "may not delete jobs, get pods/log in games"
    assert wrong["Kubernetes: volume"].says == "laxai-work cannot be written by several machines at once"
    assert all(finding.hint for finding in wrong.values())
    cluster.volumes.clear()
    volume = next(finding for finding in engine.check() if finding.what == "Kubernetes: volume")
    assert volume.says == "there is no PersistentVolumeClaim laxai-work in games"


def test_doctor_says_where_no_cluster_answers_or_none_is_known(
    settings: KubernetesSettings, work: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    configuration = client.Configuration(host="http://127.0.0.1:9")
    configuration.retries = 0
    silent = KubernetesEngine(settings, work, client.ApiClient(configuration)).check()[0]
    assert not silent.ok and silent.says.startswith("does not answer")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    unknown = KubernetesEngine(settings, work).check()[0]
    assert not unknown.ok and unknown.says.startswith("kubernetes: there is no cluster to talk to")


def test_settings_are_read_from_json_and_unknown_ones_refused() -> None:
    given = {"images": {"tracking": IMAGE}, "gpus": {"training": 2}, "tolerations": [{"key": "gpu"}]}
    settings = KubernetesSettings.model_validate_json(json.dumps(given))
    assert (settings.gpus["training"], settings.namespace) == (2, "laxai")
    for wrong in (
        '{"image": {}}',
        '{"images": {"cooking": "x"}}',
        '{"mount": "work"}',
        '{"mount": "/"}',
        '{"user": 0}',
    ):
        with pytest.raises(ValidationError):
            KubernetesSettings.model_validate_json(wrong)


@given(st.from_regex(r"[a-z0-9]([a-z0-9_-]{0,48}[a-z0-9])?", fullmatch=True))
def test_every_key_makes_a_name_that_kubernetes_takes(key: str) -> None:
    name = job_name(Task(key, "tracking", (), Path("/jobs/x")))
    assert len(name) <= 57 and name.isascii() and "_" not in name and name[-1] != "-"


@pytest.mark.parametrize("key", ["", "Ä", "a/b", "-a", "a" * 51])
def test_a_key_that_no_name_can_hold_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="a task's key"):
        job_name(Task(key, "tracking", (), Path("/jobs/x")))


WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@given(WORDS, st.sampled_from(["", "onnx:", "--model=", "--settings=onnx:"]))
def test_paths_below_the_work_folder_are_translated_and_nothing_else_is(word: str, before: str) -> None:
    folder = Path("/srv/laxai.work/job_1")
    mounted = MountedWork(Path("/srv/laxai.work"), PurePosixPath("/mnt/jobs"))

    def translated(argument: str) -> str:
        return mounted.arguments(Task("k", "tracking", (argument,), folder))[0]

    assert translated(f"{before}{folder}/{word.replace('/', '')}") == f"{before}/mnt/jobs/job_1/{word.replace('/', '')}"
    assert translated(f"{before}{folder}") == f"{before}/mnt/jobs/job_1"
    for same in (f"{before}/other{folder}/x", f"{before}{folder}2/x", f"{before}/srv/laxaixwork/job_1", word):
        assert translated(same) == same
