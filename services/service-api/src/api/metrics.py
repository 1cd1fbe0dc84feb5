"""What the service counts, in the form that Prometheus reads."""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 10, 60)


class Metrics:
    """Of this process; `registry` has them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "laxai_http_requests", "Requests that were answered.", ["route", "method", "status"],
            registry=self.registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "laxai_http_request_seconds", "Time until an answer began.", ["route", "method"], buckets=_SECONDS,
            registry=self.registry,
        )  # fmt: skip

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """A request was answered."""
        known = method if method in _METHODS else "other"
        self._requests.labels(route, known, str(status)).inc()
        self._seconds.labels(route, known).observe(seconds)


class Measured:
    """ASGI middleware that counts. `prefix`: of the routes of the API, which routers leave out."""

    def __init__(self, app: ASGIApp, metrics: Metrics, prefix: str) -> None:
        self._app = app
        self._metrics = metrics
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()

        async def note(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = self._route(scope)
                self._metrics.answered(route, scope["method"], message["status"], time.perf_counter() - begun)
            await send(message)

        await self._app(scope, receive, note)

    def _route(self, scope: Scope) -> str:
        """The template of a route, not the path: of paths there is no end."""
        template = getattr(scope.get("route"), "path", None)
        is_of_api = scope["path"].startswith("/api/")
        if template is None:
            return "other" if is_of_api else "page"
        return f"{self._prefix}{template}" if is_of_api and not template.startswith(self._prefix) else template
