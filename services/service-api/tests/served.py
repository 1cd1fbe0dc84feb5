"""The service as its users meet it: a real server on a port of this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from api.access.keys import Scope
from api.app import create_app
from api.serving import Server, listen
from api.settings import ApiSettings
from api.site import Site, open_site

OUTSIDE = {"X-Forwarded-For": "203.0.113.5"}
"""What a proxy on this machine says of a caller from elsewhere."""

HTTPS = {"X-Forwarded-Proto": "https"}
"""What a proxy says that ends TLS."""

CSRF = "X-CSRF-Token"


class Served:
    """A server that answers. url: with its port. http: a client of it, without a key."""

    def __init__(self, app: FastAPI, port: int) -> None:
        self.app = app
        self.site: Site = app.state.site
        self.port = port
        self.url = f"http://localhost:{port}"
        self._clients: list[httpx.Client] = []
        self.http = self.client()

    def client(self, **headers: str) -> httpx.Client:
        """Another client: with cookies of its own, and headers that it sends every time."""
        made = httpx.Client(base_url=self.url, timeout=20.0, trust_env=False, headers=headers)
        self._clients.append(made)
        return made

    def close(self) -> None:
        """Closes all clients."""
        for each in self._clients:
            each.close()

    def key(self, scope: Scope = Scope.ADMIN, tenant: str = "eagles") -> str:
        """The whole of a new key."""
        return self.site.keys.create(tenant, scope)[1]

    def with_key(self, token: str) -> httpx.Client:
        """A client that has a key."""
        return self.client(Authorization=f"Bearer {token}")

    def page(self, token: str) -> tuple[httpx.Client, str]:
        """A client that has a session for a key, and its CSRF token."""
        client = self.client()
        answer = client.post("/api/v1/session", json={"key": token})
        assert answer.status_code == 201, answer.text
        return client, answer.json()["csrf_token"]


@contextmanager
def served(folder: Path, *, app: FastAPI | None = None, **settings: Any) -> Iterator[Served]:
    """A server of a storage and a database in a folder; or of an app."""
    made = app if app is not None else create_app(site_settings(folder, **settings))
    with listen("127.0.0.1", 0) as sock:
        server = Server(made)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
        thread.start()
        place = Served(made, sock.getsockname()[1])
        try:
            yield place
        finally:
            server.stop()
            place.close()
            thread.join(30)
            assert not thread.is_alive()


def site_settings(folder: Path, **settings: Any) -> ApiSettings:
    """Settings for a storage and a database in a folder."""
    return ApiSettings.load(**{"storage": str(folder / "storage"), "spool": folder / "spool", **settings})


def new_site(folder: Path, **settings: Any) -> Site:
    """A site in a folder, which nobody serves yet."""
    return open_site(site_settings(folder, **settings))


def problem(answer: httpx.Response, status: int, slug: str) -> dict[str, Any]:
    """The problem that an answer is: checked to be of this kind."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    said: dict[str, Any] = answer.json()
    assert said["type"] == f"urn:laxai:problem:{slug}" and said["status"] == status
    assert said["title"] and said["detail"]
    return said


class Program:
    """`python -m api`, or another program, as a process of its own; what it says on stderr is kept."""

    def __init__(self, log: Path, *words: str, ignores_interrupts: bool = False) -> None:
        self._log = log
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        # A shell's background jobs ignore Ctrl-C, and what they start does too: this one only where it is told to.
        handler = signal.SIG_IGN if ignores_interrupts else signal.SIG_DFL
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, *words],
                env=environment,
                stdout=file,
                stderr=file,
                preexec_fn=lambda: signal.signal(signal.SIGINT, handler),
            )

    def lines(self) -> list[str]:
        """What it has said."""
        return self._log.read_text(encoding="utf-8").splitlines()

    def url(self) -> str:
        """Where it serves, once it does."""
        end = time.monotonic() + 30
        while time.monotonic() < end:
            found = [line.split()[-1] for line in self.lines() if line.startswith("LaxAI at ")]
            if found:
                return found[0]
            assert self.process.poll() is None, self.lines()
            time.sleep(0.05)
        raise AssertionError(f"it does not serve: {self.lines()}")

    def end(self, number: signal.Signals) -> int:
        """Sends a signal; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(30)


def complaint(lines: list[str]) -> str:
    """The one line of a program that refused its input."""
    [line] = lines
    assert line.startswith("error: ")
    return line
