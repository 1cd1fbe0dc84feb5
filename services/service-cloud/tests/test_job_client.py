"""What the queue promises to those who submit, follow and cancel jobs: on SQLite, and on a real PostgreSQL."""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import shutil
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NoReturn

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud.worker.ledger import Ledger
from postgresql.server import PostgreSQL, postgresql
from shared_libs.common.errors import InputError, OutputError, TransientError, UserError
from shared_libs.common.job_client import table
from shared_libs.common.job_client.client import (
    DEFAULT_PRIORITY,
    JobClient,
    JobConflict,
    NoSuchJob,
    Page,
    UnreadableJob,
)
from shared_libs.common.jobs import (
    BuildDataset,
    Job,
    JobKind,
    JobState,
    LinkPlayers,
    MakeClips,
    Payload,
    Progress,
    RunReference,
    TrackVideo,
    TrainReid,
)
from shared_libs.utils.ids import new_id

REDS, BLUES = "reds", "blues"
VIDEO, RUN = "video_0123456789ab", "run_0123456789ab"
TRACK = TrackVideo(video_id=VIDEO)
SECRET = "sesame-7"

ENDED = [JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED]

Call = Callable[[JobClient, str, str], Any]
OF_ONE_JOB: dict[str, Call] = {
    "job": lambda jobs, tenant, job_id: jobs.job(tenant, job_id),
    "cancel": lambda jobs, tenant, job_id: jobs.cancel(tenant, job_id),
    "retry": lambda jobs, tenant, job_id: jobs.retry(tenant, job_id),
    "forget": lambda jobs, tenant, job_id: jobs.forget(tenant, job_id),
}
EVERY: dict[str, Call] = OF_ONE_JOB | {
    "submit": lambda jobs, tenant, job_id: jobs.submit(tenant, TRACK),
    "list": lambda jobs, tenant, job_id: jobs.list(tenant),
}


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSQL]:
    with postgresql() as made:
        yield made


@pytest.fixture(scope="module")
def shared(server: PostgreSQL) -> str:
    """A database of that server."""
    return server.new_database()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database with nothing of ours in it."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'data' / 'laxai.db'}"
    url: str = request.getfixturevalue("shared")
    with _plain(url) as connection:
        connection.execute(sa.text("drop table if exists laxai_jobs, laxai_workers, laxai_jobs_schema"))
    return url


@pytest.fixture
def engine(database: str) -> Iterator[sa.Engine]:
    made = table.connect(database)
    yield made
    made.dispose()


@pytest.fixture
def jobs(engine: sa.Engine) -> JobClient:
    return JobClient(engine)


# --- of another version


def test_a_job_that_cannot_be_read_is_said_to_be_so_and_left_out_of_lists(engine: sa.Engine, jobs: JobClient) -> None:
    one, other = jobs.submit(REDS, TRACK), jobs.submit(REDS, TRACK)
    with engine.begin() as connection:
        change = sa.update(table.jobs).where(table.jobs.c.job_id == one.job_id)
        connection.execute(change.values(payload='{"kind": "track_video", "later": 1}'))
    with pytest.raises(UnreadableJob, match="another version"):
        jobs.job(REDS, one.job_id)
    assert jobs.list(REDS).jobs == (other,)


# --- submitting


@pytest.mark.parametrize(
    "payload",
    [
        TrackVideo(video_id=VIDEO, detections_file="boxes.txt", online=True),
        BuildDataset(runs=(RunReference(video_id=VIDEO, run_id=RUN),), validation_share=0.3, seed=2**32 - 1),
        TrainReid(dataset_id="dataset_0123456789ab", epochs=3),
        LinkPlayers(video_id=VIDEO, run_id=RUN, reid_model_id="model_0123456789ab"),
        MakeClips(video_id=VIDEO, run_id=RUN, player_ids=(1, 7), padding_seconds=0.1),
    ],
    ids=lambda payload: payload.kind.value,
)
def test_what_was_submitted_is_what_is_read(jobs: JobClient, payload: Payload) -> None:
    before = time.time()
    job = jobs.submit(REDS, payload, idempotency_key="a \N{EN DASH} key", priority=100)
    assert jobs.job(REDS, job.job_id) == job
    assert job.payload == payload and job.tenant == REDS and job.state == JobState.QUEUED and job.revision == 0
    assert job.idempotency_key == "a \N{EN DASH} key" and job.priority == 100 and job.retry_of is None
    assert abs(job.created.timestamp() - before) < 60


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"priority": 101}, "priority"),
        ({"priority": -1}, "priority"),
        ({"idempotency_key": ""}, "idempotency_key"),
        ({"idempotency_key": "k" * 201}, "idempotency_key"),
    ],
)
def test_a_job_that_is_not_sound_is_refused_and_not_put_in(jobs: JobClient, given: dict[str, Any], names: str) -> None:
    with pytest.raises(InputError, match=names):
        jobs.submit(REDS, TRACK, **given)
    assert jobs.list(REDS) == Page((), None)


def test_a_tenant_without_a_sound_name_submits_nothing(jobs: JobClient) -> None:
    with pytest.raises(InputError, match="tenant"):
        jobs.submit("../reds", TRACK)


# --- the same key again


@pytest.mark.parametrize("state", list(JobState))
def test_the_same_key_gives_the_same_job_whatever_became_of_it(
    jobs: JobClient, engine: sa.Engine, state: JobState
) -> None:
    first = _job_in(state, jobs, engine, idempotency_key="monday")
    again = jobs.submit(REDS, TRACK, idempotency_key="monday")
    assert again == jobs.job(REDS, first.job_id) and again.state == state
    assert len(jobs.list(REDS).jobs) == 1


@pytest.mark.parametrize("state", list(JobState))
def test_the_same_key_for_something_else_is_refused(jobs: JobClient, engine: sa.Engine, state: JobState) -> None:
    first = _job_in(state, jobs, engine, idempotency_key="monday")
    others: list[tuple[Payload, int]] = [
        (TrackVideo(video_id=VIDEO, online=True), DEFAULT_PRIORITY),
        (LinkPlayers(video_id=VIDEO, run_id=RUN), DEFAULT_PRIORITY),
        (TRACK, DEFAULT_PRIORITY + 1),
    ]
    for payload, priority in others:
        with pytest.raises(JobConflict, match=f"monday: .*{first.job_id}"):
            jobs.submit(REDS, payload, idempotency_key="monday", priority=priority)
    assert jobs.list(REDS).jobs == (first,)


def test_without_a_key_the_same_again_is_a_second_job(jobs: JobClient) -> None:
    assert jobs.submit(REDS, TRACK).job_id != jobs.submit(REDS, TRACK).job_id


def test_the_key_of_a_job_that_was_forgotten_is_free(jobs: JobClient, engine: sa.Engine) -> None:
    first = _job_in(JobState.FAILED, jobs, engine, idempotency_key="monday")
    jobs.forget(REDS, first.job_id)
    assert jobs.submit(REDS, TRACK, idempotency_key="monday").job_id != first.job_id


def test_eight_who_submit_with_one_key_at_once_get_one_job(jobs: JobClient) -> None:
    for key in ("one", "two", "three"):
        made = _eight_at_once(functools.partial(jobs.submit, REDS, TRACK, idempotency_key=key))
        assert len({job.job_id for job in made}) == 1
    assert len(jobs.list(REDS).jobs) == 3


def test_a_job_that_is_forgotten_while_its_key_is_used_again_gives_way_to_a_new_one(
    jobs: JobClient, engine: sa.Engine
) -> None:
    first = _job_in(JobState.FAILED, jobs, engine, idempotency_key="monday")
    with _before_select(engine, 1, lambda: jobs.forget(REDS, first.job_id)):
        again = jobs.submit(REDS, TRACK, idempotency_key="monday")
    assert again.job_id != first.job_id and again.state == JobState.QUEUED


# --- tenants


@pytest.mark.parametrize("state", list(JobState))
def test_another_tenants_job_is_as_if_it_were_not_there(jobs: JobClient, engine: sa.Engine, state: JobState) -> None:
    job, nobodys = _job_in(state, jobs, engine), "job_ffffffffffff"
    for call in OF_ONE_JOB.values():
        with pytest.raises(NoSuchJob) as caught:
            call(jobs, BLUES, job.job_id)
        with pytest.raises(NoSuchJob) as unknown:
            call(jobs, BLUES, nobodys)
        assert str(caught.value).replace(job.job_id, nobodys) == str(unknown.value)
    assert jobs.job(REDS, job.job_id) == job


def test_lists_and_keys_are_each_tenants_own(jobs: JobClient) -> None:
    reds = [jobs.submit(REDS, TRACK, idempotency_key=key).job_id for key in ("a", "b", "c")]
    blues = jobs.submit(BLUES, TrackVideo(video_id=VIDEO, online=True), idempotency_key="a")
    assert jobs.list(BLUES).jobs == (blues,)
    assert jobs.list(BLUES, video_id=VIDEO).jobs == (blues,)
    assert jobs.list("greens").jobs == ()
    # The end of another tenant's page leads to nothing of his.
    following = jobs.list(REDS, limit=1).following
    assert {job.job_id for job in jobs.list(BLUES, following=following).jobs}.isdisjoint(reds)


# --- pages


@given(limit=st.integers(1, 5), before=st.integers(0, 12), between=st.lists(st.integers(0, 3), max_size=5))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pages_have_every_job_once_and_newest_first_while_others_are_submitted(
    jobs: JobClient, limit: int, before: int, between: list[int]
) -> None:
    """between: how many jobs are submitted after each page."""
    tenant = new_id("tenant").replace("_", "-")
    there = {jobs.submit(tenant, TRACK).job_id for _ in range(before)}
    pages: list[Page] = []
    for count in [*between, *[0] * 50]:
        page = jobs.list(tenant, limit=limit, following=pages[-1].following if pages else None)
        pages.append(page)
        for _ in range(count):
            jobs.submit(tenant, TRACK)
        if page.following is None:
            break
    seen = [job for page in pages for job in page.jobs]
    assert all(len(page.jobs) == limit for page in pages[:-1]) and pages[-1].following is None
    assert len({job.job_id for job in seen}) == len(seen)
    assert there <= {job.job_id for job in seen}
    assert [job.created for job in seen] == sorted((job.created for job in seen), reverse=True)


def test_jobs_of_the_same_moment_are_all_on_some_page(jobs: JobClient, engine: sa.Engine) -> None:
    there = {jobs.submit(REDS, TRACK).job_id for _ in range(7)}
    with engine.begin() as connection:
        connection.execute(sa.update(table.jobs).values(created=1_790_000_000.123))
    seen = [job.job_id for job in _all(jobs, limit=2)]
    assert len(seen) == 7 and set(seen) == there


def test_a_job_that_is_forgotten_between_two_pages_takes_no_other_with_it(jobs: JobClient) -> None:
    made = [jobs.submit(REDS, TRACK).job_id for _ in range(4)]
    page = jobs.list(REDS, limit=2)
    last = page.jobs[-1].job_id
    jobs.cancel(REDS, last)
    jobs.forget(REDS, last)
    rest = jobs.list(REDS, following=page.following)
    assert sorted(job.job_id for job in (*page.jobs, *rest.jobs)) == sorted(made)


def test_lists_can_be_of_some_states_and_kinds_and_of_a_video(jobs: JobClient, engine: sa.Engine) -> None:
    by_state = {state: _job_in(state, jobs, engine) for state in JobState}
    other = "video_ffffffffffff"
    link = jobs.submit(REDS, LinkPlayers(video_id=other, run_id=RUN))
    train = jobs.submit(REDS, TrainReid(dataset_id="dataset_0123456789ab"))
    for state in (JobState.RUNNING, *ENDED):
        assert jobs.list(REDS, states=[state]).jobs == (by_state[state],)
    ended = jobs.list(REDS, states=ENDED).jobs
    assert {job.job_id for job in ended} == {by_state[state].job_id for state in ENDED}
    assert jobs.list(REDS, kinds=[JobKind.LINK_PLAYERS]).jobs == (link,)
    assert {job.job_id for job in jobs.list(REDS, kinds=[JobKind.LINK_PLAYERS, JobKind.TRAIN_REID]).jobs} == {
        link.job_id,
        train.job_id,
    }
    assert jobs.list(REDS, video_id=other).jobs == (link,)
    assert jobs.list(REDS, video_id=other, kinds=[JobKind.TRACK_VIDEO]).jobs == ()


@pytest.mark.parametrize("following", ["", "x", "x_job_0123456789ab", "nan_job_0123456789ab", "inf_job_0123456789ab"])
def test_what_ended_no_page_is_refused(jobs: JobClient, following: str) -> None:
    jobs.submit(REDS, TRACK)
    with pytest.raises(InputError, match="following"):
        jobs.list(REDS, following=following)


@pytest.mark.parametrize("limit", [0, -5])
def test_a_page_of_no_jobs_is_refused(jobs: JobClient, limit: int) -> None:
    jobs.submit(REDS, TRACK)
    with pytest.raises(InputError, match="limit"):
        jobs.list(REDS, limit=limit)


# --- cancel, retry, forget


def test_a_waiting_job_is_cancelled_at_once(jobs: JobClient) -> None:
    job = jobs.cancel(REDS, jobs.submit(REDS, TRACK).job_id)
    assert job.state == JobState.CANCELLED and job.finished is not None and job.started is None and job.revision == 1
    assert jobs.cancel(REDS, job.job_id) == job == jobs.job(REDS, job.job_id)


@pytest.mark.parametrize("ends", ["leaves", "is buried", "is not heard of"])
def test_a_running_job_whose_worker_is_gone_is_cancelled_at_once(jobs: JobClient, engine: sa.Engine, ends: str) -> None:
    job = jobs.submit(REDS, TRACK)
    ledger = Ledger(engine, new_id("worker"), 0.05 if ends == "is not heard of" else 60.0, _lost)
    ledger.register()
    held = ledger.hold(job.job_id)
    assert held is not None
    if ends == "leaves":
        ledger.leave()
    elif ends == "is buried":
        _worker(engine).bury([ledger.worker_id])
    else:
        time.sleep(0.1)
    assert jobs.cancel(REDS, job.job_id).state == JobState.CANCELLED
    assert _worker(engine).hold(job.job_id) is None


def test_a_running_job_is_cancelled_by_its_worker(jobs: JobClient, engine: sa.Engine) -> None:
    job = jobs.submit(REDS, TRACK)
    ledger = _worker(engine)
    held = ledger.hold(job.job_id)
    assert held is not None and ledger.to_cancel() == set()
    asked = jobs.cancel(REDS, job.job_id)
    assert asked.state == JobState.RUNNING and asked.finished is None
    assert ledger.to_cancel() == {job.job_id}
    assert jobs.cancel(REDS, job.job_id).state == JobState.RUNNING
    ledger.finish(held, JobState.CANCELLED)
    ended = jobs.cancel(REDS, job.job_id)
    assert ended.state == JobState.CANCELLED and ended.finished is not None
    assert ledger.to_cancel() == set()


@pytest.mark.parametrize("state", [JobState.SUCCEEDED, JobState.FAILED])
def test_a_job_that_has_ended_is_not_cancelled(jobs: JobClient, engine: sa.Engine, state: JobState) -> None:
    job = _job_in(state, jobs, engine)
    with pytest.raises(JobConflict, match=f"has {state} already"):
        jobs.cancel(REDS, job.job_id)
    assert jobs.job(REDS, job.job_id) == job


@pytest.mark.parametrize("state", [JobState.FAILED, JobState.CANCELLED])
def test_another_try_is_a_new_job_which_asks_for_the_same(jobs: JobClient, engine: sa.Engine, state: JobState) -> None:
    job = _job_in(state, jobs, engine, idempotency_key="monday", priority=70)
    again = jobs.retry(REDS, job.job_id)
    assert again.job_id != job.job_id and again.retry_of == job.job_id and again.state == JobState.QUEUED
    assert again.payload == job.payload and again.priority == 70
    assert jobs.job(REDS, job.job_id) == job
    assert jobs.retry(REDS, job.job_id) == again
    assert jobs.list(REDS, video_id=VIDEO).jobs == (again, job)


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING, JobState.SUCCEEDED])
def test_what_neither_failed_nor_was_cancelled_is_not_tried_again(
    jobs: JobClient, engine: sa.Engine, state: JobState
) -> None:
    job = _job_in(state, jobs, engine)
    with pytest.raises(JobConflict, match=f"is {state}"):
        jobs.retry(REDS, job.job_id)
    assert jobs.list(REDS).jobs == (job,)


def test_a_retry_can_be_tried_again_and_goes_on_in_the_same_folder(jobs: JobClient, engine: sa.Engine) -> None:
    ledger = _worker(engine)
    first = _job_in(JobState.FAILED, jobs, engine)
    second = jobs.cancel(REDS, jobs.retry(REDS, first.job_id).job_id)
    third = jobs.retry(REDS, second.job_id)
    assert third.retry_of == second.job_id and second.retry_of == first.job_id
    assert jobs.retry(REDS, first.job_id) == third  # the one that is open
    held = ledger.hold(third.job_id)
    assert held is not None and held.first_try == first.job_id


def test_of_a_job_there_is_one_open_try_at_most(jobs: JobClient, engine: sa.Engine) -> None:
    first = _job_in(JobState.FAILED, jobs, engine)
    second = jobs.cancel(REDS, jobs.retry(REDS, first.job_id).job_id)
    third = jobs.retry(REDS, second.job_id)
    jobs.forget(REDS, second.job_id)
    assert jobs.retry(REDS, first.job_id) == third
    jobs.cancel(REDS, third.job_id)
    assert jobs.retry(REDS, first.job_id).retry_of == first.job_id


def test_eight_who_try_a_job_again_at_once_get_one_new_job(jobs: JobClient, engine: sa.Engine) -> None:
    job = _job_in(JobState.FAILED, jobs, engine)
    made = _eight_at_once(lambda: jobs.retry(REDS, job.job_id))
    assert len({each.job_id for each in made}) == 1 and len(jobs.list(REDS).jobs) == 2


def test_a_retry_that_is_forgotten_while_it_is_asked_for_again_gives_way_to_a_new_one(
    jobs: JobClient, engine: sa.Engine
) -> None:
    job = _job_in(JobState.FAILED, jobs, engine)
    again = jobs.cancel(REDS, jobs.retry(REDS, job.job_id).job_id)
    with _before_select(engine, 2, lambda: jobs.forget(REDS, again.job_id)):
        other = jobs.retry(REDS, job.job_id)
    assert other.retry_of == job.job_id and other.state == JobState.QUEUED


@pytest.mark.parametrize("state", ENDED)
def test_a_job_that_has_ended_can_be_forgotten(jobs: JobClient, engine: sa.Engine, state: JobState) -> None:
    job = _job_in(state, jobs, engine)
    other = jobs.submit(REDS, TRACK)
    jobs.forget(REDS, job.job_id)
    assert jobs.list(REDS).jobs == (other,)
    for name, call in OF_ONE_JOB.items():
        with pytest.raises(NoSuchJob):
            pytest.fail(f"{name} gave {call(jobs, REDS, job.job_id)}")


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING])
def test_a_job_that_has_not_ended_is_not_forgotten(jobs: JobClient, engine: sa.Engine, state: JobState) -> None:
    job = _job_in(state, jobs, engine)
    with pytest.raises(JobConflict, match=f"is {state}"):
        jobs.forget(REDS, job.job_id)
    assert jobs.job(REDS, job.job_id) == job


def test_a_retry_outlives_the_job_that_it_retries(jobs: JobClient, engine: sa.Engine) -> None:
    job = _job_in(JobState.FAILED, jobs, engine)
    again = jobs.retry(REDS, job.job_id)
    jobs.forget(REDS, job.job_id)
    assert jobs.job(REDS, again.job_id) == again


def test_every_change_that_one_can_see_counts_the_revision_up(jobs: JobClient, engine: sa.Engine) -> None:
    job = jobs.submit(REDS, TRACK)
    ledger = _worker(engine)
    ledger.dispatched([job.job_id])
    assert jobs.job(REDS, job.job_id).revision == 0
    held = ledger.hold(job.job_id)
    assert held is not None
    ledger.report(held, Progress(stage="tracking", done=3, total=9))
    assert jobs.job(REDS, job.job_id).progress == Progress(stage="tracking", done=3, total=9)
    jobs.cancel(REDS, job.job_id)
    ledger.finish(held, JobState.FAILED, error="words")
    assert jobs.job(REDS, job.job_id).revision == 4


# --- odd words


@pytest.mark.parametrize("text", ["", "job_", "' or 1=1 --", "a\0b", "\ud800", "\N{GREEK SMALL LETTER OMEGA}" * 300])
def test_no_other_text_is_the_id_of_a_job(jobs: JobClient, text: str) -> None:
    job = jobs.submit(REDS, TRACK)
    for call in OF_ONE_JOB.values():
        with pytest.raises(NoSuchJob):
            call(jobs, REDS, text)
    assert jobs.list(REDS).jobs == (job,)


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_lists_of_no_text_that_a_database_takes_are_empty(jobs: JobClient, text: str) -> None:
    jobs.submit(REDS, TRACK)
    assert jobs.list(text).jobs == ()
    assert jobs.list(REDS, video_id=text).jobs == ()


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_a_key_that_not_every_database_takes_is_refused(jobs: JobClient, text: str) -> None:
    with pytest.raises(InputError, match="idempotency_key"):
        jobs.submit(REDS, TRACK, idempotency_key=text)


# --- clocks


def test_times_rise_though_the_databases_clock_is_put_back(jobs: JobClient, engine: sa.Engine) -> None:
    put_back = _clock_of(engine)
    waiting, running = jobs.submit(REDS, TRACK), jobs.submit(REDS, TRACK)
    put_back(3600)
    later = jobs.submit(REDS, TRACK)
    assert later.created < waiting.created  # the clock is back indeed
    cancelled = jobs.cancel(REDS, waiting.job_id)
    assert cancelled.finished == cancelled.created
    ledger = _worker(engine)
    held = ledger.hold(running.job_id)
    assert held is not None and held.job.started == held.job.created
    put_back(7200)
    ledger.finish(held, JobState.SUCCEEDED, result={})
    ended = jobs.job(REDS, running.job_id)
    assert ended.started is not None and ended.finished == ended.started


# --- databases


@pytest.mark.parametrize(
    "url",
    [
        "",
        "laxai.db",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite+nonsense:///laxai.db",
        "http://127.0.0.1/laxai",
        f"mysql://laxai:{SECRET}@127.0.0.1/laxai",
        f"postgresql+nonsense://laxai:{SECRET}@127.0.0.1/laxai",
        f"postgresql+psycopg://laxai:{SECRET}@127.0.0.1:port/laxai",
        f"postgresql+psycopg://laxai:{SECRET}@127.0.0.1:1/laxai?nonsense=1",
        f"postgresql+psycopg_async://laxai:{SECRET}@127.0.0.1:1/laxai",
    ],
)
def test_a_url_that_is_of_no_use_is_refused_in_a_line_with_an_example(url: str) -> None:
    with pytest.raises(InputError) as caught:
        JobClient(url)
    assert "sqlite:///" in str(caught.value) and "\n" not in str(caught.value)
    assert SECRET not in _all_that_is_said(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql+psycopg://laxai:{SECRET}@127.0.0.1:1/laxai",
        f"postgresql://laxai:{SECRET}@127.0.0.1:1/laxai",
        f"postgresql+psycopg://laxai@127.0.0.1:1/laxai?password={SECRET}",
        f"postgresql+psycopg://laxai:{SECRET}@/laxai?host=127.0.0.1&port=1",
    ],
)
def test_a_password_is_in_no_message_of_a_database_that_is_down(url: str) -> None:
    with pytest.raises(TransientError, match="cannot be reached") as caught:
        JobClient(url)
    assert SECRET not in _all_that_is_said(caught.value)


def test_a_password_is_in_no_message_of_a_database_of_a_newer_form(server: PostgreSQL) -> None:
    url = server.new_database().replace("laxai@", f"laxai:{SECRET}@")
    JobClient(url)
    _write_form(url, table.SCHEMA_VERSION + 1)
    with pytest.raises(InputError) as caught:
        JobClient(url)
    assert SECRET not in _all_that_is_said(caught.value)


def test_a_database_of_a_newer_form_is_left_alone(database: str) -> None:
    job = JobClient(database).submit(REDS, TRACK)
    _write_form(database, table.SCHEMA_VERSION + 1)
    with pytest.raises(InputError, match=f"form {table.SCHEMA_VERSION + 1}; this program knows form 1 .*the version"):
        JobClient(database)
    _write_form(database, table.SCHEMA_VERSION)
    assert JobClient(database).list(REDS).jobs == (job,)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "laxai.db"
    path.write_text("a shopping list, and no database\n" * 50)
    with pytest.raises(InputError, match=r"laxai\.db"):
        JobClient(f"sqlite:///{path}")
    assert path.read_text().startswith("a shopping list")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="file/below"):
        JobClient(f"sqlite:///{tmp_path / 'file' / 'below' / 'laxai.db'}")


def test_a_user_who_may_not_make_the_tables_is_told_so(server: PostgreSQL) -> None:
    url = server.new_database()
    with _plain(url) as connection:
        connection.execute(sa.text(f"create role guest login password '{SECRET}'"))
    with pytest.raises(InputError, match="permission denied") as caught:
        JobClient(url.replace("laxai@", f"guest:{SECRET}@"))
    assert "\n" not in str(caught.value) and SECRET not in _all_that_is_said(caught.value)


def test_four_processes_that_come_first_at_once_all_find_the_tables(database: str) -> None:
    context = multiprocessing.get_context("fork")
    barrier, said = context.Barrier(4), context.SimpleQueue()

    def come() -> None:
        barrier.wait(20)
        try:
            said.put(JobClient(database).submit(REDS, TRACK).job_id)
        except BaseException as error:
            said.put(repr(error))

    processes = [context.Process(target=come) for _ in range(4)]
    for process in processes:
        process.start()
    told = {said.get() for _ in processes}
    for process in processes:
        process.join(20)
    jobs = JobClient(database)
    assert {job.job_id for job in jobs.list(REDS).jobs} == told and len(told) == 4


def test_the_settings_name_the_database(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    job = JobClient(database).submit(REDS, TRACK)
    assert JobClient.configured(database).job(REDS, job.job_id) == job
    monkeypatch.setenv("LAXAI_DATABASE", database)
    assert JobClient.configured().job(REDS, job.job_id) == job


@pytest.mark.parametrize("name", EVERY)
def test_while_sqlites_file_cannot_be_opened_every_call_says_so(tmp_path: Path, name: str) -> None:
    engine = table.connect(f"sqlite:///{tmp_path / 'data' / 'laxai.db'}")
    jobs = JobClient(engine)
    job = jobs.submit(REDS, TRACK)
    engine.dispose()
    shutil.move(tmp_path / "data", tmp_path / "elsewhere")
    with pytest.raises(TransientError, match=r"laxai\.db: cannot be reached"):
        EVERY[name](jobs, REDS, job.job_id)
    shutil.move(tmp_path / "elsewhere", tmp_path / "data")
    assert jobs.job(REDS, job.job_id) == job


def test_while_postgresql_is_down_every_call_says_so_and_afterwards_all_is_well() -> None:
    with postgresql() as server:  # of its own: that it goes down is nothing for the others
        url = server.new_database().replace("laxai@", f"laxai:{SECRET}@")
        jobs = JobClient(url)
        job = jobs.submit(REDS, TRACK)
        server.stop()
        for name, call in EVERY.items():
            with pytest.raises(TransientError, match="cannot be reached") as caught:
                pytest.fail(f"{name} gave {call(jobs, REDS, job.job_id)}")
            assert SECRET not in _all_that_is_said(caught.value)
        server.start()
        assert jobs.job(REDS, job.job_id) == job


def _job_in(state: JobState, jobs: JobClient, engine: sa.Engine, **given: Any) -> Job:
    """A job that has come to `state`, by the ways that jobs come there."""
    job = jobs.submit(REDS, TRACK, **given)
    if state == JobState.QUEUED:
        return job
    ledger = _worker(engine)
    held = ledger.hold(job.job_id)
    assert held is not None
    if state == JobState.SUCCEEDED:
        ledger.finish(held, state, result={"run_id": RUN})
    elif state == JobState.FAILED:
        ledger.finish(held, state, error="there is no video in it", cause="input")
    elif state == JobState.CANCELLED:
        jobs.cancel(REDS, job.job_id)
        ledger.finish(held, state)
    moved = jobs.job(REDS, job.job_id)
    assert moved.state == state
    return moved


def _worker(engine: sa.Engine) -> Ledger:
    ledger = Ledger(engine, new_id("worker"), 60.0, _lost)
    ledger.register()
    return ledger


def _lost() -> NoReturn:
    raise AssertionError("the worker is held for dead")


def _all(jobs: JobClient, limit: int) -> list[Job]:
    page = jobs.list(REDS, limit=limit)
    found = list(page.jobs)
    while page.following is not None:
        page = jobs.list(REDS, limit=limit, following=page.following)
        found += page.jobs
    return found


def _eight_at_once(ask: Callable[[], Job]) -> list[Job]:
    barrier = threading.Barrier(8)

    def come(_: int) -> Job:
        barrier.wait(20)
        return ask()

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(come, range(8)))


@contextlib.contextmanager
def _before_select(engine: sa.Engine, which: int, act: Callable[[], None]) -> Iterator[None]:
    """`act` happens just before the statement that is the SELECT number `which` from now on."""
    left = which

    def see(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        nonlocal left
        if statement.startswith("SELECT"):
            left -= 1
            if left == 0:
                act()

    sa.event.listen(engine, "before_cursor_execute", see)
    try:
        yield
    finally:
        sa.event.remove(engine, "before_cursor_execute", see)
        assert left <= 0


def _clock_of(engine: sa.Engine) -> Callable[[float], None]:
    """Puts the clock of a database back by so many seconds: in its connections a clock of ours hides its own."""
    back = 0.0

    def set_up(connection: Any, record: Any) -> None:
        if engine.dialect.name == "sqlite":
            connection.create_function("julianday", 1, lambda _: (time.time() - back) / 86400 + 2440587.5)
        else:
            connection.execute("create schema if not exists late")
            connection.execute(
                f"create or replace function late.clock_timestamp() returns timestamptz volatile language sql as"
                f" 'select pg_catalog.clock_timestamp() - make_interval(secs => {back})'"
            )
            connection.execute("set search_path = late, public, pg_catalog")
            connection.commit()

    def put_back(seconds: float) -> None:
        nonlocal back
        back = seconds
        engine.dispose()  # it counts for new connections

    sa.event.listen(engine, "connect", set_up)
    return put_back


def _write_form(database: str, version: int) -> None:
    with _plain(database) as connection:
        connection.execute(sa.text("update laxai_jobs_schema set version = :version"), {"version": version})


@contextlib.contextmanager
def _plain(database: str) -> Iterator[sa.Connection]:
    """A connection that makes no tables."""
    engine = sa.create_engine(database)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def _all_that_is_said(error: UserError) -> str:
    """Of an error, with all that led to it."""
    return "".join([str(error), repr(error), *traceback.format_exception(error)])
