import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared_libs.common.jobs import (
    PAYLOADS,
    TRANSITIONS,
    BuildDataset,
    Job,
    JobKind,
    JobState,
    LinkPlayers,
    MakeClips,
    Progress,
    RunReference,
    TrackVideo,
    TrainReid,
)
from shared_libs.utils.ids import new_id

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
VIDEO, RUN, MODEL, DATASET = (new_id(kind) for kind in ("video", "run", "model", "dataset"))
EXAMPLES: list[Any] = [
    TrackVideo(video_id=VIDEO),
    TrackVideo(video_id=VIDEO, detections_file="det.txt", reid_model_id=MODEL, online=True),
    BuildDataset(runs=(RunReference(video_id=VIDEO, run_id=RUN),)),
    TrainReid(dataset_id=DATASET, epochs=3),
    TrainReid(dataset_id=DATASET, budget_seconds=60),
    LinkPlayers(video_id=VIDEO, run_id=RUN),
    MakeClips(video_id=VIDEO, run_id=RUN, player_ids=(1, 2)),
]


def job(**changes: Any) -> Job:
    fields = {"job_id": new_id("job"), "tenant": "reds", "payload": EXAMPLES[0], "created": NOW}
    return Job.model_validate(fields | changes)


def test_every_kind_has_a_payload_of_its_own() -> None:
    assert set(PAYLOADS) == set(JobKind) == {example.kind for example in EXAMPLES}
    for kind, model in PAYLOADS.items():
        assert model.model_fields["kind"].default is kind


@pytest.mark.parametrize("payload", EXAMPLES)
def test_a_job_comes_back_from_json_with_the_payload_of_its_kind(payload: Any) -> None:
    made = job(payload=payload)
    again = Job.model_validate_json(made.model_dump_json())
    assert again == made
    assert type(again.payload) is type(payload)
    assert again.kind == payload.kind


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (TrackVideo, {"video_id": "video_1"}),
        (TrackVideo, {"video_id": RUN}),
        (TrackVideo, {"video_id": VIDEO, "colour": "red"}),
        (TrackVideo, {"video_id": VIDEO, "detections_file": "../det.txt"}),
        (TrackVideo, {"video_id": VIDEO, "detections_file": "a", "detector_model_id": MODEL}),
        (TrackVideo, {"video_id": VIDEO, "kind": "train_reid"}),
        (BuildDataset, {"runs": ()}),
        (BuildDataset, {"runs": ({"video_id": VIDEO, "run_id": RUN},), "validation_share": 1.0}),
        (TrainReid, {"dataset_id": DATASET, "epochs": 0}),
        (TrainReid, {"dataset_id": DATASET, "seed": -1}),
        (TrainReid, {"dataset_id": DATASET, "epochs": True}),
        (TrainReid, {"dataset_id": DATASET, "epochs": "60"}),
        (TrainReid, {"dataset_id": DATASET, "epochs": 1.5}),
        (TrackVideo, {"video_id": VIDEO, "online": 1}),
        (TrainReid, {"dataset_id": DATASET, "budget_seconds": 0}),
        (MakeClips, {"video_id": VIDEO, "run_id": RUN, "player_ids": ()}),
        (MakeClips, {"video_id": VIDEO, "run_id": RUN, "padding_seconds": -1}),
    ],
)
def test_payloads_that_make_no_sense_are_refused(model: Any, fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        model.model_validate(fields)


def test_numbers_are_as_json_has_them() -> None:
    assert TrainReid.model_validate({"dataset_id": DATASET, "epochs": 7.0}).epochs == 7
    schema = TrainReid.model_json_schema()["properties"]
    assert (schema["epochs"]["type"], schema["epochs"]["minimum"]) == ("integer", 1)
    assert schema["dataset_id"]["pattern"] == "^dataset_[0-9a-f]{12}$"


def test_a_training_of_before_there_were_budgets_is_read() -> None:
    old = {"kind": "train_reid", "dataset_id": DATASET, "base_model_id": None, "epochs": 60, "seed": 0}
    assert job(payload=old).payload == TrainReid(dataset_id=DATASET)


def test_the_states_follow_each_other_as_designed() -> None:
    allowed = {(a, b) for a, b in itertools.product(JobState, repeat=2) if a.can_become(b)}
    assert allowed == {
        (JobState.QUEUED, JobState.RUNNING),
        (JobState.QUEUED, JobState.CANCELLED),
        (JobState.RUNNING, JobState.SUCCEEDED),
        (JobState.RUNNING, JobState.FAILED),
        (JobState.RUNNING, JobState.CANCELLED),
    }
    assert set(TRANSITIONS) == set(JobState)
    assert {state for state in JobState if state.is_final} == {JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED}


@given(st.lists(st.sampled_from(JobState), max_size=4))
def test_a_job_moves_only_as_its_states_allow_and_stays_consistent(states: list[JobState]) -> None:
    current = job()
    for step, state in enumerate(states, start=1):
        changes = {"error": "bad video"} if state == JobState.FAILED else {}
        if not current.state.can_become(state):
            with pytest.raises(ValueError, match="cannot become"):
                current.moved_to(state, NOW, **changes)
            continue
        current = current.moved_to(state, NOW + timedelta(seconds=step), **changes)
        assert current.state == state
        assert (current.finished is not None) == state.is_final
        assert Job.model_validate_json(current.model_dump_json()) == current


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "failed", "started": NOW, "finished": NOW},
        {"error": "why"},
        {"state": "running"},
        {"started": NOW},
        {"state": "succeeded", "started": NOW},
        {"state": "running", "started": NOW, "result": {}},
        {"state": "succeeded", "started": NOW - timedelta(seconds=1), "finished": NOW},
        {"created": datetime(2026, 5, 1, 12)},
        {"tenant": "../blues"},
        {"job_id": RUN},
        {"priority": 101},
        {"payload": {"kind": "make_coffee"}},
    ],
)
def test_jobs_that_contradict_themselves_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        job(**changes)


def test_progress_stays_within_its_total() -> None:
    assert Progress(stage="tracking", done=5, total=5).message == ""
    assert Progress(stage="tracking", done=5).total is None
    for fields in (
        {"stage": ""},
        {"stage": "a", "done": -1},
        {"stage": "a", "done": 2, "total": 1},
        {"stage": "a" * 65},
    ):
        with pytest.raises(ValidationError):
            Progress.model_validate(fields)
