"""Whether the service lives, whether it can work, and what it counts."""

from __future__ import annotations

from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, ConfigDict

from api.access.caller import Reader
from api.problems import Problem
from api.site import Here
from api.workers import workers_at_work
from shared_libs.common.errors import UserError
from shared_libs.config.logging import get_logger

router = APIRouter(tags=["health"])
metrics_router = APIRouter()


class Live(BaseModel):
    """The service answers."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "live"}]})

    status: Literal["live"] = "live"


class Ready(BaseModel):
    """The service can work. workers: how many work on jobs; without any, jobs wait."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "ready", "workers": 1}]})

    status: Literal["ready"] = "ready"
    workers: int


@router.get("/health/live", openapi_extra={"security": []})
async def live() -> Live:
    """Whether the service lives: it answers."""
    return Live()


@router.get("/health/ready", openapi_extra={"security": []})
def ready(here: Here) -> Ready:
    """Whether the service can work: its database and its storage answer. 503 says which of them does not."""
    try:
        workers = workers_at_work(here.engine)
    except UserError as error:
        raise _not_ready("database", error) from error
    try:
        here.files.folders(here.settings.tenant)
    except UserError as error:
        raise _not_ready("storage", error) from error
    return Ready(workers=workers)


@metrics_router.get("/metrics", include_in_schema=False)
def metrics(caller: Reader, here: Here) -> Response:
    """Counts and times of requests, for Prometheus."""
    return Response(generate_latest(here.metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _not_ready(part: str, error: UserError) -> Problem:
    get_logger(__name__).error("not_ready", part=part, error=str(error))
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, "not-ready", f"The {part} does not answer.", part=part)
