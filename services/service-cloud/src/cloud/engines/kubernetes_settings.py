"""What the engine for Kubernetes is told. Apart from the engine, whose client takes seconds to load."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from cloud.engines.engine import Service
from shared_libs.common.errors import InputError


class Toleration(BaseModel):
    """A taint of a node that tasks put up with, in the words of Kubernetes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    operator: Literal["Exists", "Equal"] = "Exists"
    value: str | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None


class KubernetesSettings(BaseModel):
    """How tasks run on Kubernetes.

    images: of each service; the entry point is the service's command. claim: the PersistentVolumeClaim (ReadWriteMany)
    that the workers have at LAXAI_WORK and a task has at `mount`. user: who a task is, in numbers, in the volume too.
    cpu: as Kubernetes counts, such as "4" or "500m". seconds_to_keep: how long a Job that ended can be looked at.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    namespace: Annotated[str, Field(min_length=1)] = "laxai"
    images: dict[Service, str] = {}
    claim: Annotated[str, Field(min_length=1)] = "laxai-work"
    mount: Annotated[str, Field(pattern="^/.*[^/]$")] = "/work"
    user: PositiveInt = 65532
    service_account: str | None = None
    image_pull_secrets: tuple[str, ...] = ()
    cpu: dict[Service, str] = {}
    gpus: dict[Service, PositiveInt] = {}
    node_selector: dict[Service, dict[str, str]] = {}
    tolerations: tuple[Toleration, ...] = ()
    seconds_to_keep: PositiveInt = 86_400

    def image(self, service: Service) -> str:
        """A service's image. Raises InputError where none is set."""
        try:
            return self.images[service]
        except KeyError:
            hint = f'for example LAXAI_KUBERNETES=\'{{"images": {{"{service}": "registry/image:tag"}}}}\''
            raise InputError("LAXAI_KUBERNETES", f"names no image for {service}", hint=hint) from None
