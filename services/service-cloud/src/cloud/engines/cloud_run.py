"""The engine that runs commands as executions of Cloud Run jobs.

An execution carries its task's key in a variable, by which a worker that takes a job over finds what runs already. The
work folder's begun.json says that one was asked for, and which came of it: an execution that ended well before
anybody looked counts where it is the one named there; what ended otherwise begins anew. What a command prints goes to
Cloud Logging and not here; how far it is stands in a file of the work folder. Not run on the real Cloud Run yet: its
tests run against a server that checks every request.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Final, get_args

from cloud.engines.begun import Begun, read_begun, write_begun
from cloud.engines.cloud_run_calls import PLACE, TASK_VARIABLE, Clients, CloudRun, connect
from cloud.engines.cloud_run_ending import has_ended, has_succeeded, outcome_of
from cloud.engines.cloud_run_settings import CloudRunSettings
from cloud.engines.engine import Outcome, Service, Task
from cloud.engines.following import Pace, Unavailable, follow
from cloud.engines.mounted import MountedWork
from cloud.engines.output import LOG, Log, Output
from cloud.findings import Finding
from shared_libs.common.errors import InputError, TransientError
from shared_libs.common.jobs import Progress
from shared_libs.utils.progress import PROGRESS_FILE_VARIABLE, PROGRESS_JSON, PROGRESS_VARIABLE

_PROGRESS: Final = b'{"laxai_progress"'

# How long another worker, which is asking for an execution, gets until one is asked for again.
_SECONDS_FOR_AN_ANSWER: Final = 15.0


class CloudRunEngine:
    """Runs each command as an execution of its service's job, which has the workers' bucket."""

    outlives_worker = True

    def __init__(
        self,
        settings: CloudRunSettings,
        work: Path,
        clients: Clients | None = None,
        pace: Pace | None = None,
        seconds_for_an_answer: float = _SECONDS_FOR_AN_ANSWER,
    ) -> None:
        """work: the work root of this worker, in the bucket that the jobs have as well. clients: None for those with
        the credentials of this process."""
        self._settings = settings
        self._work = MountedWork(work, PurePosixPath(settings.mount))
        self._clients = clients
        self._connecting = threading.Lock()
        self._pace = pace or Pace()
        self._seconds_for_an_answer = seconds_for_an_answer

    def run(self, task: Task, report: Callable[[Progress], None], stop: threading.Event) -> Outcome:
        """Runs a command as an execution, or follows the one of its key that there is already; see `Engine`.

        Memory is what the job was deployed with, whatever the task says. What is stopped has 10 seconds from Cloud Run
        to end by its own way, which are not waited for.
        """
        followed = _Followed(task, self._settings, self._work, self._cloud(), self._seconds_for_an_answer)
        return follow(followed, task, PLACE, self._pace, report, stop)

    def check(self) -> list[Finding]:
        """Whether each service's job can be seen, does not repeat what failed, and has the volume."""
        return [self._check(service) for service in get_args(Service)]

    def _check(self, service: Service) -> Finding:
        what = f"{PLACE}: job of service-{service}"
        try:
            job = self._cloud().job(self._settings.job(service))
        except InputError as error:
            return Finding(what, False, error.cause, error.hint)
        except Unavailable as error:
            return Finding(what, False, f"does not answer: {error}", "see that it can be reached from here")
        template = job.template.template
        hint = f"deploy it as deploy/cloud-run/{service}.yaml has it"
        if template.max_retries != 0:
            return Finding(what, False, f"{job.name} repeats what failed", hint)
        if self._settings.mount not in {mount.mount_path for one in template.containers for mount in one.volume_mounts}:
            return Finding(what, False, f"{job.name} has no volume at {self._settings.mount}", hint)
        return Finding(what, True, f"{template.containers[0].image}")

    def _cloud(self) -> CloudRun:
        with self._connecting:
            if self._clients is None:
                self._clients = connect()
            return CloudRun(self._clients)


class _Followed:
    """One task and its execution; see `Followed`."""

    def __init__(
        self, task: Task, settings: CloudRunSettings, work: MountedWork, cloud: CloudRun, seconds_for_an_answer: float
    ) -> None:
        self._task = task
        self._cloud = cloud
        self._job = settings.job(task.service)
        self._arguments = work.arguments(task)
        self._progress_file = task.folder / f"progress_{task.key}.json"
        self._variables = {
            TASK_VARIABLE: task.key,
            PROGRESS_VARIABLE: PROGRESS_JSON,
            PROGRESS_FILE_VARIABLE: str(work.folder(task) / self._progress_file.name),
        }
        self._log = Log(task.folder / LOG)
        self._output = Output(self._log)
        self._seconds_for_an_answer = seconds_for_an_answer
        self._before: frozenset[str] = frozenset()
        # When an execution was asked for by this worker, and since when the answer to another is waited for.
        self._asked_at: float | None = None
        self._waited_since: float | None = None
        self._started: str | None = None
        self._execution: str | None = None
        self._has_told_where = False

    @property
    def progress(self) -> Progress | None:
        return self._output.progress

    def look(self) -> Outcome | None:
        """Finds or begins the execution, then looks how it is.

        Raises Unavailable, InputError, and TransientError where it came to nothing by no fault of its own.
        """
        if self._execution is None:
            self._find_or_begin()
            return None
        execution = self._cloud.execution(self._execution)
        if execution is None:
            raise TransientError(PLACE, f"{self._execution} was deleted while it ran", hint="it begins anew")
        if not self._has_told_where:
            self._log.add(f"what it prints: {execution.log_uri}\n".encode())
            self._has_told_where = True
        self._read_progress()
        if not has_ended(execution):
            return None
        return outcome_of(execution, self._cloud.task(execution.name), self._task)

    def end(self) -> bool:
        """Has all executions of the task ended; whether they have."""
        running = {one.name for one in self._cloud.executions(self._job, self._task.key) if not has_ended(one)}
        if self._started is not None:
            # A list may be behind.
            started = self._cloud.execution(self._started)
            running |= {self._started} if started is not None and not has_ended(started) else set()
        for name in running:
            self._cloud.cancel(name)
        is_unanswered = self._asked_at is not None and self._started is None and self._execution is None
        return not running and not is_unanswered

    def _find_or_begin(self) -> None:
        found = self._cloud.executions(self._job, self._task.key)
        if self._started is not None and self._started not in {one.name for one in found} and self._may_be_behind():
            return
        running = [one.name for one in found if not has_ended(one)]
        is_expected = self._asked_at is not None or self._waited_since is not None
        new = [one.name for one in found if is_expected and one.name not in self._before]
        begun = read_begun(self._task.folder, self._task.key)
        if running:
            # Begun at the same moment by two workers: both keep the older one.
            for twin in running[1:]:
                self._cloud.cancel(twin)
            self._follow(running[0])
        elif new or self._started:
            self._follow(self._started or new[0])
        elif begun is not None and begun.name in {one.name for one in found if has_succeeded(one)}:
            self._follow(begun.name)
        elif not self._is_being_asked_for(begun):
            self._begin(frozenset(one.name for one in found))
        elif not is_expected:
            self._before = frozenset(one.name for one in found)

    def _is_being_asked_for(self, begun: Begun | None) -> bool:
        """Whether an answer may still come to what was asked for, by this worker or by one before it."""
        if self._asked_at is not None:
            return self._may_be_behind()
        if begun is None or begun.name is not None:
            return False
        self._waited_since = self._waited_since or time.monotonic()
        return time.monotonic() - self._waited_since < self._seconds_for_an_answer

    def _may_be_behind(self) -> bool:
        """Whether a list need not have yet what this worker asked for."""
        return self._asked_at is not None and time.monotonic() - self._asked_at < self._seconds_for_an_answer

    def _begin(self, before: frozenset[str]) -> None:
        write_begun(self._task.folder, self._task.key, None)
        with contextlib.suppress(OSError):
            self._progress_file.unlink()
        self._before, self._asked_at = before, time.monotonic()
        self._started = self._cloud.start(self._job, self._arguments, self._variables, self._task.seconds)

    def _follow(self, execution: str | None) -> None:
        self._execution = execution
        write_begun(self._task.folder, self._task.key, execution)

    def _read_progress(self) -> None:
        with contextlib.suppress(OSError):
            said = self._progress_file.read_bytes().strip()
            if said.startswith(_PROGRESS):
                self._output.feed(said + b"\n")
