"""The session of the page: a key is exchanged for a cookie."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from api.access.caller import COOKIE, Reader, key_or_401
from api.access.keys import Scope
from api.problems import Problem
from api.site import Here

router = APIRouter(tags=["session"])


_EXAMPLE: Final[dict[str, Any]] = {
    "tenant": "eagles",
    "scopes": ["read", "write"],
    "csrf_token": "0f" * 32,
    "expires": "2026-01-31T20:00:00Z",
}


class KeyGiven(BaseModel):
    """What a session is begun with."""

    model_config = ConfigDict(extra="forbid")

    key: Annotated[SecretStr, Field(max_length=200, examples=["laxai_key_0123456789ab_…"])]


class SessionState(BaseModel):
    """Who the page acts for. csrf_token: to be sent as X-CSRF-Token with every write; null where none is needed, since
    no key has been made, or the caller has one. expires: null where it does not."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    tenant: str
    scopes: list[Scope]
    csrf_token: str | None
    expires: datetime | None


@router.get("/session")
async def get_session(caller: Reader) -> SessionState:
    """Who the caller is. 401 where the page must ask for a key first."""
    session = caller.session
    return SessionState(
        tenant=caller.tenant,
        scopes=_in_order(caller.scopes),
        csrf_token=session and session.csrf_token,
        expires=session and session.expires,
    )


@router.post("/session", status_code=HTTPStatus.CREATED, openapi_extra={"security": []})
def begin_session(given: KeyGiven, request: Request, response: Response, here: Here) -> SessionState:
    """Exchanges a key for a session, which the cookie of the answer stands for."""
    if not here.keys.are_needed():
        raise Problem(HTTPStatus.CONFLICT, "no-key-needed", "No key has been made yet, and so none is needed.")
    key = key_or_401(given.key.get_secret_value(), request, here)
    session = here.sessions.begin(key, here.settings.session_hours)
    response.set_cookie(
        COOKIE,
        session.token,
        max_age=int(here.settings.session_hours * 3600),
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return SessionState(
        tenant=key.tenant,
        scopes=_in_order(key.scope.scopes),
        csrf_token=session.csrf_token,
        expires=session.expires,
    )


@router.delete("/session", status_code=HTTPStatus.NO_CONTENT)
def end_session(caller: Reader, request: Request, response: Response, here: Here) -> None:
    """Ends the session."""
    if caller.session is not None:
        here.sessions.end(caller.session)
    response.delete_cookie(COOKIE, path="/", secure=request.url.scheme == "https", httponly=True, samesite="strict")


def _in_order(scopes: frozenset[Scope]) -> list[Scope]:
    return [scope for scope in Scope if scope in scopes]
