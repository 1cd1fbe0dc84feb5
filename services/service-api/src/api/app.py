"""The app: routers under /api/v1, the page at /, and the rules that hold for all of them."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.routing import Match, Mount
from starlette.types import Scope

from api import __version__
from api.access.browser import BrowserRules
from api.access.limits import BodyLimit
from api.metrics import Measured
from api.openapi import PROBLEM, completed
from api.page_files import PageFiles
from api.problems import CaughtErrors, answer_with_problems
from api.routers import datasets, edits, health, jobs, models, pictures, players, runs, session, uploads, videos
from api.settings import ApiSettings
from api.site import Site, open_site
from api.threads import in_threads

PREFIX: Final = "/api/v1"

ROUTERS: Final = (
    session.router,
    videos.router,
    uploads.router,
    jobs.router,
    runs.router,
    players.router,
    pictures.router,
    edits.router,
    datasets.router,
    models.router,
    health.router,
)
"""In the order of the OpenAPI document."""

_OPEN_PATHS: Final = (f"{PREFIX}/health/live", f"{PREFIX}/health/ready")


def create_app(settings: ApiSettings, site: Site | None = None) -> FastAPI:
    """The app for a site, which is opened with the settings where none is given.

    Raises InputError for a storage or a database that cannot be used, TransientError where it cannot be reached now.
    """
    app = _App(
        title="LaxAI",
        version=__version__,
        description="Videos of lacrosse games, who plays in them, and the models that find out.",
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_name,
        responses={"4XX": PROBLEM, "5XX": PROBLEM},
    )
    app.state.site = site or open_site(settings)
    answer_with_problems(app)
    # The last is the outermost.
    app.add_middleware(BodyLimit, at_most=settings.json_bytes)
    app.add_middleware(CaughtErrors)
    app.add_middleware(BrowserRules, allowed_hosts=settings.allowed_hosts, open_paths=_OPEN_PATHS)
    app.add_middleware(Measured, metrics=app.state.site.metrics, prefix=PREFIX)
    for router in ROUTERS:
        _add_routes(app, router, PREFIX)
    _add_routes(app, health.metrics_router)
    # Bazel lays the page out as links to where it was built.
    files = PageFiles(directory=Path(__file__).parent / "page", html=True, follow_symlink=True)
    app.router.routes.append(_Page("/", app=files))
    return app


def _add_routes(app: FastAPI, router: APIRouter, prefix: str = "") -> None:
    """Adds a router's routes themselves, with functions that are called in threads of ours.

    `include_router` would look for the route of each request in every router, and then once more in the right one; and
    what plain functions give would go to another thread to be checked.
    """
    for route in router.routes:
        assert isinstance(route, APIRoute)
        given = {name: getattr(route, name) for name in _GIVEN if hasattr(route, name)}
        app.router.add_api_route(prefix + route.path, in_threads(route.endpoint), **given)


_GIVEN: Final = frozenset(inspect.signature(APIRouter.add_api_route).parameters) - {
    "self", "path", "endpoint", "generate_unique_id_function", "strict_content_type",
}  # fmt: skip
"""What a route was made with, and has under the same names; the last two are the app's."""


class _App(FastAPI):
    """FastAPI, with what it does not know of in its OpenAPI document."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = completed(super().openapi())
        return self.openapi_schema


class _Page(Mount):
    """The page has every address but those of the API, which are for routers to answer, or to deny."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        path = scope.get("path", "")
        return (Match.NONE, {}) if path == "/api" or path.startswith("/api/") else super().matches(scope)


def _name(route: APIRoute) -> str:
    return route.name
