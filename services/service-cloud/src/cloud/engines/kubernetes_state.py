"""What matters here of how a Job and its pod stand in a cluster, out of answers in which every field may be missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kubernetes import client

from cloud.engines.kubernetes_job import CONTAINER, KEY_LABEL


@dataclass(frozen=True, slots=True)
class JobSeen:
    """key: of the task it was made for; None for a Job of something else. ended: None while it runs or waits.
    is_leaving: it was deleted, and waits for its pod's end. reason, message: of its end, "" where nothing is said."""

    uid: str
    key: str | None
    is_leaving: bool
    ended: Literal["well", "badly"] | None
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class PodSeen:
    """A Job's pod with its one container.

    phase: Pending, Running, Succeeded, Failed or Unknown. is_placed: it has a machine. is_disrupted: it was deleted,
    evicted, or its machine failed. reason, message: why it stands as it does, "" where nothing is said.
    """

    name: str
    created: float
    phase: str
    is_placed: bool
    is_disrupted: bool
    reason: str
    message: str
    container: ContainerSeen


@dataclass(frozen=True, slots=True)
class ContainerSeen:
    """has_run: there is or was a process. exit_code: None while there is none. reason, message: why it waits, or how it
    ended and what it printed last."""

    has_run: bool
    exit_code: int | None
    reason: str
    message: str


def job_seen(job: client.V1Job) -> JobSeen:
    """The Job in an answer."""
    metadata = job.metadata or client.V1ObjectMeta()
    conditions = (job.status.conditions if job.status is not None else None) or []
    final = next((one for one in conditions if one.type in ("Complete", "Failed") and one.status == "True"), None)
    return JobSeen(
        uid=metadata.uid or "",
        key=(metadata.labels or {}).get(KEY_LABEL),
        is_leaving=metadata.deletion_timestamp is not None,
        ended=None if final is None else "well" if final.type == "Complete" else "badly",
        reason=(final.reason or "") if final is not None else "",
        message=(final.message or "") if final is not None else "",
    )


def pod_seen(pod: client.V1Pod) -> PodSeen:
    """The pod in an answer."""
    metadata, status = pod.metadata or client.V1ObjectMeta(), pod.status or client.V1PodStatus()
    conditions = {one.type: one for one in status.conditions or []}
    placed, disrupted = conditions.get("PodScheduled"), conditions.get("DisruptionTarget")
    is_placed = placed is not None and placed.status == "True"
    return PodSeen(
        name=metadata.name or "",
        created=metadata.creation_timestamp.timestamp() if metadata.creation_timestamp is not None else 0.0,
        phase=status.phase or "Unknown",
        is_placed=is_placed,
        is_disrupted=metadata.deletion_timestamp is not None or (disrupted is not None and disrupted.status == "True"),
        reason=status.reason or "",
        message=status.message or (placed.message if placed is not None and not is_placed else None) or "",
        container=_container_seen(status),
    )


def _container_seen(status: client.V1PodStatus) -> ContainerSeen:
    found = next((one.state for one in status.container_statuses or [] if one.name == CONTAINER), None)
    state = found or client.V1ContainerState()
    if (ended := state.terminated) is not None:
        return ContainerSeen(True, ended.exit_code, ended.reason or "", ended.message or "")
    if (waiting := state.waiting) is not None:
        return ContainerSeen(False, None, waiting.reason or "", waiting.message or "")
    return ContainerSeen(state.running is not None, None, "", "")
