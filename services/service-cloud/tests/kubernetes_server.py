"""A small Kubernetes over HTTP: takes what a real one takes, refuses the rest, runs a Job's container as a process.

A volume's claim is a folder of this machine and its mount a symbolic link to that, so that a process sees the paths
that a container would. An image is a Python program. What else a cluster may do to a pod is done by hand: `Pod.scene`.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.parse
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

from kubernetes import client
from pydantic import BaseModel, ValidationError

TOKEN = "token-of-the-worker"

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_LABEL_KEY = re.compile(r"([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_QUANTITY = re.compile(r"\d+(\.\d+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?")


class Refused(Exception):
    """A request that is answered with an error of the API."""

    def __init__(self, status: HTTPStatus, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.document = {"kind": "Status", "status": "Failure", "message": message, "reason": reason, "code": status}


@dataclass
class Pod:
    """scene: the pod's status where it is not the one of its process. lines: what it printed, each with its stamp."""

    name: str
    job: Job
    process: subprocess.Popen[bytes] | None = None
    scene: dict[str, Any] | None = None
    conditions: list[dict[str, Any]] = field(default_factory=list)
    lines: list[tuple[datetime, bytes]] = field(default_factory=list)
    deleted_at: datetime | None = None
    out_of_time: bool = False
    reader: threading.Thread | None = None

    def status(self) -> dict[str, Any]:
        """The pod's status as the API shows it."""
        placed = {"type": "PodScheduled", "status": "True"}
        if self.scene is not None:
            return self.scene
        code = self.process.poll() if self.process is not None else None
        if self.process is None or (code is not None and self.reader is not None and self.reader.is_alive()):
            state: dict[str, Any] = {"running": {"startedAt": _text(datetime.now(UTC))}}
            code = None
        elif code is None:
            state = {"running": {"startedAt": _text(datetime.now(UTC))}}
        else:
            last = b"\n".join(line for _, line in self.lines[-80:])[-2048:].decode("utf-8", "replace")
            exit_code = code if code >= 0 else 128 - code
            state = {"terminated": {"exitCode": exit_code, "reason": "Completed" if code == 0 else "Error"}}
            if code != 0:
                state["terminated"]["message"] = last
        phase = "Running" if code is None else "Succeeded" if code == 0 else "Failed"
        status = {"phase": phase, "conditions": [placed, *self.conditions], "containerStatuses": [_container(state)]}
        return status | ({"reason": "DeadlineExceeded"} if self.out_of_time else {})

    @property
    def phase(self) -> str:
        return str(self.status()["phase"])


@dataclass
class Job:
    """body: as it was asked for, with what the server adds."""

    body: dict[str, Any]
    pod: Pod | None = None
    deleted_at: datetime | None = None

    @property
    def name(self) -> str:
        return str(self.body["metadata"]["name"])

    @property
    def uid(self) -> str:
        return str(self.body["metadata"]["uid"])

    def seen(self) -> dict[str, Any]:
        """The Job as the API shows it."""
        metadata = dict(self.body["metadata"])
        if self.deleted_at is not None:
            metadata["deletionTimestamp"] = _text(self.deleted_at)
        phase = self.pod.phase if self.pod is not None else None
        conditions = []
        if phase == "Succeeded":
            conditions = [{"type": "Complete", "status": "True"}]
        elif phase == "Failed":
            why = {"reason": "BackoffLimitExceeded", "message": "Job has reached the specified backoff limit"}
            conditions = [{"type": "Failed", "status": "True"} | why]
        return {**self.body, "metadata": metadata, "status": {"conditions": conditions}}


@dataclass
class Failure:
    """What goes wrong with the next `times` requests of a method whose path contains `path`.

    status: None to break the connection off. after: the request is carried out all the same.
    """

    method: str
    path: str
    times: int
    status: HTTPStatus | None
    after: bool = False
    message: str = "by order of the test"


class Cluster:
    """The cluster's state, and the hand that a test has in it.

    images: the Python source of each. volumes: the folder of each claim. lacking: rights that are not granted, such as
    "create jobs". started: the Jobs that were made. first_scene: of the pods to come. violations: what no real cluster
    takes; a test ends with none.
    """

    def __init__(self, namespace: str, images: dict[str, str], volumes: dict[str, Path]) -> None:
        self.namespace = namespace
        self.images = images
        self.volumes = volumes
        self.lock = threading.RLock()
        self.jobs: dict[str, Job] = {}
        self.failures: list[Failure] = []
        self.lacking: set[str] = set()
        self.access_modes = ["ReadWriteMany"]
        self.violations: list[str] = []
        self.started: list[dict[str, Any]] = []
        self.first_scene: dict[str, Any] | None = None

    def pod(self) -> Pod:
        """The one pod there is."""
        (pod,) = (job.pod for job in self.jobs.values() if job.pod is not None)
        return pod

    def fail(self, *failures: Failure) -> None:
        """From now on things go wrong."""
        with self.lock:
            self.failures.extend(failures)

    def create(self, body: dict[str, Any]) -> dict[str, Any]:
        """Makes a Job, and starts its pod."""
        self._check_job(body)
        name = body["metadata"]["name"]
        if name in self.jobs:
            raise Refused(HTTPStatus.CONFLICT, "AlreadyExists", f'jobs.batch "{name}" already exists')
        uid = str(uuid.uuid4())
        labels = {"batch.kubernetes.io/controller-uid": uid, "batch.kubernetes.io/job-name": name}
        body = json.loads(json.dumps(body))
        body["metadata"] |= {"uid": uid, "creationTimestamp": _text(datetime.now(UTC))}
        body["spec"]["template"]["metadata"]["labels"] |= labels
        self.started.append(body)
        job = self.jobs[name] = Job(body)
        job.pod = Pod(f"{name}-{uid[:5]}", job, scene=self.first_scene)
        if self.first_scene is None:
            self._start(job.pod)
        return job.seen()

    def delete(self, name: str, options: dict[str, Any]) -> dict[str, Any]:
        """Ends a Job's process by its own way, later by force, and then takes the Job away."""
        _validated(client.V1DeleteOptions, options)
        job = self._job(name)
        if options.get("propagationPolicy") != "Foreground":
            raise self._violation("a Job is deleted with its pods (Foreground), or they run on")
        wanted = (options.get("preconditions") or {}).get("uid", job.uid)
        if wanted != job.uid:
            raise Refused(HTTPStatus.CONFLICT, "Conflict", "the UID in the precondition is another")
        if job.deleted_at is None:
            job.deleted_at = datetime.now(UTC)
            threading.Thread(target=self._take_away, args=[job], daemon=True).start()
        return job.seen()

    def take_away_at_once(self, name: str) -> None:
        """As an administrator does."""
        with self.lock:
            job = self.jobs.pop(name)
        _kill(job)

    def close(self) -> None:
        """Ends all that runs."""
        for job in list(self.jobs.values()):
            _kill(job)

    def _job(self, name: str) -> Job:
        try:
            return self.jobs[name]
        except KeyError:
            raise Refused(HTTPStatus.NOT_FOUND, "NotFound", f'jobs.batch "{name}" not found') from None

    def _take_away(self, job: Job) -> None:
        if job.pod is not None and job.pod.process is not None:
            grace = job.body["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
            job.pod.process.terminate()
            try:
                job.pod.process.wait(grace)
            except subprocess.TimeoutExpired:
                _kill(job)
        with self.lock:
            if self.jobs.get(job.name) is job:
                del self.jobs[job.name]

    def _start(self, pod: Pod) -> None:
        spec = pod.job.body["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        for mount in container["volumeMounts"]:
            volume = next(one for one in spec["volumes"] if one["name"] == mount["name"])
            if "persistentVolumeClaim" in volume:
                claim = self.volumes[volume["persistentVolumeClaim"]["claimName"]]
                place = Path(mount["mountPath"])
                if not place.is_symlink():
                    place.symlink_to(claim, target_is_directory=True)
        environment = {"PATH": os.environ["PATH"]} | {one["name"]: one["value"] for one in container["env"]}
        pod.process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-u", "-c", self.images[container["image"]], *container["args"]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
        )
        pod.reader = threading.Thread(target=_collect, args=[pod], daemon=True)
        pod.reader.start()
        if (seconds := spec.get("activeDeadlineSeconds")) is not None:
            threading.Thread(target=_end_at, args=[pod, seconds], daemon=True).start()

    def _check_job(self, body: dict[str, Any]) -> None:
        _validated(client.V1Job, body)
        template, metadata = body["spec"]["template"], body["metadata"]
        spec = template["spec"]
        (container,) = spec["containers"]
        volumes = [one["name"] for one in spec["volumes"]]
        security = container["securityContext"]
        limits, requests = (container["resources"].get(name, {}) for name in ("limits", "requests"))
        pairs = [*metadata["labels"].items(), *template["metadata"]["labels"].items()]
        facts = {
            "the Job is a batch/v1 Job of this namespace": (body["apiVersion"], body["kind"], metadata["namespace"])
            == ("batch/v1", "Job", self.namespace),
            "the name is a DNS label": _NAME.fullmatch(metadata["name"]) is not None,
            "labels have keys and values that labels may have": all(
                _LABEL_KEY.fullmatch(key) and _LABEL_VALUE.fullmatch(value) for key, value in pairs
            ),
            "a Job's pod restarts Never or OnFailure": spec["restartPolicy"] == "Never",
            "nothing is tried twice": body["spec"]["backoffLimit"] == 0,
            "the image is one that can be pulled": container["image"] in self.images or self.first_scene is not None,
            "what is mounted is a volume": {one["name"] for one in container["volumeMounts"]} == set(volumes),
            "a volume has a claim that exists": all(
                one["persistentVolumeClaim"]["claimName"] in self.volumes
                for one in spec["volumes"]
                if "persistentVolumeClaim" in one
            ),
            "quantities are quantities": all(map(_QUANTITY.fullmatch, [*limits.values(), *requests.values()])),
            "what is asked for is the limit": all(requests.get(name, limits[name]) == limits[name] for name in limits),
            "deadlines are whole seconds": all(
                type(one) is int and one > 0
                for one in [body["spec"]["ttlSecondsAfterFinished"], spec.get("activeDeadlineSeconds", 1)]
            ),
            "the pod is of the restricted kind": spec["securityContext"]["runAsNonRoot"] is True
            and spec["securityContext"]["runAsUser"] > 0
            and spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
            and security["allowPrivilegeEscalation"] is False
            and security["capabilities"] == {"drop": ["ALL"]}
            and security["readOnlyRootFilesystem"] is True
            and spec["automountServiceAccountToken"] is False,
            "a stop is over within 5 seconds": 0 < spec["terminationGracePeriodSeconds"] <= 4,
        }  # fmt: skip
        if broken := [fact for fact, holds in facts.items() if not holds]:
            raise self._violation(f"does not hold: {'; '.join(broken)}")

    def _violation(self, message: str) -> Refused:
        self.violations.append(message)
        return Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "Invalid", message)


@contextlib.contextmanager
def serving(cluster: Cluster) -> Iterator[client.ApiClient]:
    """A server for the cluster, and a client that speaks to it."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(cluster))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    configuration = client.Configuration(host=f"http://127.0.0.1:{server.server_port}")
    configuration.api_key = {"BearerToken": TOKEN}
    configuration.api_key_prefix = {"BearerToken": "Bearer"}
    configuration.retries = 0
    try:
        with client.ApiClient(configuration) as api:
            yield api
    finally:
        server.shutdown()
        server.server_close()
        cluster.close()


def pending(reason: str, message: str) -> dict[str, Any]:
    """The status of a pod whose container does not start."""
    state = {"waiting": {"reason": reason, "message": message}}
    placed = {"type": "PodScheduled", "status": "True"}
    return {"phase": "Pending", "conditions": [placed], "containerStatuses": [_container(state)]}


def unplaced(message: str) -> dict[str, Any]:
    """The status of a pod for which there is no machine."""
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    return {"phase": "Pending", "conditions": [condition]}


def failed(exit_code: int, reason: str = "Error", message: str = "", **status: Any) -> dict[str, Any]:
    """The status of a pod whose container has ended."""
    state = {"terminated": {"exitCode": exit_code, "reason": reason, "message": message}}
    return {"phase": "Failed", "containerStatuses": [_container(state)], **status}


def _container(state: dict[str, Any]) -> dict[str, Any]:
    is_running = "running" in state
    facts = {"image": "x", "imageID": "", "ready": is_running, "restartCount": 0, "started": is_running}
    return {"name": "task", "state": state, **facts}


def _handler(cluster: Cluster) -> type[http.server.BaseHTTPRequestHandler]:
    namespaced = f"/namespaces/{cluster.namespace}"
    jobs, core = f"/apis/batch/v1{namespaced}/jobs", f"/api/v1{namespaced}"

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer("GET")

        def do_POST(self) -> None:
            self._answer("POST")

        def do_DELETE(self) -> None:
            self._answer("DELETE")

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def _answer(self, method: str) -> None:
            url = urllib.parse.urlsplit(self.path)
            query = dict(urllib.parse.parse_qsl(url.query, strict_parsing=True)) if url.query else {}
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            with cluster.lock:
                failure = self._failure(method, url.path)
            if failure is not None and not failure.after:
                return self._fail(failure)
            try:
                with cluster.lock:
                    self._check(method, body)
                    answer = self._routed(method, url.path, query, json.loads(body) if body else {})
            except Refused as refused:
                return self._send(refused.status, refused.document)
            except (ValidationError, ValueError, KeyError, TypeError) as error:
                cluster.violations.append(f"{method} {self.path}: {error!r}")
                return self._send(HTTPStatus.BAD_REQUEST, {"kind": "Status", "message": str(error), "code": 400})
            if failure is not None:
                return self._fail(failure)
            return self._send(HTTPStatus.CREATED if method == "POST" else HTTPStatus.OK, answer)

        def _failure(self, method: str, path: str) -> Failure | None:
            for failure in cluster.failures:
                if failure.times > 0 and failure.method == method and failure.path in path:
                    failure.times -= 1
                    return failure
            return None

        def _fail(self, failure: Failure) -> None:
            if failure.status is None:
                self.close_connection = True
                with contextlib.suppress(OSError):
                    self.connection.shutdown(2)
                return
            self._send(failure.status, {"kind": "Status", "message": failure.message, "code": failure.status})

        def _check(self, method: str, body: bytes) -> None:
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                raise Refused(HTTPStatus.UNAUTHORIZED, "Unauthorized", "Unauthorized")
            if body and self.headers.get("Content-Type", "application/json") != "application/json":
                raise ValueError("a body is JSON")

        def _routed(self, method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> Any:
            match method, path.rpartition("/"):
                case "POST", (namespaced_path, _, "jobs") if namespaced_path + "/jobs" == jobs:
                    _only(query)
                    cluster_right("create jobs")
                    return cluster.create(body)
                case "GET", (parent, _, name) if parent == jobs:
                    _only(query)
                    cluster_right("get jobs")
                    return cluster._job(name).seen()
                case "DELETE", (parent, _, name) if parent == jobs:
                    _only(query)
                    cluster_right("delete jobs")
                    return cluster.delete(name, body)
                case "GET", (parent, _, "pods") if parent == core:
                    _only(query, "labelSelector")
                    return {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": self._pods(query)}
                case "GET", (parent, _, "log") if parent.startswith(f"{core}/pods/"):
                    _only(query, "container", "timestamps", "sinceSeconds", "limitBytes")
                    return self._log(parent.rpartition("/")[2], query)
                case "GET", (parent, _, name) if parent == f"{core}/persistentvolumeclaims":
                    if name not in cluster.volumes:
                        raise Refused(HTTPStatus.NOT_FOUND, "NotFound", f'persistentvolumeclaims "{name}" not found')
                    return {"kind": "PersistentVolumeClaim", "spec": {"accessModes": cluster.access_modes}}
                case "GET", ("/version", _, ""):
                    facts = [
                        "buildDate",
                        "compiler",
                        "gitCommit",
                        "gitTreeState",
                        "goVersion",
                        "major",
                        "minor",
                        "platform",
                    ]
                    return dict.fromkeys(facts, "") | {"gitVersion": "v1.37.0"}
                case "POST", ("/apis/authorization.k8s.io/v1", _, "selfsubjectaccessreviews"):
                    return _review(body)
            raise ValueError("no such endpoint here")

        def _pods(self, query: dict[str, str]) -> list[dict[str, Any]]:
            key, _, value = query["labelSelector"].partition("=")
            found = []
            for job in cluster.jobs.values():
                labels = job.body["spec"]["template"]["metadata"]["labels"]
                if job.pod is not None and labels.get(key) == value:
                    metadata = {"name": job.pod.name, "labels": labels, "creationTimestamp": _text(datetime.now(UTC))}
                    if job.pod.deleted_at is not None:
                        metadata["deletionTimestamp"] = _text(job.pod.deleted_at)
                    found.append({"metadata": metadata, "spec": {"containers": []}, "status": job.pod.status()})
            return found

        def _log(self, name: str, query: dict[str, str]) -> bytes:
            pod = next((job.pod for job in cluster.jobs.values() if job.pod is not None and job.pod.name == name), None)
            if pod is None:
                raise Refused(HTTPStatus.NOT_FOUND, "NotFound", f'pods "{name}" not found')
            if (query["container"], query["timestamps"]) != ("task", "true"):
                raise ValueError("not the container's log with its stamps")
            age = float(query.get("sinceSeconds", "inf"))
            now = datetime.now(UTC)
            lines = [(stamp, line) for stamp, line in pod.lines if (now - stamp).total_seconds() <= age]
            text = b"".join(_text(stamp).encode() + b" " + line + b"\n" for stamp, line in lines)
            return text[: int(query["limitBytes"])]

        def _send(self, status: HTTPStatus, answer: Any) -> None:
            is_text = isinstance(answer, bytes)
            data = answer if is_text else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain" if is_text else "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(data)

    def cluster_right(right: str) -> None:
        if right in cluster.lacking:
            message = f'jobs.batch is forbidden: User "worker" cannot {right}'
            raise Refused(HTTPStatus.FORBIDDEN, "Forbidden", message)

    def _review(body: dict[str, Any]) -> dict[str, Any]:
        _validated(client.V1SelfSubjectAccessReview, body)
        asked = body["spec"]["resourceAttributes"]
        if asked["namespace"] != cluster.namespace:
            raise ValueError("asked for another namespace")
        what = "/".join(filter(None, [asked["resource"], asked.get("subresource")]))
        return {**body, "status": {"allowed": f"{asked['verb']} {what}" not in cluster.lacking}}

    return Handler


def _validated(model: type[BaseModel], body: dict[str, Any]) -> None:
    """Raises ValidationError for a field that the API does not have, or of another type."""
    model.model_validate(body)


def _only(query: dict[str, str], *names: str) -> None:
    if unknown := set(query) - set(names):
        raise ValueError(f"no such parameters here: {unknown}")


def _text(time_: datetime) -> str:
    """As the API writes times: with a fraction that ends at its last digit that is not 0."""
    fraction = f".{time_.microsecond:06}".rstrip("0").rstrip(".")
    return f"{time_:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def _collect(pod: Pod) -> None:
    assert pod.process is not None and pod.process.stdout is not None
    for line in pod.process.stdout:
        stamp = datetime.now(UTC)
        if pod.lines and stamp <= pod.lines[-1][0]:
            stamp = pod.lines[-1][0].replace(microsecond=min(pod.lines[-1][0].microsecond + 1, 999_999))
        pod.lines.append((stamp, line.rstrip(b"\n")))
    pod.process.wait()


def _end_at(pod: Pod, seconds: float) -> None:
    assert pod.process is not None
    try:
        pod.process.wait(seconds)
    except subprocess.TimeoutExpired:
        pod.out_of_time = True
        pod.process.terminate()


def _kill(job: Job) -> None:
    if job.pod is not None and job.pod.process is not None:
        with contextlib.suppress(ProcessLookupError):
            job.pod.process.send_signal(signal.SIGKILL)
        job.pod.process.wait()
