"""A worker at its work: whole jobs, each done by a stand-in for the service that would do it."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.site_of_workers import TENANT, Site, site

from shared_libs.common.jobs import JobState, TrackVideo
from shared_libs.common.storage import video_file


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path) as made:
        yield made


def test_a_job_ends_well_and_its_run_is_in_storage(place: Site) -> None:
    place.start()
    job = place.wait_for(place.submit(seconds=0.2), JobState.SUCCEEDED)
    assert isinstance(job.payload, TrackVideo) and job.result is not None
    [run] = place.runs(job.payload.video_id)
    assert job.result["run_id"] == run
    content = place.read(job.payload.video_id, run, "run.json")
    assert content is not None and json.loads(content)["code_version"] == "stand-in"
    assert place.read(job.payload.video_id, run, "tracks.txt") is not None
    place.wait_until(lambda: not list((place.folder / "work").glob("job_*")))


def test_a_poison_job_fails_once_with_the_services_own_words_and_holds_nobody_up(place: Site) -> None:
    poison = place.submit(refuse="there is no video in it – export it again")
    good = place.submit()
    place.start()
    place.wait_for(good, JobState.SUCCEEDED)
    job = place.wait_for(poison, JobState.FAILED)
    assert job.error == "source.mp4: there is no video in it – export it again"
    assert isinstance(job.payload, TrackVideo)
    assert place.written()[job.payload.video_id, "began"] == 1
    assert place.runs(job.payload.video_id) == []


def test_a_job_without_a_film_says_what_to_do(place: Site) -> None:
    place.start()
    job = place.wait_for(place.jobs.submit(TENANT, TrackVideo(video_id="video_0123456789ab")), JobState.FAILED)
    assert job.error == "video_0123456789ab: the video has no film yet – upload it first"


def test_progress_is_told_while_a_job_runs(place: Site) -> None:
    place.start()
    job = place.submit(seconds=3)
    seen = set()
    while not (now := place.jobs.job(TENANT, job.job_id)).state.is_final:
        if now.progress is not None and now.progress.stage == "tracking":
            seen.add(now.progress.done)
        time.sleep(0.05)
    assert now.state == JobState.SUCCEEDED
    assert len(seen) >= 3 and max(seen) <= 100


@pytest.mark.parametrize("wanted", [{}, {"ignore_sigterm": True}])
def test_a_cancelled_job_is_stopped_and_a_retry_uses_its_folder(place: Site, wanted: dict[str, Any]) -> None:
    place.start()
    job = place.submit(seconds=60, **wanted)
    place.wait_until(lambda: sum(place.written().values()) == 1)
    place.jobs.cancel(TENANT, job.job_id)
    place.wait_for(job, JobState.CANCELLED)
    assert isinstance(job.payload, TrackVideo)
    assert place.written()[job.payload.video_id, "ended"] == 0
    assert (place.folder / "work" / job.job_id / "inputs" / "source.mp4").exists()
    shorter = json.dumps({"name": job.payload.video_id}).encode()
    place.files.write(video_file(TENANT, job.payload.video_id, "source.mp4"), shorter)
    again = place.wait_for(place.jobs.retry(TENANT, job.job_id), JobState.SUCCEEDED)
    assert again.retry_of == job.job_id
    place.wait_until(lambda: not list((place.folder / "work").glob("job_*")))


def test_a_job_that_waits_is_cancelled_at_once_and_never_begins(place: Site) -> None:
    job = place.submit()
    assert place.jobs.cancel(TENANT, job.job_id).state == JobState.CANCELLED
    place.start()
    place.wait_for(place.submit(), JobState.SUCCEEDED)
    assert sum(place.written().values()) == 2
    assert isinstance(job.payload, TrackVideo) and place.written()[job.payload.video_id, "began"] == 0


def test_jobs_of_higher_priority_go_first_and_then_the_oldest(place: Site) -> None:
    films = [place.film() for _ in range(5)]
    for film, priority in zip(films, (50, 50, 90, 10, 90), strict=True):
        place.jobs.submit(TENANT, TrackVideo(video_id=film), priority=priority)
    place.start()
    place.wait_until(lambda: place.states()[JobState.SUCCEEDED] == 5)
    began = [line.split()[0] for line in place.diary.read_text().splitlines() if line.endswith("began")]
    assert began == [films[index] for index in (2, 4, 0, 1, 3)]


def test_a_worker_that_is_told_to_stop_leaves_its_job_to_the_next_one(place: Site) -> None:
    first = place.start()
    job = place.submit(seconds=3)
    place.wait_until(lambda: sum(place.written().values()) == 1)
    first.send_signal(signal.SIGTERM)
    assert first.wait(10) == 128 + signal.SIGTERM
    assert place.jobs.job(TENANT, job.job_id).state == JobState.RUNNING
    place.start()
    place.wait_for(job, JobState.SUCCEEDED)
    assert isinstance(job.payload, TrackVideo) and len(place.runs(job.payload.video_id)) == 1


def test_a_job_that_takes_too_long_is_ended_and_says_so(place: Site) -> None:
    place.start(limits=json.dumps({"track_video": {"seconds": 0.5}}))
    job = place.wait_for(place.submit(seconds=60), JobState.FAILED)
    assert job.error is not None and "longer than" in job.error


def test_a_job_whose_worker_dies_each_time_is_given_up(place: Site) -> None:
    job = place.submit(seconds=30)
    for count in range(1, 4):
        worker = place.start(takeovers=2)
        place.wait_until(partial(_has_written, place, count))
        worker.kill()
        worker.wait()
    place.start(takeovers=2)
    failed = place.wait_for(job, JobState.FAILED)
    assert failed.error is not None and "went down 3 times" in failed.error


def _has_written(place: Site, count: int) -> bool:
    return sum(place.written().values()) == count
