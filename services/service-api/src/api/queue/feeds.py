"""How jobs get on, for those who follow them: the table is asked for each job that somebody follows, however many do.

All of it belongs to one event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Final

from starlette.concurrency import run_in_threadpool

from shared_libs.common.errors import TransientError
from shared_libs.common.job_client.client import JobClient, NoSuchJob
from shared_libs.common.jobs import Job
from shared_libs.config.logging import get_logger

POLL_SECONDS: Final = 0.5
"""How often the table is asked for one job."""


@dataclass(eq=False)
class _Feed:
    """What is known of a job. job: None before it was asked for. is_gone: nothing more will be known of it."""

    job: Job | None = None
    is_gone: bool = False
    listeners: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    @property
    def is_over(self) -> bool:
        return self.is_gone or (self.job is not None and self.job.state.is_final)

    def note(self, job: Job | None) -> None:
        """What was found; those who wait are woken where it is something new."""
        if job is None:
            self.is_gone = True
        elif self.job is not None and self.job.revision == job.revision:
            return
        else:
            self.job = job
        self.wake()

    def wake(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()


class JobFeeds:
    """Jobs that are being followed. stops: says when all is to end."""

    def __init__(self, jobs: JobClient, stops: Callable[[], bool]) -> None:
        self._jobs = jobs
        self._stops = stops
        self._feeds: dict[tuple[str, str], _Feed] = {}

    def __len__(self) -> int:
        return len(self._feeds)

    async def follow(self, tenant: str, job_id: str, seen: int | None) -> AsyncGenerator[Job, None]:
        """The job as it stands, unless that is revision `seen`, and again whenever it has changed, until it has ended
        or is gone. In between, revisions that nobody had time for are left out."""
        key = (tenant, job_id)
        feed = self._feeds.setdefault(key, _Feed())
        feed.listeners += 1
        if feed.task is None:
            feed.task = asyncio.create_task(self._poll(tenant, job_id, feed))
        try:
            while True:
                changed = feed.changed
                job = feed.job
                if job is not None and job.revision != seen:
                    seen = job.revision
                    yield job
                if feed.is_over:
                    return
                if changed is feed.changed:
                    await changed.wait()
        finally:
            feed.listeners -= 1
            if not feed.listeners:
                self._feeds.pop(key, None)
                feed.task.cancel()

    async def _poll(self, tenant: str, job_id: str, feed: _Feed) -> None:
        try:
            while not feed.is_over and not self._stops():
                try:
                    feed.note(await run_in_threadpool(self._jobs.job, tenant, job_id))
                except NoSuchJob:
                    feed.note(None)
                except TransientError as error:  # listeners wait until it answers again
                    get_logger(__name__).warning("job_not_followed", job_id=job_id, error=str(error))
                await asyncio.sleep(POLL_SECONDS)
        finally:  # nobody must wait for what nobody asks for any more
            feed.is_gone = True
            feed.wake()
