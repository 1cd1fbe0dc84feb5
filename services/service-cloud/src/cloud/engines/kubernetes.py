"""The engine that runs commands as Jobs of Kubernetes.

A Job is found by the name that its task's key gives it, so a worker that takes a job over follows what runs already. A
Job that ended well before anybody looked counts where the work folder's begun.json names it; one that ended otherwise
is cleared away, and the command begins anew. Not run on a real cluster yet: its tests run against a server that checks
every request.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Final, get_args

from kubernetes import client

from cloud.engines.begun import read_begun, write_begun
from cloud.engines.engine import Outcome, Service, Task
from cloud.engines.following import Pace, follow
from cloud.engines.kubernetes_cluster import PLACE, Cluster, connect, new_lines
from cloud.engines.kubernetes_ending import outcome_with_pod, outcome_without_pod
from cloud.engines.kubernetes_job import job_for, job_name
from cloud.engines.kubernetes_settings import KubernetesSettings
from cloud.engines.kubernetes_state import JobSeen, PodSeen
from cloud.engines.mounted import MountedWork
from cloud.engines.output import LOG, Log, Output
from cloud.engines.pod_log import PodLog
from cloud.findings import Finding
from shared_libs.common.errors import InputError, TransientError
from shared_libs.common.jobs import Progress

# Why a container that is to start does not, where waiting seldom helps.
_UNFIT: Final = frozenset(
    {
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImageInspectError",
        "ImagePullBackOff",
        "InvalidImageName",
        "RegistryUnavailable",
        "RunContainerError",
    }
)


class KubernetesEngine:
    """Runs each command as a Job with one pod, which has the workers' volume."""

    outlives_worker = True

    def __init__(
        self,
        settings: KubernetesSettings,
        work: Path,
        api: client.ApiClient | None = None,
        pace: Pace | None = None,
    ) -> None:
        """work: the work root of this worker, on the volume that `settings.claim` names. api: the cluster; None for
        the one this process runs in, or the user's. pace: its patience is also that with a container unable to start.
        """
        self._settings = settings
        self._work = MountedWork(work, PurePosixPath(settings.mount))
        self._api = api
        self._connecting = threading.Lock()
        self._pace = pace or Pace()

    def run(self, task: Task, report: Callable[[Progress], None], stop: threading.Event) -> Outcome:
        """Runs a command as a Job, or follows the Job of its key that is there already; see `Engine`.

        Once it is stopped it is taken from the cluster. What it printed is read from its pod, and a worker that takes
        it over reads that from the beginning: then log.txt has it twice.
        """
        output = Output(Log(task.folder / LOG))
        followed = _Followed(task, self._settings, self._work, self._cluster(), output, self._pace.patience)
        return follow(followed, task, PLACE, self._pace, report, stop)

    def check(self) -> list[Finding]:
        """Whether the cluster answers and lets the worker run Jobs, the volume is there, and images are named."""
        try:
            cluster = self._cluster()
        except InputError as error:
            return [Finding(PLACE, False, error.cause, error.hint)]
        return [*cluster.check(self._settings.claim), *map(self._image, get_args(Service))]

    def _image(self, service: Service) -> Finding:
        what = f"{PLACE}: image of service-{service}"
        try:
            return Finding(what, True, self._settings.image(service))
        except InputError as error:
            return Finding(what, False, error.cause, error.hint)

    def _cluster(self) -> Cluster:
        with self._connecting:
            if self._api is None:
                self._api = connect()
            return Cluster(self._api, self._settings.namespace)


class _Followed:
    """One task and its Job; see `Followed`."""

    def __init__(
        self,
        task: Task,
        settings: KubernetesSettings,
        work: MountedWork,
        cluster: Cluster,
        output: Output,
        patience: float,
    ) -> None:
        self._task = task
        self._folder = work.folder(task)
        self._cluster = cluster
        self._output = output
        self._patience = patience
        # Made before anything is asked, so that a wrong setting is told at once.
        self._wanted = job_for(task, settings, work)
        self._name = job_name(task)
        self._image = settings.image(task.service)
        self._has_begun = False
        self._uid: str | None = None
        self._log: PodLog | None = None
        self._unread_since: float | None = None
        self._unfit_since: float | None = None
        self._waiting: Progress | None = None

    @property
    def progress(self) -> Progress | None:
        return self._output.progress or self._waiting

    def look(self) -> Outcome | None:
        """Brings what is in the cluster one step nearer to what is wanted; the outcome once there is one.

        Raises Unavailable, InputError, and TransientError where the Job came to nothing by no fault of its own.
        """
        job = self._cluster.job(self._name)
        if job is None:
            self._refuse_if_followed("was taken away")
            # Whatever comes of the call: a Job that is there from now on is not of an earlier time.
            self._has_begun = True
            self._cluster.create(self._wanted)
            return None
        if job.key != self._task.key:
            hint = "delete that Job, or give LaxAI a namespace of its own"
            raise InputError(PLACE, f"the Job {self._name} is of something else", hint=hint)
        if job.is_leaving:
            self._refuse_if_followed("is being taken away")
            return None
        if self._uid is None:
            if job.ended and not self._has_begun and not self._counts(job):
                self._cluster.delete(self._name, job.uid)
                return None
            self._uid = job.uid
            write_begun(self._task.folder, self._task.key, job.uid)
        if job.uid != self._uid:
            self._refuse_if_followed("was replaced by another")
        return self._look_at_pod(job, self._cluster.pod(job))

    def end(self) -> bool:
        """Has the Job and its pod ended; whether they are gone."""
        self._cluster.delete(self._name)
        return self._cluster.job(self._name) is None

    def _counts(self, job: JobSeen) -> bool:
        """Whether a Job that ended unseen did so well, and in this very work folder."""
        begun = read_begun(self._task.folder, self._task.key)
        return job.ended == "well" and begun is not None and begun.name == job.uid

    def _refuse_if_followed(self, what: str) -> None:
        if self._uid is not None:
            raise TransientError(PLACE, f"the Job {self._name} {what} while it ran", hint="it is begun anew")

    def _look_at_pod(self, job: JobSeen, pod: PodSeen | None) -> Outcome | None:
        if pod is None:
            if job.ended:
                return outcome_without_pod(job, self._task)
            self._wait_for("a machine")
            return None
        is_final = pod.phase in ("Succeeded", "Failed")
        if pod.container.has_run:
            if not self._read(pod):
                return None
        elif not is_final:
            self._see_why_it_waits(pod)
        if not is_final:
            return None
        self._output.close()
        return outcome_with_pod(pod, self._task, self._folder, self._output)

    def _read(self, pod: PodSeen) -> bool:
        """Takes what was printed; whether all of it was had that can be had."""
        if self._log is None or self._log.pod != pod.name:
            self._log = self._cluster.log(pod)
        lines = new_lines(self._log)
        if lines is None:
            self._unread_since = self._unread_since or time.monotonic()
            return time.monotonic() - self._unread_since > self._patience
        self._unread_since = None
        self._output.feed(lines)
        return True

    def _see_why_it_waits(self, pod: PodSeen) -> None:
        if pod.container.reason not in _UNFIT:
            self._unfit_since = None
            self._wait_for("its image" if pod.is_placed else "a machine", pod.message)
            return
        self._wait_for("its container", pod.container.reason)
        self._unfit_since = self._unfit_since or time.monotonic()
        if time.monotonic() - self._unfit_since > self._patience:
            self._cluster.delete(self._name, self._uid)
            cause = f"{self._image} cannot be started: {pod.container.message or pod.container.reason}"
            raise InputError(PLACE, cause, hint="see images and image_pull_secrets in LAXAI_KUBERNETES")

    def _wait_for(self, what: str, why: str = "") -> None:
        message = f"waits for {what}" + (f": {why}" if why else "")
        self._waiting = Progress(stage="waiting", message=message[:500])
