"""Submitting, following and cancelling jobs: what service-api and the command line use."""

from __future__ import annotations

import functools
import math
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple, Self

import sqlalchemy as sa
from pydantic import ValidationError

from shared_libs.common.configured import load_settings
from shared_libs.common.documents import explain
from shared_libs.common.errors import InputError
from shared_libs.common.job_client.table import at_least, connect, jobs, now, talking, workers
from shared_libs.common.jobs import PAYLOADS, Job, JobKind, JobState, Payload, Progress
from shared_libs.common.json_text import dump_json, parse_json
from shared_libs.common.storage import StoragePathError, check_tenant
from shared_libs.config.logging import get_logger
from shared_libs.config.storage import StorageSettings
from shared_libs.utils.ids import new_id, parse_id

DEFAULT_PRIORITY = 50


class NoSuchJob(InputError):
    """There is no job of that id, or it is another tenant's."""


class UnreadableJob(InputError):
    """What stands in the table of a job is not known to this version of LaxAI."""


class JobConflict(InputError):
    """What was asked does not go with what there is: a key that was used for something else, a job that has ended."""


class Page(NamedTuple):
    """jobs: newest first. following: what to ask for the next page with, None on the last."""

    jobs: tuple[Job, ...]
    following: str | None


class JobClient:
    """The jobs of a database. Every call names the tenant, and sees that tenant's jobs alone.

    Every method raises TransientError while the database does not answer.
    """

    def __init__(self, database: str | sa.Engine) -> None:
        """database: its URL, or an engine of `connect`. Raises InputError for a URL that cannot be used."""
        self._engine = connect(database) if isinstance(database, str) else database

    @classmethod
    def configured(cls, database: str | None = None) -> Self:
        """The jobs of the database that the settings name (LAXAI_DATABASE), where the argument does not."""
        settings = load_settings(StorageSettings, database=database)
        return cls(settings.database)

    def submit(
        self,
        tenant: str,
        payload: Payload,
        *,
        idempotency_key: str | None = None,
        priority: int = DEFAULT_PRIORITY,
    ) -> Job:
        """Puts a job into the queue; of waiting jobs those of higher priority (0 to 100) come first, then the oldest.

        idempotency_key: whoever submits again with the same key gets the job of the first time, whatever became of it;
        JobConflict where the payload or the priority differ.
        """
        text = _text(payload.model_dump(mode="json"))
        row = self._insert_or_find(
            (jobs.c.tenant == tenant) & (jobs.c.idempotency_key == idempotency_key),
            tenant,
            kind=payload.kind,
            payload=text,
            video_id=getattr(payload, "video_id", None),
            idempotency_key=idempotency_key,
            priority=priority,
        )
        if (row.payload, row.priority) != (text, priority):
            cause = f"the key was used for {row.job_id}, which asks for something else"
            raise JobConflict(str(idempotency_key), cause, hint="take a new key for a new job")
        return job_of(row)

    def job(self, tenant: str, job_id: str) -> Job:
        """A job as it stands now. Raises NoSuchJob, and UnreadableJob for one of another version of LaxAI."""
        given = {"the_tenant": tenant, "the_job": _known(job_id)}
        row = None
        if _is_tenant(tenant):
            with talking(self._engine), self._engine.connect() as connection:
                row = connection.execute(_ONE, given).one_or_none()
        if row is None:
            raise _no_such_job(job_id)
        return _job(*row)

    def list(
        self,
        tenant: str,
        *,
        states: Collection[JobState] = (),
        kinds: Collection[JobKind] = (),
        video_id: str | None = None,
        limit: int = 50,
        following: str | None = None,
    ) -> Page:
        """Jobs, newest first, `limit` at a time: those in one of `states` and of one of `kinds`, where any are given.
        One that cannot be read here is left out, and stands in the log.

        following: of the page before. Raises InputError where it is of no page, and for a limit below 1.
        """
        if limit < 1:
            raise InputError("limit", f"must be at least 1, not {limit}")
        if not _is_tenant(tenant) or (video_id is not None and not _is_id(video_id, "video")):
            return Page((), None)  # not every database takes any text, if only to say that it is not there
        given: dict[str, Any] = {"the_tenant": tenant, "at_most": limit + 1}
        given |= {"states": list(states)} if states else {}
        given |= {"kinds": list(kinds)} if kinds else {}
        given |= {"the_video": video_id} if video_id is not None else {}
        given |= dict(zip(("before", "before_id"), _place(following), strict=True)) if following is not None else {}
        with talking(self._engine), self._engine.connect() as connection:
            rows = connection.execute(_listing(frozenset(given)), given).all()
        page = rows[:limit]
        more = f"{page[-1].created!r}_{page[-1].job_id}" if len(rows) > limit else None
        return Page(tuple(_readable(page)), more)

    def cancel(self, tenant: str, job_id: str) -> Job:
        """Cancels a job: one that no living worker has at once, one that runs within seconds, when its worker has
        stopped it.

        A job that was cancelled before stays so. Raises NoSuchJob, and JobConflict for a job that has ended otherwise.
        """
        lives = ~workers.c.is_dead & (workers.c.lease_until > now())
        waits = ~sa.exists().where(workers.c.worker_id == jobs.c.worker_id, lives)
        query = (
            sa.update(jobs)
            .where(_is(tenant, _known(job_id)), jobs.c.state.in_([JobState.QUEUED, JobState.RUNNING]))
            .values(
                cancel_requested=True,
                state=sa.case((waits, JobState.CANCELLED.value), else_=jobs.c.state),
                finished=sa.case((waits, at_least(jobs.c.created)), else_=None),
                revision=jobs.c.revision + 1,
            )
            .returning(*jobs.c)
        )
        with talking(self._engine), self._engine.begin() as connection:
            row = connection.execute(query).one_or_none()
        if row is not None:
            return job_of(row)
        job = self.job(tenant, job_id)
        if job.state != JobState.CANCELLED:
            raise JobConflict(job_id, f"has {job.state} already", hint="there is nothing left to cancel")
        return job

    def retry(self, tenant: str, job_id: str) -> Job:
        """Another try of a job that failed or was cancelled: a new job, which goes on where that one was.

        Whoever asks twice gets the same new job, and whoever asks while another try of it is open gets that one. Raises
        NoSuchJob, and JobConflict for a job of another state.
        """
        row = self._row(tenant, job_id)
        if row.state not in (JobState.FAILED, JobState.CANCELLED):
            cause = f"is {row.state}, and only what failed or was cancelled is tried again"
            raise JobConflict(job_id, cause, hint="submit a new job")
        same = {name: getattr(row, name) for name in ("kind", "payload", "video_id", "priority", "first_try")}
        is_open_try = (jobs.c.first_try == row.first_try) & jobs.c.state.in_([JobState.QUEUED, JobState.RUNNING])
        where = (jobs.c.retry_of == job_id) | is_open_try
        return job_of(self._insert_or_find(where, tenant, retry_of=job_id, **same))

    def forget(self, tenant: str, job_id: str) -> None:
        """Removes a job that has ended from the list. Raises NoSuchJob, and JobConflict for one that has not."""
        final = [state for state in JobState if state.is_final]
        query = sa.delete(jobs).where(_is(tenant, _known(job_id)), jobs.c.state.in_(final))
        with talking(self._engine), self._engine.begin() as connection:
            removed = connection.execute(query).rowcount
        if not removed:
            state = self.job(tenant, job_id).state
            raise JobConflict(job_id, f"is {state}, and only what has ended is forgotten", hint="cancel it first")

    def _row(self, tenant: str, job_id: str) -> Any:
        with talking(self._engine), self._engine.connect() as connection:
            row = connection.execute(sa.select(jobs).where(_is(tenant, _known(job_id)))).one_or_none()
        if row is None:
            raise _no_such_job(job_id)
        return row

    def _insert_or_find(self, where: sa.ColumnElement[bool], tenant: str, **given: Any) -> Any:
        """A new job's row, or that of the one which its idempotency key or the job that it retries has already."""
        while True:
            row = self._insert(tenant, **given)
            if row is None:
                with talking(self._engine), self._engine.connect() as connection:
                    row = connection.execute(sa.select(jobs).where(where).order_by(jobs.c.created.desc())).first()
            if row is not None:  # else it was forgotten in this very moment
                return row

    def _insert(self, tenant: str, **given: Any) -> Any | None:
        """A new job's row, None where there is one in its way."""
        try:
            check_tenant(tenant)
        except StoragePathError as error:
            raise InputError("tenant", str(error), hint="choose another name") from None
        job_id = new_id("job")
        values = {
            "job_id": job_id,
            "tenant": tenant,
            "state": JobState.QUEUED,
            "created": now(),
            "first_try": job_id,
            "revision": 0,
            "cancel_requested": False,
            "is_dispatched": False,
            "executions": 0,
            "takeovers": 0,
        }
        checked = {"payload": parse_json(job_id, given["payload"].encode()), "created": datetime.now(UTC)}
        checked |= {"priority": given["priority"], "idempotency_key": given.get("idempotency_key")}
        try:
            Job.model_validate({"job_id": job_id, "tenant": tenant, **checked})
            if "\0" in (given.get("idempotency_key") or ""):
                raise InputError("job", "idempotency_key: must not hold NUL", hint="correct it and submit again")
        except ValidationError as error:
            raise InputError("job", explain(error), hint="correct it and submit again") from None
        try:
            with talking(self._engine), self._engine.begin() as connection:
                return connection.execute(sa.insert(jobs).values(values | given).returning(*jobs.c)).one()
        except sa.exc.IntegrityError:
            return None


def job_of(row: Any) -> Job:
    """A row of the table as a job: the same one while the row stays as it is. Raises UnreadableJob."""
    return _job(*(getattr(row, column.name) for column in _SHOWN))


_SHOWN = (
    jobs.c.job_id,
    jobs.c.tenant,
    jobs.c.kind,
    jobs.c.payload,
    jobs.c.state,
    jobs.c.progress,
    jobs.c.idempotency_key,
    jobs.c.priority,
    jobs.c.created,
    jobs.c.started,
    jobs.c.finished,
    jobs.c.error,
    jobs.c.result,
    jobs.c.retry_of,
    jobs.c.revision,
)
"""What a job is made of, in the order of `_job`."""

_ONE = sa.select(*_SHOWN).where(jobs.c.tenant == sa.bindparam("the_tenant"), jobs.c.job_id == sa.bindparam("the_job"))


@functools.lru_cache
def _listing(given: frozenset[str]) -> sa.Select[Any]:
    """The query for a page, by what is given for it; made once, since that takes longer than to ask it."""
    query = sa.select(*_SHOWN).where(jobs.c.tenant == sa.bindparam("the_tenant"))
    if "states" in given:
        query = query.where(jobs.c.state.in_(sa.bindparam("states", expanding=True)))
    if "kinds" in given:
        query = query.where(jobs.c.kind.in_(sa.bindparam("kinds", expanding=True)))
    if "the_video" in given:
        query = query.where(jobs.c.video_id == sa.bindparam("the_video"))
    if "before" in given:
        place = sa.tuple_(sa.bindparam("before", type_=sa.Double), sa.bindparam("before_id", type_=sa.String))
        query = query.where(sa.tuple_(jobs.c.created, jobs.c.job_id) < place)
    return query.order_by(jobs.c.created.desc(), jobs.c.job_id.desc()).limit(sa.bindparam("at_most"))


@functools.lru_cache(maxsize=2048)
def _job(
    job_id: str,
    tenant: str,
    kind: str,
    payload: str,
    state: str,
    progress: str | None,
    idempotency_key: str | None,
    priority: int,
    created: float,
    started: float | None,
    finished: float | None,
    error: str | None,
    result: str | None,
    retry_of: str | None,
    revision: int,
) -> Job:
    try:
        return Job(
            job_id=job_id,
            tenant=tenant,
            payload=PAYLOADS[JobKind(kind)].model_validate_json(payload),
            state=JobState(state),
            progress=None if progress is None else Progress.model_validate_json(progress),
            idempotency_key=idempotency_key,
            priority=priority,
            created=_time(created),
            started=None if started is None else _time(started),
            finished=None if finished is None else _time(finished),
            error=error,
            result=None if result is None else parse_json(job_id, result.encode()),
            retry_of=retry_of,
            revision=revision,
        )
    except ValueError as error:  # of pydantic, too
        cause = "is of another version of LaxAI, which this one does not know"
        raise UnreadableJob(job_id, cause, hint="update what runs here, and then try the job again") from error


def _readable(rows: Iterable[Any]) -> Iterator[Job]:
    for row in rows:
        try:
            yield _job(*row)
        except UnreadableJob as error:
            get_logger(__name__).error("unreadable_job", job_id=row.job_id, error=str(error.__cause__))


def _is(tenant: str, job_id: str) -> sa.ColumnElement[bool]:
    return (jobs.c.tenant == tenant) & (jobs.c.job_id == job_id) if _is_tenant(tenant) else sa.false()


def _known(job_id: str) -> str:
    """The id as it is. Raises NoSuchJob for what is no job's id."""
    if not _is_id(job_id, "job"):
        raise _no_such_job(job_id)
    return job_id


def _no_such_job(job_id: str) -> NoSuchJob:
    return NoSuchJob(ascii(job_id)[1:-1][:80], "there is no such job", hint="list the jobs to see which there are")


def _is_id(text: str, kind: str) -> bool:
    try:
        parse_id(text, kind)
    except ValueError:
        return False
    return True


def _is_tenant(text: str) -> bool:
    try:
        check_tenant(text)
    except StoragePathError:
        return False
    return True


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _text(document: Any) -> str:
    return dump_json(document).decode()


def _place(following: str) -> tuple[float, str]:
    """Where a page ended."""
    created, _, job_id = following.partition("_")
    try:
        if math.isfinite(seconds := float(created)) and _is_id(job_id, "job"):
            return seconds, job_id
    except ValueError:
        pass
    raise InputError("following", "is not the end of a page", hint="take it from the page before")
