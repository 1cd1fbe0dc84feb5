"""What workers write about jobs and themselves: leases, takeovers and the fencing token, on SQLite and PostgreSQL."""

from __future__ import annotations

import functools
import itertools
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud.worker.ledger import Held, Ledger, Waiting, patiently
from postgresql.server import PostgreSQL, postgresql
from shared_libs.common.errors import InputError, TransientError
from shared_libs.common.job_client.client import JobClient
from shared_libs.common.job_client.table import connect, jobs, now, workers
from shared_libs.common.jobs import Job, JobState, LinkPlayers, Progress, TrackVideo
from shared_libs.utils.ids import new_id

Result = TypeVar("Result")

TENANT = "reds"
TRACK = TrackVideo(video_id="video_0123456789ab")
HALF = Progress(stage="tracking", done=1, total=2)


class Lost(Exception):
    """Stands for the end of the process."""


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSQL]:
    with postgresql() as made:
        yield made


@pytest.fixture(scope="module")
def shared(server: PostgreSQL) -> str:
    """A database of that server."""
    return server.new_database()


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """A database with the tables, and nothing in them."""
    is_sqlite = request.param == "sqlite"
    made = connect(f"sqlite:///{tmp_path / 'laxai.db'}" if is_sqlite else request.getfixturevalue("shared"))
    with made.begin() as connection:
        connection.execute(sa.delete(jobs))
        connection.execute(sa.delete(workers))
    yield made
    made.dispose()


# --- leases


def test_a_worker_is_there_from_the_start_until_it_leaves(engine: sa.Engine) -> None:
    first, second = _worker(engine), _worker(engine)
    assert sorted(first.living()) == sorted([first.worker_id, second.worker_id])
    second.leave()
    assert first.living() == [first.worker_id]
    assert first.bury() == []


def test_a_lease_that_runs_is_not_buried(engine: sa.Engine) -> None:
    first, second = _worker(engine, lease_seconds=3600), _worker(engine)
    assert second.bury() == []
    before = _lease_left(engine, first)
    _run_out(engine, first)
    first.renew()
    assert 3500 < _lease_left(engine, first) <= 3600 and 3500 < before <= 3600
    assert second.bury() == []


def test_a_lease_that_has_run_out_is_renewed_while_nobody_has_noticed(engine: sa.Engine) -> None:
    first, second = _worker(engine), _worker(engine)
    held = _held(first, _submit(engine))
    _run_out(engine, first)
    first.renew()
    assert second.bury() == []
    first.check(held)


def test_who_was_buried_does_not_come_back(engine: sa.Engine) -> None:
    first, second = _worker(engine), _worker(engine)
    job = _submit(engine)
    held = _held(first, job)
    _run_out(engine, first)
    assert second.bury() == [first.worker_id]
    writes: list[Callable[[], Any]] = [first.renew, lambda: first.check(held), lambda: first.hold(job.job_id)]
    for write in writes:
        with pytest.raises(Lost):
            write()
    assert first.living() == [second.worker_id]
    assert second.bury() == []


def test_a_worker_that_is_known_to_be_dead_is_buried_before_its_lease_runs_out(engine: sa.Engine) -> None:
    first, second, third = (_worker(engine) for _ in range(3))
    assert third.bury([first.worker_id, "worker_ffffffffffff"]) == [first.worker_id]
    assert sorted(third.living()) == sorted([second.worker_id, third.worker_id])


def test_no_worker_buries_itself(engine: sa.Engine) -> None:
    worker = _worker(engine)
    _run_out(engine, worker)
    assert worker.bury([worker.worker_id]) == []
    worker.renew()


def test_each_of_the_dead_is_found_by_one_of_many_who_look_at_once(engine: sa.Engine) -> None:
    dead = [_worker(engine) for _ in range(6)]
    others = [_worker(engine) for _ in range(8)]
    _run_out(engine, *dead)
    found = _at_once([functools.partial(other.bury, [dead[0].worker_id]) for other in others])
    assert sorted(itertools.chain(*found)) == sorted(each.worker_id for each in dead)


def test_workers_of_long_ago_are_forgotten_and_no_others(engine: sa.Engine) -> None:
    old, young, left, alive = (_worker(engine) for _ in range(4))
    _run_out(engine, old, left, seconds=2000)
    _run_out(engine, young, seconds=500)
    left.leave()
    assert sorted(alive.bury()) == sorted([old.worker_id, young.worker_id])
    _run_out(engine, alive, seconds=2000)  # late, and not buried
    alive.tidy(1000)
    with engine.connect() as connection:
        there = set(connection.scalars(sa.select(workers.c.worker_id)))
    assert there == {young.worker_id, alive.worker_id}


# --- who holds a job


def test_a_job_that_is_held_runs_since_then(engine: sa.Engine) -> None:
    worker = _worker(engine)
    job = _submit(engine)
    held = _held(worker, job)
    assert (held.token, held.takeovers, held.first_try, held.cancel_requested) == (1, 0, job.job_id, False)
    assert held.job == _job(engine, job) and held.job.state == JobState.RUNNING and held.job.started is not None
    again = _held(worker, job)
    assert again.token == 2 and again.job.started == held.job.started


def test_a_job_that_has_ended_or_is_not_there_is_not_held(engine: sa.Engine) -> None:
    worker = _worker(engine)
    cancelled, done = _submit(engine), _submit(engine)
    JobClient(engine).cancel(TENANT, cancelled.job_id)
    worker.finish(_held(worker, done), JobState.SUCCEEDED, result={})
    before = [_job(engine, cancelled), _job(engine, done)]
    for job_id in (cancelled.job_id, done.job_id, "job_ffffffffffff"):
        assert worker.hold(job_id) is None
    assert [_job(engine, cancelled), _job(engine, done)] == before


def test_who_takes_a_job_over_is_told_that_it_is_to_be_cancelled(engine: sa.Engine) -> None:
    first, second = _worker(engine), _worker(engine)
    job, other = _submit(engine), _submit(engine)
    _held(first, job)
    _held(first, other)
    JobClient(engine).cancel(TENANT, job.job_id)
    assert first.to_cancel() == {job.job_id} and second.to_cancel() == set()
    assert _held(second, job).cancel_requested
    assert first.to_cancel() == set() and second.to_cancel() == {job.job_id}


def test_what_is_written_after_a_takeover_does_not_count(engine: sa.Engine) -> None:
    old, new = _worker(engine), _worker(engine)
    job = _submit(engine)
    old_held = _held(old, job)
    old.report(old_held, HALF)
    _run_out(engine, old)
    new.bury()
    new_held = _held(new, job)
    assert new_held.token > old_held.token
    now_it_is = _row(engine, job)
    old.report(old_held, Progress(stage="lies"))
    for write in _final_writes(old, old_held):
        with pytest.raises(Lost):
            write()
    assert _row(engine, job) == now_it_is
    new.check(new_held)
    new.finish(new_held, JobState.SUCCEEDED, result={"run_id": "run_0123456789ab"})
    now_it_is = _row(engine, job)
    old.report(old_held, Progress(stage="lies"))
    for write in _final_writes(old, old_held):
        with pytest.raises(Lost):
            write()
    assert _row(engine, job) == now_it_is


def test_the_token_counts_within_one_worker_too(engine: sa.Engine) -> None:
    worker = _worker(engine)
    job = _submit(engine)
    first, second = _held(worker, job), _held(worker, job)
    for write in _final_writes(worker, first):
        with pytest.raises(Lost):
            write()
    worker.check(second)
    assert _job(engine, job).state == JobState.RUNNING


def test_a_job_that_a_buried_worker_ended_before_anybody_took_it_over_is_not_done_again(engine: sa.Engine) -> None:
    old, new = _worker(engine), _worker(engine)
    job = _submit(engine)
    held = _held(old, job)
    _run_out(engine, old)
    new.bury()
    old.finish(held, JobState.SUCCEEDED, result={"run_id": "run_0123456789ab"})
    assert new.hold(job.job_id) is None
    assert _job(engine, job).result == {"run_id": "run_0123456789ab"}


@given(
    moves=st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from(["hold", "report", "check", "finish", "die"])),
        min_size=5, max_size=25,
    )
)  # fmt: skip
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_three_workers_do_only_the_last_holder_writes(engine: sa.Engine, moves: list[tuple[int, str]]) -> None:
    """Beside the tables there is one number: the token of whoever holds the job, None once the job has ended."""
    job = _submit(engine)
    crew = [_worker(engine) for _ in range(3)]
    holds: list[Held | None] = [None] * 3
    token: int | None = 0
    for who, move in moves:
        worker, held, before = crew[who], holds[who], _row(engine, job)
        if move == "die":
            crew[who], holds[who] = _worker(engine), None
            assert crew[who].bury([worker.worker_id]) == [worker.worker_id]
            with pytest.raises(Lost):
                worker.renew()
        elif move == "hold":
            begun = worker.hold(job.job_id)
            assert (begun is None) == (token is None)
            if begun is not None and token is not None:
                holds[who], token = begun, token + 1
                assert begun.token == token
        elif held is not None:
            is_holder = held.token == token
            if move == "report":
                worker.report(held, HALF)
            elif move == "check":
                assert _is_refused(functools.partial(worker.check, held)) != is_holder
            else:
                is_last = held.token == before.executions
                end = functools.partial(worker.finish, held, JobState.FAILED, error="x")
                assert _is_refused(end) != is_last
                token = None if is_holder else token
            if not is_holder or move == "check":
                assert _row(engine, job) == before
            else:
                assert _row(engine, job).revision == before.revision + 1


def test_takeovers_are_those_from_workers_that_died(engine: sa.Engine) -> None:
    job = _submit(engine)
    leaver, first, second, third = (_worker(engine) for _ in range(4))
    assert _held(leaver, job).takeovers == 0
    leaver.leave()
    assert _held(first, job).takeovers == 0  # it was left behind in good order
    assert third.bury([first.worker_id]) == [first.worker_id]
    assert _held(second, job).takeovers == 1
    assert _held(second, job).takeovers == 1  # by itself
    assert _held(third, job).takeovers == 1  # from one that lives
    _run_out(engine, third)
    assert second.bury() == [third.worker_id]
    held = _held(second, job)
    assert (held.takeovers, held.token) == (2, 6)


# --- how far it is, and the end


def test_an_end_is_final(engine: sa.Engine) -> None:
    worker = _worker(engine)
    job = _submit(engine)
    held = _held(worker, job)
    worker.finish(held, JobState.SUCCEEDED, result={"name": "Zoë \0", "numbers": [1, 2.5, None]})
    ended = _job(engine, job)
    assert ended.state == JobState.SUCCEEDED and ended.result == {"name": "Zoë \0", "numbers": [1, 2.5, None]}
    worker.finish(held, JobState.FAILED, error="too late", cause="input")
    worker.report(held, HALF)
    assert _job(engine, job) == ended
    with pytest.raises(Lost):
        worker.check(held)


def test_one_end_of_many_at_once_counts(engine: sa.Engine) -> None:
    worker = _worker(engine)
    job = _submit(engine)
    held = _held(worker, job)
    _at_once([functools.partial(worker.finish, held, JobState.SUCCEEDED, result={"n": n}) for n in range(8)])
    ended = _job(engine, job)
    assert ended.revision == held.job.revision + 1 and ended.result is not None and ended.result["n"] in range(8)


def test_a_failure_keeps_its_words_and_its_cause(engine: sa.Engine) -> None:
    worker = _worker(engine)
    job = _submit(engine)
    worker.finish(_held(worker, job), JobState.FAILED, error="no vi\0deo in it – export it again", cause="input")
    assert _job(engine, job).error == "no video in it – export it again"
    assert _row(engine, job).cause == "input"


def test_the_end_of_a_job_that_was_forgotten_is_no_harm(engine: sa.Engine) -> None:
    worker = _worker(engine)
    job = _submit(engine)
    held = _held(worker, job)
    worker.finish(held, JobState.CANCELLED)
    JobClient(engine).forget(TENANT, job.job_id)
    worker.finish(held, JobState.CANCELLED)


# --- handing over to DBOS


def test_jobs_wait_in_the_order_in_which_they_are_to_run(engine: sa.Engine) -> None:
    worker, client = _worker(engine), JobClient(engine)
    made = [client.submit(TENANT, TRACK, priority=priority) for priority in (50, 90, 10, 50, 90)]
    with engine.begin() as connection:  # each a second after the one before
        for index, job in enumerate(made):
            change = sa.update(jobs).where(jobs.c.job_id == job.job_id).values(created=1.0 + index)
            connection.execute(change)
    order = [made[index].job_id for index in (1, 4, 0, 3, 2)]
    assert [job.job_id for job in worker.waiting(10)] == order
    assert [job.job_id for job in worker.waiting(2)] == order[:2]
    worker.dispatched(order[:2])
    assert [job.job_id for job in worker.waiting(10)] == order[2:]
    client.cancel(TENANT, order[2])
    assert [job.job_id for job in worker.waiting(10)] == order[3:]
    assert {job.job_id for job, _ in worker.unfinished()} == set(order[:2])


def test_a_job_is_handed_over_again_by_one_of_many_who_miss_it(engine: sa.Engine) -> None:
    crew = [_worker(engine) for _ in range(8)]
    job = JobClient(engine).submit(TENANT, LinkPlayers(video_id=TRACK.video_id, run_id="run_0123456789ab"), priority=60)
    crew[0].dispatched([job.job_id])
    assert crew[0].unfinished() == [(Waiting(job.job_id, "link_players", 60), 0)]
    done = _at_once([functools.partial(worker.undispatch, job.job_id, 0) for worker in crew])
    assert sorted(done) == [False] * 7 + [True]
    assert crew[0].waiting(10) == [Waiting(job.job_id, "link_players", 60)] and crew[0].unfinished() == []


def test_a_job_that_began_or_ended_meanwhile_is_not_handed_over_again(engine: sa.Engine) -> None:
    worker = _worker(engine)
    job = _submit(engine)
    worker.dispatched([job.job_id])
    held = _held(worker, job)
    assert not worker.undispatch(job.job_id, 0)
    worker.finish(held, JobState.CANCELLED)
    assert not worker.undispatch(job.job_id, held.token)


def test_the_folders_of_jobs_of_which_a_try_is_open_are_in_use(engine: sa.Engine) -> None:
    worker, client = _worker(engine), JobClient(engine)
    waiting, running, ended, first = (_submit(engine) for _ in range(4))
    _held(worker, running)
    worker.finish(_held(worker, ended), JobState.SUCCEEDED, result={})
    client.cancel(TENANT, first.job_id)
    unknown = new_id("job")
    asked = [waiting.job_id, running.job_id, ended.job_id, first.job_id, unknown]
    assert worker.ended_tries(asked) == {ended.job_id, first.job_id}
    client.retry(TENANT, first.job_id)
    assert worker.ended_tries(asked) == {ended.job_id}


def test_a_job_that_is_forgiven_does_not_count_the_deaths_before(engine: sa.Engine) -> None:
    first, job = _worker(engine), _submit(engine)
    _held(first, job)
    second = _worker(engine)
    second.bury([first.worker_id])
    held = _held(second, job)
    assert held.takeovers == 1
    second.forgive(held)
    third = _worker(engine)
    third.bury([second.worker_id])
    assert _held(third, job).takeovers == 1


# --- a database that is away


def test_while_the_database_is_away_every_method_says_so(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path / 'data' / 'laxai.db'}")
    worker = _worker(engine)
    job = _submit(engine)
    held = _held(worker, job)
    engine.dispose()
    shutil.move(tmp_path / "data", tmp_path / "elsewhere")
    calls: list[Callable[[], Any]] = [
        worker.register, worker.renew, worker.leave, worker.bury, worker.living, lambda: worker.tidy(1.0),
        lambda: worker.waiting(1), lambda: worker.dispatched([job.job_id]), worker.unfinished,
        lambda: worker.hold(job.job_id), lambda: worker.check(held), lambda: worker.report(held, HALF),
        lambda: worker.finish(held, JobState.CANCELLED), lambda: worker.undispatch(job.job_id, 1), worker.to_cancel,
        lambda: worker.ended_tries([job.job_id]), lambda: worker.forgive(held),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(TransientError, match="cannot be reached"):
            call()
    shutil.move(tmp_path / "elsewhere", tmp_path / "data")
    worker.check(held)


def test_patience_asks_again_after_longer_and_longer_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    answers = iter([None] * 9 + ["here"])
    assert patiently(lambda: _answer(next(answers))) == "here"
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]


def test_patience_is_for_what_may_pass_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)

    def ask() -> None:
        raise InputError("film", "is none")

    with pytest.raises(InputError):
        patiently(ask)
    assert pauses == []


def _worker(engine: sa.Engine, lease_seconds: float = 60.0) -> Ledger:
    ledger = Ledger(engine, new_id("worker"), lease_seconds, _lost)
    ledger.register()
    return ledger


def _lost() -> NoReturn:
    raise Lost


def _is_refused(write: Callable[[], object]) -> bool:
    try:
        write()
    except Lost:
        return True
    return False


def _final_writes(worker: Ledger, held: Held) -> list[Callable[[], object]]:
    return [
        lambda: worker.check(held),
        lambda: worker.finish(held, JobState.SUCCEEDED, result={"run_id": "run_ffffffffffff"}),
        lambda: worker.finish(held, JobState.FAILED, error="lies", cause="crash"),
        lambda: worker.finish(held, JobState.CANCELLED),
    ]


@pytest.mark.parametrize("payload", ['{"kind": "track_video", "video_id": "video_0123456789ab", "later": 1}', "{"])
def test_a_job_that_cannot_be_read_ends_once_with_the_reason(engine: sa.Engine, payload: str) -> None:
    job, worker = _submit(engine), _worker(engine)
    with engine.begin() as connection:
        connection.execute(sa.update(jobs).where(jobs.c.job_id == job.job_id).values(payload=payload))
    assert worker.hold(job.job_id) is None
    row = _row(engine, job)
    assert (row.state, row.cause, row.executions) == (JobState.FAILED, "unreadable", 1)
    assert "another version" in row.error and row.finished >= row.started
    assert worker.hold(job.job_id) is None and _row(engine, job) == row


def _submit(engine: sa.Engine) -> Job:
    return JobClient(engine).submit(TENANT, TRACK)


def _held(worker: Ledger, job: Job) -> Held:
    held = worker.hold(job.job_id)
    assert held is not None
    return held


def _job(engine: sa.Engine, job: Job) -> Job:
    return JobClient(engine).job(TENANT, job.job_id)


def _row(engine: sa.Engine, job: Job) -> Any:
    with engine.connect() as connection:
        return connection.execute(sa.select(jobs).where(jobs.c.job_id == job.job_id)).one()


def _run_out(engine: sa.Engine, *gone: Ledger, seconds: float = 1.0) -> None:
    """The leases of these have run out so many seconds ago."""
    query = sa.update(workers).where(workers.c.worker_id.in_([worker.worker_id for worker in gone]))
    with engine.begin() as connection:
        connection.execute(query.values(lease_until=now() - seconds))


def _lease_left(engine: sa.Engine, worker: Ledger) -> float:
    query = sa.select(workers.c.lease_until - now()).where(workers.c.worker_id == worker.worker_id)
    with engine.connect() as connection:
        return float(connection.scalar(query) or 0.0)


def _at_once(calls: list[Callable[[], Result]]) -> list[Result]:
    barrier = threading.Barrier(len(calls))

    def come(call: Callable[[], Result]) -> Result:
        barrier.wait(20)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(come, calls))


def _answer(text: str | None) -> str:
    if text is None:
        raise TransientError("database", "is away")
    return text
