"""The end of a video: what goes with it, and which models were made from it."""

from __future__ import annotations

import contextlib
from typing import Annotated

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.videos.catalogue import Video, VideoState, change_from, forget_video, videos_of_film
from api.videos.spool import IsLocked, Spool
from shared_libs.common.errors import InputError
from shared_libs.common.job_client.client import JobClient, JobConflict, NoSuchJob
from shared_libs.common.jobs import BuildDataset, Job, JobKind, JobState, TrainReid
from shared_libs.common.json_text import parse_json
from shared_libs.common.model_store import ModelStore
from shared_libs.common.storage import dataset_file, dataset_folder, under, video_folder
from shared_libs.common.stored_files import StoredFiles
from shared_libs.utils.ids import parse_id


class Uses(BaseModel):
    """What was made from a video.

    datasets: those that hold crops of it, and go with it. models: those that were trained on one of these datasets, as
    far as their cards and the jobs that are still listed tell; they stay. runs, jobs: these go.
    """

    runs: int
    jobs: list[str]
    datasets: Annotated[list[str], Field(examples=[["dataset_0123456789ab"]])]
    models: Annotated[list[str], Field(examples=[["model_0123456789ab"]])]


class Remover:
    """Takes videos away."""

    def __init__(self, engine: sa.Engine, files: StoredFiles, jobs: JobClient, spool: Spool, storage: str) -> None:
        self._engine = engine
        self._files = files
        self._jobs = jobs
        self._spool = spool
        self._storage = storage

    def uses(self, video: Video) -> Uses:
        """What was made from it."""
        own = self._jobs_of(video)
        datasets = self._datasets(video, own)
        return Uses(
            runs=len(self._files.folders(f"{video_folder(video.tenant, video.video_id)}/runs")),
            jobs=[job.job_id for job in own],
            datasets=datasets,
            models=self._models(video.tenant, datasets),
        )

    def begin(self, video: Video) -> Video:
        """Marks it: from now on nothing new is made of it, and its jobs are to stop. Again is as good as once."""
        if video.state == VideoState.DELETING:
            return video
        marked = change_from(self._engine, video, list(VideoState), state=VideoState.DELETING, reason=None)
        return marked or video

    def finish(self, video: Video) -> bool:
        """Cancels its jobs; when the last has ended and nobody works on its upload, takes all of it away. Whether that
        was now.
        """
        own = self._jobs_of(video)
        if not all([self._has_ended(job) for job in own]):
            return False
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(self._spool.locked(video.video_id))
            except IsLocked:
                return False
            except FileNotFoundError:  # it has been stored, or refused, or is on another machine
                pass
            self._remove(video, own)
        return True

    def _remove(self, video: Video, own: list[Job]) -> None:
        for dataset_id in self._datasets(video, own):
            self._files.remove_folder(dataset_folder(video.tenant, dataset_id))
        self._files.remove_folder(video_folder(video.tenant, video.video_id))
        self._spool.remove(video.video_id)
        for job in own:
            try:
                self._jobs.forget(video.tenant, job.job_id)
            except NoSuchJob:
                continue
        forget_video(self._engine, video)

    def _has_ended(self, job: Job) -> bool:
        """Whether a job has ended; one that has not is told to."""
        if job.state.is_final:
            return True
        try:
            return self._jobs.cancel(job.tenant, job.job_id).state.is_final
        except (JobConflict, NoSuchJob):  # it has ended just now, or somebody forgot it
            return True

    def _jobs_of(self, video: Video) -> list[Job]:
        own = self._all_jobs(video.tenant, video_id=video.video_id)
        builds = self._all_jobs(video.tenant, kinds=[JobKind.BUILD_DATASET])
        return own + [job for job in builds if _is_built_from(job, video)]

    def _all_jobs(self, tenant: str, *, kinds: list[JobKind] | None = None, video_id: str | None = None) -> list[Job]:
        found: list[Job] = []
        following = None
        while True:
            page = self._jobs.list(tenant, kinds=kinds or (), video_id=video_id, limit=200, following=following)
            found += page.jobs
            following = page.following
            if following is None:
                return found

    def _datasets(self, video: Video, own: list[Job]) -> list[str]:
        """Those with crops of it, unless they are as well those of another video of the same film."""
        others = []
        if video.sha256 is not None:
            same = videos_of_film(self._engine, video.tenant, video.sha256)
            others = [each for each in same if each.video_id != video.video_id]
        built = [job.result.get("dataset_id") for job in own if job.kind == JobKind.BUILD_DATASET and job.result]
        return [
            name
            for name in self._files.folders(under(video.tenant, "datasets"))
            if name in built or (not others and video.sha256 in self._films(video.tenant, name))
        ]

    def _films(self, tenant: str, dataset_id: str) -> set[str]:
        """The SHA-256 of the films that a dataset was made from, as far as it can be read."""
        try:
            parse_id(dataset_id, "dataset")
            content = self._files.read(dataset_file(tenant, dataset_id, "dataset.json"))
            document = _Dataset.model_validate(parse_json(dataset_id, content or b"{}"))
        except (InputError, ValidationError, ValueError):
            return set()
        return {game.film.sha256 for game in document.games}

    def _models(self, tenant: str, datasets: list[str]) -> list[str]:
        """Those that say they were trained on one of `datasets`, or whose jobs do."""
        if not datasets:
            return []
        found = set()
        for card in ModelStore(self._storage, tenant).list().models:
            said = {card.name.partition(",")[0], card.data.get("name"), card.data.get("dataset_id")}
            if said & set(datasets):
                found.add(card.model_id)
        for job in self._all_jobs(tenant, kinds=[JobKind.TRAIN_REID]):
            is_of_these = isinstance(job.payload, TrainReid) and job.payload.dataset_id in datasets
            if is_of_these and job.state == JobState.SUCCEEDED and job.result is not None:
                found.add(str(job.result["model_id"]))
        return sorted(found)


class _Part(BaseModel):
    """Of a document of service-training, of which the rest is of no matter here."""

    model_config = ConfigDict(extra="ignore")


class _Film(_Part):
    sha256: str


class _Game(_Part):
    film: _Film


class _Dataset(_Part):
    games: tuple[_Game, ...] = ()


def _is_built_from(job: Job, video: Video) -> bool:
    return isinstance(job.payload, BuildDataset) and any(run.video_id == video.video_id for run in job.payload.runs)
