"""Uploads to real servers and to the disk: whole or invisible, gone on with where they broke off, checked."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from tests.storage_servers import BUCKET, Storage, gcs_storage, s3_storage, server, storage

from shared_libs.common.errors import InputError, OutputError, TransientError
from shared_libs.common.object_files import ObjectFiles
from shared_libs.common.storage_failures import Retry
from shared_libs.common.transfers import PART

__all__ = ["gcs_storage", "s3_storage", "server", "storage"]

LARGE = PART + 12_345


class BrokenOff(Exception):
    """What ends an upload in its middle."""


def made(folder: Path, size: int, name: str = "source.mp4", seed: int = 0) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(random.Random(seed).randbytes(size))
    return path


def break_off(done: int, total: int) -> None:
    if 0 < done < total:
        raise BrokenOff


def state(source: Path) -> Path:
    return source.with_name(f".{source.name}.upload.json")


def unfinished() -> list[str]:
    """Keys of the uploads that S3 holds and nobody sees."""
    return [upload["Key"] for upload in boto3.client("s3").list_multipart_uploads(Bucket=BUCKET).get("Uploads", ())]


@pytest.mark.parametrize("size", [0, 1, PART, PART + 1])
def test_a_file_arrives_as_it_is_and_leaves_nothing_beside_it(storage: Storage, tmp_path: Path, size: int) -> None:
    files, source = storage.files, made(tmp_path / "in", size)
    reports: list[tuple[int, int]] = []
    files.upload(source, "reds/v/source.mp4", report=lambda done, total: reports.append((done, total)))
    assert files.read("reds/v/source.mp4") == source.read_bytes()
    assert files.size("reds/v/source.mp4") == size
    assert files.sha256("reds/v/source.mp4") == hashlib.sha256(source.read_bytes()).hexdigest()
    assert files.names("reds") == ["v/source.mp4"]
    assert files.folders("") == ["reds"]
    assert reports == sorted(reports)
    assert reports[-1] == (size, size)
    assert list(source.parent.iterdir()) == [source]


def test_what_is_there_already_is_not_sent_again(storage: Storage, tmp_path: Path) -> None:
    files, source = storage.files, made(tmp_path, LARGE)
    files.upload(source, "reds/a")
    place = Path(files.place("reds/a"))
    before = place.stat().st_ino if storage.proxy is None else None
    storage.calls.clear()
    files.upload(source, "reds/a")
    assert {call.method for call in storage.calls} <= {"HEAD", "GET"}
    assert before is None or place.stat().st_ino == before


def test_a_file_takes_the_place_of_another_one(storage: Storage, tmp_path: Path) -> None:
    files = storage.files
    for seed in (1, 2):
        source = made(tmp_path, 1000, seed=seed)
        files.upload(source, "reds/a")
        assert files.read("reds/a") == source.read_bytes()


def test_an_upload_that_breaks_off_shows_nothing_and_goes_on_with_what_is_missing(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = made(tmp_path / "in", LARGE)
    with pytest.raises(BrokenOff):
        storage.files.upload(source, "reds/a", report=break_off)
    assert storage.files.read("reds/a") is None
    assert storage.files.names("reds") == []
    if storage.proxy is None:
        written: list[int] = []
        write = os.pwrite

        def counted(file: int, content: memoryview, start: int) -> int:
            written.append(write(file, content, start))
            return written[-1]

        monkeypatch.setattr(os, "pwrite", counted)
        storage.files.upload(source, "reds/a")
        assert sum(written) == LARGE - PART
    else:
        assert state(source).stat().st_mode & 0o777 == 0o600
        storage.calls.clear()
        storage.files.upload(source, "reds/a")
        assert LARGE - PART <= storage.proxy.sent() < LARGE - PART + 2000
    assert storage.files.read("reds/a") == source.read_bytes()
    assert list(source.parent.iterdir()) == [source]
    assert storage.files.names("reds") == ["a"]


def test_an_upload_of_a_process_that_was_killed_goes_on_in_another(storage: Storage, tmp_path: Path) -> None:
    source = made(tmp_path, LARGE)
    program = (
        "import os, signal, sys; from pathlib import Path; from shared_libs.common.stored_files import stored_files\n"
        "def report(done, total):\n"
        "    if 0 < done < total: os.kill(os.getpid(), signal.SIGKILL)\n"
        "stored_files(sys.argv[1]).upload(Path(sys.argv[2]), 'reds/a', report=report)"
    )
    environment = os.environ | storage.environment | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", program, storage.url, str(source)], env=environment, check=False)
    assert done.returncode == -9
    assert storage.files.names("reds") == []
    storage.calls.clear()
    storage.files.upload(source, "reds/a")
    assert storage.proxy is None or storage.proxy.sent() < LARGE - PART + 2000
    assert storage.files.read("reds/a") == source.read_bytes()


def test_an_upload_of_a_source_that_has_changed_starts_over(storage: Storage, tmp_path: Path) -> None:
    source = made(tmp_path, LARGE)
    with pytest.raises(BrokenOff):
        storage.files.upload(source, "reds/a", report=break_off)
    made(tmp_path, LARGE + 1, seed=1)
    storage.files.upload(source, "reds/a")
    assert storage.files.read("reds/a") == source.read_bytes()
    assert not state(source).exists()
    if storage.kind == "s3":
        assert unfinished() == []
    if storage.kind == "local":
        assert [path.name for path in (Path(storage.url) / "reds").iterdir()] == ["a"]


def test_an_upload_to_another_place_starts_over(server: Storage, tmp_path: Path) -> None:
    source = made(tmp_path, LARGE)
    with pytest.raises(BrokenOff):
        server.files.upload(source, "reds/a", report=break_off)
    server.files.upload(source, "reds/b")
    assert server.files.names("reds") == ["b"]
    assert server.files.read("reds/b") == source.read_bytes()


@pytest.mark.parametrize("damage", ["session", "state"])
def test_an_upload_that_the_server_forgot_starts_over(server: Storage, tmp_path: Path, damage: str) -> None:
    source = made(tmp_path, LARGE)
    with pytest.raises(BrokenOff):
        server.files.upload(source, "reds/a", report=break_off)
    if damage == "state":
        state(source).write_text("{")
    else:
        document = json.loads(state(source).read_text())
        state(source).write_text(json.dumps(document | {"session": document["session"] + "-none"}))
    server.files.upload(source, "reds/a")
    assert server.files.read("reds/a") == source.read_bytes()
    assert not state(source).exists()


def test_a_source_that_changes_during_its_upload_is_told_and_shows_nothing(storage: Storage, tmp_path: Path) -> None:
    source = made(tmp_path, LARGE)

    def change(done: int, total: int) -> None:
        with open(source, "r+b") as file:
            file.seek(total - 1)
            file.write(b"?")

    with pytest.raises((InputError, TransientError), match=r"changed while it was uploaded|match calculated"):
        storage.files.upload(source, "reds/a", report=change)
    assert storage.files.names("reds") == []
    assert not state(source).exists()
    if storage.kind == "s3":
        assert unfinished() == []


def test_every_part_goes_with_its_checksum_and_the_whole_keeps_one(server: Storage, tmp_path: Path) -> None:
    source = made(tmp_path, LARGE)
    sha256 = hashlib.sha256(source.read_bytes()).hexdigest()
    server.files.upload(source, "reds/a")
    server.files.write("reds/b", b"small")
    if server.kind == "s3":
        parts = [call for call in server.calls if call.method == "PUT"]
        assert len(parts) == 3
        for call in parts:
            assert base64.b64decode(call.headers["Content-MD5"]) == hashlib.md5(call.body).digest()
        assert boto3.client("s3").head_object(Bucket=BUCKET, Key="laxai/reds/a")["Metadata"] == {"sha256": sha256}
    else:
        begun = next(call for call in server.calls if "uploadType=resumable" in call.target and call.method == "POST")
        announced = json.loads(begun.body)
        assert announced["metadata"] == {"sha256": sha256}
        assert base64.b64decode(announced["md5Hash"]) == hashlib.md5(source.read_bytes()).digest()
        small = next(call for call in server.calls if "uploadType=multipart" in call.target)
        assert base64.b64encode(hashlib.md5(b"small").digest()) in small.body


def test_unfinished_uploads_into_a_removed_folder_end(server: Storage, tmp_path: Path) -> None:
    source = made(tmp_path, LARGE)
    with pytest.raises(BrokenOff):
        server.files.upload(source, "reds/r/a", report=break_off)
    server.files.remove_folder("reds/r")
    if server.kind == "s3":
        assert unfinished() == []
    server.files.upload(source, "reds/r/a")
    assert server.files.read("reds/r/a") == source.read_bytes()


def test_what_cannot_be_uploaded_is_one_line(storage: Storage, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none: no such file"):
        storage.files.upload(tmp_path / "none", "reds/a")


def test_a_bucket_that_is_not_there_is_named(server: Storage, tmp_path: Path) -> None:
    files = ObjectFiles(f"{server.kind}://gmaes/laxai", Retry(sleep=server.slept.append))
    source = made(tmp_path, LARGE)
    with pytest.raises(OutputError, match=r"//gmaes/laxai/reds/a: cannot be written: there is no such bucket"):
        files.upload(source, "reds/a")
    with pytest.raises(OutputError, match="there is no such bucket"):
        files.write("reds/a", b"")
    for attempt in (files.read, files.folders, files.size):
        with pytest.raises(InputError, match="there is no bucket gmaes"):
            attempt("reds/a")
    assert server.slept == []
