"""The few things that are asked of Cloud Run, and what its errors mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

import google.auth.exceptions
from google.api_core import exceptions
from google.cloud import run_v2
from google.protobuf.duration_pb2 import Duration

from cloud.engines.following import Unavailable
from shared_libs.common.errors import InputError

Answer = TypeVar("Answer")

PLACE: Final = "Cloud Run"
TASK_VARIABLE: Final = "LAXAI_TASK"

_TIMEOUT: Final = 4.0

_PASSING: Final = (
    exceptions.ServerError,
    exceptions.TooManyRequests,
    exceptions.Aborted,
    exceptions.Cancelled,
    exceptions.RetryError,
    google.auth.exceptions.TransportError,
    google.auth.exceptions.RefreshError,
)


@dataclass(frozen=True, slots=True)
class Clients:
    """The clients of Google's library."""

    jobs: run_v2.JobsClient
    executions: run_v2.ExecutionsClient
    tasks: run_v2.TasksClient


def connect() -> Clients:
    """Clients with the credentials of this process. Raises InputError where it has none."""
    try:
        return Clients(run_v2.JobsClient(), run_v2.ExecutionsClient(), run_v2.TasksClient())
    except google.auth.exceptions.DefaultCredentialsError as error:
        hint = "run the worker with a service account, or `gcloud auth application-default login`"
        raise InputError("LAXAI_ENGINE", f"cloud-run: there are no credentials: {error}", hint=hint) from None


class CloudRun:
    """Jobs and their executions, by their full names.

    Every method raises Unavailable where another try may do, InputError where a right or a setting is missing.
    """

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def job(self, name: str) -> run_v2.Job:
        """A job as it was deployed."""
        return _ask(lambda: self._clients.jobs.get_job(name=name, timeout=_TIMEOUT))

    def start(self, job: str, arguments: list[str], variables: Mapping[str, str], seconds: float | None) -> str:
        """Begins an execution; gives its name."""
        container = run_v2.RunJobRequest.Overrides.ContainerOverride(
            args=arguments,
            clear_args=not arguments,
            env=[run_v2.EnvVar(name=name, value=value) for name, value in variables.items()],
        )
        overrides = run_v2.RunJobRequest.Overrides(container_overrides=[container], task_count=1)
        if seconds is not None:
            overrides.timeout = Duration(seconds=max(1, round(seconds)))
        request = run_v2.RunJobRequest(name=job, overrides=overrides)
        # Not tried again by the library: an execution that is begun twice is two.
        operation = _ask(lambda: self._clients.jobs.run_job(request, retry=None, timeout=_TIMEOUT))
        return str(operation.metadata.name)

    def execution(self, name: str) -> run_v2.Execution | None:
        """An execution; None where there is none."""
        get = self._clients.executions.get_execution
        return _ask(lambda: get(name=name, timeout=_TIMEOUT), missing=lambda: None)

    def executions(self, job: str, key: str) -> list[run_v2.Execution]:
        """The executions of a job that were begun for a task's key, the oldest first."""
        listed = self._clients.executions.list_executions
        found = _ask(lambda: list(listed(parent=job, timeout=_TIMEOUT)))
        return sorted((one for one in found if _key_of(one) == key), key=lambda one: (one.create_time, one.name))

    def cancel(self, name: str) -> None:
        """Has an execution ended. One that has ended or is gone is no error."""
        cancel = self._clients.executions.cancel_execution
        request = run_v2.CancelExecutionRequest(name=name)
        _ask(lambda: cancel(request, retry=None, timeout=_TIMEOUT), missing=lambda: None, over=lambda: None)

    def task(self, execution: str) -> run_v2.Task | None:
        """An execution's only task; None where there was none yet."""
        listed = self._clients.tasks.list_tasks
        return _ask(lambda: next(iter(listed(parent=execution, timeout=_TIMEOUT)), None), missing=lambda: None)


def _key_of(execution: run_v2.Execution) -> str | None:
    variables = (one for container in execution.template.containers for one in container.env)
    return next((one.value for one in variables if one.name == TASK_VARIABLE), None)


def _ask(
    call: Callable[[], Answer],
    *,
    missing: Callable[[], Answer] | None = None,
    over: Callable[[], Answer] | None = None,
) -> Answer:
    """What Cloud Run answers. missing, over: the answer where there is no such thing, or it cannot be done any more."""
    try:
        return call()
    except _PASSING as error:
        raise Unavailable(_said(error)) from error
    except exceptions.GoogleAPICallError as error:
        if isinstance(error, exceptions.NotFound) and missing is not None:
            return missing()
        if isinstance(error, exceptions.FailedPrecondition) and over is not None:
            return over()
        hint = "see LAXAI_CLOUD_RUN, and the rights of the worker's service account (deploy/README.md)"
        raise InputError(PLACE, f"refuses: {_said(error)}", hint=hint) from error


def _said(error: Exception) -> str:
    return getattr(error, "message", None) or str(error) or type(error).__name__
