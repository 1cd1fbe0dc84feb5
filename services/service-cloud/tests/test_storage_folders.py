"""Folders to storage and from it: whole, in any order but the last, and nothing that leads elsewhere."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from tests.storage_servers import Storage, gcs_storage, s3_storage, server, storage

from shared_libs.common.errors import InputError

__all__ = ["gcs_storage", "s3_storage", "server", "storage"]


class BrokenOff(Exception):
    """What ends an upload in its middle."""


def crops(folder: Path, count: int = 20) -> dict[str, bytes]:
    """A folder of small files, among them run.json; what is in it."""
    for number in range(count):
        path = folder / f"train/player_{number % 3}/{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(random.Random(number).randbytes(100 + number))
    (folder / "run.json").write_text("{}")
    (folder / ".half.tmp").write_text("no part of it")
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }


def test_a_folder_arrives_and_its_last_file_comes_last(storage: Storage, tmp_path: Path) -> None:
    content = crops(tmp_path / "in")
    files, reports, seen = storage.files, [(0, 0)], []

    def allowed() -> None:
        seen.append(files.read("reds/r/run.json"))

    files.upload_folder(
        tmp_path / "in", "reds/r", last="run.json", allowed=allowed, report=lambda *each: reports.append(each)
    )
    assert seen == [None] * len(content)
    assert {name: files.read(f"reds/r/{name}") for name in files.names("reds/r")} == content
    total = sum(map(len, content.values()))
    assert reports == sorted(reports)
    assert reports[-1] == (total, total)
    storage.calls.clear()
    files.upload_folder(tmp_path / "in", "reds/r", last="run.json", allowed=lambda: None)
    assert {call.method for call in storage.calls} <= {"HEAD", "GET"}


def test_a_folder_of_which_no_more_may_be_sent_is_not_finished(storage: Storage, tmp_path: Path) -> None:
    crops(tmp_path / "in")
    asked: list[int] = []

    def allowed() -> None:
        asked.append(1)
        if len(asked) > 12:
            raise BrokenOff

    with pytest.raises(BrokenOff):
        storage.files.upload_folder(tmp_path / "in", "reds/r", last="run.json", allowed=allowed)
    assert len(asked) == 13
    names = storage.files.names("reds/r")
    assert len(names) <= 12
    assert "run.json" not in names


def test_a_folder_without_its_last_file_or_with_a_link_is_refused(storage: Storage, tmp_path: Path) -> None:
    crops(tmp_path / "in")
    with pytest.raises(InputError, match=r"in/card\.json: no such file"):
        storage.files.upload_folder(tmp_path / "in", "reds/r", last="card.json", allowed=lambda: None)
    (tmp_path / "in" / "train" / "link").symlink_to("/etc/passwd")
    with pytest.raises(InputError, match=r"in/train/link: is a symbolic link"):
        storage.files.upload_folder(tmp_path / "in", "reds/r", last="run.json", allowed=lambda: None)
    assert storage.files.names("reds/r") == []


def test_a_removed_folder_is_gone_and_its_documents_go_first(storage: Storage, tmp_path: Path) -> None:
    crops(tmp_path / "in", 5)
    files = storage.files
    files.upload_folder(tmp_path / "in", "reds/r", last="run.json", allowed=lambda: None)
    files.write("reds/r2/run.json", b"{}")
    storage.calls.clear()
    files.remove_folder("reds/r")
    assert files.names("reds") == ["r2/run.json"]
    removals = [call for call in storage.calls if call.method == "DELETE" or "?delete" in call.target]
    assert storage.proxy is None or b"run.json" in removals[0].target.encode() + removals[0].body
    files.remove_folder("reds/r")
    files.remove_folder("blues")
    assert files.names("reds") == ["r2/run.json"]
