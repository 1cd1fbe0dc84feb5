"""The API of a service, as calls."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from shared_libs.common.api_client import operations as ask
from shared_libs.common.api_client.following import follow_job
from shared_libs.common.api_client.operations import Operation
from shared_libs.common.api_client.transport import Query, Transport
from shared_libs.common.api_client.uploading import Report, send_video
from shared_libs.common.errors import InputError
from shared_libs.common.jobs import Job, JobKind, JobState, Payload

Document = dict[str, Any]
"""An answer's JSON, as the OpenAPI document describes it."""


class Seen(NamedTuple):
    """A document, and the ETag of its form: an edit says by it what it was made for."""

    document: Document
    etag: str


class ApiClient:
    """A service, for whoever has the key; without one, for this machine as long as the service has none.

    What the service refuses is raised as ApiError; TransientError, where it cannot be reached. Lists are whole: they
    are asked for page by page.
    """

    def __init__(self, url: str, key: str | None = None, *, timeout: float = 60.0) -> None:
        """url: such as http://localhost:8080. timeout: seconds without a sign of life. Raises InputError for no URL."""
        self._transport = Transport(url, key, timeout)

    def upload_video(self, path: Path, report: Report | None = None, *, name: str | None = None) -> Document:
        """A new video from a file; what breaks off is gone on with. The video may still be being stored when this
        returns: `state` says so. report: is told how many bytes of how many have arrived."""
        try:
            size = path.stat().st_size
        except OSError as error:
            raise InputError.from_os_error(path, error) from error
        video: Document = self._send(ask.CREATE_VIDEO, {}, {"name": name or path.name, "size": size})
        return self.continue_upload(video["video_id"], path, report)

    def continue_upload(self, video_id: str, path: Path, report: Report | None = None) -> Document:
        """Sends what is still missing of a video."""
        if self.video(video_id)["state"] == "uploading":
            send_video(self._transport, video_id, path, report)
        return self.video(video_id)

    def video(self, video_id: str) -> Document:
        """A video."""
        return self._get(ask.GET_VIDEO, {"video_id": video_id})

    def videos(self) -> Iterator[Document]:
        """All videos, newest first."""
        return self._items(ask.LIST_VIDEOS, {}, {})

    def delete_video(self, video_id: str) -> Document:
        """Removes a video and what was made of it; `is_done` is false while jobs of it are stopping."""
        document: Document = self._transport.ask(ask.DELETE_VIDEO, {"video_id": video_id}).document()
        return document

    def put_detections(self, video_id: str, path: Path) -> Document:
        """Gives a video a file of detections; `file` is what a job calls it."""
        return self._put(ask.PUT_DETECTIONS, video_id, path, "application/octet-stream")

    def put_roster(self, video_id: str, path: Path) -> Document:
        """Says who plays: CSV with the columns number, name and team."""
        return self._put(ask.PUT_ROSTER, video_id, path, "text/csv")

    def submit(self, payload: Payload, *, priority: int = 50, idempotency_key: str | None = None) -> Job:
        """A new job, or that of the first time where the key was used before."""
        headers = {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}
        asked = {"payload": payload.model_dump(mode="json"), "priority": priority}
        return Job.model_validate(self._send(ask.SUBMIT, {}, asked, headers))

    def job(self, job_id: str) -> Job:
        """A job as it stands."""
        return Job.model_validate(self._get(ask.GET_JOB, {"job_id": job_id}))

    def jobs(
        self, *, state: JobState | None = None, kind: JobKind | None = None, video_id: str | None = None
    ) -> Iterator[Job]:
        """All jobs, newest first."""
        query = {"state": state, "kind": kind, "video_id": video_id}
        return map(Job.model_validate, self._items(ask.LIST_JOBS, {}, query))

    def follow(self, job_id: str) -> Iterator[Job]:
        """The job as it stands, and again whenever it has changed, until it has ended; through breaks of the line."""
        return follow_job(self._transport, job_id)

    def wait(self, job_id: str) -> Job:
        """The job when it has ended."""
        for _ in self.follow(job_id):
            pass
        return self.job(job_id)

    def cancel(self, job_id: str) -> Job:
        """Cancels a job; one that runs stops within seconds."""
        return Job.model_validate(self._transport.ask(ask.CANCEL_JOB, {"job_id": job_id}).document())

    def retry(self, job_id: str) -> Job:
        """Another try of a job that failed or was cancelled: a new job."""
        return Job.model_validate(self._transport.ask(ask.RETRY_JOB, {"job_id": job_id}).document())

    def runs(self, video_id: str) -> Iterator[Document]:
        """The runs of a video, newest first."""
        return self._items(ask.LIST_RUNS, {"video_id": video_id}, {})

    def run(self, video_id: str, run_id: str) -> Document:
        """A run, and how it was made."""
        return self._get(ask.GET_RUN, _run(video_id, run_id))

    def tracks(self, video_id: str, run_id: str, first: int, last: int) -> Document:
        """The boxes of the frames `first` to `last`, included, in columns."""
        return self._get(ask.GET_TRACKS, _run(video_id, run_id), {"first": first, "last": last})

    def tracks_as_mot(self, video_id: str, run_id: str) -> bytes:
        """All tracks as a MOTChallenge result."""
        return self._transport.ask(ask.GET_MOT, _run(video_id, run_id)).content

    def tracks_as_parquet(self, video_id: str, run_id: str) -> bytes:
        """All tracks as Parquet."""
        return self._transport.ask(ask.GET_PARQUET, _run(video_id, run_id)).content

    def players(self, video_id: str, run_id: str) -> Seen:
        """The players of a run as they are corrected now."""
        answer = self._transport.ask(ask.GET_PLAYERS, _run(video_id, run_id))
        return Seen(answer.document(), answer.headers["etag"])

    def shifts(self, video_id: str, run_id: str, *, team_id: int | None = None) -> str:
        """When players are in view, as CSV."""
        content = self._transport.ask(ask.GET_SHIFTS, _run(video_id, run_id), {"team_id": team_id}).content
        return content.decode("utf-8-sig")

    def edits(self, video_id: str) -> Iterator[Document]:
        """All edits of a video, newest first."""
        return self._items(ask.LIST_EDITS, {"video_id": video_id}, {})

    def edit(self, video_id: str, run_id: str, edit: Mapping[str, Any], seen: Seen) -> Seen:
        """Makes an edit, such as {"kind": "rename", "place": {"player_id": 3}, "name": "Jo Smith"}.

        seen: the players that it was made for, or the edit before this one. ApiError with the slug "stale" where
        somebody has changed them since.
        """
        answer = self._transport.ask(
            ask.MAKE_EDIT, _run(video_id, run_id), headers={"If-Match": seen.etag, **_JSON}, body=_dump(edit)
        )
        return Seen(answer.document(), answer.headers["etag"])

    def unfit(self, video_id: str, run_id: str) -> Document:
        """The edits that do not fit a run, and wait for a decision."""
        return self._get(ask.GET_UNFIT, _run(video_id, run_id))

    def datasets(self) -> Iterator[Document]:
        """All datasets, newest first."""
        return self._items(ask.LIST_DATASETS, {}, {})

    def dataset(self, dataset_id: str) -> Document:
        """A dataset."""
        return self._get(ask.GET_DATASET, {"dataset_id": dataset_id})

    def models(self) -> Iterator[Document]:
        """All models, newest first."""
        return self._items(ask.LIST_MODELS, {}, {})

    def model(self, model_id: str) -> Document:
        """A model's card, and whether it is promoted."""
        return self._get(ask.GET_MODEL, {"model_id": model_id})

    def upload_model(self, path: Path, card: Mapping[str, Any]) -> Document:
        """Adds an ONNX file as a model. card: kind, name, network, input and, for reid, embedding."""
        boundary = secrets.token_hex(16)
        fields = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="card"\r\n\r\n{json.dumps(card)}\r\n'
            f'--{boundary}\r\nContent-Disposition: form-data; name="model"; filename="model.onnx"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode()
        end = f"\r\n--{boundary}--\r\n".encode()

        def parts() -> Iterator[bytes]:
            yield fields
            with path.open("rb") as file:
                while part := file.read(_PART):
                    yield part
            yield end

        try:
            size = path.stat().st_size
        except OSError as error:
            raise InputError.from_os_error(path, error) from error
        headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Content-Length": str(len(fields) + size + len(end)),
        }
        document: Document = self._transport.ask(ask.UPLOAD_MODEL, headers=headers, body=parts()).document()
        return document

    def promote(self, model_id: str) -> Document:
        """Puts a model in use wherever no other of its kind is named."""
        document: Document = self._transport.ask(ask.PROMOTE_MODEL, {"model_id": model_id}).document()
        return document

    def _get(self, operation: Operation, ids: Mapping[str, str], query: Query | None = None) -> Document:
        document: Document = self._transport.ask(operation, ids, query).document()
        return document

    def _items(self, operation: Operation, ids: Mapping[str, str], query: Query) -> Iterator[Document]:
        following: str | None = None
        while True:
            page = self._get(operation, ids, {**query, "limit": 200, "following": following})
            yield from page["items"]
            following = page["following"]
            if following is None:
                return

    def _send(
        self, operation: Operation, ids: Mapping[str, str], document: Any, headers: Mapping[str, str] | None = None
    ) -> Document:
        made: Document = self._transport.ask(
            operation, ids, headers={**_JSON, **(headers or {})}, body=_dump(document)
        ).document()
        return made

    def _put(self, operation: Operation, video_id: str, path: Path, content_type: str) -> Document:
        try:
            with path.open("rb") as file:
                size = str(path.stat().st_size)
                headers = {"Content-Type": content_type, "Content-Length": size}
                parts = iter(lambda: file.read(_PART), b"")
                made: Document = self._transport.ask(operation, {"video_id": video_id}, None, headers, parts).document()
        except OSError as error:
            raise InputError.from_os_error(path, error) from error
        return made


_JSON = {"Content-Type": "application/json"}
_PART = 1 << 20


def _dump(document: Any) -> bytes:
    return json.dumps(document).encode()


def _run(video_id: str, run_id: str) -> dict[str, str]:
    return {"video_id": video_id, "run_id": run_id}
