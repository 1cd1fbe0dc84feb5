"""The few things that are asked of a Kubernetes cluster, and what its errors mean."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, TypeVar

import urllib3
from kubernetes import client, config

from cloud.engines.following import Unavailable
from cloud.engines.kubernetes_job import CONTAINER
from cloud.engines.kubernetes_state import JobSeen, PodSeen, job_seen, pod_seen
from cloud.engines.pod_log import PodLog
from cloud.findings import Finding
from shared_libs.common.errors import InputError, UserError

Answer = TypeVar("Answer")

PLACE: Final = "Kubernetes"

# To connect, and between two parts of an answer.
_TIMEOUT: Final = (2.0, 3.0)

# What deploy/kubernetes grants the worker, and the engine uses: verb, group, resource, subresource.
_NEEDED: Final = (
    ("create", "batch", "jobs", None),
    ("get", "batch", "jobs", None),
    ("delete", "batch", "jobs", None),
    ("list", "", "pods", None),
    ("get", "", "pods", "log"),
    ("get", "", "persistentvolumeclaims", None),
)


def connect() -> client.ApiClient:
    """The cluster that this process runs in, or the one of the user's kubeconfig. Raises InputError."""
    configuration = client.Configuration()
    # Whether something is tried again is decided here, and a stop must not wait for it.
    configuration.retries = 0
    try:
        config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    except config.ConfigException:
        try:
            config.load_kube_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        except (config.ConfigException, OSError) as error:
            hint = "run the worker in the cluster with a service account, or set KUBECONFIG"
            raise InputError(
                "LAXAI_ENGINE", f"kubernetes: there is no cluster to talk to: {error}", hint=hint
            ) from None
    return client.ApiClient(configuration)


class Cluster:
    """Jobs and pods of one namespace.

    Every method raises Unavailable where another try may do, InputError where a right or a setting is missing.
    """

    def __init__(self, api: client.ApiClient, namespace: str) -> None:
        self.namespace = namespace
        self._api = api
        self._batch = client.BatchV1Api(api)
        self._core = client.CoreV1Api(api)

    def job(self, name: str) -> JobSeen | None:
        """The Job of a name; None where there is none."""
        read = self._batch.read_namespaced_job
        found = _ask(lambda: read(name, self.namespace, _request_timeout=_TIMEOUT), missing=lambda: None)
        return None if found is None else job_seen(found)

    def create(self, job: client.V1Job) -> None:
        """Makes a Job, where there is none of its name."""
        create = self._batch.create_namespaced_job
        _ask(lambda: create(self.namespace, job, _request_timeout=_TIMEOUT), conflict=lambda: None)

    def delete(self, name: str, uid: str | None = None) -> None:
        """Has a Job and its pods ended and taken away; with `uid` that one alone. None there is no error."""
        options = client.V1DeleteOptions(
            propagation_policy="Foreground",
            preconditions=None if uid is None else client.V1Preconditions(uid=uid),
        )
        delete = self._batch.delete_namespaced_job
        _ask(
            lambda: delete(name, self.namespace, body=options, _request_timeout=_TIMEOUT),
            missing=lambda: None,
            conflict=lambda: None,
        )

    def pod(self, job: JobSeen) -> PodSeen | None:
        """The newest pod of a Job; None where there is none (yet, or any more)."""
        selector = f"batch.kubernetes.io/controller-uid={job.uid}"
        read = self._core.list_namespaced_pod
        pods = _ask(lambda: read(self.namespace, label_selector=selector, _request_timeout=_TIMEOUT)).items
        return max(map(pod_seen, pods), key=lambda pod: pod.created, default=None)

    def log(self, pod: PodSeen) -> PodLog:
        """What a pod's task prints; see `new_lines`."""
        return PodLog(self._core, self.namespace, pod.name, CONTAINER, _TIMEOUT)

    def check(self, claim: str) -> list[Finding]:
        """Whether the cluster answers, lets the engine do what it does, and has the volume."""
        try:
            return [self._says_its_version(), *self._rights(), self._volume(claim)]
        except Unavailable as error:
            return [Finding(PLACE, False, f"does not answer: {error}", "see that the cluster can be reached from here")]
        except UserError as error:
            return [Finding(PLACE, False, error.cause, error.hint)]

    def _says_its_version(self) -> Finding:
        version = _ask(lambda: client.VersionApi(self._api).get_code(_request_timeout=_TIMEOUT))
        return Finding(PLACE, True, f"version {version.git_version} answers")

    def _rights(self) -> list[Finding]:
        lacking = [f"{verb} {what}" for verb, what in self._lacking()]
        if not lacking:
            return [Finding(f"{PLACE}: rights", True, f"may run Jobs in {self.namespace}")]
        hint = "grant the worker's service account the Role of deploy/kubernetes/worker-rights.yaml"
        return [Finding(f"{PLACE}: rights", False, f"may not {', '.join(lacking)} in {self.namespace}", hint)]

    def _lacking(self) -> list[tuple[str, str]]:
        review = client.AuthorizationV1Api(self._api).create_self_subject_access_review
        lacking = []
        for verb, group, resource, part in _NEEDED:
            attributes = client.V1ResourceAttributes(
                namespace=self.namespace, verb=verb, group=group, resource=resource, subresource=part
            )
            question = client.V1SelfSubjectAccessReview(
                spec=client.V1SelfSubjectAccessReviewSpec(resource_attributes=attributes)
            )
            answer = _ask(lambda asked=question: review(asked, _request_timeout=_TIMEOUT))  # type: ignore[misc]
            if answer.status is None or not answer.status.allowed:
                lacking.append((verb, resource if part is None else f"{resource}/{part}"))
        return lacking

    def _volume(self, claim: str) -> Finding:
        what = f"{PLACE}: volume"
        read = self._core.read_namespaced_persistent_volume_claim
        found = _ask(lambda: read(claim, self.namespace, _request_timeout=_TIMEOUT), missing=lambda: None)
        if found is None:
            hint = "make it (deploy/kubernetes/work-volume.yaml), or name another: claim in LAXAI_KUBERNETES"
            return Finding(what, False, f"there is no PersistentVolumeClaim {claim} in {self.namespace}", hint)
        if found.spec is None or "ReadWriteMany" not in (found.spec.access_modes or []):
            hint = "take a storage class that has ReadWriteMany (NFS, Filestore, EFS, CephFS)"
            return Finding(what, False, f"{claim} cannot be written by several machines at once", hint)
        return Finding(what, True, f"{claim} is there")


def new_lines(log: PodLog) -> bytes | None:
    """What was printed since the last call; None where that cannot be had just now, or at all any more."""
    try:
        return log.new()
    except (client.ApiException, urllib3.exceptions.HTTPError):
        return None


def _ask(
    call: Callable[[], Answer],
    *,
    missing: Callable[[], Answer] | None = None,
    conflict: Callable[[], Answer] | None = None,
) -> Answer:
    """What the cluster answers. missing, conflict: the answer where it says 404, 409."""
    try:
        return call()
    except urllib3.exceptions.HTTPError as error:
        raise Unavailable(str(error) or type(error).__name__) from error
    except client.ApiException as error:
        said = _said(error)
        # A quota is refused as a right is, but others' Jobs end.
        if error.status == 0 or error.status == 429 or error.status >= 500 or "exceeded quota" in said:
            raise Unavailable(said) from error
        if error.status == 404 and missing is not None:
            return missing()
        if error.status == 409 and conflict is not None:
            return conflict()
        if error.status in (401, 403):
            hint = "see the rights of the worker's service account (deploy/kubernetes/worker-rights.yaml)"
        else:
            hint = "see LAXAI_KUBERNETES"
        raise InputError(PLACE, f"refuses: {said}", hint=hint) from error


def _said(error: client.ApiException) -> str:
    """The server's own words, where it has some."""
    try:
        document: Any = json.loads(error.body or "")
    except ValueError:
        document = None
    message = document.get("message") if isinstance(document, dict) else None
    return f"{message or error.reason or 'no reason given'} ({error.status})"
