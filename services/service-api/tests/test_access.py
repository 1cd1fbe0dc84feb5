"""Who may do what: keys, scopes, tenants, limits."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
import sqlalchemy as sa
from fastapi import Body, FastAPI, Request
from hypothesis import given
from hypothesis import strategies as st
from tests.served import CSRF, OUTSIDE, Served, new_site, problem, served

from api.access.caller import Admin, Reader, Writer
from api.access.keys import KeyStore, Scope
from api.access.limits import Buckets, allow_body, check_quota
from api.access.sessions import SessionStore
from api.app import create_app
from api.database import keys, sessions
from api.problems import Problem

PROBE = "/api/v1/probe"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path, app=_probed(tmp_path)) as made:
        yield made


def test_without_keys_this_machine_is_the_tenant_of_the_settings(tmp_path: Path) -> None:
    with served(tmp_path, app=_probed(tmp_path, tenant="blues")) as place:
        assert place.http.get(PROBE).json() == "blues"
        assert place.http.post(PROBE).json() == "blues"
        assert place.http.delete(PROBE).json() == "blues"


def test_without_keys_nobody_from_elsewhere_is_served(place: Served) -> None:
    for method in ("GET", "POST", "DELETE"):
        problem(place.http.request(method, PROBE, headers=OUTSIDE), 401, "key-needed")
    assert place.http.get("/api/v1/health/live", headers=OUTSIDE).status_code == 200


def test_once_a_key_was_made_nobody_is_served_without(place: Served) -> None:
    assert place.http.get(PROBE).status_code == 200
    token = place.key()
    answer = place.http.get(PROBE)
    problem(answer, 401, "key-needed")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    http = place.with_key(token)
    assert http.get(PROBE, headers=OUTSIDE).json() == "eagles"


def test_after_the_last_key_was_revoked_nobody_is_served(place: Served) -> None:
    key, _ = place.site.keys.create("eagles", Scope.ADMIN)
    place.site.keys.revoke(key.key_id)
    problem(place.http.get(PROBE), 401, "key-needed")


def test_a_key_is_for_one_tenant(place: Served) -> None:
    for tenant in ("eagles", "blues"):
        http = place.with_key(place.key(tenant=tenant))
        assert http.get(PROBE).json() == tenant


@pytest.mark.parametrize(("scope", "allowed"), [("read", 1), ("write", 2), ("admin", 3)])
def test_a_scope_includes_those_before_it_and_no_more(place: Served, scope: str, allowed: int) -> None:
    http = place.with_key(place.key(Scope(scope)))
    for number, method in enumerate(["GET", "POST", "DELETE"]):
        if number < allowed:
            assert http.request(method, PROBE).status_code == 200
        else:
            said = problem(http.request(method, PROBE), 403, "scope-missing")
            assert said["scope"] == ["read", "write", "admin"][number]


def test_a_revoked_key_and_its_sessions_end_at_once(place: Served) -> None:
    key, token = place.site.keys.create("eagles", Scope.ADMIN)
    page, csrf = place.page(token)
    http = place.with_key(token)
    assert http.get(PROBE).status_code == 200 and page.get(PROBE).status_code == 200
    place.site.keys.revoke(key.key_id)
    problem(http.get(PROBE), 401, "key-needed")
    problem(page.get(PROBE), 401, "key-needed")
    problem(page.post(PROBE, headers={CSRF: csrf}), 401, "key-needed")
    problem(page.post("/api/v1/session", json={"key": token}), 401, "key-needed")


def test_no_secret_stands_in_the_database(place: Served) -> None:
    token = place.key()
    page, csrf = place.page(token)
    cookie = page.cookies["laxai_session"]
    with place.site.engine.connect() as connection:
        [key] = connection.execute(sa.select(keys)).all()
        [session] = connection.execute(sa.select(sessions)).all()
    secret = token.rpartition("_")[2]
    assert key.sha256 == hashlib.sha256(secret.encode()).hexdigest()
    assert session.sha256 == hashlib.sha256(cookie.encode()).hexdigest()
    told = repr((tuple(key), tuple(session)))
    assert secret not in told and cookie not in told and csrf not in told


def test_what_is_no_key_is_refused(place: Served) -> None:
    token, other = place.key(), place.key()
    given = [
        "",
        "Bearer",
        "Bearer laxai",
        "Basic bGF4OmFp",
        f"Basic {token}",
        f"Bearer laxai_key_0123456789ab_{'0' * 64}",
        f"Bearer {token.rpartition('_')[0]}_{other.rpartition('_')[2]}",
        f"Bearer {token[:-1]}",
        f"Bearer {token}0",
        f"Bearer {token.upper()}",
        f"Bearer {'x' * 5000}",
        "Bearer laxai_key_\xff",
        token,
    ]
    for authorization in given:
        answer = place.http.get(PROBE, headers=[(b"Authorization", authorization.encode("latin-1"))])
        problem(answer, 401, "key-needed")
        assert token not in answer.text


@given(st.text(max_size=150))
def test_no_text_is_a_key_unless_it_is_one(text: str) -> None:
    engine = sa.create_engine("sqlite://")  # without any table: what is no key in form is not even looked up
    assert KeyStore(engine).owner(text) is None
    assert SessionStore(engine).find(text) is None


def test_every_address_of_the_api_needs_a_key_and_every_write_the_scope(tmp_path: Path) -> None:
    open_to_all = {("get", "/api/v1/health/live"), ("get", "/api/v1/health/ready"), ("post", "/api/v1/session")}
    with served(tmp_path) as place:
        reader = place.with_key(place.key(Scope.READ))
        asked = 0
        for template, operations in place.http.get("/api/v1/openapi.json").json()["paths"].items():
            for method, operation in operations.items():
                is_open = (method, template) in open_to_all
                assert (operation.get("security") == []) == is_open
                if is_open:
                    continue
                path = _filled(template, operation.get("parameters", []))
                answer = place.http.request(method, path)
                assert answer.status_code == 401, (method, path, answer.text)
                if method not in ("get", "head") and path != "/api/v1/session":
                    answer = reader.request(method, path)
                    assert answer.status_code == 403, (method, path, answer.text)
                asked += 1
        assert asked > 40


def test_a_key_in_the_address_does_not_count(place: Served) -> None:
    problem(place.http.get(PROBE, params={"key": place.key(), "access_token": place.key()}), 401, "key-needed")


def test_who_tries_keys_is_slowed_down(tmp_path: Path) -> None:
    with served(tmp_path, attempts_per_minute=3) as place:
        token = place.key()
        wrong = {"key": f"{token[:-4]}0000"}
        codes = [place.http.post("/api/v1/session", json=wrong).status_code for _ in range(5)]
        assert codes == [401, 401, 401, 429, 429]
        assert place.http.get("/api/v1/session", headers={"Authorization": "Bearer laxai_no"}).status_code == 429
        # Whoever has a key, and whoever is elsewhere, is not held up by that.
        assert place.http.post("/api/v1/session", json={"key": token}).status_code == 201
        assert place.http.post("/api/v1/session", json=wrong, headers=OUTSIDE).status_code == 401


def test_a_caller_who_asks_too_often_is_told_when_to_come_back(tmp_path: Path) -> None:
    with served(tmp_path, requests_per_second=0.01, requests_at_once=3) as place:
        http = place.with_key(place.key())
        other = place.with_key(place.key())
        assert [http.get("/api/v1/session").status_code for _ in range(4)] == [200, 200, 200, 429]
        answer = http.get("/api/v1/session")
        problem(answer, 429, "too-many-requests")
        assert 0 < int(answer.headers["Retry-After"]) <= 100
        assert other.get("/api/v1/session").status_code == 200
        assert http.get("/api/v1/health/live").status_code == 200


@given(st.lists(st.floats(0, 3, width=16), max_size=60), st.integers(1, 8), st.sampled_from([0.25, 1.0, 4.0]))
def test_a_bucket_gives_no_more_than_burst_and_rate(steps: list[float], burst: int, rate: float) -> None:
    time_now = 0.0
    buckets = Buckets(rate, burst, lambda: time_now)
    taken = []
    for step in steps:
        time_now += step
        try:
            buckets.take("somebody")
        except Problem as refused:
            # Whoever waits as long as he is told is served.
            assert refused.headers is not None
            time_now += int(refused.headers["Retry-After"])
            buckets.take("somebody")
        taken.append(time_now)
    for first, begin in enumerate(taken):
        for last in range(first, len(taken)):
            assert last - first + 1 <= burst + rate * (taken[last] - begin) + 1e-6


def test_buckets_that_are_full_again_are_forgotten() -> None:
    clock = itertools.count(step=0.001)
    buckets = Buckets(1000.0, 2, lambda: next(clock))
    for number in range(25_000):
        buckets.take(f"caller {number}")
    assert len(buckets) <= 10_001


def test_a_request_of_many_bytes_is_refused(tmp_path: Path) -> None:
    app = _probed(tmp_path, json_bytes=2048)
    with served(tmp_path, app=app) as place:
        assert place.http.put(PROBE, json="x" * 2000).json() == 2000
        large = "x" * 2047
        assert problem(place.http.put(PROBE, json=large), 413, "too-large")["at_most"] == 2048
        # Without a length, and with one that belies.
        parts = (b"x" * 1000 for _ in range(100))
        problem(place.http.put(PROBE, content=parts), 413, "too-large")
        assert place.http.get(PROBE).status_code == 200


def test_a_handler_may_take_more_and_no_more_than_it_says(tmp_path: Path) -> None:
    app = _probed(tmp_path, json_bytes=2048)
    with served(tmp_path, app=app) as place:
        assert place.http.put(f"{PROBE}/file", content=b"x" * 10_000).json() == 10_000
        problem(place.http.put(f"{PROBE}/file", content=b"x" * 10_001), 413, "too-large")
        problem(place.http.put(f"{PROBE}/file", content=(b"x" * 1000 for _ in range(11))), 413, "too-large")


def test_a_tenant_has_no_more_than_its_quota() -> None:
    check_quota("videos", 9, 1, 10)
    with pytest.raises(Problem) as refused:
        check_quota("videos", 10, 1, 10)
    assert refused.value.status_code == 403 and refused.value.more == {"has": 10, "at_most": 10}
    assert refused.value.detail == "That would be 11 videos; 10 are allowed."


def _filled(template: str, parameters: list[dict[str, Any]]) -> str:
    """A path of the OpenAPI document with its examples."""
    for each in parameters:
        if each["in"] == "path":
            example = each["schema"].get("examples", each.get("examples"))[0]
            template = template.replace(f"{{{each['name']}}}", str(example))
    return template


def _probed(folder: Path, **settings: Any) -> FastAPI:
    """The service with addresses that ask for each scope, and two that read a body."""
    site = new_site(folder, **settings)
    app = create_app(site.settings, site)

    @app.get(PROBE)
    def read(caller: Reader) -> str:
        return caller.tenant

    @app.post(PROBE)
    def write(caller: Writer) -> str:
        return caller.tenant

    @app.delete(PROBE)
    def remove(caller: Admin) -> str:
        return caller.tenant

    @app.put(PROBE)
    def take(caller: Reader, text: Annotated[str, Body()]) -> int:
        return len(text)

    @app.put(f"{PROBE}/file")
    async def take_file(caller: Reader, request: Request) -> int:
        allow_body(request, 10_000)
        return sum([len(part) async for part in request.stream()])

    return app
