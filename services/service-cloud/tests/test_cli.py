"""The command line: jobs, doctor, and the worker as a process that others watch and stop."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from prometheus_client.parser import text_string_to_metric_families
from tests.site_of_workers import STAND_IN, TENANT, Site, site

import cloud.doctor
from cloud.cli import main
from cloud.settings import CloudSettings
from cloud.worker.ledger import Ledger
from postgresql.server import postgresql
from shared_libs.common.job_client.table import connect
from shared_libs.common.jobs import BuildDataset, Job, JobState, LinkPlayers, Progress, RunReference, TrackVideo
from shared_libs.utils.ids import new_id

VIDEO, RUN = "video_0123456789ab", "run_0123456789ab"
TRACK = f'{{"kind": "track_video", "video_id": "{VIDEO}"}}'
SECRET = "sesame-7"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A queue, a storage and a work folder, which the settings name."""
    for name in list(os.environ):
        if name.startswith(("LAXAI_", "OTEL_")):
            monkeypatch.delenv(name)
    with site(tmp_path) as made:
        stand_in = f"{sys.executable} -I {STAND_IN}"
        told = {
            "COMMANDS": json.dumps({"tracking": stand_in, "training": stand_in}),
            "DATABASE": made.database,
            "POLLING_SECONDS": "0.1",
            "STORAGE": made.storage,
            "TENANT": TENANT,
            "WORK": str(tmp_path / "work"),
        }
        for name, value in told.items():
            monkeypatch.setenv(f"LAXAI_{name}", value)
        monkeypatch.setenv("STAND_IN_DIARY", str(made.diary))
        yield made


# --- jobs


def test_a_job_is_put_in_and_shown(place: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["jobs", "submit", TRACK, "--priority", "70"]) == 0
    told = _table(capsys)
    job = place.jobs.job(TENANT, told["job"])
    assert told == {
        "job": job.job_id,
        "tenant": TENANT,
        "kind": "track_video",
        "video_id": VIDEO,
        "state": "queued",
        "created": job.created.isoformat(timespec="seconds"),
    }
    assert job.priority == 70
    assert main(["jobs", "show", job.job_id]) == 0
    assert _table(capsys) == told


def test_what_is_printed_as_json_is_the_job(place: Site, capsys: pytest.CaptureFixture[str]) -> None:
    job = _one(["jobs", "submit", TRACK, "--key", "monday", "--json"], capsys)
    assert job == place.jobs.job(TENANT, job.job_id) and job.idempotency_key == "monday"
    assert _one(["jobs", "submit", TRACK, "--key", "monday", "--json"], capsys) == job
    assert _one(["jobs", "show", job.job_id, "--json"], capsys) == job
    cancelled = _one(["jobs", "cancel", job.job_id, "--json"], capsys)
    assert cancelled.state == JobState.CANCELLED
    again = _one(["jobs", "retry", job.job_id, "--json"], capsys)
    assert again.retry_of == job.job_id and again.state == JobState.QUEUED


def test_cancel_and_retry_print_what_became_of_it(place: Site, capsys: pytest.CaptureFixture[str]) -> None:
    job = place.submit()
    assert main(["jobs", "cancel", job.job_id]) == 0
    told = _table(capsys)
    assert (told["job"], told["state"]) == (job.job_id, "cancelled") and "finished" in told
    assert main(["jobs", "retry", job.job_id]) == 0
    told = _table(capsys)
    assert (told["retry of"], told["state"]) == (job.job_id, "queued")


def test_a_list_is_newest_first_in_pages(place: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["jobs", "list"]) == 0
    assert capsys.readouterr().out == "no jobs\n"
    made = []
    for _ in range(3):
        made.append(place.submit().job_id)
        time.sleep(0.002)  # the clock of SQLite counts milliseconds
    assert main(["jobs", "list", "--limit", "2"]) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [made[2], made[1]]
    assert all(line.split()[3:] == ["track_video", "queued"] for line in lines)
    [_, option, following] = last.split()
    assert main(["jobs", "list", option, following]) == 0
    [line] = capsys.readouterr().out.splitlines()
    assert line.startswith(made[0])


def test_a_list_as_json_has_whole_jobs_and_the_next_page(place: Site, capsys: pytest.CaptureFixture[str]) -> None:
    made = {job.job_id: job for job in (place.submit(), place.submit())}
    seen = []
    words: list[str] = []
    while True:
        assert main(["jobs", "list", "--json", "--limit", "1", *words]) == 0
        document = json.loads(capsys.readouterr().out)
        seen += [Job.model_validate_json(json.dumps(job)) for job in document["jobs"]]
        if document["following"] is None:
            break
        words = ["--following", document["following"]]
    assert {job.job_id: job for job in seen} == made and len(seen) == 2


def test_a_list_can_be_of_states_kinds_and_another_tenant(place: Site, capsys: pytest.CaptureFixture[str]) -> None:
    tracking = place.submit()
    linking = place.jobs.submit(TENANT, LinkPlayers(video_id=VIDEO, run_id=RUN))
    gone = place.jobs.cancel(TENANT, place.submit().job_id)
    theirs = place.jobs.submit("blues", TrackVideo(video_id=VIDEO))
    for words, wanted in [
        (["--kind", "link_players"], {linking.job_id}),
        (["--state", "cancelled"], {gone.job_id}),
        (["--state", "cancelled", "--state", "queued"], {tracking.job_id, linking.job_id, gone.job_id}),
        (["--kind", "track_video", "--kind", "link_players", "--state", "queued"], {tracking.job_id, linking.job_id}),
        (["--tenant", "blues"], {theirs.job_id}),
    ]:
        assert main(["jobs", "list", *words]) == 0
        assert {line.split()[0] for line in capsys.readouterr().out.splitlines()} == wanted


def test_how_far_a_job_is_how_it_failed_and_what_it_made(place: Site, capsys: pytest.CaptureFixture[str]) -> None:
    ledger = Ledger(connect(place.database), new_id("worker"), 60.0, lambda: pytest.fail("lost"))
    ledger.register()
    job = place.submit()
    held = ledger.hold(job.job_id)
    assert held is not None
    for progress, words in [
        (Progress(stage="tracking", done=1200, total=9000, message="1,200 of 9,000 frames"),
         "tracking 1,200 of 9,000 frames"),
        (Progress(stage="storing", done=5, total=10, message="bytes"), "storing 5 of 10 bytes"),
        (Progress(stage="tracking", done=7, message="7 frames"), "tracking 7 frames"),
        (Progress(stage="tracking", done=12, message="1 camera"), "tracking 12 1 camera"),
        (Progress(stage="fetching", message="the disk is busy; trying again in 2 s"),
         "fetching the disk is busy; trying again in 2 s"),
    ]:  # fmt: skip
        ledger.report(held, progress)
        assert main(["jobs", "show", job.job_id]) == 0
        assert _table(capsys)["progress"] == words
        assert main(["jobs", "list"]) == 0
        assert capsys.readouterr().out.rstrip().endswith(words)
    ledger.finish(held, JobState.SUCCEEDED, result={"run_id": RUN, "players": 0})
    assert main(["jobs", "show", job.job_id]) == 0
    told = _table(capsys)
    assert (told["state"], told["run_id"], told["players"]) == ("succeeded", RUN, "0") and "progress" not in told
    held = ledger.hold(place.submit().job_id)
    assert held is not None
    ledger.finish(held, JobState.FAILED, error="game.mp4: there is no video in it")
    assert main(["jobs", "list", "--state", "failed"]) == 0
    assert capsys.readouterr().out.rstrip().endswith("failed     game.mp4: there is no video in it")


def test_a_job_with_more_than_words_in_it_is_shown(place: Site, capsys: pytest.CaptureFixture[str]) -> None:
    payload = BuildDataset(runs=(RunReference(video_id=VIDEO, run_id=RUN),), validation_share=0.5)
    assert main(["jobs", "submit", payload.model_dump_json()]) == 0
    told = _table(capsys)
    assert RUN in told["runs"] and told["validation_share"] == "0.5" and "seed" not in told


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "nonsense",
        "{",
        "[]",
        '"track_video"',
        "{}",
        '{"kind": "bake_cake"}',
        '{"kind": "track_video"}',
        '{"kind": "track_video", "video_id": "../../etc"}',
        f'{{"kind": "track_video", "video_id": "{VIDEO}", "surprise": 1}}',
        '{"kind": "train_reid", "dataset_id": "dataset_0123456789ab", "epochs": "many"}',
    ],
)
def test_what_is_no_job_is_refused_in_one_line(place: Site, capsys: pytest.CaptureFixture[str], payload: str) -> None:
    assert main(["jobs", "submit", payload]) == 2
    assert _complaint(capsys).startswith("error: JSON: ")
    assert place.states() == {}


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ([], "command"),
        (["nonsense"], "nonsense"),
        (["jobs"], "command"),
        (["jobs", "bake"], "bake"),
        (["jobs", "submit"], "JSON"),
        (["jobs", "submit", TRACK, "--priority", "101"], "--priority"),
        (["jobs", "submit", TRACK, "--key", "k" * 201], "idempotency_key"),
        (["jobs", "submit", TRACK, "--tenant", "../reds"], "tenant"),
        (["jobs", "show"], "JOB"),
        (["jobs", "show", "job_ffffffffffff"], "job_ffffffffffff"),
        (["jobs", "cancel", "job_ffffffffffff"], "job_ffffffffffff"),
        (["jobs", "retry", "nonsense"], "nonsense"),
        (["jobs", "list", "--limit", "0"], "--limit"),
        (["jobs", "list", "--state", "asleep"], "--state.*asleep.*queued, running"),
        (["jobs", "list", "--kind", "bake"], "--kind.*bake.*track_video"),
        (["jobs", "list", "--following", "x"], "following"),
        (["jobs", "list", "--database", ""], "database"),
        (["jobs", "list", "--database", f"mysql://u:{SECRET}@host/x"], "LAXAI_DATABASE"),
        (["jobs", "list", "--database", f"postgresql+psycopg://u:{SECRET}@127.0.0.1:1/x"], "cannot be reached"),
        (["worker", "--metrics-port", "70000"], "--metrics-port"),
        (["worker", "--nonsense"], "--nonsense"),
        (["doctor", "--nonsense"], "--nonsense"),
    ],
)
def test_mistakes_are_one_line_and_exit_2(
    place: Site, capsys: pytest.CaptureFixture[str], words: list[str], names: str
) -> None:
    assert main(words) == 2
    complaint = _complaint(capsys)
    pytest.fail(complaint) if SECRET in complaint else _must_match(names, complaint)
    assert place.states() == {}


def test_what_does_not_go_with_a_jobs_state_is_one_line(place: Site, capsys: pytest.CaptureFixture[str]) -> None:
    job = place.submit()
    assert main(["jobs", "retry", job.job_id]) == 2
    assert f"{job.job_id}: is queued" in _complaint(capsys)
    assert main(["jobs", "submit", TRACK, "--key", "monday"]) == 0
    capsys.readouterr()
    assert main(["jobs", "submit", TRACK, "--key", "monday", "--priority", "9"]) == 2
    assert _complaint(capsys).startswith("error: monday: ")


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("service-cloud ")


# --- doctor


def test_where_all_is_well_doctor_says_so_and_leaves_nothing_behind(
    place: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cloud.doctor, "_LEAST_FREE", 1)
    place.submit()
    storage = Path(place.storage)
    before = sorted(storage.rglob("*"))
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert [line.split()[0] for line in said.splitlines()] == ["ok"] * 5
    assert "1 jobs wait, 0 run, 0 workers" in said and "stand-in 1" in said
    assert sorted(storage.rglob("*")) == before
    assert main(["doctor", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["what"] for row in rows] == [
        "database", "storage", "work folder", "command of service-tracking", "command of service-training",
    ]  # fmt: skip
    assert all(row["ok"] and row["says"] and row["hint"] is None for row in rows)


@pytest.mark.parametrize(
    ("setting", "value", "what"),
    [
        ("DATABASE", f"postgresql+psycopg://laxai:{SECRET}@127.0.0.1:1/laxai", ["database"]),
        ("DATABASE", f"postgresql+psycopg://laxai@127.0.0.1:1/laxai?password={SECRET}", ["database"]),
        ("DATABASE", "nonsense", ["database"]),
        ("DATABASE", "sqlite:///{file}", ["database"]),
        ("STORAGE", "{file}/below", ["storage"]),
        ("STORAGE", "nonsense://bucket", ["storage"]),
        ("TENANT", "../reds", ["tenant"]),
        ("WORK", "{file}/below", ["work folder"]),
        ("COMMANDS", "{{}}", ["command of service-tracking", "command of service-training"]),
        (
            "COMMANDS",
            '{{"tracking": "no-such-program"}}',
            ["command of service-tracking", "command of service-training"],
        ),
        ("COMMANDS", '{{"tracking": "false", "training": "true"}}', ["command of service-tracking"]),
    ],
)
def test_doctor_names_what_is_wrong_and_what_to_do(
    place: Site,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    setting: str,
    value: str,
    what: list[str],
) -> None:
    file = place.folder / "file"
    file.write_text("a shopping list\n" * 100)
    monkeypatch.setattr(cloud.doctor, "_LEAST_FREE", 1)
    monkeypatch.setenv(f"LAXAI_{setting}", value.format(file=file))
    assert main(["doctor", "--json"]) == 1
    out = capsys.readouterr().out
    rows = json.loads(out)
    assert [row["what"] for row in rows if not row["ok"]] == what
    assert all("\n" not in row["says"] for row in rows)
    assert main(["doctor"]) == 1
    text = capsys.readouterr().out
    assert sum(line.startswith("NOT OK") for line in text.splitlines()) == len(what)
    assert all(row["hint"] in text for row in rows if row["hint"])
    assert SECRET not in out + text


def test_doctor_misses_room_for_a_game(
    place: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cloud.doctor, "_LEAST_FREE", 1 << 60)
    assert main(["doctor", "--json"]) == 1
    [row] = [row for row in json.loads(capsys.readouterr().out) if not row["ok"]]
    assert row["what"] == "work folder" and "GiB free" in row["says"] and "LAXAI_WORK" in row["hint"]


def test_two_doctors_at_once_do_not_disturb_each_other(place: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloud.doctor, "_LEAST_FREE", 1)
    monkeypatch.setenv("LAXAI_COMMANDS", '{"tracking": "true", "training": "true"}')
    settings = CloudSettings.load()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: cloud.doctor.examine(settings), range(40)))
    assert [finding for findings in found for finding in findings if not finding.ok] == []


# --- worker


@pytest.mark.parametrize(
    ("setting", "value", "names"),
    [
        ("LEASE_SECONDS", "0", "LAXAI_LEASE_SECONDS"),
        ("POLLING_SECONDS", "soon", "LAXAI_POLLING_SECONDS"),
        ("ENGINE", "abacus", "LAXAI_ENGINE.*local"),
        ("COMMANDS", "python -m tracking", "LAXAI_COMMANDS: must be JSON"),
        ("COMMANDS", '{"baking": "true"}', "LAXAI_COMMANDS.baking"),
        ("LIMITS", '{"bake_cake": {}}', "LAXAI_LIMITS.bake_cake"),
        ("LIMITS", '{"track_video": {"at_once": 0}}', "LAXAI_LIMITS.track_video.at_once"),
        ("CONFIG", "/nowhere/laxai.toml", "LAXAI_CONFIG"),
    ],
)
def test_a_worker_with_a_wrong_setting_does_not_start(
    place: Site,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    setting: str,
    value: str,
    names: str,
) -> None:
    monkeypatch.setenv(f"LAXAI_{setting}", value)
    assert main(["worker"]) == 2
    _must_match(names, _complaint(capsys))


def test_a_worker_says_in_one_line_what_it_lacks(place: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for words, names in [
            (["--work", "/dev/null/work"], "/dev/null/work"),
            (["--metrics-port", port], f"--metrics-port: 127.0.0.1:{port}: Address already in use"),
        ]:
            worker = _start(place, *words)
            assert worker.wait(30) == 2
            [line] = place.worker_logs()[-1].splitlines()
            assert line.startswith("error: ") and names in line


def test_a_worker_that_comes_before_its_database_waits_for_it_and_ends_with_143_after_sigterm(place: Site) -> None:
    with postgresql() as server:
        url = server.new_database().replace("laxai@", f"laxai:{SECRET}@")
        server.stop()
        worker = _start(place, "--database", url)
        place.wait_until(lambda: "cannot be reached" in place.worker_logs()[0])
        server.start()
        place.wait_until(lambda: "is ready for jobs" in place.worker_logs()[0])
        worker.terminate()
        assert worker.wait(30) == 143
    assert SECRET not in place.worker_logs()[0]


def test_ctrl_c_ends_a_worker_with_130_though_its_collector_is_away(
    place: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAXAI_OTLP_ENDPOINT", "http://127.0.0.1:1/v1/traces")
    worker = _start(place)
    place.wait_for(place.submit(), JobState.SUCCEEDED)
    worker.send_signal(signal.SIGINT)
    assert worker.wait(30) == 130
    said = place.worker_logs()[0]
    assert "\nstopping; " in said and "Traceback" not in said


def test_metrics_count_what_waits_runs_and_has_ended(place: Site) -> None:
    _start(place, "--metrics-port", "0")
    place.wait_for(place.submit(), JobState.SUCCEEDED)
    place.wait_for(place.submit(), JobState.SUCCEEDED)
    place.wait_for(place.submit(refuse="there is no video in it"), JobState.FAILED)
    place.submit(seconds=60)
    place.wait_until(lambda: sum(place.written().values()) == 6)  # it has begun
    place.submit()
    place.submit()
    url = _metrics_url(place)
    place.wait_until(lambda: _samples(url).get(("laxai_jobs_ended_total", "track_video", "failed", "input")) == 1)
    samples = _samples(url)
    assert samples["laxai_jobs_ended_total", "track_video", "succeeded", ""] == 2
    assert samples["laxai_jobs_waiting", "track_video"] == 2 and samples["laxai_jobs_running", "track_video"] == 1
    assert samples["laxai_jobs_waiting", "train_reid"] == 0 and samples["laxai_jobs_running", "train_reid"] == 0
    assert 0 < samples["laxai_jobs_waiting_seconds", "track_video"] < 60
    assert samples["laxai_jobs_waiting_seconds", "train_reid"] == 0
    assert samples["laxai_job_stage_seconds_count", "track_video", "storing"] == 2
    assert samples["laxai_job_stage_seconds_count", "track_video", "fetching"] == 4
    assert samples["laxai_job_stage_seconds_sum", "track_video", "fetching"] > 0


def test_health_is_that_the_lease_is_kept(place: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAXAI_LEASE_SECONDS", "1")
    _start(place, "--metrics-port", "0")
    health = _metrics_url(place).replace("/metrics", "/health")
    assert _get(health) == (200, "well\n")
    assert _get(health.replace("/health", "/nonsense")) == (404, "there are /metrics and /health\n")
    writer = sqlite3.connect(place.database.removeprefix("sqlite:///"), isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")  # and nobody else writes
    place.wait_until(lambda: _get(health) == (503, "no lease\n"))
    writer.execute("ROLLBACK")
    writer.close()
    place.wait_until(lambda: _get(health)[0] == 200)


def test_a_collector_is_sent_each_job_with_its_stages(place: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with _collector() as (url, spans):
        monkeypatch.setenv("LAXAI_OTLP_ENDPOINT", url)
        worker = _start(place)
        job = place.wait_for(place.submit(), JobState.SUCCEEDED)
        worker.terminate()
        assert worker.wait(30) == 143
    [root] = [span for span in spans if span.name == "job"]
    told = {each.key: each.value.string_value or each.value.int_value for each in root.attributes}
    assert told == {"job_id": job.job_id, "kind": "track_video", "execution": 1}
    stages = [span for span in spans if span.parent_span_id == root.span_id]
    stages.sort(key=lambda span: span.start_time_unix_nano)
    assert [span.name for span in stages] == ["fetching", "tracking", "storing"]
    assert {span.trace_id for span in stages} == {root.trace_id}
    assert all(root.start_time_unix_nano <= span.start_time_unix_nano for span in stages)
    assert all(span.end_time_unix_nano <= root.end_time_unix_nano for span in stages)


def test_without_the_setting_nothing_is_sent_anywhere(place: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with _collector() as (url, spans):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url.removesuffix("/v1/traces"))
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", url)
        worker = _start(place)
        place.wait_for(place.submit(), JobState.SUCCEEDED)
        worker.terminate()
        assert worker.wait(30) == 143
    assert spans == []


def _start(place: Site, *words: str) -> subprocess.Popen[bytes]:
    """`python -m cloud worker`, with the settings that are in the environment."""

    def heed_signals() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs ignore it, and so would this one

    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with (place.folder / f"worker-{len(place.workers)}.log").open("wb") as log:
        command = [sys.executable, "-m", "cloud", "worker", *words]
        worker = subprocess.Popen(command, env=environment, stdout=log, stderr=log, preexec_fn=heed_signals)
    place.workers.append(worker)
    return worker


def _one(words: list[str], capsys: pytest.CaptureFixture[str]) -> Job:
    assert main(words) == 0
    return Job.model_validate_json(capsys.readouterr().out)


def _table(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Lines of a name, two spaces or more, and a value."""
    rows = [line.partition("  ") for line in capsys.readouterr().out.splitlines()]
    return {name: value.strip() for name, _, value in rows}


def _complaint(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on stderr; there is nothing on stdout."""
    said = capsys.readouterr()
    assert said.out == ""
    [line] = said.err.splitlines()
    assert line.startswith("error: ")
    return line


def _must_match(pattern: str, line: str) -> None:
    with pytest.raises(ValueError, match=pattern):
        raise ValueError(line)


def _metrics_url(place: Site) -> str:
    place.wait_until(lambda: "is ready for jobs" in place.worker_logs()[-1])
    [url] = [line.split()[-1] for line in place.worker_logs()[-1].splitlines() if line.startswith("metrics at ")]
    return url


def _get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def _samples(url: str) -> dict[tuple[str, ...], float]:
    """By name and what stands in the labels kind, stage or state, and cause; without the buckets."""
    status, text = _get(url)
    assert status == 200
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if "le" not in sample.labels:
                words = [sample.labels[name] for name in ("kind", "stage", "state", "cause") if name in sample.labels]
                found[(sample.name, *words)] = sample.value
    return found


@contextmanager
def _collector() -> Iterator[tuple[str, list[Span]]]:
    """An OTLP collector: its URL, and the spans that it was sent."""
    spans: list[Span] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"])))
            assert self.path == "/v1/traces" and self.headers["Content-Type"] == "application/x-protobuf"
            for resource in request.resource_spans:
                spans.extend(span for scope in resource.scope_spans for span in scope.spans)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing to say."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/traces", spans
    finally:
        server.shutdown()
        server.server_close()
