"""A job's progress as it happens: server-sent events, gone on with where they break off."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from shared_libs.common.api_client.operations import FOLLOW_JOB
from shared_libs.common.api_client.transport import Transport
from shared_libs.common.errors import TransientError
from shared_libs.common.jobs import Job

_TRIES = 6
"""In a row without any news, the pauses between them growing."""


def follow_job(transport: Transport, job_id: str) -> Iterator[Job]:
    """The job as it stands, and again whenever it has changed, until it has ended.

    Raises ApiError where there is no such job, TransientError where the service is not reached again and again.
    """
    seen: str | None = None
    failures = 0
    while True:
        try:
            headers = {} if seen is None else {"Last-Event-ID": seen}
            with transport.opened(FOLLOW_JOB, {"job_id": job_id}, headers=headers) as response:
                for data in events_in(response):
                    job = Job.model_validate_json(data)
                    seen, failures = str(job.revision), 0
                    yield job
                    if job.state.is_final:
                        return
                if response.status == 204:
                    return
        except TransientError:
            if failures + 1 == _TRIES:
                raise
        failures += 1
        if failures == _TRIES:
            raise TransientError(job_id, "its events end again and again", hint="try again later")
        time.sleep(min(5.0, 0.1 * 2**failures))


def events_in(lines: Iterable[bytes]) -> Iterator[str]:
    """The data of each event that is whole; what goes before the last blank line counts alone."""
    data: list[str] = []
    for raw in lines:
        line = raw.decode().rstrip("\r\n")
        if line.startswith("data:"):
            data.append(line.removeprefix("data:").removeprefix(" "))
        elif not line and data:
            yield "\n".join(data)
            data = []
