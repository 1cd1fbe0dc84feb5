"""Resumable uploads against a server that keeps to Google's description of them where the emulator does not.

It may keep only a part of what it is sent, names no range before it has anything, ends a session with 410, and
answers for a finished one as it did before.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from shared_libs.common.errors import TransientError
from shared_libs.common.object_files import ObjectFiles
from shared_libs.common.storage_failures import Retry
from shared_libs.common.transfers import PART

UNIT = 1 << 18


@dataclass
class Session:
    about: dict[str, Any]
    size: int
    kept: bytearray = field(default_factory=bytearray)
    is_done: bool = False


class Server(ThreadingHTTPServer):
    """keeps: of what it is sent at a time, at most so many bytes. refused: what it would not take, and why."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.keeps = 1 << 40
        self.sessions: dict[str, Session] = {}
        self.refused: list[str] = []
        self.ranges: list[str] = []
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        name = unquote(self.path).partition("/o/")[2].partition("?")[0]
        done = [each for each in self.server.sessions.values() if each.is_done and each.about["name"] == name]
        if "/o/" not in self.path:
            self._answer(200, b"{}")  # the bucket
        elif not done:
            self._answer(404)
        elif "alt=media" in self.path:
            self._answer(200, bytes(done[-1].kept))
        else:
            self._answer(200, self._described(done[-1]))

    def do_POST(self) -> None:
        about = json.loads(self._body())
        session = f"{len(self.server.sessions)}"
        self.server.sessions[session] = Session(about, int(self.headers["X-Upload-Content-Length"]))
        self._answer(200, headers={"Location": f"{self.server.url}{self.path}&upload_id={session}"})

    def do_DELETE(self) -> None:
        self.server.sessions.pop(self._id(), None)
        self._answer(499)

    def do_PUT(self) -> None:
        content, wanted = self._body(), self.headers["Content-Range"]
        self.server.ranges.append(wanted)
        session = self.server.sessions.get(self._id())
        if session is None:
            self._answer(410)
            return
        if session.is_done:
            self._answer(200, self._described(session))
            return
        sent = re.fullmatch(rf"bytes (\d+)-(\d+)/{session.size}", wanted)
        if sent is not None:
            start, end = int(sent[1]), int(sent[2]) + 1
            is_last = end == session.size
            if end - start != len(content) or start > len(session.kept) or not (is_last or len(content) % UNIT == 0):
                self.server.refused.append(wanted)
                self._answer(400)
                return
            new = content[len(session.kept) - start :]
            if len(new) > self.server.keeps or not is_last:
                new = new[: min(len(new), self.server.keeps) // UNIT * UNIT]
            session.kept += new
        elif wanted != f"bytes */{session.size}" or content:
            self.server.refused.append(wanted)
            self._answer(400)
            return
        if len(session.kept) < session.size:
            self._answer(308, headers={"Range": f"bytes=0-{len(session.kept) - 1}"} if session.kept else {})
        elif base64.b64decode(session.about["md5Hash"]) != hashlib.md5(session.kept).digest():
            self._answer(400, b'{"error": {"message": "Provided MD5 hash doesn\'t match calculated MD5 hash."}}')
        else:
            session.is_done = True
            self._answer(200, self._described(session))

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _id(self) -> str:
        return parse_qs(urlsplit(self.path).query)["upload_id"][0]

    def _described(self, session: Session) -> bytes:
        return json.dumps(session.about | {"size": str(session.size), "generation": "1"}).encode()

    def _answer(self, status: int, content: bytes = b"", headers: Mapping[str, str] = MappingProxyType({})) -> None:
        self.send_response(status, "as described")
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is written to stderr."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    made = Server()
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", made.url)
    yield made
    made.shutdown()
    made.server_close()
    assert made.refused == []


@pytest.fixture
def files(server: Server) -> ObjectFiles:
    return ObjectFiles("gs://games/laxai", Retry(sleep=lambda seconds: None))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "film.mp4"
    path.write_bytes(os.urandom(PART + 1000))
    return path


def break_off(done: int, total: int) -> None:
    if done < total:
        raise KeyError("broken off")


def test_what_the_server_did_not_keep_is_sent_again(server: Server, files: ObjectFiles, source: Path) -> None:
    server.keeps = 3 * UNIT + 17
    files.upload(source, "reds/a")
    assert files.read("reds/a") == source.read_bytes()
    assert server.ranges[1].startswith(f"bytes {3 * UNIT}-")


def test_an_upload_goes_on_where_the_server_is(server: Server, files: ObjectFiles, source: Path) -> None:
    server.keeps = UNIT
    with pytest.raises(KeyError, match="broken off"):
        files.upload(source, "reds/a", report=break_off)
    server.keeps = 1 << 40
    server.ranges.clear()
    files.upload(source, "reds/a")
    assert server.ranges == [f"bytes */{PART + 1000}", f"bytes {UNIT}-{PART + 999}/{PART + 1000}"]
    assert files.read("reds/a") == source.read_bytes()
    assert len(server.sessions) == 1


def test_a_server_that_keeps_nothing_is_given_up_and_asked_again_later(
    server: Server, files: ObjectFiles, source: Path
) -> None:
    server.keeps = 0
    with pytest.raises(TransientError, match="the server kept nothing"):
        files.upload(source, "reds/a")
    assert len(server.ranges) < 20
    server.keeps = 1 << 40
    files.upload(source, "reds/a")
    assert files.read("reds/a") == source.read_bytes()
    assert len(server.sessions) == 1


def test_a_session_that_has_ended_is_begun_anew(server: Server, files: ObjectFiles, source: Path) -> None:
    with pytest.raises(KeyError):
        files.upload(source, "reds/a", report=break_off)
    server.sessions.clear()
    files.upload(source, "reds/a")
    assert files.read("reds/a") == source.read_bytes()


def test_an_upload_that_was_finished_unheard_is_not_sent_again(
    server: Server, files: ObjectFiles, source: Path
) -> None:
    with pytest.raises(KeyError):
        files.upload(source, "reds/a", report=break_off)
    (session,) = server.sessions.values()
    session.kept[:] = source.read_bytes()
    server.ranges.clear()
    files.upload(source, "reds/a")
    assert server.ranges == [f"bytes */{PART + 1000}"]
    assert files.read("reds/a") == source.read_bytes()


def test_what_was_damaged_on_its_way_is_refused_and_sent_anew(server: Server, files: ObjectFiles, source: Path) -> None:
    with pytest.raises(KeyError):
        files.upload(source, "reds/a", report=break_off)
    (session,) = server.sessions.values()
    session.kept[0] ^= 1
    with pytest.raises(TransientError, match="match calculated"):
        files.upload(source, "reds/a")
    assert files.size("reds/a") is None
    files.upload(source, "reds/a")
    assert files.read("reds/a") == source.read_bytes()
