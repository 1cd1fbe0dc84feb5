"""Jobs that have not ended: how many there are, and what they work on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import sqlalchemy as sa

from shared_libs.common.job_client.client import JobClient
from shared_libs.common.job_client.table import jobs, talking
from shared_libs.common.jobs import BuildDataset, Job, JobState, LinkPlayers, MakeClips, Payload, TrackVideo, TrainReid

UNDER_WAY: Final = tuple(state for state in JobState if not state.is_final)


def count_under_way(engine: sa.Engine, tenant: str) -> int:
    """How many jobs of a tenant have not ended."""
    query = sa.select(sa.func.count()).where(jobs.c.tenant == tenant, jobs.c.state.in_(UNDER_WAY))
    with talking(engine), engine.connect() as connection:
        return connection.scalar(query) or 0


def is_known_key(engine: sa.Engine, tenant: str, idempotency_key: str) -> bool:
    """Whether a job was submitted with this key before."""
    query = sa.select(jobs.c.job_id).where(jobs.c.tenant == tenant, jobs.c.idempotency_key == idempotency_key)
    with talking(engine), engine.connect() as connection:
        return connection.scalar(query) is not None


def jobs_on_run(client: JobClient, tenant: str, video_id: str, run_id: str) -> list[str]:
    """Ids of the jobs under way that read a run."""

    def reads(payload: Payload) -> bool:
        match payload:
            case LinkPlayers() | MakeClips():
                return (payload.video_id, payload.run_id) == (video_id, run_id)
            case BuildDataset():
                return any((run.video_id, run.run_id) == (video_id, run_id) for run in payload.runs)
            case _:
                return False

    return _matching(client, tenant, reads)


def jobs_on_dataset(client: JobClient, tenant: str, dataset_id: str) -> list[str]:
    """Ids of the jobs under way that read a dataset."""
    return _matching(
        client, tenant, lambda payload: isinstance(payload, TrainReid) and payload.dataset_id == dataset_id
    )


def jobs_on_model(client: JobClient, tenant: str, model_id: str) -> list[str]:
    """Ids of the jobs under way that name a model."""

    def names(payload: Payload) -> bool:
        match payload:
            case TrackVideo():
                return model_id in (payload.detector_model_id, payload.reid_model_id)
            case LinkPlayers():
                return payload.reid_model_id == model_id
            case TrainReid():
                return payload.base_model_id == model_id
            case _:
                return False

    return _matching(client, tenant, names)


def _matching(client: JobClient, tenant: str, wanted: Callable[[Payload], bool]) -> list[str]:
    return sorted(job.job_id for job in _under_way(client, tenant) if wanted(job.payload))


def _under_way(client: JobClient, tenant: str) -> Iterator[Job]:
    following = None
    while True:
        page = client.list(tenant, states=UNDER_WAY, limit=200, following=following)
        yield from page.jobs
        following = page.following
        if following is None:
            return
