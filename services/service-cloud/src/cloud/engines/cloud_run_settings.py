"""What the engine for Cloud Run is told. Apart from the engine, whose client takes seconds to load."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from cloud.engines.engine import Service
from shared_libs.common.errors import InputError


class CloudRunSettings(BaseModel):
    """How tasks run on Cloud Run.

    jobs: the job of each service, deployed beforehand (deploy/cloud-run): with its image, its memory, no retries, and
    at `mount` the bucket that the workers have at LAXAI_WORK.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    project: str | None = None
    region: str | None = None
    jobs: dict[Service, str] = {"tracking": "laxai-tracking", "training": "laxai-training"}
    mount: Annotated[str, Field(pattern="^/.*[^/]$")] = "/work"

    def job(self, service: Service) -> str:
        """The full name of a service's job. Raises InputError where something of it is not set."""
        if self.project is None or self.region is None or service not in self.jobs:
            example = f'{{"project": "games", "region": "europe-west1", "jobs": {{"{service}": "laxai-{service}"}}}}'
            hint = f"for example LAXAI_CLOUD_RUN='{example}'"
            raise InputError("LAXAI_CLOUD_RUN", f"does not name project, region and the job of {service}", hint=hint)
        return f"projects/{self.project}/locations/{self.region}/jobs/{self.jobs[service]}"
