"""What the demo asks of the API, waiting with an eye on everything that runs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from local_stack.attendance import Attendance
from local_stack.endings import Failed
from local_stack.stage_bars import StageBars
from shared_libs.common.api_client.client import ApiClient
from shared_libs.common.errors import InputError, TransientError
from shared_libs.common.jobs import Job, JobState, Payload, Progress

SECONDS_TO_ANSWER = 300.0
"""Of the API, from its start: a machine that has just built all this may be slow."""

_SECONDS_BETWEEN_QUESTIONS = 0.1


class JobFailed(Failed):
    """A job that did not succeed."""

    def __init__(self, job: Job) -> None:
        super().__init__(f"the job {job.kind} {job.state}: {job.error or 'nobody says why'}")
        self.job_id = job.job_id


class Asking:
    """The API at `url`, asked in threads of their own. All methods raise ApiError, TransientError, and whatever ends
    an attendance."""

    def __init__(self, attendance: Attendance, url: str) -> None:
        self.url = url
        self._attendance = attendance
        self._client = ApiClient(url)

    def wait_for_answer(self) -> None:
        """Until the API answers."""
        deadline = time.monotonic() + SECONDS_TO_ANSWER

        def ask() -> None:
            while True:
                try:
                    next(self._client.videos(), None)
                    return
                except TransientError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(_SECONDS_BETWEEN_QUESTIONS)

        self._attendance.wait_for(ask)

    def upload(self, film: Path, detections: Path | None) -> tuple[str, str | None]:
        """A new video: its id, and what its file of detections is called.

        Raises InputError for what cannot be read, or is no film."""
        arrived = Progress(stage="uploading")

        def report(done: int, total: int) -> None:
            nonlocal arrived
            arrived = Progress(stage="uploading", done=done, total=total, message="bytes")

        def upload() -> dict[str, Any]:
            video = self._client.upload_video(film, report)
            while video["state"] in ("checking", "storing"):
                time.sleep(_SECONDS_BETWEEN_QUESTIONS)
                video = self._client.video(video["video_id"])
            return video

        with StageBars() as bars:
            video = self._attendance.wait_for(upload, lambda: bars.show(arrived))
        if video["state"] != "ready":
            raise InputError(film, f"was not taken: {video['reason'] or video['state']}", hint="choose another film")
        video_id: str = video["video_id"]
        if detections is None:
            return video_id, None
        boxes = detections
        kept = self._attendance.wait_for(lambda: self._client.put_detections(video_id, boxes))
        return video_id, str(kept["file"])

    def do(self, payload: Payload) -> dict[str, Any]:
        """The result of a job, of which bars show how far it is. Raises JobFailed."""
        job = self._attendance.wait_for(lambda: self._client.submit(payload))
        with StageBars() as bars:

            def follow() -> None:
                nonlocal job
                for now in self._client.follow(job.job_id):
                    job = now

            def look() -> None:
                if job.progress is not None and job.state == JobState.RUNNING:
                    bars.show(job.progress)

            self._attendance.wait_for(follow, look)
        if job.state != JobState.SUCCEEDED or job.result is None:
            raise JobFailed(job)
        return dict(job.result)

    def tracks(self, video_id: str, run_id: str, out: Path) -> None:
        """The tracks of a run, as MOTChallenge text in the file `out`."""
        out.write_bytes(self._attendance.wait_for(lambda: self._client.tracks_as_mot(video_id, run_id)))
