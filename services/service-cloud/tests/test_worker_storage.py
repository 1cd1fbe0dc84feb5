"""Jobs on storage that fails now and then, for long, or for want of room."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.site_of_workers import TENANT, Site, site
from tests.storage_servers import Storage, at_random, gcs_storage, s3_storage, server

from shared_libs.common.jobs import Job, JobState, TrackVideo

__all__ = ["gcs_storage", "s3_storage", "server"]


@pytest.fixture
def place(tmp_path: Path, server: Storage) -> Iterator[Site]:
    with site(tmp_path, storage=server.url, environment=server.environment) as made:
        yield made


ONE_KIND = pytest.mark.parametrize("server", ["gs"], indirect=True)


def test_where_a_fifth_of_all_calls_fail_every_job_still_ends_well(place: Site, server: Storage) -> None:
    assert server.proxy is not None
    jobs = [place.submit() for _ in range(3)]
    server.proxy.fault = at_random(5)
    place.start(limits='{"track_video": {"at_once": 2}}')
    place.wait_until(lambda: place.states() == {JobState.SUCCEEDED: len(jobs)}, seconds=120)
    server.proxy.fault = lambda call: None
    for job in jobs:
        [run] = place.runs(_video(job))
        assert place.read(_video(job), run, "run.json") is not None
        assert place.written()[_video(job), "began"] == 1


@ONE_KIND
def test_a_job_waits_for_storage_that_is_away_and_says_so_meanwhile(place: Site, server: Storage) -> None:
    assert server.proxy is not None
    job = place.submit()
    server.proxy.fault = lambda call: "503"
    place.start()

    def says_so() -> bool:
        progress = place.jobs.job(TENANT, job.job_id).progress
        return progress is not None and "trying again in" in progress.message

    place.wait_until(says_so)
    server.proxy.fault = lambda call: None
    place.wait_for(job, JobState.SUCCEEDED)


@ONE_KIND
def test_a_job_that_waits_for_storage_can_be_cancelled(place: Site, server: Storage) -> None:
    assert server.proxy is not None
    job = place.submit()
    server.proxy.fault = lambda call: "reset"
    place.start()
    place.wait_until(lambda: place.jobs.job(TENANT, job.job_id).state == JobState.RUNNING)
    place.jobs.cancel(TENANT, job.job_id)
    place.wait_for(job, JobState.CANCELLED, seconds=20)
    server.proxy.fault = lambda call: None


def test_a_full_disk_fails_the_job_in_words_and_a_retry_with_room_ends_well(tmp_path: Path) -> None:
    with site(tmp_path) as place:
        full = place.start(largest_file=1 << 20)
        job = place.submit(padding="x" * (2 << 20))
        small = place.submit()
        place.wait_for(small, JobState.SUCCEEDED)
        error = place.wait_for(job, JobState.FAILED).error
        assert error is not None and "cannot be written" in error
        assert place.runs(_video(job)) == []
        full.terminate()
        full.wait(15)
        place.start()
        place.wait_for(place.jobs.retry(TENANT, job.job_id), JobState.SUCCEEDED)


def _video(job: Job) -> str:
    assert isinstance(job.payload, TrackVideo)
    return job.payload.video_id
