"""Workers as processes of their own, with a queue, a storage and a work folder: what the worker's tests stand on."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cloud
from shared_libs.common.job_client.client import JobClient
from shared_libs.common.jobs import Job, JobState, TrackVideo
from shared_libs.common.storage import run_path, video_file, video_folder
from shared_libs.common.stored_files import stored_files
from shared_libs.utils.ids import new_id

TENANT = "reds"
STAND_IN = Path(__file__).with_name("stand_in.py")

# As `python -m cloud` runs, with the clock of that process put forward.
_SKEWED = """
import sys, time
real, skew = time.time, float(sys.argv.pop(1))
time.time = lambda: real() + skew
from cloud.cli import main
sys.exit(main())
"""


class Site:
    """One queue and one storage. Every worker that was started ends with the site."""

    def __init__(
        self,
        folder: Path,
        database: str | None = None,
        storage: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """storage: a folder below `folder` unless given. environment: what the workers need beside it."""
        self.folder = folder
        self.storage = storage if storage is not None else str(folder / "storage")
        self.files = stored_files(self.storage)
        self._environment = dict(environment or {})
        self.diary = folder / "diary.txt"
        self.database = database if database is not None else f"sqlite:///{folder / 'laxai.db'}"
        self.jobs = JobClient(self.database)
        self.workers: list[subprocess.Popen[bytes]] = []

    def film(self, **wanted: Any) -> str:
        """A video whose film tells the stand-in what to do; its id."""
        video_id = new_id("video")
        self.files.write(video_file(TENANT, video_id, "source.mp4"), json.dumps({"name": video_id, **wanted}).encode())
        return video_id

    def submit(self, video_id: str | None = None, **wanted: Any) -> Job:
        """A job that tracks such a film."""
        return self.jobs.submit(TENANT, TrackVideo(video_id=video_id or self.film(**wanted)))

    def start(
        self, work: str = "work", *, skew: float = 0.0, largest_file: int | None = None, **settings: Any
    ) -> subprocess.Popen[bytes]:
        """A worker, with the work folder `work`; `skew`: how many seconds its clock is ahead. largest_file: bytes after
        which its disk counts as full."""
        command = " ".join([sys.executable, "-I", str(STAND_IN)])
        told = {"polling_seconds": 0.1, "lease_seconds": 5, "takeovers": 1000} | settings
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LAXAI_")}
        environment |= {f"LAXAI_{name.upper()}": str(value) for name, value in told.items()}
        environment |= {
            "LAXAI_COMMANDS": json.dumps({"tracking": command, "training": command}),
            "LAXAI_DATABASE": self.database,
            "LAXAI_STORAGE": self.storage,
            "LAXAI_WORK": str(self.folder / work),
            "PYTHONPATH": os.pathsep.join(sys.path),
            "STAND_IN_DIARY": str(self.diary),
            **self._environment,
        }
        words = ["-c", _SKEWED, str(skew)] if skew else ["-m", cloud.__name__]
        with self._log(len(self.workers)).open("wb") as log:
            worker = subprocess.Popen(
                [sys.executable, *words, "worker"],
                env=environment,
                stdout=log,
                stderr=log,
                preexec_fn=None if largest_file is None else lambda: _limit_files(largest_file),
            )
        self.workers.append(worker)
        return worker

    def wait_until(self, is_so: Callable[[], bool], seconds: float = 60.0) -> None:
        """Until something is so; fails with the workers' logs where it does not come to that."""
        deadline = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < deadline and self._any_alive(), self.logs()
            time.sleep(0.05)

    def wait_for(self, job: Job, state: JobState, seconds: float = 60.0) -> Job:
        """The job in that state; fails when it ends in another."""
        now = self.jobs.job(TENANT, job.job_id)
        deadline = time.monotonic() + seconds
        while now.state != state:
            in_time = time.monotonic() < deadline and self._any_alive()
            assert not now.state.is_final and in_time, f"{now}\n{self.logs()}"
            time.sleep(0.05)
            now = self.jobs.job(TENANT, job.job_id)
        return now

    def states(self) -> Counter[JobState]:
        """How many jobs are in which state."""
        counted: Counter[JobState] = Counter()
        following = None
        while True:
            page = self.jobs.list(TENANT, limit=500, following=following)
            counted.update(job.state for job in page.jobs)
            if (following := page.following) is None:
                return counted

    def written(self) -> Counter[tuple[str, str]]:
        """What the stand-ins wrote down: how often for which video which word."""
        if not self.diary.exists():
            return Counter()
        return Counter((name, word) for name, word in (line.split() for line in self.diary.read_text().splitlines()))

    def runs(self, video_id: str) -> list[str]:
        """The runs of a video in storage, finished or not."""
        return self.files.folders(f"{video_folder(TENANT, video_id)}/runs")

    def read(self, video_id: str, run: str, name: str) -> bytes | None:
        """A file of a run."""
        return self.files.read(run_path(TENANT, video_id, run, name))

    def worker_logs(self) -> list[str]:
        """What each worker has said."""
        return [self._log(number).read_text(errors="replace") for number in range(len(self.workers))]

    def logs(self) -> str:
        """The last lines of every worker."""
        return "\n".join(f"--- worker {number}\n{log[-3000:]}" for number, log in enumerate(self.worker_logs()))

    def _log(self, number: int) -> Path:
        return self.folder / f"worker-{number}.log"

    def _any_alive(self) -> bool:
        return any(worker.poll() is None for worker in self.workers)

    def close(self) -> None:
        """Nothing runs any more."""
        for worker in self.workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGCONT)
                worker.kill()
                worker.wait()


def _limit_files(size: int) -> None:
    """Writing beyond is an error, and not the end of the process."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@contextmanager
def site(folder: Path, database: str | None = None, **given: Any) -> Iterator[Site]:
    """A site below `folder`."""
    made = Site(folder, database, **given)
    try:
        yield made
    finally:
        made.close()
