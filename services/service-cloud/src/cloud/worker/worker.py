"""A worker from start to end: it takes jobs, keeps its lease, cancels what is to be cancelled, and buries the dead."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import NoReturn

from cloud.engines.choosing import make_engine
from cloud.settings import CloudSettings
from cloud.worker.durable import Durable
from cloud.worker.ledger import Ledger
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

_SECONDS_BETWEEN_LOOKS = 1.0
_SECONDS_BETWEEN_BURIALS = 2.0
_SECONDS_BETWEEN_TIDYINGS = 60.0
_SECONDS_TO_STOP = 6.0
_DAY = 86400.0

_log = get_logger(__name__)


class Worker:
    """Works on jobs until it is told to stop."""

    def __init__(self, settings: CloudSettings, say: Callable[[str], None]) -> None:
        """Raises InputError, OutputError and TransientError where the settings do not lead to a working worker."""
        self.worker_id = new_id("worker")
        self._settings = settings
        self._say = say
        self._engine = connect(settings.database)
        self._folders = WorkFolders(settings.work)
        self._ledger = Ledger(self._engine, self.worker_id, settings.lease_seconds, self._lost)
        self.metrics = Metrics(self._engine)
        engine = make_engine(settings, self._folders.root)
        self._steps = Steps(settings, self._ledger, self._folders, engine, self.metrics)
        self._durable = self._steps.durable = Durable(self._engine, self.worker_id, self._steps.run)
        self._stopping = threading.Event()
        self._renewed = time.monotonic()
        self._next_burial = self._next_tidying = self._renewed

    @property
    def is_well(self) -> bool:
        """Whether it has renewed its lease in time."""
        return time.monotonic() - self._renewed < self._settings.lease_seconds

    def stop(self) -> None:
        """Asks the worker to stop; to be called from a signal handler."""
        self._stopping.set()

    def run(self) -> None:
        """Works until `stop` was called. What it was at then goes on with the next worker."""
        self._folders.stand_for(self.worker_id)
        self._ledger.register()
        threading.Thread(target=self._keep_lease, name="lease", daemon=True).start()
        limits = {kind.value: self._settings.limits_of(kind).at_once for kind in JobKind}
        self._durable.launch(limits, self._settings.polling_seconds)
        self._say(f"{self.worker_id} is ready for jobs")
        _log.info("worker_ready", worker_id=self.worker_id, work=str(self._folders.root))
        while not self._stopping.wait(min(_SECONDS_BETWEEN_LOOKS, self._settings.polling_seconds)):
            try:
                with talking(self._engine):
                    self._look_around()
            except TransientError as error:
                _log.warning("database_out_of_reach", error=str(error))
        self._leave()

    def _look_around(self) -> None:
        for job_id in self._ledger.to_cancel():
            self._steps.cancel(job_id)
        self._dispatch()
        now = time.monotonic()
        if now >= self._next_burial:
            self._take_over()
            self._next_burial = now + min(self._settings.lease_seconds / 3, _SECONDS_BETWEEN_BURIALS)
        if now >= self._next_tidying:
            self._tidy()
            self._next_tidying = now + _SECONDS_BETWEEN_TIDYINGS

    def _keep_lease(self) -> None:
        """In a thread of its own: whatever else takes long must not cost the lease."""
        while not self._stopping.wait(self._settings.lease_seconds / 4):
            try:
                self._ledger.renew()
                self._renewed = time.monotonic()
            except TransientError as error:
                _log.warning("lease_not_renewed", error=str(error))

    def _dispatch(self) -> None:
        while waiting := self._ledger.waiting(BATCH):
            for job in waiting:
                self._durable.enqueue(job.kind, job.job_id, job.priority)
            self._ledger.dispatched([job.job_id for job in waiting])

    def _take_over(self) -> None:
        """Gives back to the queues what dead workers held."""
        gone = self._folders.dead()
        buried = self._ledger.bury(gone)
        for worker_id in buried:
            _log.warning("worker_found_dead", worker_id=worker_id)
        count = self._durable.recover(self._ledger.living)
        if count:
            _log.warning("jobs_taken_over", count=count)
        self._folders.forget(gone)

    def _tidy(self) -> None:
        """What is left of jobs and workers of long ago; and jobs whose workflow is not there any more."""
        self._ledger.tidy(_DAY)
        self._folders.prune(self._ledger.open_first_tries(), self._settings.keep_days * _DAY)
        unfinished = self._ledger.unfinished()
        states = self._durable.states([job.job_id for job, _ in unfinished])
        for job, token in unfinished:
            if not states.get(job.job_id, False):
                _log.warning("job_without_workflow", job_id=job.job_id, execution=token)
                if self._ledger.undispatch(job.job_id, token):
                    self._durable.forget([job.job_id])

    def _leave(self) -> None:
        """Stops the commands in their own way; others go on with the jobs at once."""
        self._say("stopping; jobs in work go on with the next worker")
        self._steps.leave()
        deadline = time.monotonic() + _SECONDS_TO_STOP
        while any(running.is_busy for running in list(self._steps.running.values())) and time.monotonic() < deadline:
            time.sleep(0.05)
        try:
            self._ledger.leave()
        except TransientError as error:
            _log.warning("left_without_a_word", error=str(error))
        self._folders.forget([self.worker_id])

    def _lost(self) -> NoReturn:
        """Ends the process, at once and without a trace in any job: others have taken them over."""
        if self._stopping.is_set():
            threading.Event().wait()  # it ends anyway
        _log.error("lease_lost", hint="others hold this worker for dead; it ends, and its jobs are theirs")
        os._exit(LOST)
