"""A small Cloud Run over gRPC: takes what the real one takes, refuses the rest, runs an execution as a process.

The bucket is a folder of this machine and its mount a symbolic link to that, so that a process sees the paths that a
container would. An image is a Python program. How an execution ends otherwise is said by hand: see `Execution.ended`.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from concurrent import futures
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import grpc
import proto
from google.auth.credentials import AnonymousCredentials
from google.cloud import run_v2
from google.cloud.run_v2.services.executions.transports import ExecutionsGrpcTransport
from google.cloud.run_v2.services.jobs.transports import JobsGrpcTransport
from google.cloud.run_v2.services.tasks.transports import TasksGrpcTransport
from google.longrunning import operations_pb2
from google.protobuf.any_pb2 import Any as Anything

from cloud.engines.cloud_run_calls import Clients

_SECONDS_TO_END = 10


@dataclass
class Execution:
    """ended: what its only task's last attempt came to, where it is not what its process did."""

    name: str
    request: run_v2.RunJobRequest
    template: run_v2.TaskTemplate
    created: datetime
    process: subprocess.Popen[bytes] | None = None
    ended: run_v2.TaskAttemptResult | None = None
    is_cancelled: bool = False
    out_of_time: bool = False
    finished: datetime | None = None

    def result(self) -> run_v2.TaskAttemptResult | None:
        """What it came to; None while it runs."""
        code = self.process.poll() if self.process is not None else None
        if self.ended is None and code is not None:
            self.ended = run_v2.TaskAttemptResult(exit_code=max(code, 0), term_signal=max(-code, 0))
        if self.ended is not None and self.finished is None:
            self.finished = datetime.now(UTC)
        return self.ended

    def seen(self) -> run_v2.Execution:
        """The execution as the API shows it."""
        result = self.result()
        seen = run_v2.Execution(
            name=self.name,
            job=self.request.name.rpartition("/")[2],
            create_time=self.created,
            task_count=1,
            template=self.template,
            log_uri=f"https://console.example/logs/{self.name.rpartition('/')[2]}",
        )
        if result is None:
            seen.running_count = 1
            return seen
        seen.completion_time = self.finished
        is_well = not (result.exit_code or result.term_signal or result.status.code)
        seen.succeeded_count = int(is_well)
        seen.cancelled_count = int(not is_well and self.is_cancelled)
        seen.failed_count = int(not is_well and not self.is_cancelled)
        return seen


@dataclass
class Failure:
    """What goes wrong with the next `times` calls of a method. after: the call is carried out all the same."""

    method: str
    times: int
    code: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE
    after: bool = False


@dataclass
class Cloud:
    """The project's jobs and their executions, and the hand that a test has in them.

    jobs: as deployed, by their full names. programs: the Python source of each image. bucket: its folder. hidden_lists:
    how many lists are yet to come that know nothing of new executions. violations: what the real one does not take.
    """

    jobs: dict[str, run_v2.Job]
    programs: dict[str, str]
    bucket: Path
    executions: dict[str, Execution] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    hidden_lists: int = 0
    next_end: run_v2.TaskAttemptResult | None = None
    lock: Any = field(default_factory=threading.RLock)

    def run(self, request: run_v2.RunJobRequest) -> Execution:
        """Begins an execution."""
        job = self.jobs[request.name]
        (override,) = request.overrides.container_overrides
        template = run_v2.TaskTemplate.deserialize(run_v2.TaskTemplate.serialize(job.template.template))
        (container,) = template.containers
        if override.clear_args == bool(override.args):
            raise ValueError("arguments are given, or cleared")
        container.args = override.args
        names = [one.name for one in override.env]
        if len(set(names)) != len(names):
            raise ValueError("a variable is given once")
        container.env = [*(one for one in container.env if one.name not in names), *override.env]
        if request.overrides.task_count != 1 or template.max_retries != 0:
            raise ValueError("one task, once")
        template.timeout = request.overrides.timeout or template.timeout
        number = len(self.executions) + 1
        name = f"{request.name}/executions/{request.name.rpartition('/')[2]}-{number:05}"
        execution = Execution(name, request, template, datetime.now(UTC), ended=self.next_end)
        self.executions[name] = execution
        if self.next_end is None:
            self._start(execution, container)
        return execution

    def cancel(self, name: str) -> Execution:
        """Has an execution ended by its own way, later by force."""
        execution = self.executions[name]
        if execution.result() is not None:
            raise _Status(grpc.StatusCode.FAILED_PRECONDITION, "execution has ended")
        execution.is_cancelled = True
        if execution.process is not None:
            threading.Thread(target=_end, args=[execution.process, _SECONDS_TO_END], daemon=True).start()
        return execution

    def close(self) -> None:
        """Ends all that runs."""
        for execution in self.executions.values():
            if execution.process is not None:
                execution.process.kill()
                execution.process.wait()

    def _start(self, execution: Execution, container: run_v2.Container) -> None:
        (mount,) = container.volume_mounts
        place = Path(mount.mount_path)
        if not place.is_symlink():
            place.symlink_to(self.bucket, target_is_directory=True)
        execution.process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-u", "-c", self.programs[container.image], *container.args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"]} | {one.name: one.value for one in container.env},
        )
        if execution.template.timeout < timedelta(minutes=1):
            threading.Thread(target=_end_at, args=[execution], daemon=True).start()


class _Status(Exception):
    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code


@contextlib.contextmanager
def serving(cloud: Cloud) -> Iterator[Clients]:
    """A server for the cloud, and clients that speak to it."""
    server = grpc.server(futures.ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers(_handlers(cloud))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    try:
        yield clients_of(channel)
    finally:
        channel.close()
        server.stop(None).wait()
        cloud.close()


def clients_of(channel: grpc.Channel) -> Clients:
    """Google's clients over a channel."""
    options = {"channel": channel, "credentials": AnonymousCredentials()}  # type: ignore[no-untyped-call]
    return Clients(
        run_v2.JobsClient(transport=JobsGrpcTransport(**options)),
        run_v2.ExecutionsClient(transport=ExecutionsGrpcTransport(**options)),
        run_v2.TasksClient(transport=TasksGrpcTransport(**options)),
    )


def deployed_job(name: str, image: str, mount: str) -> run_v2.Job:
    """A job as deploy/cloud-run has it."""
    container = run_v2.Container(image=image, volume_mounts=[run_v2.VolumeMount(name="work", mount_path=mount)])
    template = run_v2.TaskTemplate(containers=[container], max_retries=0, timeout=timedelta(hours=6))
    return run_v2.Job(name=name, template=run_v2.ExecutionTemplate(template=template))


def _handlers(cloud: Cloud) -> list[grpc.GenericRpcHandler]:
    def run_job(request: run_v2.RunJobRequest) -> operations_pb2.Operation:
        return _operation(cloud.run(request))

    def cancel(request: run_v2.CancelExecutionRequest) -> operations_pb2.Operation:
        return _operation(cloud.cancel(request.name))

    def executions(request: run_v2.ListExecutionsRequest) -> run_v2.ListExecutionsResponse:
        if request.parent not in cloud.jobs:
            raise KeyError(request.parent)
        found = [one.seen() for one in cloud.executions.values() if one.request.name == request.parent]
        if cloud.hidden_lists > 0:
            cloud.hidden_lists -= 1
            found = []
        # A page of one, the newest first.
        page = int(request.page_token or 0)
        following = str(page + 1) if page + 1 < len(found) else ""
        return run_v2.ListExecutionsResponse(executions=found[::-1][page : page + 1], next_page_token=following)

    def tasks(request: run_v2.ListTasksRequest) -> run_v2.ListTasksResponse:
        execution = cloud.executions[request.parent]
        result = execution.result()
        task = run_v2.Task(name=f"{execution.name}/tasks/0", timeout=execution.template.timeout)
        task.start_time = execution.created
        if result is not None:
            task.completion_time = execution.finished
            if execution.out_of_time:
                task.completion_time = execution.created + execution.template.timeout
            task.last_attempt_result = result
        return run_v2.ListTasksResponse(tasks=[task])

    methods: dict[str, tuple[type[proto.Message], Callable[[Any], Any]]] = {
        "Jobs/RunJob": (run_v2.RunJobRequest, run_job),
        "Jobs/GetJob": (run_v2.GetJobRequest, lambda request: cloud.jobs[request.name]),
        "Executions/GetExecution": (
            run_v2.GetExecutionRequest,
            lambda request: cloud.executions[request.name].seen(),
        ),
        "Executions/ListExecutions": (run_v2.ListExecutionsRequest, executions),
        "Executions/CancelExecution": (run_v2.CancelExecutionRequest, cancel),
        "Tasks/ListTasks": (run_v2.ListTasksRequest, tasks),
    }
    services: dict[str, dict[str, Any]] = {}
    for path, (kind, answer) in methods.items():
        service, _, method = path.partition("/")
        handler = grpc.unary_unary_rpc_method_handler(
            _checked(cloud, method, answer), kind.pb().FromString, _serialized
        )
        services.setdefault(service, {})[method] = (handler, kind)
    return [
        grpc.method_handlers_generic_handler(
            f"google.cloud.run.v2.{service}", {method: handler for method, (handler, _) in found.items()}
        )
        for service, found in services.items()
    ]


def _checked(cloud: Cloud, method: str, answer: Callable[[Any], Any]) -> Callable[[Any, grpc.ServicerContext], Any]:
    """A method that refuses what the real one would, and fails as a test wants it to."""

    def call(message: Any, context: grpc.ServicerContext) -> Any:
        failure = next((one for one in cloud.failures if one.method == method and one.times > 0), None)
        if failure is not None:
            failure.times -= 1
            if not failure.after:
                context.abort(failure.code, "by order of the test")
        with cloud.lock:
            try:
                request = _request(message, context)
                answered = answer(request)
            except KeyError as error:
                context.abort(grpc.StatusCode.NOT_FOUND, f"{error} not found")
            except _Status as status:
                context.abort(status.code, str(status))
            except (ValueError, TypeError) as error:
                _refuse(cloud, method, error, context)
        if failure is not None:
            context.abort(failure.code, "by order of the test")
        return answered

    return call


def _refuse(cloud: Cloud, method: str, error: Exception, context: grpc.ServicerContext) -> NoReturn:
    cloud.violations.append(f"{method}: {error}")
    context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
    raise AssertionError("abort raises")


def _request(message: Any, context: grpc.ServicerContext) -> Any:
    """The request in the library's types. Raises ValueError where it has fields that there are not, or no route."""
    known = type(message).FromString(message.SerializeToString())
    known.DiscardUnknownFields()
    if known.SerializeToString() != message.SerializeToString():
        raise ValueError("has a field that there is not")
    request = getattr(run_v2, type(message).DESCRIPTOR.name).wrap(message)
    route = dict(context.invocation_metadata()).get("x-goog-request-params", "")
    named = getattr(request, "name", "") or request.parent
    if urllib.parse.unquote(str(route).partition("=")[2]) not in (named, named.split("/")[3]):
        raise ValueError("goes to no region")
    return request


def _serialized(answer: Any) -> bytes:
    return type(answer).serialize(answer) if isinstance(answer, proto.Message) else answer.SerializeToString()  # type: ignore[no-any-return]


def _operation(execution: Execution) -> operations_pb2.Operation:
    metadata = Anything()
    metadata.Pack(run_v2.Execution.pb(execution.seen()))
    return operations_pb2.Operation(name="operations/1", metadata=metadata)


def _end(process: subprocess.Popen[bytes], seconds: float) -> None:
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()


def _end_at(execution: Execution) -> None:
    assert execution.process is not None
    time.sleep(execution.template.timeout.total_seconds())
    if execution.process.poll() is None:
        execution.out_of_time = True
        execution.process.kill()
