"""Jobs: what can be asked of the worker, in which states a job can be, and how it says how far it is.

Contracts only. Who submits a job and who runs it share this module and nothing else.
"""

from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AwareDatetime, Field, JsonValue, StringConstraints, model_validator

from shared_libs.common.documents import NUMBER, Contract
from shared_libs.common.storage import check_name, check_tenant
from shared_libs.utils.ids import parse_id


def _id_of(kind: str) -> AfterValidator:
    def check(text: str) -> str:
        parse_id(text, kind)
        return text

    return AfterValidator(check)


def _shown_as(pattern: str) -> Any:
    """What a JSON schema says of a text that a function checks, in better words."""
    return Field(json_schema_extra={"pattern": pattern})


JobId = Annotated[str, _id_of("job"), _shown_as("^job_[0-9a-f]{12}$")]
VideoId = Annotated[str, _id_of("video"), _shown_as("^video_[0-9a-f]{12}$")]
RunId = Annotated[str, _id_of("run"), _shown_as("^run_[0-9a-f]{12}$")]
DatasetId = Annotated[str, _id_of("dataset"), _shown_as("^dataset_[0-9a-f]{12}$")]
ModelId = Annotated[str, _id_of("model"), _shown_as("^model_[0-9a-f]{12}$")]
TenantName = Annotated[str, AfterValidator(check_tenant)]
FileName = Annotated[str, AfterValidator(check_name), _shown_as("^[A-Za-z0-9_]([A-Za-z0-9._-]{0,198}[A-Za-z0-9_-])?$")]
Seed = Annotated[int, Field(ge=0, lt=2**32), NUMBER]


class JobKind(StrEnum):
    """What can be asked of the worker."""

    TRACK_VIDEO = "track_video"
    BUILD_DATASET = "build_dataset"
    TRAIN_REID = "train_reid"
    LINK_PLAYERS = "link_players"
    MAKE_CLIPS = "make_clips"


class RunReference(Contract):
    """A run of a video."""

    video_id: VideoId
    run_id: RunId


class TrackVideo(Contract):
    """Video to tracks and players, as a new run of the video.

    Boxes come from `detections_file` (a name in the video's folder), from the model `detector_model_id`, or, with
    neither, from motion. `reid_model_id` is the model that tells people apart, None for the promoted one or, where
    there is none, jersey colours alone.
    """

    kind: Literal[JobKind.TRACK_VIDEO] = JobKind.TRACK_VIDEO
    video_id: VideoId
    detections_file: FileName | None = None
    detector_model_id: ModelId | None = None
    reid_model_id: ModelId | None = None
    online: Annotated[bool, Field(strict=True)] = False

    @model_validator(mode="after")
    def _has_one_source_of_boxes(self) -> Self:
        if self.detections_file is not None and self.detector_model_id is not None:
            raise ValueError("boxes come from detections_file or from detector_model_id, not from both")
        return self


class BuildDataset(Contract):
    """Crops of the people in some runs, split by identity, as a new dataset."""

    kind: Literal[JobKind.BUILD_DATASET] = JobKind.BUILD_DATASET
    runs: Annotated[tuple[RunReference, ...], Field(min_length=1)]
    validation_share: Annotated[float, Field(strict=True, gt=0, lt=1)] = 0.2
    seed: Seed = 0


class TrainReid(Contract):
    """A re-identification model from a dataset, as a new model; `base_model_id` is where training starts from.

    It takes `epochs`, or `budget_seconds` of training, to which its schedule is fitted, whatever the epochs.
    """

    kind: Literal[JobKind.TRAIN_REID] = JobKind.TRAIN_REID
    dataset_id: DatasetId
    base_model_id: ModelId | None = None
    epochs: Annotated[int, Field(ge=1, le=10_000), NUMBER] = 60
    budget_seconds: Annotated[int, Field(ge=1, le=7 * 24 * 3600), NUMBER] | None = None
    seed: Seed = 0


class LinkPlayers(Contract):
    """The tracks of a run joined into players anew, with all corrections of the video replayed, as a new run."""

    kind: Literal[JobKind.LINK_PLAYERS] = JobKind.LINK_PLAYERS
    video_id: VideoId
    run_id: RunId
    reid_model_id: ModelId | None = None


class MakeClips(Contract):
    """A clip reel of each of some players of a run (None: of all), each scene with `padding_seconds` around it."""

    kind: Literal[JobKind.MAKE_CLIPS] = JobKind.MAKE_CLIPS
    video_id: VideoId
    run_id: RunId
    player_ids: Annotated[tuple[Annotated[int, Field(ge=0), NUMBER], ...], Field(min_length=1)] | None = None
    padding_seconds: Annotated[float, Field(strict=True, ge=0, le=60)] = 1.0


Payload = Annotated[TrackVideo | BuildDataset | TrainReid | LinkPlayers | MakeClips, Field(discriminator="kind")]

PAYLOADS: dict[JobKind, type[TrackVideo] | type[BuildDataset] | type[TrainReid] | type[LinkPlayers] | type[MakeClips]]
PAYLOADS = {
    JobKind.TRACK_VIDEO: TrackVideo,
    JobKind.BUILD_DATASET: BuildDataset,
    JobKind.TRAIN_REID: TrainReid,
    JobKind.LINK_PLAYERS: LinkPlayers,
    JobKind.MAKE_CLIPS: MakeClips,
}


class JobState(StrEnum):
    """Where a job is. A job whose worker died stays running: another takes it over."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing follows."""
        return not TRANSITIONS[self]

    def can_become(self, other: "JobState") -> bool:
        """Whether `other` may follow directly."""
        return other in TRANSITIONS[self]


TRANSITIONS: dict[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset({JobState.RUNNING, JobState.CANCELLED}),
    JobState.RUNNING: frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED}),
    JobState.SUCCEEDED: frozenset(),
    JobState.FAILED: frozenset(),
    JobState.CANCELLED: frozenset(),
}


class Progress(Contract):
    """How far a job is: `done` of `total` steps (None: not known) of a stage, and a word for people."""

    stage: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    done: Annotated[int, Field(ge=0)] = 0
    total: Annotated[int, Field(ge=0)] | None = None
    message: Annotated[str, StringConstraints(max_length=500)] = ""

    @model_validator(mode="after")
    def _is_not_beyond_the_end(self) -> Self:
        if self.total is not None and self.done > self.total:
            raise ValueError(f"done ({self.done}) must not exceed total ({self.total})")
        return self


class Job(Contract):
    """A job as it stands; a change makes a new one, with `moved_to`.

    priority: of jobs that wait, the higher goes first. retry_of: the job that this one is another try of. revision:
    counts the changes of a job, whoever made them.
    """

    job_id: JobId
    tenant: TenantName
    payload: Payload
    state: JobState = JobState.QUEUED
    progress: Progress | None = None
    idempotency_key: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    priority: Annotated[int, Field(ge=0, le=100)] = 50
    created: AwareDatetime
    started: AwareDatetime | None = None
    finished: AwareDatetime | None = None
    error: str | None = None
    result: dict[str, JsonValue] | None = None
    retry_of: JobId | None = None
    revision: Annotated[int, Field(ge=0)] = 0

    @property
    def kind(self) -> JobKind:
        """What the payload asks for."""
        return self.payload.kind

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if (self.state == JobState.FAILED) != (self.error is not None):
            raise ValueError("a failed job has an error, and no other job has one")
        if self.result is not None and self.state != JobState.SUCCEEDED:
            raise ValueError("only a job that succeeded has a result")
        if self.state.is_final != (self.finished is not None):
            raise ValueError("a job has a time finished exactly when nothing follows its state")
        if self.state not in (JobState.QUEUED, JobState.CANCELLED) and self.started is None:
            raise ValueError(f"a job that is {self.state} has a time started")
        if self.state == JobState.QUEUED and self.started is not None:
            raise ValueError("a queued job has not started")
        times = [time for time in (self.created, self.started, self.finished) if time is not None]
        if times != sorted(times):
            raise ValueError("created, started and finished must rise")
        return self

    def moved_to(self, state: JobState, time: AwareDatetime, **changes: Any) -> Self:
        """The job in its next state, since `time`. Raises ValueError where `state` may not follow."""
        if not self.state.can_become(state):
            raise ValueError(f"a job that is {self.state} cannot become {state}")
        stamp = {"started": time} if state == JobState.RUNNING else {"finished": time}
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self)(**(fields | {"state": state} | stamp | changes))
