"""Who works on the jobs of the queue."""

from __future__ import annotations

import sqlalchemy as sa

from shared_libs.common.job_client.table import now, talking, workers


def workers_at_work(engine: sa.Engine) -> int:
    """How many workers there are that have given a sign of life of late. Raises TransientError."""
    query = (
        sa.select(sa.func.count())
        .select_from(workers)
        .where(workers.c.lease_until > now(), ~workers.c.has_left, ~workers.c.is_dead)
    )
    with talking(engine), engine.connect() as connection:
        return connection.scalar(query) or 0
