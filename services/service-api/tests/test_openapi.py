"""Calls made up from the OpenAPI document: what it promises holds for each, well formed or not, and nothing breaks.

schemathesis makes them: examples, edges and mutations of what the document says, and a few at random. As it is they
would meet nothing, so that ids, in the places where the document has ids, are of things that are there.
LAXAI_EXHAUSTIVE=1 (`--config=exhaustive`) makes many.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import schemathesis
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, settings
from schemathesis import Case
from tests.films import OFFSET, plain_film, serving, settled, upload
from tests.made_games import put_clips, put_dataset, put_run, put_video
from tests.onnx_bytes import CARD, onnx_model
from tests.served import Served, site_settings

from api.access.keys import Scope
from api.app import create_app
from api.routers import jobs as jobs_router
from shared_libs.common.job_client.table import jobs
from shared_libs.common.jobs import JobState, TrackVideo

EXAMPLES: Final = 100 if os.environ.get("LAXAI_EXHAUSTIVE") == "1" else 3
"""Of each kind of call, at random; edges and mutations come on top."""

TENANT: Final = "eagles"
FRAMES: Final = 3000

_ID = re.compile(r"(video|run|job|dataset|model|edit|clips)_([0-9a-f]{12})")

with tempfile.TemporaryDirectory() as _folder:
    DOCUMENT: Final = json.loads(json.dumps(create_app(site_settings(Path(_folder))).openapi()))

CHECKS: Final = {
    # A header that is missing may have an answer of its own: RFC 6585 made 428 for If-Match.
    "missing_required_header": {"expected-statuses": [422, 428]},
}

schema = schemathesis.openapi.from_dict(DOCUMENT, config=schemathesis.Config.from_dict({"checks": CHECKS, "seed": 1}))


@schemathesis.serializer(OFFSET["Content-Type"])
def part_of_a_file(ctx: schemathesis.SerializationContext, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


_RENAME: Final = {"kind": "rename", "place": {"player_id": 1}, "name": "Jo"}


class World:
    """What calls meet: a tenant with something of everything. token: of a key that may do everything."""

    def __init__(self, place: Served, folder: Path) -> None:
        self._place = place
        self.token = place.key(Scope.ADMIN, TENANT)
        self.http = place.with_key(self.token)
        self.url = place.url
        self._film = upload(self.http, plain_film(folder / "game.mp4", frames=10))
        settled(self.http, self._film)
        self._ids: dict[str, list[str]] = {}
        self.furnish()

    def furnish(self) -> None:
        """Makes things anew, where those of before may be gone."""
        site, film = self._place.site, self._film
        run = put_run(site, film, tenant=TENANT, notes=["motion only: nobody looked"])
        self.http.put(f"/api/v1/videos/{film}/roster", content="number,name,team\n7,Jo,Eagles\n")
        made = [site.jobs.submit(TENANT, TrackVideo(video_id=film)).job_id for _ in JobState]
        with site.engine.begin() as connection:
            for job_id, state in zip(made, JobState, strict=True):
                values: dict[str, Any] = {} if state == JobState.QUEUED else {"state": state, "started": jobs.c.created}
                values |= {"finished": jobs.c.created} if state.is_final else {}
                values |= {"error": "no room"} if state == JobState.FAILED else {}
                connection.execute(sa.update(jobs).where(jobs.c.job_id == job_id).values(job_id=job_id, **values))
        answer = self.http.post("/api/v1/models", data={"card": json.dumps(CARD)}, files={"model": onnx_model()})
        edit = {"kind": "undo", "undoes": self._ids["edit"][0]} if self._ids else _RENAME
        edits = f"/api/v1/videos/{film}/runs/{run}/edits"
        edited = self.http.post(edits, json=edit, headers={"If-Match": "*"})
        self._ids = {
            "video": [film],
            "run": [run],
            "job": made,
            "dataset": [put_dataset(site, tenant=TENANT)],
            "model": [answer.json()["card"]["model_id"]],
            "edit": [edited.json()["made"]["edit"]["edit_id"]],
            "clips": [put_clips(site, film, run, tenant=TENANT)],
        }

    def with_ids(self, value: Any) -> Any:
        """The same with ids of things that are there."""
        match value:
            case str() if found := _ID.fullmatch(value):
                ids = self._ids[found[1]]
                return ids[int(found[2], 16) % len(ids)]
            case dict():
                return {name: self.with_ids(each) for name, each in value.items()}
            case list():
                return [self.with_ids(each) for each in value]
        return value

    def with_spare_video(self, ids: dict[str, Any]) -> dict[str, Any]:
        """The same, of a video that may go."""
        return ids | ({"video_id": put_video(self._place.site, tenant=TENANT)} if ids["video_id"] == self._film else {})

    def cursor(self, path: str) -> str | None:
        """Where the second page of a list begins, None where there is none."""
        found: str | None = self.http.get(path, params={"limit": 1}).json().get("following")
        return found


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    unlimited = {"requests_per_second": 1e6, "requests_at_once": 10**6, "attempts_per_minute": 10**6}
    with pytest.MonkeyPatch.context() as patch, serving(folder, quota_jobs=10**6, **unlimited) as place:
        patch.setattr(jobs_router, "LONGEST_SECONDS", 0.2)
        yield World(place, folder)


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
def test_a_call_is_answered_as_the_document_says(case: Case[Any], world: World) -> None:
    case.path_parameters = world.with_ids(dict(case.path_parameters))
    if case.operation.label == "DELETE /api/v1/videos/{video_id}":
        case.path_parameters = world.with_spare_video(case.path_parameters)
    case.query = world.with_ids(dict(case.query))
    case.body = world.with_ids(case.body)
    if _is_well_formed(case):
        _say_what_is_not_in_the_schema(case, world)
        assert _is_well_formed(case), "what the service itself has told is not as the document has it"
    answer = case.call_and_validate(base_url=world.url, headers={"Authorization": f"Bearer {world.token}"})
    if case.method == "DELETE" and answer.status_code < 300:
        world.furnish()


def _is_well_formed(case: Case[Any]) -> bool:
    return case.meta is not None and case.meta.generation.mode.is_positive


def _say_what_is_not_in_the_schema(case: Case[Any], world: World) -> None:
    """Makes a well-formed call one that is meant as it says: what belongs together, and what was told before."""
    if "If-Match" in case.headers:
        case.headers["If-Match"] = "*"
    if "following" in case.query:
        cursor = world.cursor(case.formatted_path)
        case.query |= {"following": cursor} if cursor else {}
        if not cursor:
            del case.query["following"]
    if case.path.endswith("/tracks") and "last" in case.query:
        first = int(case.query.get("first", 0))
        case.query["last"] = first + int(case.query["last"]) % FRAMES
    content = _CONTENT.get(case.operation.label)
    if content is not None:
        case.body = content
    elif isinstance(case.body, dict):
        _settle(case.body)


_CONTENT: Final[dict[str, Any]] = {
    "PUT /api/v1/videos/{video_id}/roster": "number,name,team\n7,Jo,Eagles\n",
    "PUT /api/v1/videos/{video_id}/detections": b"1,-1,10,20,30,40,0.9,-1,-1,-1\n",
    "POST /api/v1/models": {"card": json.dumps(CARD), "model": onnx_model()},
}
"""Files, of which the schema says no more than that they are some."""


def _settle(value: Any) -> None:
    """Boxes with a size, names that can be printed, and fields that go together; here, and in all that is within."""
    if isinstance(value, list):
        for each in value:
            _settle(each)
    if not isinstance(value, dict):
        return
    if "size" in value:  # of a video: for larger ones there may be no room
        value |= {"size": 1 + value["size"] % 10_000, "content_type": "video/mp4"}
    if isinstance(value.get("name"), str):
        value["name"] = "".join(filter(str.isprintable, value["name"])).strip() or "Jo"
    if value.get("detector_model_id"):
        value.pop("detections_file", None)
    if value.get("kind") == "assign":
        value |= {"team": "Eagles", "number": "7", "player": None}
    if value.get("kind") == "rename":
        value |= {"number": value.get("number") or "7"}
    if "player_id" in value:  # who need not be in view in that frame
        value.pop("frame", None)
    if "xyxy" in value:
        left, top, *_ = (min(max(side, -1e6), 1e6) for side in value["xyxy"])
        value["xyxy"] = [left, top, left + 30, top + 60]
    for each in value.values():
        _settle(each)
