"""What service-api can be told: by LAXAI_… variables, or in the table [api] of the file that LAXAI_CONFIG names."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from shared_libs.config.storage import StorageSettings

MIB, GIB = 1 << 20, 1 << 30

ANY_HOST = "*"
LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]")

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?)(:[0-9]{1,5})?")


def _host(name: str) -> str:
    lower = name.lower()
    if lower != ANY_HOST and not _HOST.fullmatch(lower):
        raise ValueError("must be a host's name or address, such as laxai.example or [::1], with or without :port")
    return lower


class ApiSettings(StorageSettings):
    """host, port: where to listen; 0 chooses a port.

    allowed_hosts: the names that the service is reached by, each with any port unless it names one; `*` for all of
    them, behind a proxy that sees to it. spool: the folder where uploads stand until
    they are stored, and until the film that browsers play is made of them where one is needed. json_bytes: of a
    request's body, where a route allows no more. upload_bytes: of a video. detections_bytes, model_bytes: of these.
    quota_videos, quota_bytes, quota_jobs: what a tenant may have: videos, bytes of them, jobs that have not ended.
    requests_per_second, requests_at_once: of one caller, on average and in a burst; attempts_per_minute: with a wrong
    key, from one address. session_hours: how long a session of the page lasts.
    """

    section: ClassVar[str | None] = "api"

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    allowed_hosts: list[Annotated[str, AfterValidator(_host)]] = Field(default_factory=lambda: list(LOCAL_HOSTS))
    spool: Path = Field(default_factory=lambda: _user_cache_folder() / "uploads")
    json_bytes: Annotated[int, Field(ge=1024)] = MIB
    upload_bytes: Annotated[int, Field(ge=1)] = 64 * GIB
    detections_bytes: Annotated[int, Field(ge=1)] = GIB
    model_bytes: Annotated[int, Field(ge=1)] = 2 * GIB
    quota_videos: Annotated[int, Field(ge=0)] = 10_000
    quota_bytes: Annotated[int, Field(ge=0)] = 4096 * GIB
    quota_jobs: Annotated[int, Field(ge=0)] = 1000
    requests_per_second: Annotated[float, Field(gt=0)] = 200.0
    requests_at_once: Annotated[int, Field(ge=1)] = 1000
    attempts_per_minute: Annotated[int, Field(ge=1)] = 30
    session_hours: Annotated[float, Field(gt=0, le=24 * 365)] = 12.0


def _user_cache_folder() -> Path:
    """LaxAI's folder among the user's caches: `$XDG_CACHE_HOME/laxai`, or `~/.cache/laxai`."""
    chosen = os.environ.get("XDG_CACHE_HOME", "")
    cache = Path(chosen) if os.path.isabs(chosen) else Path(os.path.expanduser("~"), ".cache")
    return cache / "laxai"
