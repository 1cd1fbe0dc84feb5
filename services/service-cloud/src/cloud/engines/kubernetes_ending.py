"""How a Job of Kubernetes ended, as the outcome of its task."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final

from cloud.engines import outcomes
from cloud.engines.engine import Outcome, Task
from cloud.engines.kubernetes_cluster import PLACE
from cloud.engines.kubernetes_state import JobSeen, PodSeen
from cloud.engines.output import Output
from shared_libs.common.errors import TransientError

_ERROR: Final = "error: "
_TIME_IS_UP: Final = "DeadlineExceeded"
_OUT_OF_MEMORY: Final = "OOMKilled"
# The machine restarted, and what became of the container is not known.
_UNKNOWN: Final = "ContainerStatusUnknown"


def outcome_without_pod(job: JobSeen, task: Task) -> Outcome:
    """Of a Job that has ended and whose pod is gone. Raises TransientError where nothing tells how it ended."""
    if job.ended == "well":
        return outcomes.done()
    if job.reason == _TIME_IS_UP:
        return outcomes.too_long(task)
    raise _cut_short(task, job.message or job.reason)


def outcome_with_pod(pod: PodSeen, task: Task, folder: PurePosixPath, output: Output) -> Outcome:
    """Of a pod whose phase is final. folder: the task's in the container. output: all that it printed.

    Raises TransientError where the pod was taken from its machine, or never got as far as to run there.
    """
    container = pod.container
    if pod.phase == "Succeeded":
        return outcomes.done()
    if pod.reason == _TIME_IS_UP:
        return outcomes.too_long(task)
    if container.reason == _OUT_OF_MEMORY:
        return outcomes.too_much_memory(task, container.exit_code)
    # Whatever exit code is left by a pod that had to go is the command's answer to that.
    if pod.is_disrupted or pod.reason or container.exit_code is None or container.reason == _UNKNOWN:
        raise _cut_short(task, pod.message or pod.reason)
    last_lines = container.message.splitlines()
    errors = [line.removeprefix(_ERROR) for line in last_lines if line.startswith(_ERROR)]
    return outcomes.by_exit_code(
        task,
        container.exit_code,
        error=_shown(output.error or next(reversed(errors), None), folder),
        last_line=_shown(output.lines[-1] if output.lines else next(reversed(last_lines), None), folder),
    )


def _cut_short(task: Task, why: str) -> TransientError:
    return TransientError(PLACE, f"{task.service} was cut short: {why or 'no reason is given'}", hint="it begins anew")


def _shown(text: str | None, folder: PurePosixPath) -> str | None:
    return None if text is None else outcomes.shown(text, [folder])
