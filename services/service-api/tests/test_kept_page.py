"""What a browser has kept of the page, and what it is told of it."""

from __future__ import annotations

import os
from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from api.page_files import PageFiles


def _client(folder: Path) -> TestClient:
    return TestClient(Starlette(routes=[Mount("/", app=PageFiles(directory=folder, html=True))]))


def _write(path: Path, text: str) -> None:
    """As in an image, where all files carry the same time."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    os.utime(path, (1577836800, 1577836800))


def test_a_new_version_with_the_same_size_and_time_is_told_apart(tmp_path: Path) -> None:
    for release, text in (("old", "const a = 1;"), ("new", "const a = 2;")):
        _write(tmp_path / release / "a.js", text)
    kept = _client(tmp_path / "old").get("/a.js").headers["ETag"]
    answer = _client(tmp_path / "new").get("/a.js", headers={"If-None-Match": kept})
    assert answer.status_code == 200 and answer.text == "const a = 2;"


def test_what_is_the_same_in_a_new_version_is_not_sent_again_whatever_its_time(tmp_path: Path) -> None:
    _write(tmp_path / "old" / "a.js", "const a = 1;")
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "a.js").write_text("const a = 1;")
    kept = _client(tmp_path / "old").get("/a.js").headers
    answer = _client(tmp_path / "new").get("/a.js", headers={"If-None-Match": f"W/{kept['ETag']}"})
    assert answer.status_code == 304 and answer.content == b""
    assert "Last-Modified" not in kept
