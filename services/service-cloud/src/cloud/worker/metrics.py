"""What a worker counts, in the form that Prometheus reads."""

from __future__ import annotations

import sqlalchemy as sa
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from shared_libs.common.errors import TransientError
from shared_libs.common.job_client.table import jobs, now, talking
from shared_libs.common.jobs import JobKind, JobState

_SECONDS = (1, 5, 15, 60, 300, 900, 3600, 4 * 3600)


class Metrics:
    """Of this process; `registry` has them, and the length of the queue in the database."""

    def __init__(self, engine: sa.Engine) -> None:
        self.registry = CollectorRegistry()
        self._seconds = Histogram(
            "laxai_job_stage_seconds", "Time that a stage of a job took.", ["kind", "stage"], buckets=_SECONDS,
            registry=self.registry,
        )  # fmt: skip
        self._ended = Counter(
            "laxai_jobs_ended", "Jobs that ended here; cause: why one failed.", ["kind", "state", "cause"],
            registry=self.registry,
        )  # fmt: skip
        self.registry.register(_Queue(engine))

    def spent(self, kind: JobKind, stage: str, seconds: float) -> None:
        """A stage of a job took so long."""
        self._seconds.labels(kind, stage).observe(seconds)

    def ended(self, kind: JobKind, state: JobState, cause: str | None) -> None:
        """A job ended here."""
        self._ended.labels(kind, state, cause or "").inc()


class _Queue(Collector):
    """How many jobs wait and run in the whole, and for how long the first of them has waited: asked when it is read."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def describe(self) -> list[GaugeMetricFamily]:
        return []

    def collect(self) -> list[GaugeMetricFamily]:
        waiting = GaugeMetricFamily("laxai_jobs_waiting", "Jobs in the queue.", labels=["kind"])
        running = GaugeMetricFamily("laxai_jobs_running", "Jobs that a worker runs.", labels=["kind"])
        oldest = GaugeMetricFamily("laxai_jobs_waiting_seconds", "How long the oldest has waited.", labels=["kind"])
        query = (
            sa.select(jobs.c.kind, jobs.c.state, sa.func.count(), now() - sa.func.min(jobs.c.created))
            .where(jobs.c.state.in_([JobState.QUEUED, JobState.RUNNING]))
            .group_by(jobs.c.kind, jobs.c.state)
        )
        found = {}
        try:
            with talking(self._engine), self._engine.connect() as connection:
                found = {(row[0], row[1]): (row[2], row[3]) for row in connection.execute(query)}
        except TransientError:
            return []  # a reader sees that the series has a gap
        for kind in JobKind:
            count, seconds = found.get((kind, JobState.QUEUED), (0, 0.0))
            waiting.add_metric([kind], count)
            oldest.add_metric([kind], seconds)
            running.add_metric([kind], found.get((kind, JobState.RUNNING), (0, 0.0))[0])
        return [waiting, running, oldest]
