"""What protects those who use the page from other pages: Host, origin of writes, and what browsers are told."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import Problem
from api.settings import ANY_HOST

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

CONTENT_SECURITY_POLICY: Final = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "media-src 'self' blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
)

HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class BrowserRules:
    """ASGI middleware: refuses other names than the service's, and writes of other sites; adds headers to answers.

    open_paths: where any Host will do, since who watches over the service asks by its address.
    """

    def __init__(self, app: ASGIApp, allowed_hosts: Sequence[str], open_paths: Sequence[str]) -> None:
        self._app = app
        self._allowed_hosts = frozenset(allowed_hosts)
        self._open_paths = frozenset(open_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                # What stands in a tenant's answers is for nobody's cache; the page itself asks whether it is the same.
                headers.setdefault("Cache-Control", "no-cache" if "etag" in headers else "no-store")
            await send(message)

        headers = Headers(scope=scope)
        refused = None
        if scope["path"] not in self._open_paths and not self._is_ours(headers.getlist("host")):
            detail = "The service does not go by this name; see the setting LAXAI_ALLOWED_HOSTS."
            refused = Problem(HTTPStatus.MISDIRECTED_REQUEST, "unknown-host", detail)
        elif scope["method"] not in SAFE_METHODS and _is_of_another_site(headers):
            refused = Problem(HTTPStatus.FORBIDDEN, "cross-site", "Other sites may not change anything here.")
        app = self._app if refused is None else refused.response()
        await app(scope, receive, with_headers)

    def _is_ours(self, hosts: Sequence[str]) -> bool:
        if ANY_HOST in self._allowed_hosts:
            return True
        if len(hosts) != 1:
            return False
        host = hosts[0].lower()
        name, colon, port = host.rpartition(":")
        without_port = name if colon and port.isdecimal() else host
        return host in self._allowed_hosts or without_port in self._allowed_hosts


def _is_of_another_site(headers: Headers) -> bool:
    """Whether a browser says so. Programs that are no browser say nothing, and no page makes them write."""
    fetch_site = headers.get("sec-fetch-site")
    if fetch_site is not None:
        return fetch_site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc.lower() != headers.get("host", "").lower()
