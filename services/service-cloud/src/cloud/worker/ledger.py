"""What workers write about jobs and about themselves, under the fencing token of the job.

A worker holds a job from `hold` on. Its token is the number of that execution: whoever takes the job over gets a higher
one, and from then on nothing that is written under the old one counts. All times are the database's.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

import sqlalchemy as sa
from pydantic import JsonValue

from shared_libs.common.errors import DASH, TransientError
from shared_libs.common.job_client.client import UnreadableJob, job_of
from shared_libs.common.job_client.table import at_least, jobs, now, talking, workers
from shared_libs.common.jobs import Job, JobState, Progress
from shared_libs.common.json_text import dump_json

Result = TypeVar("Result")

OPEN = (JobState.QUEUED, JobState.RUNNING)


@dataclass(frozen=True, slots=True)
class Held:
    """A job that this worker runs. token: of this execution. first_try: whose work folder it is."""

    job: Job
    token: int
    takeovers: int
    first_try: str
    cancel_requested: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job that is to be handed to DBOS."""

    job_id: str
    kind: str
    priority: int


class Ledger:
    """The tables, as the worker `worker_id` writes them.

    lost: called, and does not return, when others hold this worker for dead. Every method raises TransientError while
    the database does not answer.
    """

    def __init__(self, engine: sa.Engine, worker_id: str, lease_seconds: float, lost: Callable[[], NoReturn]) -> None:
        self._engine = engine
        self.worker_id = worker_id
        self._lease_seconds = lease_seconds
        self._lost = lost
        self._alive = (workers.c.worker_id == worker_id) & ~workers.c.is_dead

    def register(self) -> None:
        """This worker is there, for as long as its lease runs."""
        with talking(self._engine), self._engine.begin() as connection:
            connection.execute(
                sa.insert(workers).values(
                    worker_id=self.worker_id,
                    host=platform.node()[:255],
                    started=now(),
                    lease_until=now() + self._lease_seconds,
                    has_left=False,
                    is_dead=False,
                )
            )

    def renew(self) -> None:
        """The lease runs anew from now on. A lease that has run out is renewed too, if nobody has taken over yet."""
        query = sa.update(workers).where(self._alive).values(lease_until=now() + self._lease_seconds)
        with talking(self._engine), self._engine.begin() as connection:
            is_alive = connection.execute(query).rowcount == 1
        if not is_alive:
            self._lost()

    def leave(self) -> None:
        """This worker goes, and what it held is free at once."""
        query = sa.update(workers).where(self._alive).values(has_left=True, is_dead=True)
        with talking(self._engine), self._engine.begin() as connection:
            connection.execute(query)

    def bury(self, known_dead: Collection[str] = ()) -> list[str]:
        """Declares those dead whose lease has run out or who are known to be; each is given to one caller only."""
        is_gone = (workers.c.lease_until < now()) | workers.c.worker_id.in_(known_dead)
        query = (
            sa.update(workers)
            .where(~workers.c.is_dead, workers.c.worker_id != self.worker_id, is_gone)
            .values(is_dead=True)
            .returning(workers.c.worker_id)
        )
        with talking(self._engine), self._engine.begin() as connection:
            return list(connection.scalars(query))

    def living(self) -> list[str]:
        """Workers that are not known to be dead."""
        with talking(self._engine), self._engine.connect() as connection:
            return list(connection.scalars(sa.select(workers.c.worker_id).where(~workers.c.is_dead)))

    def tidy(self, older_than_seconds: float) -> None:
        """Forgets workers that have been dead for so long that nothing of theirs can come to life any more."""
        query = sa.delete(workers).where(workers.c.is_dead, workers.c.lease_until < now() - older_than_seconds)
        with talking(self._engine), self._engine.begin() as connection:
            connection.execute(query)

    def waiting(self, limit: int) -> list[Waiting]:
        """Jobs that nobody has handed to DBOS yet, those first that are to run first."""
        query = (
            sa.select(jobs.c.job_id, jobs.c.kind, jobs.c.priority)
            .where(jobs.c.state.in_(OPEN), ~jobs.c.is_dispatched)
            .order_by(jobs.c.priority.desc(), jobs.c.created, jobs.c.job_id)
            .limit(limit)
        )
        with talking(self._engine), self._engine.connect() as connection:
            return [Waiting(*row) for row in connection.execute(query)]

    def dispatched(self, job_ids: Collection[str]) -> None:
        """These have been handed to DBOS."""
        query = sa.update(jobs).where(jobs.c.job_id.in_(job_ids)).values(is_dispatched=True)
        with talking(self._engine), self._engine.begin() as connection:
            connection.execute(query)

    def unfinished(self) -> list[tuple[Waiting, int]]:
        """All jobs that were handed to DBOS and have not ended, each with its token."""
        query = sa.select(jobs.c.job_id, jobs.c.kind, jobs.c.priority, jobs.c.executions)
        query = query.where(jobs.c.state.in_(OPEN), jobs.c.is_dispatched)
        with talking(self._engine), self._engine.connect() as connection:
            return [(Waiting(*row[:3]), row[3]) for row in connection.execute(query)]

    def hold(self, job_id: str) -> Held | None:
        """Begins an execution of a job, whoever held it before; None for a job that has ended or was removed.

        A job that this version of LaxAI cannot read ends here, with that as its error.
        """
        holder = sa.select(workers.c.worker_id).where(
            workers.c.worker_id == jobs.c.worker_id, workers.c.is_dead, ~workers.c.has_left
        )
        query = (
            sa.update(jobs)
            .where(jobs.c.job_id == job_id, jobs.c.state.in_(OPEN), sa.exists().where(self._alive))
            .values(
                state=JobState.RUNNING,
                started=sa.func.coalesce(jobs.c.started, at_least(jobs.c.created)),
                executions=jobs.c.executions + 1,
                takeovers=jobs.c.takeovers + sa.case((holder.exists(), 1), else_=0),
                worker_id=self.worker_id,
                revision=jobs.c.revision + 1,
            )
            .returning(*jobs.c)
        )
        with talking(self._engine), self._engine.begin() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            self._check_alive()
            return None
        try:
            job = job_of(row)
        except UnreadableJob as error:
            self._refuse(row, error)
            return None
        return Held(job, row.executions, row.takeovers, row.first_try, row.cancel_requested)

    def holds(self, held: Held) -> bool:
        """Whether this worker holds the job still."""
        query = sa.select(jobs.c.job_id).where(self._is_held(held), sa.exists().where(self._alive))
        with talking(self._engine), self._engine.connect() as connection:
            return connection.execute(query).first() is not None

    def check(self, held: Held) -> None:
        """That this worker holds the job still. Does not return otherwise."""
        if not self.holds(held):
            self._lost()

    def report(self, held: Held, progress: Progress) -> None:
        """How far the job is."""
        self._change(held, progress=progress.model_dump_json())

    def finish(
        self,
        held: Held,
        state: JobState,
        *,
        error: str | None = None,
        cause: str | None = None,
        result: dict[str, JsonValue] | None = None,
    ) -> bool:
        """The job's end. Once: a job that has ended stays as it is, and then this is False."""
        text = None if result is None else dump_json(result).decode()
        error = None if error is None else error.replace("\0", "").encode(errors="replace").decode()
        end = {"finished": at_least(jobs.c.started), "error": error, "cause": cause, "result": text}
        if self._change(held, state=state, **end):
            return True
        with talking(self._engine), self._engine.connect() as connection:
            row = connection.execute(sa.select(jobs).where(jobs.c.job_id == held.job.job_id)).one_or_none()
        if row is not None and row.executions != held.token:
            self._lost()
        return False

    def forgive(self, held: Held) -> None:
        """The deaths of workers so far were not this job's doing."""
        self._change(held, takeovers=0)

    def undispatch(self, job_id: str, token: int) -> bool:
        """The job is to be handed to DBOS anew. False where somebody else was faster, or it is running."""
        query = (
            sa.update(jobs)
            .where(jobs.c.job_id == job_id, jobs.c.executions == token, jobs.c.state.in_(OPEN), jobs.c.is_dispatched)
            .values(is_dispatched=False)
        )
        with talking(self._engine), self._engine.begin() as connection:
            return connection.execute(query).rowcount == 1

    def to_cancel(self) -> set[str]:
        """Jobs of this worker that somebody wants to be cancelled."""
        query = sa.select(jobs.c.job_id).where(
            jobs.c.worker_id == self.worker_id, jobs.c.state == JobState.RUNNING, jobs.c.cancel_requested
        )
        with talking(self._engine), self._engine.connect() as connection:
            return set(connection.scalars(query))

    def ended_tries(self, first_tries: Collection[str]) -> set[str]:
        """Those of the jobs that stand in this database, and of which no try is open."""
        given = jobs.c.first_try.in_(first_tries)
        is_open = sa.func.sum(sa.case((jobs.c.state.in_(OPEN), 1), else_=0))
        query = sa.select(jobs.c.first_try).where(given).group_by(jobs.c.first_try).having(is_open == 0)
        with talking(self._engine), self._engine.connect() as connection:
            return set(connection.scalars(query))

    def _refuse(self, row: Any, error: UnreadableJob) -> None:
        is_it = (jobs.c.job_id == row.job_id) & (jobs.c.executions == row.executions) & jobs.c.state.in_(OPEN)
        said = f"this worker cannot read what is asked for: the job {error.cause}{DASH}{error.hint}"
        end = {"state": JobState.FAILED, "finished": at_least(jobs.c.started), "error": said, "cause": "unreadable"}
        with talking(self._engine), self._engine.begin() as connection:
            connection.execute(sa.update(jobs).where(is_it).values(**end, revision=jobs.c.revision + 1))

    def _is_held(self, held: Held) -> sa.ColumnElement[bool]:
        is_it = (jobs.c.job_id == held.job.job_id) & (jobs.c.state == JobState.RUNNING)
        return is_it & (jobs.c.executions == held.token)

    def _change(self, held: Held, **values: Any) -> bool:
        query = sa.update(jobs).where(self._is_held(held)).values(**values, revision=jobs.c.revision + 1)
        with talking(self._engine), self._engine.begin() as connection:
            return connection.execute(query).rowcount == 1

    def _check_alive(self) -> None:
        with talking(self._engine), self._engine.connect() as connection:
            is_alive = connection.execute(sa.select(workers.c.worker_id).where(self._alive)).first() is not None
        if not is_alive:
            self._lost()


def patiently(ask: Callable[[], Result]) -> Result:
    """What `ask` gives, once the database answers, however long that takes: a worker that is not needed any more
    learns it from its lease."""
    delay = 0.1
    while True:
        try:
            return ask()
        except TransientError:
            time.sleep(delay)
            delay = min(2 * delay, 5.0)
