"""Wheels of gigabytes, such as CUDA's: to lock them, only the parts that are needed are fetched."""

import re
import secrets
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from lock.lockfile import read_lock
from lock.testing import Workspace
from shared_libs.common.files import sha256_file

FILLING = 2_000_000


@contextmanager
def index_of(wheel: Path) -> Iterator[tuple[str, list[int]]]:
    """An index on this machine that has one wheel and gives parts of it: its address, and the bytes of each answer."""
    page = f'<a href="/{wheel.name}#sha256={sha256_file(wheel)}">{wheel.name}</a>'.encode()
    sent: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.answer(body=False)

        def do_GET(self) -> None:
            self.answer(body=True)

        def answer(self, body: bool) -> None:
            is_page = self.path.startswith("/wheels/")
            if not is_page and self.path != f"/{wheel.name}":
                self.send_error(404)
                return
            data = page if is_page else wheel.read_bytes()
            asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
            if asked:
                data = data[int(asked[1]) : int(asked[2]) + 1]
            self.send_response(206 if asked else 200)
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Type", "text/html" if is_page else "application/zip")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if body:
                sent.append(len(data))
                self.wfile.write(data)

        def log_message(self, format: str, *arguments: object) -> None:
            """Says nothing: what a test prints is read when it fails."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/wheels/", sent
        finally:
            server.shutdown()


def test_what_a_large_wheel_requires_is_read_without_fetching_it(workspace: Workspace) -> None:
    workspace.wheel("beta", "1.0")
    wheel = workspace.wheel("alpha", "1.0", ["beta"])
    with zipfile.ZipFile(wheel) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, data in {"alpha.bin": secrets.token_bytes(FILLING), **files}.items():
            archive.writestr(name, data)
    wheel = wheel.rename(workspace.root / wheel.name)
    workspace.write("tools.in", "alpha\n")
    with index_of(wheel) as (address, sent):
        workspace.environment.pop("PIP_NO_INDEX")
        workspace.environment["PIP_INDEX_URL"] = address
        done = workspace.lock()
    assert done.returncode == 0, done.stderr
    pins = {pin.key: pin.hashes for pin in read_lock(workspace.root / "requirements" / "tools.txt")}
    assert pins.keys() == {"alpha==1.0", "beta==1.0"}
    assert pins["alpha==1.0"] == {sha256_file(wheel)}
    assert "alpha" in workspace.read("import_names.json")
    assert sent and sum(sent) < FILLING / 10
