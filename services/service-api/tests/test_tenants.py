"""No request of one tenant reads, changes, or even tells apart what another has.

Requests are generated over all that the OpenAPI document lists; LAXAI_EXHAUSTIVE=1 (`--config=exhaustive`) runs the
full count.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from tests.made_games import everybody, put_clips, put_dataset, put_run, put_video
from tests.onnx_bytes import CARD, onnx_model
from tests.served import served

from api.access.keys import Scope
from api.routers import jobs as jobs_router
from api.site import Site
from shared_libs.common.edits import Anchor, Rename, append_edit
from shared_libs.common.jobs import LinkPlayers, TrackVideo
from shared_libs.common.storage import EDITS, ROSTER, video_file
from shared_libs.utils.ids import new_id

REQUESTS = 10_000 if os.environ.get("LAXAI_EXHAUSTIVE") == "1" else 500

MARK = "owls-only"
"""Stands in whatever the other tenant has."""

_ID = re.compile(r"(?:video|run|job|dataset|model|edit|clips)_[0-9a-f]{12}")


@dataclass(frozen=True)
class Holdings:
    """The ids of what a tenant has, by kind."""

    ids: dict[str, list[str]]

    @property
    def all(self) -> set[str]:
        return {each for ids in self.ids.values() for each in ids}


def _furnish(site: Site, client: httpx.Client, tenant: str, mark: str) -> Holdings:
    """Gives a tenant some of everything."""
    found: dict[str, list[str]] = {kind: [] for kind in ("video", "run", "job", "dataset", "model", "edit", "clips")}
    for _ in range(2):
        video = put_video(site, tenant=tenant)
        run = put_run(site, video, tenant=tenant, notes=[mark], final=everybody([(1, 0, 99), (2, 0, 199)]))
        edit = Rename(author=mark, anchor=Anchor(frame=3, xyxy=(1, 2, 3, 4)), name=mark)
        append_edit(Path(site.files.place(video_file(tenant, video, EDITS))), edit)
        site.files.write(video_file(tenant, video, ROSTER), f"number,name,team\n7,{mark},{mark}\n".encode())
        with site.engine.begin() as connection:
            connection.execute(
                sa.text("UPDATE laxai_videos SET name = :name WHERE video_id = :id"), {"name": mark, "id": video}
            )
        link = LinkPlayers(video_id=video, run_id=run)
        jobs = [
            site.jobs.submit(tenant, TrackVideo(video_id=video, detections_file=f"{mark}.txt"), idempotency_key=run),
            site.jobs.submit(tenant, link),
        ]
        site.jobs.cancel(tenant, jobs[0].job_id)
        answer = client.post(
            "/api/v1/models",
            data={"card": json.dumps(CARD | {"name": mark})},
            files={"model": onnx_model()},
        )
        assert answer.status_code == 201, answer.text
        found["video"].append(video)
        found["run"].append(run)
        found["job"] += [job.job_id for job in jobs]
        found["dataset"].append(put_dataset(site, tenant=tenant, note=mark))
        found["model"].append(answer.json()["card"]["model_id"])
        found["edit"].append(edit.edit_id)
        found["clips"].append(put_clips(site, video, run, tenant=tenant))
    return Holdings(found)


@dataclass(frozen=True)
class Field:
    """Two tenants who do not know of each other."""

    site: Site
    operations: list[tuple[str, str, list[str]]]
    eagles: httpx.Client
    own: Holdings
    others: Holdings


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    folder = tmp_path_factory.mktemp("field")
    with (
        pytest.MonkeyPatch.context() as patched,
        served(folder, requests_per_second=1e6, requests_at_once=10**6) as place,
    ):
        patched.setattr(jobs_router, "LONGEST_SECONDS", 0.5)  # a job that is told of must not hold up the test
        clients = {tenant: place.with_key(place.key(Scope.ADMIN, tenant)) for tenant in ("eagles", "owls")}
        own = _furnish(place.site, clients["eagles"], "eagles", "eagles-own")
        others = _furnish(place.site, clients["owls"], "owls", MARK)
        yield Field(place.site, _operations(place.app), clients["eagles"], own, others)
        for client in clients.values():
            client.close()


@dataclass(frozen=True)
class Asked:
    """A request."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]
    body: str | None

    def send(self, client: httpx.Client) -> httpx.Response:
        headers = dict(self.headers)
        if self.body is not None:
            headers.setdefault("Content-Type", "application/json")
        return client.request(self.method, self.path, params=list(self.query), headers=headers, content=self.body)

    def text(self) -> str:
        return f"{self.path} {self.query} {self.headers} {self.body}"

    def with_ids(self, ids: dict[str, str]) -> Asked:
        """The same, of other things."""

        query = tuple((name, _with_ids(value, ids)) for name, value in self.query)
        headers = tuple((name, _with_ids(value, ids)) for name, value in self.headers)
        body = None if self.body is None else _with_ids(self.body, ids)
        return Asked(self.method, _with_ids(self.path, ids), query, headers, body)


def _with_ids(text: str, ids: dict[str, str]) -> str:
    """Text with other ids in place of those that are keys."""
    return _ID.sub(lambda match: ids.get(match[0], match[0]), text)


def _operations(app: Any) -> list[tuple[str, str, list[str]]]:
    """Method, path and the names of query parameters. Sessions are of keys, not of tenants."""
    found = []
    for path, operations in app.openapi()["paths"].items():
        for method, operation in operations.items():
            names = [each["name"] for each in operation.get("parameters", []) if each["in"] == "query"]
            if not path.endswith("/session"):
                found.append((method.upper(), path, names))
    return sorted(found)


def _body(choose: random.Random, held: dict[str, str]) -> Any:
    run = {"video_id": held["video"], "run_id": held["run"]}
    place = {"player_id": choose.randint(0, 3)}
    return choose.choice(
        [
            {"payload": {"kind": "track_video", "video_id": held["video"], "reid_model_id": held["model"]}},
            {"payload": {"kind": "track_video", "video_id": held["video"], "detector_model_id": held["model"]}},
            {"payload": {"kind": "link_players", **run}},
            {"payload": {"kind": "make_clips", **run}},
            {"payload": {"kind": "build_dataset", "runs": [run]}},
            {"payload": {"kind": "train_reid", "dataset_id": held["dataset"], "base_model_id": held["model"]}},
            {"kind": "rename", "place": place, "name": "x"},
            {"kind": "merge", "first": place, "second": {"player_id": 2}},
            {"kind": "undo", "undoes": held["edit"]},
            {"reid_model_id": held["model"]},
            {"name": "A game"},
            {"name": "A game", "size": 10, "content_type": "video/mp4"},
            {},
        ]
    )


def _generated(choose: random.Random, field: Field) -> Asked:
    """A request in which something is the other tenant's, wherever it has a place for that."""
    method, template, names = choose.choice(field.operations)
    kinds = re.findall(r"{(video|run|job|dataset|model|clips)_id}", template)
    theirs = set(choose.sample(kinds, choose.randint(1, len(kinds)))) if kinds else set()
    held = {
        kind: choose.choice((field.others if kind in theirs or kind not in kinds else field.own).ids[kind])
        for kind in field.own.ids
    }
    path = re.sub(r"{(\w+)_id}", lambda match: held.get(match[1], str(choose.randint(0, 3))), template)
    values = [*held.values(), "0", "1", "50", "queued", "reid", "float64"]
    query = tuple((name, choose.choice(values)) for name in names if choose.random() < 0.3)
    headers = tuple(
        each
        for each in [
            ("If-Match", "*"),
            ("Idempotency-Key", held["run"]),
            ("Last-Event-ID", "1"),
            ("Range", "bytes=0-99"),
            ("Upload-Offset", "0"),
            ("Content-Type", "application/offset+octet-stream"),
        ]
        if choose.random() < 0.4
    )
    writes = method not in ("GET", "HEAD", "DELETE")
    return Asked(method, path, query, headers, json.dumps(_body(choose, held)) if writes else None)


def _state_of(site: Site, tenant: str) -> dict[str, str]:
    """All that a tenant has, as digests."""
    files = site.files
    found = {name: hashlib.sha256(files.read(f"{tenant}/{name}") or b"").hexdigest() for name in files.names(tenant)}
    with site.engine.connect() as connection:
        for table in ("laxai_jobs", "laxai_videos"):
            query = sa.text(f"SELECT * FROM {table} WHERE tenant = :tenant ORDER BY created")
            found[table] = repr(connection.execute(query, {"tenant": tenant}).all())
    return found


def test_no_generated_request_reaches_what_is_of_another_tenant(field: Field) -> None:
    before = _state_of(field.site, "owls")
    choose = random.Random(20261127)
    reached: set[tuple[str, int]] = set()
    for _ in range(REQUESTS):
        asked = _generated(choose, field)
        answer = asked.send(field.eagles)
        assert answer.status_code < 500, (asked, answer.text)
        assert MARK.encode() not in answer.content, asked
        leaked = {each for each in _ID.findall(answer.text) if each in field.others.all and each not in asked.text()}
        assert not leaked, asked
        if any(each in asked.path for each in field.others.all):
            assert answer.status_code >= 400, (asked, answer.text)
        # What another tenant has looks like what nobody has.
        strange = {each: new_id(each.partition("_")[0]) for each in sorted(field.others.all)}
        twin = asked.with_ids(strange).send(field.eagles)
        assert twin.status_code == answer.status_code, (asked, answer.text, twin.text)
        if answer.status_code >= 400:
            assert twin.text == _with_ids(answer.text, strange), asked
        reached.add((asked.method, answer.status_code))
    assert _state_of(field.site, "owls") == before
    assert {status for _, status in reached} >= {200, 404, 422}


def test_every_address_with_an_id_denies_what_is_of_another_tenant(field: Field) -> None:
    """One by one, with bodies and headers that would do for one's own."""
    seen = 0
    for method, template, _ in field.operations:
        if "_id}" not in template:
            continue
        held = {kind: ids[0] for kind, ids in field.others.ids.items()}
        path = re.sub(r"{(\w+)_id}", lambda match: held.get(match[1], "1"), template)  # noqa: B023
        body = {"kind": "rename", "place": {"player_id": 1}, "name": "x"} if path.endswith("/edits") else {}
        headers = {"If-Match": "*", "Upload-Offset": "0", "Content-Type": "application/json"}
        answer = field.eagles.request(
            method, path, json=body if method in ("POST", "PUT", "PATCH") else None, headers=headers
        )
        assert 400 <= answer.status_code < 500 and MARK not in answer.text, (method, path, answer.text)
        seen += 1
    assert seen >= 20


def test_lists_have_ones_own_alone(field: Field) -> None:
    for path, kind in (("videos", "video"), ("jobs", "job"), ("datasets", "dataset"), ("models", "model")):
        answer = field.eagles.get(f"/api/v1/{path}", params={"limit": 200})
        found = set(_ID.findall(answer.text))
        assert found & set(field.own.ids[kind]) and not found & field.others.all, path
