"""Jobs: what is asked of the workers, and how they get on with it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Body, Depends, Header, Query, Request, Response
from fastapi.openapi.models import Example
from pydantic import BaseModel, Field
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from api.access.caller import Reader, Writer
from api.etags import IfNoneMatch, etag_of, is_unchanged
from api.ids import JobPath
from api.pages import Following, Limit, Page
from api.queue.feeds import JobFeeds
from api.queue.submitting import submit_job
from api.queue.texts import dump_job, dump_page
from api.site import Here
from api.workers import workers_at_work
from shared_libs.common.documents import NUMBER, Contract
from shared_libs.common.job_client.client import DEFAULT_PRIORITY
from shared_libs.common.jobs import Job, JobKind, JobState, Payload

router = APIRouter(tags=["jobs"])

HEARTBEAT_SECONDS: Final = 15
LONGEST_SECONDS: Final = 600
"""Of a stream of events; whoever wants more asks again."""

ENDING_SECONDS: Final = 3
"""In which a stream ends by itself where the service does: what has just been said is said to its end."""

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="Whoever submits again with the same key gets the job of the first time.",
    ),
]
"""Of whoever submits a job."""

VideoQuery = Annotated[str | None, Query(pattern="^video_[0-9a-f]{12}$", description="Of this video alone.")]


class JobAsked(Contract):
    """A new job. priority: of jobs that wait, the higher goes first."""

    payload: Payload
    priority: Annotated[int, Field(ge=0, le=100), NUMBER] = DEFAULT_PRIORITY


class Workers(BaseModel):
    """How many workers there are that gave a sign of life of late; without any, jobs wait. notice: what to tell people
    about it, if anything."""

    count: int
    notice: str | None


LastEventId = Annotated[
    str | None,
    Header(alias="Last-Event-ID", pattern="^[0-9]{1,9}$", description="The last revision that the asker has seen."),
]


async def job_feeds(request: Request, here: Here) -> JobFeeds:
    """The jobs that callers of this app follow."""
    state = request.app.state
    if not hasattr(state, "job_feeds"):
        state.job_feeds = JobFeeds(here.jobs, here.stopping.is_set)
    feeds: JobFeeds = state.job_feeds
    return feeds


EXAMPLES: Final[dict[str, Example]] = {
    "track": {"value": {"payload": {"kind": "track_video", "video_id": "video_0123456789ab"}}},
    "dataset": {
        "value": {
            "payload": {
                "kind": "build_dataset",
                "runs": [{"video_id": "video_0123456789ab", "run_id": "run_0123456789ab"}],
            }
        }
    },
    "train": {"value": {"payload": {"kind": "train_reid", "dataset_id": "dataset_0123456789ab"}}},
    "link": {
        "value": {"payload": {"kind": "link_players", "video_id": "video_0123456789ab", "run_id": "run_0123456789ab"}}
    },
    "clips": {
        "value": {
            "payload": {
                "kind": "make_clips",
                "video_id": "video_0123456789ab",
                "run_id": "run_0123456789ab",
                "player_ids": [7],
            },
            "priority": 80,
        }
    },
}

_EVENT: Final = {
    "type": "object",
    "required": ["event", "id", "data"],
    "properties": {
        "event": {"const": "job"},
        "id": {"type": "string", "pattern": "^[0-9]{1,9}$", "description": "The job's revision."},
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": {"$ref": "#/components/schemas/Job"},
        },
    },
}

Feeds = Annotated[JobFeeds, Depends(job_feeds)]


@router.post(
    "/jobs",
    status_code=HTTPStatus.CREATED,
    responses={200: {"model": Job, "description": "The job that was submitted with the same key before."}},
)
def submit(
    asked: Annotated[JobAsked, Body(openapi_examples=EXAMPLES)],
    caller: Writer,
    here: Here,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> Job:
    """Submits a job of any kind. 409 where the key was used for something else."""
    return submitted(submit_job(here, caller.tenant, asked.payload, idempotency_key, asked.priority), response)


@router.get("/jobs", response_model=Page[Job])
def get_jobs(
    caller: Reader,
    here: Here,
    state: Annotated[list[JobState] | None, Query(description="In one of these states.")] = None,
    kind: Annotated[list[JobKind] | None, Query(description="Of one of these kinds.")] = None,
    video_id: VideoQuery = None,
    limit: Limit = 50,
    following: Following = None,
) -> Response:
    """Jobs, newest first."""
    page = here.jobs.list(
        caller.tenant,
        states=state or (),
        kinds=kind or (),
        video_id=video_id,
        limit=limit,
        following=following,
    )
    return Response(dump_page(page.jobs, page.following), media_type="application/json")


@router.get("/jobs/{job_id}", response_model=Job, responses={304: {"description": "It is as it was."}})
def get_job(job_id: JobPath, caller: Reader, here: Here, if_none_match: IfNoneMatch = None) -> Response:
    """A job. Its ETag changes with its revision."""
    job = here.jobs.job(caller.tenant, job_id)
    headers = {"ETag": _etag(job)}
    if is_unchanged(if_none_match, headers["ETag"]):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(dump_job(job), media_type="application/json", headers=headers)


@router.get(
    "/jobs/{job_id}/events",
    response_class=Response,
    responses={
        200: {
            "description": "An event `job` with the whole job for each change, called by its revision, until it ends.",
            "content": {"text/event-stream": {"itemSchema": _EVENT}},
        },
        204: {"description": "The job has ended, as the asker knows by Last-Event-ID."},
    },
)
async def get_events(job_id: JobPath, caller: Reader, here: Here, feeds: Feeds, seen: LastEventId = None) -> Response:
    """Follows a job. A stream that breaks off is gone on with by Last-Event-ID, with nothing lost but what is out of
    date; it does so by itself after a while, so that a key that was revoked is found out."""
    job = await run_in_threadpool(here.jobs.job, caller.tenant, job_id)
    revision = int(seen) if seen is not None else None
    if job.state.is_final and job.revision == revision:
        return Response(status_code=HTTPStatus.NO_CONTENT)
    events = _events(feeds, caller.tenant, job_id, revision)
    return EventSourceResponse(events, ping=HEARTBEAT_SECONDS, shutdown_grace_period=ENDING_SECONDS)


@router.post("/jobs/{job_id}/cancel")
def cancel(job_id: JobPath, caller: Writer, here: Here, response: Response) -> Job:
    """Cancels a job: one that waits at once, one that runs within seconds. 409 for one that has ended otherwise."""
    return _told(here.jobs.cancel(caller.tenant, job_id), response)


@router.post("/jobs/{job_id}/retry", status_code=HTTPStatus.CREATED)
def retry(job_id: JobPath, caller: Writer, here: Here, response: Response) -> Job:
    """Another try of a job that failed or was cancelled: a new job, the same one however often this is asked."""
    return _told(here.jobs.retry(caller.tenant, job_id), response)


@router.delete("/jobs/{job_id}", status_code=HTTPStatus.NO_CONTENT)
def forget(job_id: JobPath, caller: Writer, here: Here) -> None:
    """Removes a job that has ended from the list; what it made stays. 409 for one that has not."""
    here.jobs.forget(caller.tenant, job_id)


@router.get("/workers")
def get_workers(caller: Reader, here: Here) -> Workers:
    """Whether anybody works on the jobs."""
    count = workers_at_work(here.engine)
    return Workers(count=count, notice=None if count else "No worker is attached: jobs wait until one is.")


def submitted(outcome: tuple[Job, bool], response: Response) -> Job:
    """The answer to whoever submitted a job: 200 where it was there before."""
    job, is_new = outcome
    if not is_new:
        response.status_code = HTTPStatus.OK
    response.headers["Location"] = f"/api/v1/jobs/{job.job_id}"
    return _told(job, response)


async def _events(feeds: JobFeeds, tenant: str, job_id: str, seen: int | None) -> AsyncIterator[ServerSentEvent]:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LONGEST_SECONDS), contextlib.aclosing(feeds.follow(tenant, job_id, seen)) as jobs:
            async for job in jobs:
                yield ServerSentEvent(dump_job(job).decode(), event="job", id=str(job.revision))


def _told(job: Job, response: Response) -> Job:
    response.headers["ETag"] = _etag(job)
    return job


def _etag(job: Job) -> str:
    return etag_of(job.job_id, job.revision)
