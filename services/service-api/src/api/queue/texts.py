"""Jobs as JSON: each of their forms is written once, however often it is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from api.kept import Kept
from shared_libs.common.jobs import Job
from shared_libs.common.json_text import dump_json

_TEXTS_KEPT: Final = 2000
_BYTES_KEPT: Final = 16 << 20

_texts: Kept[tuple[str, int], bytes] = Kept(_TEXTS_KEPT, _BYTES_KEPT, len)
"""By the job's id and its revision, which changes with it."""


def dump_job(job: Job) -> bytes:
    """A job."""
    return _texts.get((job.job_id, job.revision), lambda: job.model_dump_json().encode())


def dump_page(jobs: Iterable[Job], following: str | None) -> bytes:
    """A page of jobs, as `Page` has it."""
    return b'{"items":[%b],"following":%b}' % (b",".join(map(dump_job, jobs)), dump_json(following))
