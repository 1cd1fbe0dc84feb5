"""Submitting jobs: within a tenant's quota, and of things that are there."""

from __future__ import annotations

from http import HTTPStatus

from api.access.limits import check_quota
from api.games.runs import RunKey, has_run
from api.learning.datasets import has_dataset
from api.learning.models import has_model
from api.problems import Problem
from api.queue.under_way import count_under_way, is_known_key
from api.site import Site
from api.videos.catalogue import VideoState, find_video
from shared_libs.common.job_client.client import DEFAULT_PRIORITY
from shared_libs.common.jobs import BuildDataset, Job, LinkPlayers, MakeClips, Payload, TrackVideo, TrainReid


def submit_job(
    here: Site, tenant: str, payload: Payload, idempotency_key: str | None = None, priority: int = DEFAULT_PRIORITY
) -> tuple[Job, bool]:
    """Submits a job; the job, and whether it is new: whoever submits with a key again gets the job of the first time.

    Raises 403 beyond the quota, 409 for a video that is not ready, 422 for what names a video, run, dataset or model
    that is not there, and JobConflict where the key was used for something else.
    """
    is_new = idempotency_key is None or not is_known_key(here.engine, tenant, idempotency_key)
    if is_new:
        check_quota("jobs under way", count_under_way(here.engine, tenant), 1, here.settings.quota_jobs)
        _check_videos(here, tenant, payload)
        missing = _missing(here, tenant, payload)
        if missing:
            detail = f"There is no {' and no '.join(missing)}."
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "not-there", detail, missing=missing)
    return here.jobs.submit(tenant, payload, idempotency_key=idempotency_key, priority=priority), is_new


def _check_videos(here: Site, tenant: str, payload: Payload) -> None:
    """Sees that what is to be worked on has arrived, and is not about to go."""
    if isinstance(payload, TrainReid):
        return
    runs = payload.runs if isinstance(payload, BuildDataset) else [payload]
    for video_id in sorted({each.video_id for each in runs}):
        video = find_video(here.engine, tenant, video_id)
        if video is None:
            detail = f"There is no {video_id}."
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "not-there", detail, missing=[video_id])
        if video.state != VideoState.READY:
            detail = f"{video_id} is not ready yet, or no more."
            raise Problem(HTTPStatus.CONFLICT, "video-not-ready", detail, state=video.state)


def _missing(here: Site, tenant: str, payload: Payload) -> list[str]:
    """Runs, datasets and models that a job would look for in vain."""
    runs: list[tuple[str, str]] = []
    datasets: list[str] = []
    models: list[str | None] = []
    match payload:
        case TrackVideo():
            models = [payload.detector_model_id, payload.reid_model_id]
        case BuildDataset():
            runs = [(run.video_id, run.run_id) for run in payload.runs]
        case TrainReid():
            datasets, models = [payload.dataset_id], [payload.base_model_id]
        case LinkPlayers():
            runs, models = [(payload.video_id, payload.run_id)], [payload.reid_model_id]
        case MakeClips():
            runs = [(payload.video_id, payload.run_id)]
    return [
        *(run_id for video_id, run_id in runs if not has_run(here.files, RunKey(tenant, video_id, run_id))),
        *(each for each in datasets if not has_dataset(here.files, tenant, each)),
        *(each for each in models if each is not None and not has_model(here.files, tenant, each)),
    ]
