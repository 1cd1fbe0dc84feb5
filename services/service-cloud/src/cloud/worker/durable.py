"""DBOS, as far as it is used here: a queue for each kind of job, a workflow for each job, recovery of dead workers'.

DBOS gives a workflow back to its queue only for executors that are called dead, and each running of a workflow an owner
of its own: a step of an owner that was replaced is not recorded any more (`owner_xid`, dbos 3.4).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import ParamSpec, TypeVar

import sqlalchemy as sa
from dbos import DBOS, DBOSConfig, SetEnqueueOptions, SetWorkflowID

from shared_libs.common.job_client.table import FROZEN_SECONDS, talking

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

WORKFLOW_VERSION = "1"
"""Of the order of a job's steps: workers of another version leave each other's jobs alone."""

_ACTIVE = ["ENQUEUED", "DELAYED", "PENDING"]
_HIGHEST = 100
_BATCH = 500
_NEVER = 1_000_000
"""Executions after which DBOS gives a workflow up: that is decided here, by the count of takeovers."""

# DBOS would print to stderr by itself.
_logger = logging.getLogger("dbos")
_logger.addHandler(logging.NullHandler())
_logger.setLevel(logging.WARNING)


class Durable:
    """One per process, as DBOS is."""

    def __init__(self, engine: sa.Engine, worker_id: str, run_job: Callable[[str], None]) -> None:
        """engine: of the database of the jobs. run_job: what a job's workflow does, with `step` for its steps."""
        self._engine = engine
        config = DBOSConfig(
            name="laxai",
            system_database_url=_system_database(engine.url),
            application_version=WORKFLOW_VERSION,
            executor_id=worker_id,
            sys_db_idle_transaction_timeout_sec=FROZEN_SECONDS,
            log_level="WARNING",
        )
        DBOS(config=config)

        @DBOS.workflow(name="run_job", max_recovery_attempts=_NEVER)
        def workflow(job_id: str) -> None:
            run_job(job_id)

        self._workflow = workflow

    def launch(self, at_once: Mapping[str, int], polling_seconds: float) -> None:
        """Begins to take workflows from the queues that `at_once` names, with how many a worker runs at the same time.

        Raises TransientError while the database does not answer.
        """
        with talking(self._engine):
            DBOS.listen_queues(list(at_once))
            DBOS.launch()
            for name, count in at_once.items():
                DBOS.register_queue(
                    name, worker_concurrency=count, polling_interval_sec=polling_seconds, on_conflict="always_update"
                )

    def enqueue(self, queue: str, job_id: str, priority: int) -> None:
        """Puts a job's workflow into a queue, once: again is no harm."""
        with SetWorkflowID(job_id), SetEnqueueOptions(priority=1 + _HIGHEST - priority):
            DBOS.enqueue_workflow(queue, self._workflow, job_id)

    def step(
        self, name: str, work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """Does `work`, or gives what it gave when it was done before. Only inside a job's workflow."""
        return DBOS.run_step({"name": name}, work, *args, **kwargs)

    def recover(self, living: Callable[[], Collection[str]]) -> int:
        """Puts back into their queues all workflows of executors that are not among the living; how many there were."""
        running = DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)
        executors = {status.executor_id for status in running if status.executor_id}
        # The living are asked for second: who took a workflow before that is among them, however new.
        dead = executors.difference(living()) if executors else set()
        return len(DBOS._recover_pending_workflows(sorted(dead))) if dead else 0

    def states(self, job_ids: Collection[str]) -> dict[str, bool]:
        """Of those jobs that DBOS knows: whether their workflow has yet to end, and can.

        One that waits for workers of another version than this one cannot.
        """
        found = DBOS.list_workflows(workflow_ids=list(job_ids), load_input=False, load_output=False)
        running = {"PENDING"}
        return {
            status.workflow_id: status.status in (_ACTIVE if status.app_version == WORKFLOW_VERSION else running)
            for status in found
        }

    def forget_ended(self, older_than_seconds: float) -> None:
        """Takes away what is known of workflows that ended so long ago, a few at a time."""
        before = datetime.fromtimestamp(time.time() - older_than_seconds, UTC).isoformat()
        found = DBOS.list_workflows(completed_before=before, limit=_BATCH, load_input=False, load_output=False)
        if found:
            self.forget([status.workflow_id for status in found])

    def forget(self, job_ids: Collection[str]) -> None:
        """Takes away what is known of workflows that have ended."""
        DBOS.delete_workflows(list(job_ids))


def _system_database(url: sa.URL) -> str:
    """DBOS's own tables: in a file beside ours, or in a schema of the same PostgreSQL."""
    if url.get_backend_name() == "sqlite":
        assert url.database is not None
        return f"sqlite:///{url.database.removesuffix('.db')}-dbos.db"
    return url.render_as_string(hide_password=False)
