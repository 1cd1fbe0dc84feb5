"""A worker from start to end: it takes jobs, keeps its lease, cancels what is to be cancelled, and buries the dead."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import NoReturn

from cloud.engines.choosing import make_engine, served_kinds
from cloud.settings import CloudSettings
from cloud.worker.durable import Durable
from cloud.worker.ledger import Ledger, Waiting
from cloud.worker.metrics import Metrics
from cloud.worker.steps import Steps
from cloud.worker.work_folders import WorkFolders
from shared_libs.common.errors import TransientError
from shared_libs.common.job_client.table import connect, talking
from shared_libs.common.jobs import JobKind
from shared_libs.config.logging import get_logger
from shared_libs.utils.ids import new_id

LOST = 75
"""The exit code of a worker that others hold for dead: whoever started it should do so again."""

BATCH = 200
"""Jobs that are handed to DBOS at a time."""

_SECONDS_BETWEEN_LOOKS = 0.5
_SECONDS_BETWEEN_BURIALS = 2.0
_SECONDS_BETWEEN_TIDYINGS = 60.0
_SECONDS_TO_STOP = 6.0
_DAY = 86400.0

_log = get_logger(__name__)


class Worker:
    """Works on jobs until it is told to stop.

    Four threads beside those of the jobs: this one looks for what is to be cancelled, one keeps the lease, one hands
    jobs to DBOS, one takes over from the dead and tidies up. None of them waits for another.
    """

    def __init__(self, settings: CloudSettings, say: Callable[[str], None]) -> None:
        """Raises InputError, OutputError and TransientError where the settings do not lead to a working worker."""
        self.worker_id = new_id("worker")
        self._settings = settings
        self._say = say
        self._kinds = served_kinds(settings)
        self._engine = connect(settings.database)
        self._folders = WorkFolders(settings.work)
        self._ledger = Ledger(self._engine, self.worker_id, settings.lease_seconds, self._lost)
        self.metrics = Metrics(self._engine)
        engine = make_engine(settings, self._folders.root)
        self._steps = Steps(settings, self._ledger, self._folders, engine, self.metrics)
        self._durable = self._steps.durable = Durable(self._engine, self.worker_id, self._steps.run)
        self._is_to_stop = False
        self._stopping = threading.Event()
        self._renewed = time.monotonic()

    @property
    def is_well(self) -> bool:
        """Whether it has renewed its lease in time."""
        return time.monotonic() - self._renewed < self._settings.lease_seconds

    def stop(self) -> None:
        """Asks the worker to stop; to be called from a signal handler, and so without any lock."""
        self._is_to_stop = True

    def run(self) -> None:
        """Works until `stop` was called. What it was at then goes on with the next worker."""
        self._folders.stand_for(self.worker_id)
        self._ledger.register()
        lease, polling = self._settings.lease_seconds, self._settings.polling_seconds
        self._every(lease / 4, "lease", self._renew)
        limits = {kind.value: self._settings.limits_of(kind).at_once for kind in self._kinds}
        self._durable.launch(limits, polling)
        others = [kind.value for kind in JobKind if kind not in self._kinds]
        but = f" other than {', '.join(others)}" if others else ""
        self._say(f"{self.worker_id} is ready for jobs{but}")
        _log.info("worker_ready", worker_id=self.worker_id, work=str(self._folders.root))
        self._every(polling, "dispatch", self._dispatch)
        self._every(min(lease / 3, _SECONDS_BETWEEN_BURIALS), "burial", self._take_over)
        self._every(_SECONDS_BETWEEN_TIDYINGS, "tidying", self._tidy)
        while not self._is_to_stop:
            time.sleep(_SECONDS_BETWEEN_LOOKS)
            self._trying("cancelling", self._cancel)
        self._stopping.set()
        self._leave()

    def _every(self, seconds: float, name: str, work: Callable[[], None]) -> None:
        """Does `work` in a thread of its own, now and then again."""

        def again_and_again() -> None:
            while not self._stopping.is_set():
                self._trying(name, work)
                self._stopping.wait(seconds)

        threading.Thread(target=again_and_again, name=name, daemon=True).start()

    def _trying(self, name: str, work: Callable[[], None]) -> None:
        """Does `work`; what goes wrong is told, and does not end what else the worker does."""
        try:
            with talking(self._engine):
                work()
        except TransientError as error:
            _log.warning("database_out_of_reach", during=name, error=str(error))
        except Exception:
            _log.exception("worker_trouble", during=name)

    def _renew(self) -> None:
        self._ledger.renew()
        self._renewed = time.monotonic()

    def _cancel(self) -> None:
        for job_id in self._ledger.to_cancel():
            self._steps.cancel(job_id)

    def _dispatch(self) -> None:
        while (waiting := self._ledger.waiting(BATCH)) and not self._stopping.is_set():
            for job in waiting:
                self._durable.enqueue(job.kind, job.job_id, job.priority)
            self._ledger.dispatched([job.job_id for job in waiting])

    def _take_over(self) -> None:
        """Gives back to the queues what dead workers held."""
        gone = self._folders.dead()
        for worker_id in self._ledger.bury(gone):
            _log.warning("worker_found_dead", worker_id=worker_id)
        if count := self._durable.recover(self._ledger.living):
            _log.warning("jobs_taken_over", count=count)
        self._folders.forget(gone)

    def _tidy(self) -> None:
        """What is left of jobs and workers of long ago; and jobs whose workflow is not there any more."""
        self._ledger.tidy(_DAY)
        self._durable.forget_ended(_DAY)
        self._folders.prune(self._ledger.ended_tries, self._settings.keep_days * _DAY)
        unfinished = self._ledger.unfinished()
        for batch in (unfinished[first : first + BATCH] for first in range(0, len(unfinished), BATCH)):
            states = self._durable.states([job.job_id for job, _ in batch])
            for job, token in batch:
                if not states.get(job.job_id, False):
                    self._begin_anew(job, token)

    def _begin_anew(self, job: Waiting, token: int) -> None:
        """For a job whose workflow has come to no end that the job knows of."""
        if not self._ledger.undispatch(job.job_id, token):
            return
        if self._durable.states([job.job_id]).get(job.job_id, False):  # another worker has just done so
            self._ledger.dispatched([job.job_id])
            return
        _log.warning("job_without_workflow", job_id=job.job_id, execution=token)
        self._durable.forget([job.job_id])

    def _leave(self) -> None:
        """Stops the commands in their own way; others go on with the jobs at once."""
        self._say("stopping; jobs in work go on with the next worker")
        self._steps.leave()
        deadline = time.monotonic() + _SECONDS_TO_STOP
        while any(running.is_busy for running in list(self._steps.running.values())) and time.monotonic() < deadline:
            time.sleep(0.05)
        self._trying("leaving", self._ledger.leave)
        self._folders.forget([self.worker_id])

    def _lost(self) -> NoReturn:
        """Ends the process, at once and without a trace in any job: others have taken them over."""
        if self._stopping.is_set():
            threading.Event().wait()  # it ends anyway
        _log.error("lease_lost", hint="others hold this worker for dead; it ends, and its jobs are theirs")
        os._exit(LOST)
