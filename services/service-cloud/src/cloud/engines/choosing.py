"""The engine that the settings name."""

from __future__ import annotations

from pathlib import Path

from cloud.engines.engine import Engine, Service
from cloud.settings import CloudSettings
from shared_libs.common.errors import InputError
from shared_libs.common.jobs import JobKind

_SERVICES: dict[JobKind, Service] = {
    JobKind.TRACK_VIDEO: "tracking",
    JobKind.LINK_PLAYERS: "tracking",
    JobKind.MAKE_CLIPS: "tracking",
    JobKind.BUILD_DATASET: "training",
    JobKind.TRAIN_REID: "training",
}
"""Whose commands the jobs of a kind need."""


def served_kinds(settings: CloudSettings) -> list[JobKind]:
    """The kinds of jobs for which the engine has the service. Raises InputError where that is none."""
    setting, services = {
        "local": ("LAXAI_COMMANDS", set(settings.commands)),
        "kubernetes": ("LAXAI_KUBERNETES", set(settings.kubernetes.images)),
        "cloud-run": ("LAXAI_CLOUD_RUN", set(settings.cloud_run.jobs)),
    }[settings.engine]
    kinds = [kind for kind in JobKind if _SERVICES[kind] in services]
    if not kinds:
        cause, hint = "names no service, so that no job could be done", "see `cloud doctor` for what is missing"
        raise InputError(setting, cause, hint=hint)
    return kinds


def make_engine(settings: CloudSettings, work: Path) -> Engine:
    """work: the folder that holds the jobs' work folders. Raises InputError where a setting is wrong."""
    if settings.engine == "cloud-run":
        from cloud.engines.cloud_run import CloudRunEngine

        return CloudRunEngine(settings.cloud_run, work)
    if settings.engine == "kubernetes":
        from cloud.engines.kubernetes import KubernetesEngine

        return KubernetesEngine(settings.kubernetes, work)
    from cloud.engines.local import LocalEngine

    return LocalEngine(settings.commands)
