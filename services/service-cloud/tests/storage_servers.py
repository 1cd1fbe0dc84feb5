"""Storage to test against: a folder, and real servers for S3 and Google Cloud Storage behind a proxy that can fail.

Nothing leaves this machine, and the credentials are made up.
"""

from __future__ import annotations

import http.client
import os
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote

import boto3
import pytest
from gcp_storage_emulator.server import create_server
from moto.server import ThreadedMotoServer

from shared_libs.common.local_files import LocalFiles
from shared_libs.common.object_files import ObjectFiles
from shared_libs.common.storage_failures import Retry
from shared_libs.common.stored_files import StoredFiles

BUCKET = "games"

Fault = Literal["reset", "lost answer", "500", "503", "403", "429"]
"""What becomes of a call; "lost answer": the server does it, and nobody hears of that."""

_ANSWERS: dict[str, bytes] = {
    "500": b"<Error><Code>InternalError</Code><Message>broken</Message></Error>",
    "503": b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>",
    "403": b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>",
    "429": b"<Error><Code>TooManyRequests</Code><Message>later</Message></Error>",
}


@dataclass(frozen=True)
class Call:
    """A call as it came to the proxy; `target` is path and query, unquoted."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class Proxy(ThreadingHTTPServer):
    """Passes calls on to a server, keeps them in `calls`, and does to each what `fault` says."""

    daemon_threads = True

    def __init__(self, upstream: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = upstream
        self.calls: list[Call] = []
        self.fault: Callable[[Call], Fault | None] = lambda call: None
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Broken connections are what this is for."""

    def close(self) -> None:
        self.shutdown()
        self.server_close()

    def sent(self) -> int:
        """Bytes of the files that were sent, with what is around them."""
        return sum(len(call.body) for call in self.calls)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        call = Call(self.command, unquote(self.path), dict(self.headers.items()), body)
        self.server.calls.append(call)
        fault = self.server.fault(call)
        if fault == "reset":
            self._hang_up()
        elif fault in _ANSWERS:
            self._answer(int(fault), {"Content-Type": "application/xml"}, _ANSWERS[fault])
        else:
            status, headers, content = self._upstream(body)
            if fault == "lost answer":
                self._hang_up()
            else:
                self._answer(status, headers, content)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass

    def _upstream(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.upstream, timeout=20)
        try:
            connection.request(self.command, self.path, body, dict(self.headers.items()))
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in ("connection", "content-length", "date", "server", "transfer-encoding"):
                self.send_header(name, value)
        length = headers.get("Content-Length") if self.command == "HEAD" else None
        self.send_header("Content-Length", length or str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is written to stderr."""


@dataclass
class Storage:
    """Storage of one kind.

    files: by a client that waits for nothing; how long it would have is kept in `slept`. environment: what a process
    needs to reach it. damage: changes one byte of a file behind everybody's back.
    """

    kind: str
    url: str
    proxy: Proxy | None
    files: StoredFiles
    environment: dict[str, str]
    slept: list[float]
    damage: Callable[[str], None]

    @property
    def calls(self) -> list[Call]:
        return self.proxy.calls if self.proxy is not None else []


def at_random(seed: int, share: float = 0.2) -> Callable[[Call], Fault | None]:
    """A fault for this share of all calls, as the dice fall."""
    dice, lock = random.Random(seed), threading.Lock()
    kinds: tuple[Fault, ...] = ("reset", "lost answer", "500", "503", "429")

    def fault(call: Call) -> Fault | None:
        with lock:
            return dice.choice(kinds) if dice.random() < share else None

    return fault


@pytest.fixture(scope="session")
def s3_storage() -> Iterator[Storage]:
    upstream = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    upstream.start()
    proxy = Proxy(upstream.get_host_and_port()[1])
    environment = {
        "AWS_ENDPOINT_URL": proxy.url,
        "AWS_ACCESS_KEY_ID": "made-up",
        "AWS_SECRET_ACCESS_KEY": "made-up",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("AWS_PROFILE", raising=False)
        for name, value in environment.items():
            patch.setenv(name, value)
        client = boto3.client("s3")
        client.create_bucket(Bucket=BUCKET)

        def damage(path: str) -> None:
            found = client.get_object(Bucket=BUCKET, Key=f"laxai/{path}")
            content = _changed(found["Body"].read())
            client.put_object(Bucket=BUCKET, Key=f"laxai/{path}", Body=content, Metadata=found["Metadata"])

        yield _served("s3", proxy, environment, damage)
    proxy.close()
    upstream.stop()


@pytest.fixture(scope="session")
def gcs_storage() -> Iterator[Storage]:
    upstream = create_server("127.0.0.1", 0, in_memory=True, default_bucket=BUCKET)
    upstream._api.daemon = True
    upstream.start()
    while upstream._api._httpd is None:
        time.sleep(0.01)
    proxy = Proxy(upstream._api._httpd.server_address[1])
    environment = {"STORAGE_EMULATOR_HOST": proxy.url}

    def damage(path: str) -> None:
        kept, place = upstream._storage, f"laxai/{path}"
        kept._store.write_bytes(kept._object_path(BUCKET, place), _changed(kept.get_file(BUCKET, place)))

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", proxy.url)
        yield _served("gs", proxy, environment, damage)
    proxy.close()
    upstream.stop()


@pytest.fixture(params=["local", "s3", "gs"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """Each kind of storage, and nothing in it."""
    if request.param != "local":
        return _emptied(request)
    root = tmp_path / "storage"

    def damage(path: str) -> None:
        (root / path).write_bytes(_changed((root / path).read_bytes()))

    return Storage("local", str(root), None, LocalFiles(root), {}, [], damage)


@pytest.fixture(params=["s3", "gs"])
def server(request: pytest.FixtureRequest) -> Storage:
    """Each kind that is a server, and nothing in it."""
    return _emptied(request)


def _served(kind: str, proxy: Proxy, environment: dict[str, str], damage: Callable[[str], None]) -> Storage:
    slept: list[float] = []
    url = f"{kind}://{BUCKET}/laxai"
    return Storage(kind, url, proxy, ObjectFiles(url, Retry(sleep=slept.append)), environment, slept, damage)


def _emptied(request: pytest.FixtureRequest) -> Storage:
    made: Storage = request.getfixturevalue({"s3": "s3_storage", "gs": "gcs_storage"}[request.param])
    assert made.proxy is not None
    made.proxy.fault = lambda call: None
    made.files.remove_folder("")
    made.calls.clear()
    made.slept.clear()
    return made


def _changed(content: bytes) -> bytes:
    changed = bytearray(content)
    changed[len(changed) // 2] ^= 1
    return bytes(changed)
