"""What service-cloud can be told: by LAXAI_… variables, or in the table [cloud] of the file that LAXAI_CONFIG names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from cloud.engines.cloud_run_settings import CloudRunSettings
from cloud.engines.engine import Service
from cloud.engines.kubernetes_settings import KubernetesSettings
from shared_libs.common.jobs import JobKind
from shared_libs.config.storage import StorageSettings

EngineName = Literal["local", "cloud-run", "kubernetes"]

HOUR = 3600.0


class KindLimits(BaseModel):
    """What the jobs of a kind may take.

    at_once: how many of them a worker runs at the same time – every worker of the queue: what the one says that was
    started last counts for all. seconds: how long the commands of one may run; None for
    ever. memory_bytes: resident, of a command and all that it starts; None for no limit.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    at_once: Annotated[int, Field(ge=1, le=1000)] = 1
    seconds: Annotated[float, Field(gt=0)] | None = 6 * HOUR
    memory_bytes: Annotated[int, Field(ge=1 << 20)] | None = None


class CloudSettings(StorageSettings):
    """commands: of each service, as a shell would take it; for the local engine.

    limits: of kinds that differ from the rest. work: the folder where jobs are worked on; workers that share it go on
    with each other's jobs where they stopped. lease_seconds: after so long without a sign of life a worker's jobs are
    taken over. takeovers: how often that happens to a job before it counts as the reason. keep_days: how long the work
    of jobs that failed or were cancelled is kept for another try.
    """

    section: ClassVar[str | None] = "cloud"

    work: Path = Field(default_factory=lambda: _user_cache_folder() / "work")
    engine: EngineName = "local"
    commands: dict[Service, str] = Field(default_factory=dict)
    limits: dict[JobKind, KindLimits] = Field(default_factory=dict)
    lease_seconds: Annotated[float, Field(ge=1, le=3600)] = 30.0
    polling_seconds: Annotated[float, Field(gt=0, le=60)] = 0.5
    takeovers: Annotated[int, Field(ge=0)] = 5
    keep_days: Annotated[float, Field(ge=0)] = 14.0
    cloud_run: CloudRunSettings = CloudRunSettings()
    kubernetes: KubernetesSettings = KubernetesSettings()
    otlp_endpoint: str | None = None

    def limits_of(self, kind: JobKind) -> KindLimits:
        """What the jobs of `kind` may take."""
        return self.limits.get(kind, KindLimits())


def _user_cache_folder() -> Path:
    """LaxAI's folder among the user's caches: `$XDG_CACHE_HOME/laxai`, or `~/.cache/laxai`."""
    chosen = os.environ.get("XDG_CACHE_HOME", "")
    cache = Path(chosen) if os.path.isabs(chosen) else Path(os.path.expanduser("~"), ".cache")
    return cache / "laxai"
