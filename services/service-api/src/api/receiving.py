"""The intake of videos, for handlers that ask for `Receiving`: one for each app, begun when it is first needed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import Depends, FastAPI, Request

from api.site import Site
from api.threads import in_thread
from api.videos.intake import Intake
from api.videos.removal import Remover
from api.videos.spool import Spool

Result = TypeVar("Result")


def intake_of(app: FastAPI) -> Intake:
    """The app's intake, at work: what an earlier process has left undone is taken up."""
    with _lock:
        intake: Intake | None = getattr(app.state, "intake", None)
        if intake is None:
            site: Site = app.state.site
            spool = Spool(site.settings.spool)
            remover = Remover(site.engine, site.files, site.jobs, spool, site.settings.storage)
            intake = Intake(site.engine, site.files, spool, remover, site.stopping)
            intake.begin()
            app.state.intake = intake
    return intake


async def _intake_here(request: Request) -> Intake:
    intake: Intake | None = getattr(request.app.state, "intake", None)
    return intake if intake is not None else await in_thread(intake_of, request.app)


Receiving = Annotated[Intake, Depends(_intake_here)]

_lock = threading.Lock()


async def in_turn(work: Callable[..., Result], *arguments: Any) -> Result:
    """What a function gives that has files read in processes of their own: few at a time, in threads besides those that
    answer requests."""
    return await to_thread.run_sync(work, *arguments, limiter=_turns)


_turns = CapacityLimiter(2)
