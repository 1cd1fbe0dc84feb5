"""The engine that the settings name."""

from __future__ import annotations

from pathlib import Path

from cloud.engines.engine import Engine
from cloud.settings import CloudSettings


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
