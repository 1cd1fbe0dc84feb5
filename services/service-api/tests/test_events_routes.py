"""Jobs followed live: whatever breaks off, the last state is never missed."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from tests.made_games import TENANT
from tests.served import Served, problem, served

from api.queue import feeds
from api.queue.feeds import JobFeeds
from api.routers import jobs as jobs_router
from postgresql.databases import KINDS, NewDatabase, databases
from shared_libs.common.errors import TransientError
from shared_libs.common.job_client.client import JobClient
from shared_libs.common.job_client.table import jobs, now
from shared_libs.common.jobs import Job, JobState, Progress, TrackVideo
from shared_libs.utils.ids import new_id


@pytest.fixture(scope="module", params=KINDS)
def new_database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewDatabase]:
    with databases(request.param, tmp_path_factory.mktemp("databases")) as new:
        yield new


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, new_database: NewDatabase) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("games"), database=new_database()) as place:
        yield place


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "POLL_SECONDS", 0.02)


@pytest.fixture
def job_id(place: Served) -> str:
    return place.site.jobs.submit(TENANT, TrackVideo(video_id=new_id("video"))).job_id


def _change(place: Served, job_id: str, **values: Any) -> None:
    """As a worker does."""
    with place.site.engine.begin() as connection:
        change = sa.update(jobs).where(jobs.c.job_id == job_id)
        connection.execute(change.values(**values, revision=jobs.c.revision + 1))


def _run(place: Served, job_id: str) -> None:
    _change(place, job_id, state=JobState.RUNNING, started=jobs.c.created)


def _progress(place: Served, job_id: str, done: int) -> None:
    _change(place, job_id, progress=Progress(stage="tracking", done=done, total=100).model_dump_json())


def _succeed(place: Served, job_id: str) -> None:
    _change(place, job_id, state=JobState.SUCCEEDED, finished=now(), result="{}")


def _events(answer: httpx.Response) -> Iterator[tuple[int, dict[str, Any]]]:
    """The id and the job of each event."""
    event: dict[str, str] = {}
    for line in answer.iter_lines():
        if line:
            name, _, value = line.partition(": ")
            event[name] = value
        elif event.pop("event", None) == "job":
            yield int(event["id"]), json.loads(event["data"])
            event = {}


def _address(job_id: str) -> str:
    return f"/api/v1/jobs/{job_id}/events"


def test_every_change_is_told_until_the_job_has_ended(place: Served, job_id: str) -> None:
    with place.http.stream("GET", _address(job_id)) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        events = _events(answer)
        assert next(events)[1]["state"] == "queued"
        _run(place, job_id)
        assert next(events)[1]["state"] == "running"
        for done in (10, 20):
            _progress(place, job_id, done)
            assert next(events)[1]["progress"]["done"] == done
        _succeed(place, job_id)
        revision, last = next(events)
        assert last["state"] == "succeeded" and revision == last["revision"]
        assert next(events, None) is None
    assert place.http.get(f"/api/v1/jobs/{job_id}").json() == last


def test_a_stream_that_breaks_off_again_and_again_ends_with_the_last_state(place: Served, job_id: str) -> None:
    choose = random.Random(3)
    _run(place, job_id)

    def work() -> None:
        for done in range(1, 41):
            _progress(place, job_id, done)
            time.sleep(0.005)
        _succeed(place, job_id)

    worker = threading.Thread(target=work)
    worker.start()
    seen: list[int] = []
    last: dict[str, Any] = {}
    while last.get("state") != "succeeded":
        headers = {"Last-Event-ID": str(seen[-1])} if seen else {}
        with place.http.stream("GET", _address(job_id), headers=headers) as answer:
            events = list(itertools.islice(_events(answer), choose.randint(1, 3)))
            seen += [revision for revision, _ in events]
            last = events[-1][1] if events else last
    worker.join()
    assert seen == sorted(set(seen)), "nothing is told twice, nor out of order"
    assert last["progress"]["done"] == 40 and last["revision"] == 42


def test_who_knows_the_end_already_is_told_to_ask_no_more(place: Served, job_id: str) -> None:
    place.site.jobs.cancel(TENANT, job_id)
    with place.http.stream("GET", _address(job_id)) as answer:
        [(revision, job)] = list(_events(answer))
    assert job["state"] == "cancelled"
    assert place.http.get(_address(job_id), headers={"Last-Event-ID": str(revision)}).status_code == 204
    problem(place.http.get(_address(job_id), headers={"Last-Event-ID": "x"}), 422, "invalid-request")


def test_a_job_that_is_not_there_has_no_events(place: Served) -> None:
    problem(place.http.get(_address(new_id("job"))), 404, "no-such-job")


def test_the_stream_of_a_job_that_is_forgotten_ends(place: Served, job_id: str) -> None:
    with place.http.stream("GET", _address(job_id)) as answer:
        events = _events(answer)
        next(events)
        with place.site.engine.begin() as connection:
            connection.execute(sa.delete(jobs).where(jobs.c.job_id == job_id))
        assert next(events, None) is None


def test_a_quiet_stream_is_kept_alive_by_comments(place: Served, job_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_router, "HEARTBEAT_SECONDS", 0.05)
    with place.http.stream("GET", _address(job_id)) as answer:
        comments = (line for line in answer.iter_lines() if line.startswith(":"))
        assert next(comments) and next(comments)


def test_a_long_stream_ends_so_that_the_caller_is_looked_at_again(
    place: Served, job_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs_router, "LONGEST_SECONDS", 0.1)
    with place.http.stream("GET", _address(job_id)) as answer:
        assert len(list(_events(answer))) == 1


def test_streams_end_when_the_service_does(tmp_path_factory: pytest.TempPathFactory) -> None:
    with served(tmp_path_factory.mktemp("ending")) as place:
        job_id = place.site.jobs.submit(TENANT, TrackVideo(video_id=new_id("video"))).job_id
        with place.http.stream("GET", _address(job_id)) as answer:
            events = _events(answer)
            next(events)
            place.site.stopping.set()
            assert next(events, None) is None


class _Counting(JobClient):
    """A client that counts how often it is asked, and fails the second time."""

    asked = 0

    def job(self, tenant: str, job_id: str) -> Job:
        self.asked += 1
        if self.asked == 2:
            raise TransientError("database", "cannot be reached")
        return super().job(tenant, job_id)


def test_a_hundred_listeners_ask_the_table_no_more_often_than_one(place: Served, job_id: str) -> None:
    client = _Counting(place.site.engine)
    changes = 5

    async def listen(all_feeds: JobFeeds) -> list[int]:
        return [job.revision async for job in all_feeds.follow(TENANT, job_id, None)]

    async def follow() -> tuple[list[list[int]], int]:
        all_feeds = JobFeeds(client, lambda: False)
        listeners = [asyncio.create_task(listen(all_feeds)) for _ in range(100)]
        _run(place, job_id)
        for done in range(changes):
            await asyncio.sleep(0.1)
            _progress(place, job_id, done)
        _succeed(place, job_id)
        return await asyncio.gather(*listeners), len(all_feeds)

    begun = time.monotonic()
    heard, left = asyncio.run(follow())
    polls = (time.monotonic() - begun) / feeds.POLL_SECONDS
    assert client.asked <= polls + 2 and left == 0
    assert len(heard) == 100 and all(revisions == sorted(set(revisions)) for revisions in heard)
    assert {revisions[-1] for revisions in heard} == {changes + 2}


def test_listeners_who_leave_stop_the_asking(place: Served, job_id: str) -> None:
    client = _Counting(place.site.engine)

    async def leave() -> tuple[int, int]:
        all_feeds = JobFeeds(client, lambda: False)
        listener = all_feeds.follow(TENANT, job_id, None)
        await anext(listener)
        await listener.aclose()
        await asyncio.sleep(0.1)
        before = client.asked
        await asyncio.sleep(0.2)
        return client.asked - before, len(all_feeds)

    assert asyncio.run(leave()) == (0, 0)
