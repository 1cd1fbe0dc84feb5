"""What a job at work does to a machine: a program that keeps a part of a core busy, and writes how far it is.

`python -m benchmarks.job DATABASE JOB_ID SHARE`, until it is ended.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import sqlalchemy as sa

from shared_libs.common.job_client.table import connect, jobs, now
from shared_libs.common.jobs import JobState, Progress

_WRITE_SECONDS = 0.5
"""As a worker does."""

_SLICE = 0.05


def work(database: str, job_id: str, share: float) -> None:
    """Goes on for ever."""
    engine = connect(database)
    with engine.begin() as connection:
        values = {"state": JobState.RUNNING, "started": now(), "is_dispatched": True}
        connection.execute(sa.update(jobs).where(jobs.c.job_id == job_id).values(values))
    picture = np.random.default_rng(0).random((256, 256), np.float32)
    done, written = 0, 0.0
    while True:
        begun = time.perf_counter()
        while time.perf_counter() - begun < _SLICE * share:
            picture = np.sqrt(picture * picture + 1e-3)
            done += 1
        time.sleep(_SLICE * (1.0 - share))
        if time.perf_counter() - written >= _WRITE_SECONDS:
            written = time.perf_counter()
            _tell(engine, job_id, done)


def _tell(engine: sa.Engine, job_id: str, done: int) -> None:
    progress = Progress(stage="track", done=done)
    with engine.begin() as connection:
        values = {"progress": progress.model_dump_json(), "revision": jobs.c.revision + 1}
        connection.execute(sa.update(jobs).where(jobs.c.job_id == job_id).values(values))


if __name__ == "__main__":
    work(sys.argv[1], sys.argv[2], float(sys.argv[3]))
