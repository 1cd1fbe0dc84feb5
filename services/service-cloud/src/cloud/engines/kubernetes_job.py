"""What is asked of Kubernetes for a task: one Job with one container, which sees the work volume."""

from __future__ import annotations

import re
from typing import Final

from kubernetes import client

from cloud.engines.engine import Task
from cloud.engines.kubernetes_settings import KubernetesSettings
from cloud.engines.mounted import MountedWork

CONTAINER: Final = "task"
KEY_LABEL: Final = "laxai-task"

# A command that was asked to end has this long before it is killed; the caller has 5 seconds for all of it.
SECONDS_TO_END: Final = 4

# What a name of Kubernetes and a label's value both take, once "_" is "-".
_KEY = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,48}[a-z0-9])?")


def job_name(task: Task) -> str:
    """The name of a task's Job, by which everybody finds it. Raises ValueError for a key that no name can hold."""
    if not _KEY.fullmatch(task.key):
        raise ValueError(f"a task's key is 1 to 50 of a-z, 0-9, _ and -, not {task.key!r:.80}")
    return "laxai-" + task.key.replace("_", "-")


def job_for(task: Task, settings: KubernetesSettings, work: MountedWork) -> client.V1Job:
    """The Job. Nothing in it is tried twice: whoever asked decides that. Raises InputError."""
    labels = {
        "app.kubernetes.io/name": "laxai",
        "app.kubernetes.io/component": task.service,
        KEY_LABEL: task.key,
    }
    pod = client.V1PodSpec(
        containers=[_container(task, settings, work)],
        restart_policy="Never",
        # The pod's and not the Job's: waiting for a machine does not count.
        active_deadline_seconds=None if task.seconds is None else max(1, round(task.seconds)),
        termination_grace_period_seconds=SECONDS_TO_END,
        security_context=client.V1PodSecurityContext(
            run_as_non_root=True,
            run_as_user=settings.user,
            run_as_group=settings.user,
            fs_group=settings.user,
            # Where the volume's root has the right group already, its files are not gone through one by one.
            fs_group_change_policy="OnRootMismatch",
            seccomp_profile=client.V1SeccompProfile(type="RuntimeDefault"),
        ),
        service_account_name=settings.service_account,
        automount_service_account_token=False,
        enable_service_links=False,
        image_pull_secrets=[client.V1LocalObjectReference(name=name) for name in settings.image_pull_secrets] or None,
        node_selector=settings.node_selector.get(task.service),
        tolerations=[
            client.V1Toleration(key=one.key, operator=one.operator, value=one.value, effect=one.effect)
            for one in settings.tolerations
        ]
        or None,
        volumes=[
            client.V1Volume(
                name="work",
                persistent_volume_claim=client.V1PersistentVolumeClaimVolumeSource(claim_name=settings.claim),
            ),
            client.V1Volume(name="tmp", empty_dir=client.V1EmptyDirVolumeSource()),
            # torch hands batches from process to process in here, and a container's own has 64 MiB.
            client.V1Volume(name="shared-memory", empty_dir=client.V1EmptyDirVolumeSource(medium="Memory")),
        ],
    )
    return client.V1Job(
        api_version="batch/v1",
        kind="Job",
        metadata=client.V1ObjectMeta(name=job_name(task), namespace=settings.namespace, labels=labels),
        spec=client.V1JobSpec(
            backoff_limit=0,
            completions=1,
            parallelism=1,
            ttl_seconds_after_finished=settings.seconds_to_keep,
            template=client.V1PodTemplateSpec(metadata=client.V1ObjectMeta(labels=labels), spec=pod),
        ),
    )


def _container(task: Task, settings: KubernetesSettings, work: MountedWork) -> client.V1Container:
    limits, requests = {}, {}
    if task.memory_bytes is not None:
        limits["memory"] = requests["memory"] = str(task.memory_bytes)
    if (cpu := settings.cpu.get(task.service)) is not None:
        requests["cpu"] = cpu
    if (gpus := settings.gpus.get(task.service)) is not None:
        limits["nvidia.com/gpu"] = str(gpus)
    return client.V1Container(
        name=CONTAINER,
        image=settings.image(task.service),
        args=work.arguments(task),
        env=[
            client.V1EnvVar(name="LAXAI_PROGRESS", value="json"),
            # The root is read-only, and libraries keep things in the user's home.
            client.V1EnvVar(name="HOME", value="/tmp"),
        ],
        resources=client.V1ResourceRequirements(limits=limits or None, requests=requests or None),
        security_context=client.V1SecurityContext(
            allow_privilege_escalation=False,
            read_only_root_filesystem=True,
            capabilities=client.V1Capabilities(drop=["ALL"]),
        ),
        # Should the machine go and its log with it, the last lines still stand in the pod's status.
        termination_message_policy="FallbackToLogsOnError",
        volume_mounts=[
            client.V1VolumeMount(name="work", mount_path=settings.mount),
            client.V1VolumeMount(name="tmp", mount_path="/tmp"),
            client.V1VolumeMount(name="shared-memory", mount_path="/dev/shm"),
        ],
    )
