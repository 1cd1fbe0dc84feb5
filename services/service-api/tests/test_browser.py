"""Other pages that a user's browser shows can neither read nor change anything here."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path

import pytest
from fastapi import FastAPI
from tests.served import CSRF, HTTPS, Served, new_site, problem, served

from api.access.caller import Writer
from api.access.keys import Scope
from api.app import create_app

SESSION, WRITE = "/api/v1/session", "/api/v1/write"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path, app=_writable(tmp_path)) as made:
        yield made


# --- Host


def test_a_name_that_was_bound_to_this_machine_is_refused(place: Served) -> None:
    # DNS rebinding: a page of evil.example asks evil.example, which by now is 127.0.0.1.
    headers = {"Sec-Fetch-Site": "same-origin", "Origin": f"http://evil.example:{place.port}"}
    for host in ("evil.example", f"evil.example:{place.port}", "localhost.evil.example", "evil.example:localhost"):
        for method, path in [("GET", SESSION), ("POST", WRITE), ("GET", "/"), ("GET", "/metrics"), ("GET", "/x")]:
            answer = place.http.request(method, path, headers={"Host": host, **headers})
            problem(answer, 421, "unknown-host")
    assert _writes(place) == 0


def test_the_names_of_this_machine_are_answered_at_any_port(place: Served) -> None:
    for name in ("localhost", "127.0.0.1", "[::1]", "LocalHost"):
        for host in (name, f"{name}:{place.port}", f"{name}:9999"):
            assert place.http.get(SESSION, headers={"Host": host}).status_code == 200


def test_what_is_not_quite_a_name_of_this_machine_is_refused(place: Served) -> None:
    for host in ("", "localhost:", "localhost:x", "localhost.", "[::2]", "::1", "127.0.0.2", "0", "user@localhost"):
        problem(place.http.get(SESSION, headers={"Host": host}), 421, "unknown-host")


def test_a_second_host_is_refused(place: Served) -> None:
    with socket.create_connection(("127.0.0.1", place.port), timeout=10) as connection:
        lines = [f"GET {SESSION} HTTP/1.1", "Host: localhost", "Host: evil.example", "Connection: close", "", ""]
        connection.sendall("\r\n".join(lines).encode())
        assert connection.makefile("rb").readline().startswith(b"HTTP/1.1 421")


def test_the_names_in_the_settings_are_answered_and_no_others(tmp_path: Path) -> None:
    with served(tmp_path, allowed_hosts=["LaxAI.example", "10.0.0.7:8080"]) as place:
        codes = {
            host: place.http.get(SESSION, headers={"Host": host}).status_code
            for host in ("laxai.example", "laxai.example:444", "10.0.0.7:8080", "10.0.0.7", "10.0.0.7:80", "localhost")
        }
        assert list(codes.values()) == [200, 200, 200, 421, 421, 421]


def test_a_star_in_the_settings_is_any_name(tmp_path: Path) -> None:
    with served(tmp_path, allowed_hosts=["*"]) as place:
        assert place.http.get(SESSION, headers={"Host": "anything.example:1"}).status_code == 200


# --- writes of other sites


def test_a_write_of_another_site_is_refused(place: Served) -> None:
    told: list[dict[str, str]] = [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},  # another port of this machine
        {"Sec-Fetch-Site": "cross-site", "Origin": place.url},
        {"Origin": "http://evil.example"},
        {"Origin": "http://localhost:1"},
        {"Origin": "http://localhost"},
        {"Origin": "null"},
        {"Origin": ""},
    ]
    for headers in told:
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            problem(place.http.request(method, WRITE, headers=headers), 403, "cross-site")
    token = place.key()
    for headers in told:
        problem(place.with_key(token).post(WRITE, headers=headers), 403, "cross-site")
        problem(place.http.post(SESSION, json={"key": token}, headers=headers), 403, "cross-site")
    assert _writes(place) == 0


def test_a_write_of_the_page_or_of_a_program_is_done(place: Served) -> None:
    for headers in ({}, {"Sec-Fetch-Site": "same-origin", "Origin": place.url}, {"Origin": place.url}):
        assert place.http.post(WRITE, headers=headers).status_code == 200
    assert _writes(place) == 3


def test_other_sites_are_not_allowed_to_read(place: Served) -> None:
    headers = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    for answer in (place.http.get(SESSION, headers=headers), place.http.options(SESSION, headers=headers)):
        assert not [name for name in answer.headers if name.startswith("access-control-")]


# --- sessions and their CSRF token


def test_a_key_is_exchanged_for_a_session(place: Served) -> None:
    token = place.key(Scope.WRITE)
    answer = place.http.post(SESSION, json={"key": token})
    assert answer.status_code == 201 and token not in answer.text
    said = answer.json()
    assert (said["tenant"], said["scopes"]) == ("eagles", ["read", "write"])
    assert place.http.get(SESSION).json() == said


def test_the_cookie_is_for_this_site_alone_and_for_no_script(place: Served) -> None:
    token = place.key()
    for headers, is_secure in (({}, ""), (HTTPS, True)):
        answer = place.http.post(SESSION, json={"key": token}, headers=headers)
        [cookie] = SimpleCookie(answer.headers["Set-Cookie"]).values()
        assert cookie["httponly"] is True and cookie["samesite"].lower() == "strict" and cookie["secure"] == is_secure
        assert cookie["path"] == "/" and cookie["domain"] == ""
        assert int(cookie["max-age"]) == 12 * 3600
        assert cookie.value not in answer.text


def test_a_write_by_session_needs_the_token_of_that_session(place: Served) -> None:
    token = place.key()
    page, csrf = place.page(token)
    _, other = place.page(token)
    for headers in ({}, {CSRF: ""}, {CSRF: other}, {CSRF: page.cookies["laxai_session"]}, {CSRF: csrf[:-1]}):
        problem(page.post(WRITE, headers=headers), 403, "csrf-token-missing")
        problem(page.delete(SESSION, headers=headers), 403, "csrf-token-missing")
    assert _writes(place) == 0
    assert page.post(WRITE, headers={CSRF: csrf}).status_code == 200
    assert page.get(SESSION).json()["csrf_token"] == csrf


def test_a_session_has_the_scope_of_its_key(place: Served) -> None:
    page, csrf = place.page(place.key(Scope.READ))
    problem(page.post(WRITE, headers={CSRF: csrf}), 403, "scope-missing")


def test_a_session_ends_when_asked_to(place: Served) -> None:
    page, csrf = place.page(place.key())
    cookie = page.cookies["laxai_session"]
    answer = page.delete(SESSION, headers={CSRF: csrf})
    assert answer.status_code == 204 and answer.content == b""
    assert "laxai_session" not in page.cookies
    problem(place.client(Cookie=f"laxai_session={cookie}").get(SESSION), 401, "key-needed")


def test_a_session_ends_by_itself(tmp_path: Path) -> None:
    with served(tmp_path, session_hours=1e-6) as place:
        begun = place.http.post(SESSION, json={"key": place.key()})
        cookie = begun.headers["Set-Cookie"].partition(";")[0]
        time.sleep(0.05)
        problem(place.client(Cookie=cookie).get(SESSION), 401, "key-needed")


def test_what_is_no_key_begins_no_session(place: Served) -> None:
    token = place.key()
    problem(place.http.post(SESSION, json={"key": token[:-1]}), 401, "key-needed")
    for document in ({}, {"key": 7}, {"key": "x" * 201}, {"key": token, "tenant": "blues"}, [token], None):
        answer = place.http.post(SESSION, json=document)
        problem(answer, 422, "invalid-request")
        assert token not in answer.text
    assert not place.http.cookies


def test_without_keys_there_is_nothing_to_exchange(place: Served) -> None:
    assert place.http.get(SESSION).json() == {
        "tenant": "local",
        "scopes": ["read", "write", "admin"],
        "csrf_token": None,
        "expires": None,
    }
    problem(place.http.post(SESSION, json={"key": "anything"}), 409, "no-key-needed")
    assert place.http.delete(SESSION).status_code == 204


def test_who_has_a_key_needs_no_token(place: Served) -> None:
    http = place.with_key(place.key())
    assert http.get(SESSION).json()["csrf_token"] is None
    assert http.post(WRITE).status_code == 200
    # A key that is sent counts, and not the cookie beside it.
    page, _ = place.page(place.key(tenant="blues"))
    http.cookies.set("laxai_session", page.cookies["laxai_session"])
    assert http.get(SESSION).json()["tenant"] == "eagles"


# --- headers


def test_every_answer_tells_browsers_to_be_strict(place: Served) -> None:
    answers = [
        place.http.get("/"),
        place.http.get(SESSION),
        place.http.get("/api/v1/nothing"),
        place.http.get("/api/v1/broken"),
        place.http.get(SESSION, headers={"Host": "evil.example"}),
        place.http.post(SESSION, content=b"{"),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 404, 500, 421, 422]
    for answer in answers:
        policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
        assert policy["default-src"] == "'none'" and policy["script-src"] == "'self'"
        assert policy["frame-ancestors"] == "'none'" and policy["base-uri"] == "'none'"
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "server" not in answer.headers


def test_what_a_tenant_is_told_is_kept_by_no_cache(place: Served) -> None:
    assert place.http.get(SESSION).headers["Cache-Control"] == "no-store"
    page = place.http.get("/")
    assert page.headers["Cache-Control"] == "no-cache"
    again = place.http.get("/", headers={"If-None-Match": page.headers["ETag"]})
    assert again.status_code == 304


def test_the_page_has_nothing_that_the_policy_forbids(place: Served) -> None:
    text = place.http.get("/").text
    for forbidden in ("<style", "style=", "onclick", "javascript:", "http://", "https://"):
        assert forbidden not in text
    assert text.count("<script") == text.count("<script src=") + text.count('<script type="module" src=')


def _writable(folder: Path) -> FastAPI:
    """The service with an address that counts what is written, and one that breaks."""
    site = new_site(folder)
    app = create_app(site.settings, site)
    app.state.writes = 0

    @app.api_route(WRITE, methods=["POST", "PUT", "PATCH", "DELETE"])
    def write(caller: Writer) -> None:
        app.state.writes += 1

    @app.get("/api/v1/broken")
    def fail() -> None:
        raise RuntimeError

    return app


def _writes(place: Served) -> int:
    writes: int = place.app.state.writes
    return writes
