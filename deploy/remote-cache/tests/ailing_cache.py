"""A build cache with an illness of one's choice, on a free port of this machine."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@contextmanager
def cache_that_answers(status: int, body: bytes = b"") -> Iterator[str]:
    """One that answers every request so. Yields its URL."""

    class Answer(_Quiet):
        def answer(self) -> None:
            self.send(status, body)

    with _serving(Answer) as url:
        yield url


@contextmanager
def cache_that_dies(entries: Path, after: int) -> Iterator[str]:
    """One that serves a folder of entries, and after so many requests breaks every connection. Yields its URL."""
    lock = threading.Lock()
    asked = 0

    class Answer(_Quiet):
        def answer(self) -> None:
            nonlocal asked
            with lock:
                asked += 1
                alive = asked <= after
            if not alive:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            _, store, key = self.path.split("/")
            entry = entries / store / key[:2] / key
            self.send(200, entry.read_bytes()) if entry.exists() else self.send(404, b"")

    with _serving(Answer) as url:
        yield url


@contextmanager
def cache_that_is_silent() -> Iterator[str]:
    """One that takes connections and says nothing. Yields its URL."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def nobody_there(scheme: str) -> Iterator[str]:
    """A port at which nobody listens. Yields its URL."""
    # Bound and not listened at: nobody else can take it meanwhile.
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"{scheme}://127.0.0.1:{held.getsockname()[1]}"


class _Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        raise NotImplementedError

    def send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self.answer()

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.answer()

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def _serving(handler: type[_Quiet]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
