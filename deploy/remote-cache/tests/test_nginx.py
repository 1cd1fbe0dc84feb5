"""nginx as the build cache: who may do what, and what is left of what goes wrong."""

from __future__ import annotations

import base64
import hashlib
import http.client
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.nginx_cache import PASSWORD, WRITER, NginxCache, find_nginx, nginx_cache

pytestmark = pytest.mark.skipif(find_nginx() is None, reason="there is no nginx on this machine")

BLOB = b"what an action made"
KEY = hashlib.sha256(BLOB).hexdigest()
ENTRY = f"/cas/{KEY}"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NginxCache]:
    with nginx_cache(tmp_path_factory.mktemp("cache")) as cache:
        yield cache


@pytest.fixture
def cache(running: NginxCache) -> NginxCache:
    """An empty one."""
    for path in running.entries.rglob("*") if running.entries.exists() else ():
        if path.is_file():
            path.unlink()
    return running


def ask(
    cache: NginxCache, method: str, path: str, body: bytes | None = None, *, password: str | None = None
) -> tuple[int, bytes]:
    """The status and the body of an answer; with a password, the writer asks."""
    headers = {}
    if password is not None:
        headers["Authorization"] = "Basic " + base64.b64encode(f"{WRITER}:{password}".encode()).decode()
    if cache.scheme == "https":
        trust = ssl.create_default_context(cafile=str(cache.folder / "certificate.pem"))
        connection: http.client.HTTPConnection = http.client.HTTPSConnection("127.0.0.1", cache.port, context=trust)
    else:
        connection = http.client.HTTPConnection("127.0.0.1", cache.port)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_what_ci_uploads_everybody_reads(cache: NginxCache) -> None:
    assert ask(cache, "GET", ENTRY)[0] == 404
    assert ask(cache, "PUT", ENTRY, BLOB, password=PASSWORD)[0] == 201
    assert ask(cache, "GET", ENTRY) == (200, BLOB)
    assert ask(cache, "HEAD", ENTRY) == (200, b"")
    # A second CI run, which made the same:
    assert ask(cache, "PUT", ENTRY, BLOB, password=PASSWORD)[0] == 204


@pytest.mark.parametrize("password", [None, "", "wrong"])
def test_nobody_else_uploads(cache: NginxCache, password: str | None) -> None:
    assert ask(cache, "PUT", ENTRY, BLOB, password=password)[0] == 401
    assert ask(cache, "GET", ENTRY)[0] == 404
    assert files(cache.entries) == []


def test_nobody_else_replaces_an_entry(cache: NginxCache) -> None:
    ask(cache, "PUT", ENTRY, BLOB, password=PASSWORD)
    assert ask(cache, "PUT", ENTRY, b"something else")[0] == 401
    assert ask(cache, "GET", ENTRY) == (200, BLOB)


@pytest.mark.parametrize("method", ["DELETE", "MKCOL", "COPY", "MOVE", "POST", "PROPFIND"])
def test_not_even_ci_does_anything_but_upload(cache: NginxCache, method: str) -> None:
    ask(cache, "PUT", ENTRY, BLOB, password=PASSWORD)
    assert ask(cache, method, ENTRY, password=PASSWORD)[0] == 405
    assert ask(cache, "GET", ENTRY) == (200, BLOB)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/ac/",
        "/cas/",
        f"/cas/{KEY[:2]}/",
        f"/cas/{KEY[:2]}/{KEY}",
        f"/cas/{KEY[:-1]}",
        f"/cas/{KEY}0",
        f"/cas/{KEY.upper()}",
        f"/cas/{'g' * 64}",
        f"/other/{KEY}",
        f"/cas/../../writers?{KEY}",
        "/writers",
        "/%2e%2e/writers",
        "/cas/..%2f..%2fwriters",
        "/nginx.conf",
        "/entries/",
    ],
)
def test_there_is_nothing_but_entries(cache: NginxCache, path: str) -> None:
    ask(cache, "PUT", ENTRY, BLOB, password=PASSWORD)
    before = files(cache.folder)
    for method in ("GET", "PUT"):
        status, body = ask(cache, method, path, BLOB, password=PASSWORD)
        assert status in (400, 404, 405), method
        assert WRITER.encode() not in body and KEY.encode() not in body
    assert files(cache.folder) == before


def test_an_upload_that_breaks_off_leaves_nothing(cache: NginxCache) -> None:
    secret = base64.b64encode(f"{WRITER}:{PASSWORD}".encode()).decode()
    head = f"PUT {ENTRY} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {secret}\r\nContent-Length: 100000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", cache.port)) as connection:
        connection.sendall(head.encode() + b"x" * 50000)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1000):
            pass
    assert ask(cache, "GET", ENTRY)[0] == 404
    assert files(cache.entries) == []
    assert files(cache.folder / "incoming") == []


def test_a_large_output_is_taken(cache: NginxCache) -> None:
    large = bytes(range(256)) * (5 << 12)  # 5 MiB; nginx' own limit is 1 MiB
    path = f"/cas/{hashlib.sha256(large).hexdigest()}"
    assert ask(cache, "PUT", path, large, password=PASSWORD)[0] == 201
    assert ask(cache, "GET", path) == (200, large)


def test_entries_lie_as_in_bazel_s_disk_cache(cache: NginxCache) -> None:
    action = f"/ac/{KEY}"
    ask(cache, "PUT", ENTRY, BLOB, password=PASSWORD)
    ask(cache, "PUT", action, b"its result", password=PASSWORD)
    assert files(cache.entries) == [f"ac/{KEY[:2]}/{KEY}", f"cas/{KEY[:2]}/{KEY}"]
    assert ask(cache, "GET", action) == (200, b"its result")


def test_with_tls_as_it_is_deployed(tmp_path: Path) -> None:
    with nginx_cache(tmp_path, tls=True) as cache:
        assert ask(cache, "PUT", ENTRY, BLOB, password=PASSWORD)[0] == 201
        assert ask(cache, "GET", ENTRY) == (200, BLOB)
        # Nothing is answered in plain text.
        plain = NginxCache(cache.folder, cache.port, "http")
        assert ask(plain, "GET", ENTRY)[0] == 400
