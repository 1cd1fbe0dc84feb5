"""Who calls, and what they may do: `Reader`, `Writer` and `Admin` are what handlers ask for."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request

from api.access.browser import SAFE_METHODS
from api.access.keys import Key, Scope
from api.access.recent import Caller as Caller
from api.problems import Problem
from api.site import Here, Site

CSRF_HEADER = "X-CSRF-Token"

COOKIE = "laxai_session"


async def caller_of(request: Request, here: Here) -> Caller:
    """Who calls: by a key, by a session, or, while no key has been made, anybody on this machine.

    Raises 401, 403 for a session's write without its CSRF token, and 429.
    """
    shown = (_address(request), request.headers.get("Authorization", ""), request.cookies.get(COOKIE, ""))
    caller = await here.recent.get(shown, lambda: _identified(request, here))
    here.requests.take(caller.key_id or "")
    session = caller.session
    if session is not None and request.method not in SAFE_METHODS:
        given = request.headers.get(CSRF_HEADER, "")
        if not session.has_csrf_token(given):
            detail = f"Writes by a session need its csrf_token in {CSRF_HEADER}; GET /api/v1/session tells it."
            raise Problem(HTTPStatus.FORBIDDEN, "csrf-token-missing", detail)
    return caller


def needs(scope: Scope) -> Callable[[Caller], Awaitable[Caller]]:
    """The caller, who must have a scope. Raises 403."""

    async def check(caller: Annotated[Caller, Depends(caller_of)]) -> Caller:
        if scope not in caller.scopes:
            detail = f"That needs a key with the scope {scope}."
            raise Problem(HTTPStatus.FORBIDDEN, "scope-missing", detail, scope=scope)
        return caller

    return check


Reader = Annotated[Caller, Depends(needs(Scope.READ))]
Writer = Annotated[Caller, Depends(needs(Scope.WRITE))]
Admin = Annotated[Caller, Depends(needs(Scope.ADMIN))]


def key_or_401(token: str, request: Request, here: Site) -> Key:
    """The key that a token is the whole of. Raises 401, and 429 for who tries too often."""
    key = here.keys.owner(token)
    if key is None:
        here.attempts.take(_address(request))
        raise _unknown("There is no such key, or it was revoked.")
    return key


def _identified(request: Request, here: Site) -> Caller:
    if not here.keys.are_needed():
        if not _is_loopback(_address(request)):
            raise _unknown("As long as no key has been made, only this machine is served.")
        return Caller(here.settings.tenant, Scope.ADMIN.scopes, None)
    given = request.headers.get("Authorization")
    if given is not None:
        scheme, _, token = given.partition(" ")
        if scheme.lower() != "bearer":
            raise _unknown("Authorization must be: Bearer, and a key.")
        key = key_or_401(token.strip(), request, here)
        return Caller(key.tenant, key.scope.scopes, key.key_id)
    session = here.sessions.find(request.cookies.get(COOKIE, ""))
    if session is None:
        raise _unknown("A key is needed, as Authorization: Bearer, or a session.")
    return Caller(session.key.tenant, session.key.scope.scopes, session.key.key_id, session)


def _unknown(detail: str) -> Problem:
    headers = {"WWW-Authenticate": 'Bearer realm="LaxAI"'}
    return Problem(HTTPStatus.UNAUTHORIZED, "key-needed", detail, headers=headers)


def _address(request: Request) -> str:
    return request.client.host if request.client is not None else ""


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
