"""What the client asks of the API: methods, addresses below /api/v1, and the parameters that it may give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Operation:
    """path: with names of ids in braces. query, headers: names of parameters."""

    method: str
    path: str
    query: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()


_PAGE: Final = ("limit", "following")
_RUN: Final = "/videos/{video_id}/runs/{run_id}"

CREATE_VIDEO: Final = Operation("POST", "/videos")
LIST_VIDEOS: Final = Operation("GET", "/videos", _PAGE)
GET_VIDEO: Final = Operation("GET", "/videos/{video_id}")
DELETE_VIDEO: Final = Operation("DELETE", "/videos/{video_id}")
GET_UPLOAD: Final = Operation("HEAD", "/videos/{video_id}/upload")
CONTINUE_UPLOAD: Final = Operation("PATCH", "/videos/{video_id}/upload", headers=("Upload-Offset",))
PUT_DETECTIONS: Final = Operation("PUT", "/videos/{video_id}/detections")
PUT_ROSTER: Final = Operation("PUT", "/videos/{video_id}/roster")
SUBMIT: Final = Operation("POST", "/jobs", headers=("Idempotency-Key",))
LIST_JOBS: Final = Operation("GET", "/jobs", ("state", "kind", "video_id", *_PAGE))
GET_JOB: Final = Operation("GET", "/jobs/{job_id}")
FOLLOW_JOB: Final = Operation("GET", "/jobs/{job_id}/events", headers=("Last-Event-ID",))
CANCEL_JOB: Final = Operation("POST", "/jobs/{job_id}/cancel")
RETRY_JOB: Final = Operation("POST", "/jobs/{job_id}/retry")
LIST_RUNS: Final = Operation("GET", "/videos/{video_id}/runs", _PAGE)
GET_RUN: Final = Operation("GET", _RUN)
GET_TRACKS: Final = Operation("GET", f"{_RUN}/tracks", ("first", "last"))
GET_MOT: Final = Operation("GET", f"{_RUN}/tracks.txt")
GET_PARQUET: Final = Operation("GET", f"{_RUN}/tracks.parquet")
GET_PLAYERS: Final = Operation("GET", f"{_RUN}/players")
GET_SHIFTS: Final = Operation("GET", f"{_RUN}/shifts.csv", ("player_id", "team_id", "longest_break"))
LIST_EDITS: Final = Operation("GET", "/videos/{video_id}/edits", _PAGE)
MAKE_EDIT: Final = Operation("POST", f"{_RUN}/edits", headers=("If-Match",))
GET_UNFIT: Final = Operation("GET", f"{_RUN}/unfit")
LIST_DATASETS: Final = Operation("GET", "/datasets", _PAGE)
GET_DATASET: Final = Operation("GET", "/datasets/{dataset_id}")
LIST_MODELS: Final = Operation("GET", "/models", ("kind", *_PAGE))
GET_MODEL: Final = Operation("GET", "/models/{model_id}")
UPLOAD_MODEL: Final = Operation("POST", "/models")
PROMOTE_MODEL: Final = Operation("POST", "/models/{model_id}/promote")

OPERATIONS: Final = tuple(each for each in list(globals().values()) if isinstance(each, Operation))
"""All of them."""
