"""What handlers work with: `Here` is what they ask for."""

from __future__ import annotations

import functools
import threading
from dataclasses import dataclass, field
from typing import Annotated

import sqlalchemy as sa
from fastapi import Depends, Request

from api.access.keys import KeyStore
from api.access.limits import Buckets
from api.access.recent import RecentCallers
from api.access.sessions import SessionStore, state_of_access
from api.database import open_database
from api.metrics import Metrics
from api.settings import ApiSettings
from shared_libs.common.job_client.client import JobClient
from shared_libs.common.model_store import ModelStore
from shared_libs.common.stored_files import StoredFiles, stored_files


@dataclass(frozen=True)
class Site:
    """The service's parts. recent: who called of late. requests, attempts: how often callers may ask, and try keys.
    stopping: is set when the service is to end, which answers that go on for long must heed."""

    settings: ApiSettings
    engine: sa.Engine
    files: StoredFiles
    jobs: JobClient
    keys: KeyStore
    sessions: SessionStore
    recent: RecentCallers
    requests: Buckets
    attempts: Buckets
    metrics: Metrics = field(default_factory=Metrics)
    stopping: threading.Event = field(default_factory=threading.Event)

    def models(self, tenant: str) -> ModelStore:
        """The models of a tenant."""
        return ModelStore(self.settings.storage, tenant)


def open_site(settings: ApiSettings) -> Site:
    """The parts, with the database brought up to date.

    Raises InputError for a storage or a database that cannot be used, TransientError where it cannot be reached now.
    """
    files = stored_files(settings.storage)
    engine = open_database(settings.database)
    recent = RecentCallers(functools.partial(state_of_access, engine))
    return Site(
        settings=settings,
        engine=engine,
        files=files,
        jobs=JobClient(engine),
        keys=KeyStore(engine, recent.forget),
        sessions=SessionStore(engine, recent.forget),
        recent=recent,
        requests=Buckets(settings.requests_per_second, settings.requests_at_once),
        attempts=Buckets(settings.attempts_per_minute / 60.0, settings.attempts_per_minute),
    )


async def site_of(request: Request) -> Site:
    """The site that a request came to."""
    site: Site = request.app.state.site
    return site


Here = Annotated[Site, Depends(site_of)]
