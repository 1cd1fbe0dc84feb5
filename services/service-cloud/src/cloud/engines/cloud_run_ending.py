"""How an execution on Cloud Run ended, as the outcome of its task."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from google.cloud import run_v2
from google.rpc.code_pb2 import DEADLINE_EXCEEDED

from cloud.engines import outcomes
from cloud.engines.cloud_run_calls import PLACE
from cloud.engines.engine import Outcome, Task
from shared_libs.common.errors import TransientError

# What a shell adds to a signal's number to make an exit code of it.
_SIGNALLED: Final = 128


def has_ended(execution: run_v2.Execution) -> bool:
    """Whether nothing of an execution runs any more."""
    return execution.completion_time is not None


def has_succeeded(execution: run_v2.Execution) -> bool:
    """Whether an execution has ended, and well."""
    return has_ended(execution) and execution.succeeded_count > 0


def outcome_of(execution: run_v2.Execution, attempt: run_v2.Task | None, task: Task) -> Outcome:
    """Of an execution that has ended. attempt: its task as Cloud Run has it.

    Raises TransientError where others ended it, or it never began.
    """
    if has_succeeded(execution):
        return outcomes.done()
    if execution.cancelled_count > 0:
        raise _cut_short(task, "somebody cancelled it")
    if attempt is None:
        raise _cut_short(task, _why(execution))
    result, details = attempt.last_attempt_result, f"its log has the details: {execution.log_uri}"
    message = result.status.message or _why(execution)
    if result.status.code == DEADLINE_EXCEEDED or _took_all_its_time(attempt):
        return outcomes.too_long(task)
    if "memory" in message.lower():
        # The limit is the deployed job's, which the task does not know.
        return replace(outcomes.too_much_memory(replace(task, memory_bytes=None)), exit_code=result.exit_code or None)
    if result.term_signal:
        return outcomes.by_exit_code(task, _SIGNALLED + result.term_signal, error=None, last_line=None, details=details)
    if result.exit_code:
        return outcomes.by_exit_code(task, result.exit_code, error=None, last_line=None, details=details)
    raise _cut_short(task, message)


def _took_all_its_time(attempt: run_v2.Task) -> bool:
    if attempt.start_time is None or attempt.completion_time is None or not attempt.timeout:
        return False
    return bool(attempt.completion_time - attempt.start_time >= attempt.timeout)


def _why(execution: run_v2.Execution) -> str:
    return next((one.message for one in execution.conditions if one.message), "")


def _cut_short(task: Task, why: str) -> TransientError:
    return TransientError(PLACE, f"{task.service} was cut short: {why or 'no reason is given'}", hint="it begins anew")
