"""A worker that makes up its results at once: what the page sees of one, without the services behind it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import sqlalchemy as sa

from api.site import Site
from shared_libs.common.job_client.table import jobs, now, workers
from shared_libs.common.jobs import Job, JobKind, JobState, Progress
from shared_libs.common.json_text import dump_json

Works = Mapping[JobKind, Callable[[Job], dict[str, Any]]]
"""What each kind of job makes: a function that puts it into storage, and gives the job's result. While it works, three
quarters are done."""

STEPS: Final = 4
STEP_SECONDS: Final = 0.15


@contextmanager
def working(site: Site, tenant: str, works: Works) -> Iterator[None]:
    """Inside the block, a worker is attached, and does the jobs of a tenant, in steps that can be seen."""
    over = threading.Event()
    with site.engine.begin() as connection:
        row = {"worker_id": "worker_stand_in", "host": "here", "has_left": False, "is_dead": False}
        connection.execute(sa.insert(workers).values(**row, started=now(), lease_until=now() + 600))
    thread = threading.Thread(target=_work, args=(site, tenant, works, over))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(30)
        with site.engine.begin() as connection:
            connection.execute(sa.delete(workers))


def _work(site: Site, tenant: str, works: Works, over: threading.Event) -> None:
    while not over.wait(0.05):
        for job in site.jobs.list(tenant, states=[JobState.QUEUED]).jobs:
            _do(site, job, works[job.kind], over)


def _do(site: Site, job: Job, work: Callable[[Job], dict[str, Any]], over: threading.Event) -> None:
    def change(**values: Any) -> None:
        with site.engine.begin() as connection:
            this = sa.update(jobs).where(jobs.c.job_id == job.job_id)
            connection.execute(this.values(**values, revision=jobs.c.revision + 1))

    change(state=JobState.RUNNING, started=now())
    for done in range(1, STEPS):
        over.wait(STEP_SECONDS)
        change(progress=Progress(stage="tracking", done=done, total=STEPS, message="frames").model_dump_json())
    result = dump_json(work(job)).decode()
    change(state=JobState.SUCCEEDED, finished=now(), result=result)
