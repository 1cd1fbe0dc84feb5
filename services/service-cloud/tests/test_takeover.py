"""Workers that die, freeze, run late or lose their database: no job is lost, and none is done twice for the reader.

LAXAI_EXHAUSTIVE=1 (`--config=exhaustive`) runs the full counts.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.site_of_workers import TENANT, Site, site

from cloud.worker.worker import LOST
from postgresql.server import PostgreSQL, postgresql
from shared_libs.common.jobs import Job, JobState, TrackVideo
from shared_libs.common.storage import run_path

IS_EXHAUSTIVE = os.environ.get("LAXAI_EXHAUSTIVE") == "1"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSQL]:
    with postgresql() as made:
        yield made


def test_whatever_is_killed_whenever_every_job_ends_well_once(place: Site) -> None:
    count, kills = (100, 20) if IS_EXHAUSTIVE else (12, 3)
    jobs = [place.submit(seconds=0.3) for _ in range(count)]
    chance = random.Random(7)
    worker = place.start()
    for _ in range(kills):
        time.sleep(chance.uniform(1.0, 4.0))
        worker.kill()
        worker.wait()
        worker = place.start()
    _check_all_ended_well_once(place, jobs, seconds=300 if IS_EXHAUSTIVE else 60)


def test_two_workers_share_a_queue_and_one_dies_half_way(tmp_path: Path, server: PostgreSQL) -> None:
    count = 1000 if IS_EXHAUSTIVE else 16
    with site(tmp_path, server.new_database()) as place:
        at_once = '{"track_video": {"at_once": 4}}'
        first = place.start("work-1", limits=at_once)
        place.start("work-2", limits=at_once)
        jobs = [place.submit() for _ in range(count)]
        place.wait_until(lambda: place.states()[JobState.SUCCEEDED] >= count // 2, seconds=600)
        first.kill()
        _check_all_ended_well_once(place, jobs, seconds=600)


def test_a_restart_of_the_database_is_survived(tmp_path: Path, server: PostgreSQL) -> None:
    with site(tmp_path, server.new_database()) as place:
        worker = place.start("work-1", lease_seconds=30)
        jobs = [place.submit(seconds=0.5) for _ in range(6)]
        place.wait_until(lambda: sum(place.written().values()) > 2)
        for number in (signal.SIGINT, signal.SIGQUIT):
            server.stop(number)  # SIGQUIT: as in a crash, with recovery at the start
            time.sleep(1.0)
            server.start()
        _check_all_ended_well_once(place, jobs, seconds=90)
        assert worker.poll() is None


@pytest.mark.parametrize("work", ["work", "elsewhere"])
def test_a_worker_that_was_frozen_while_it_stored_harms_nothing_of_its_successors(
    tmp_path: Path, server: PostgreSQL, work: str
) -> None:
    with site(tmp_path, server.new_database()) as place:
        frozen = place.start(lease_seconds=1)
        job = place.submit(files=300)
        place.wait_until(lambda: bool(place.runs(_video(job))))
        frozen.send_signal(signal.SIGSTOP)
        place.start(work, lease_seconds=1)
        result = place.wait_for(job, JobState.SUCCEEDED).result
        assert result is not None
        run = str(result["run_id"])
        whole = place.files.names(run_path(TENANT, _video(job), run))
        frozen.send_signal(signal.SIGCONT)
        assert frozen.wait(20) == LOST
        assert place.files.names(run_path(TENANT, _video(job), run)) == whole and "run.json" in whole
        assert [each for each in place.runs(_video(job)) if place.read(_video(job), each, "run.json")] == [run]


@pytest.mark.parametrize("work", ["work", "elsewhere"])
def test_a_frozen_worker_whose_job_was_taken_over_publishes_nothing(
    tmp_path: Path, server: PostgreSQL, work: str
) -> None:
    """work: of the second worker: the same folder, or as on another machine."""
    with site(tmp_path, server.new_database()) as place:
        frozen = place.start(lease_seconds=1)
        job = place.submit(seconds=2)
        place.wait_until(lambda: sum(place.written().values()) == 1)
        frozen.send_signal(signal.SIGSTOP)
        place.start(work, lease_seconds=1)
        result = place.wait_for(job, JobState.SUCCEEDED).result
        [run] = place.runs(_video(job))
        frozen.send_signal(signal.SIGCONT)
        assert frozen.wait(20) == LOST
        assert place.runs(_video(job)) == [run]
        assert place.jobs.job(TENANT, job.job_id).result == result


def test_clocks_that_differ_by_minutes_change_nothing(tmp_path: Path, server: PostgreSQL) -> None:
    with site(tmp_path, server.new_database()) as place:
        workers = [place.start(f"work-{skew}", skew=skew, lease_seconds=2) for skew in (-300, 300)]
        jobs = [place.submit(seconds=0.4) for _ in range(10)]
        _check_all_ended_well_once(place, jobs)
        assert set(place.written().values()) == {1}
        assert [worker.poll() for worker in workers] == [None, None]
        ended = [place.jobs.job(TENANT, job.job_id) for job in jobs]
        assert all(abs(job.created.timestamp() - time.time()) < 60 for job in ended)


def test_three_who_notice_at_the_same_moment_take_a_job_over_once(tmp_path: Path, server: PostgreSQL) -> None:
    with site(tmp_path, server.new_database()) as place:
        for number in range(4):
            place.start(f"work-{number}", lease_seconds=1)
        place.wait_until(lambda: all(log.startswith("worker_") for log in place.worker_logs()))
        job = place.submit(seconds=2)
        place.wait_until(lambda: sum(place.written().values()) == 1)
        [victim] = [index for index, log in enumerate(place.worker_logs()) if job.job_id in log]
        place.workers[victim].kill()
        place.wait_for(job, JobState.SUCCEEDED)
        assert place.written() == {(_video(job), "began"): 2, (_video(job), "ended"): 1}


def test_what_a_finished_step_did_is_not_done_again(place: Site) -> None:
    """The worker dies while it stores what came out: the next one stores the rest, and tracks nothing anew."""
    worker = place.start()
    job = place.submit(files=500)
    place.wait_until(lambda: bool(place.runs(_video(job))))
    worker.kill()
    worker.wait()
    place.start()
    place.wait_for(job, JobState.SUCCEEDED)
    assert place.written() == {(_video(job), "began"): 1, (_video(job), "ended"): 1}
    _check_all_ended_well_once(place, [job])


def _check_all_ended_well_once(place: Site, jobs: list[Job], seconds: float = 60.0) -> None:
    place.wait_until(lambda: place.states() == {JobState.SUCCEEDED: len(jobs)}, seconds)
    for job in jobs:
        [run] = place.runs(_video(job))
        assert _result(place, job)["run_id"] == run
        assert place.read(_video(job), run, "run.json") is not None
        assert (place.read(_video(job), run, "tracks.txt") or b"").startswith(b"1,1,")


def _result(place: Site, job: Job) -> dict[str, object]:
    result = place.jobs.job(TENANT, job.job_id).result
    assert result is not None
    return dict(result)


def _video(job: Job) -> str:
    assert isinstance(job.payload, TrackVideo)
    return job.payload.video_id
