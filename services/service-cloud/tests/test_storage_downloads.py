"""Downloads from real servers and the disk: whole or absent, held against their checksum, and only from below."""

from __future__ import annotations

import random
from pathlib import Path

import boto3
import pytest
from tests.storage_servers import BUCKET, Storage, gcs_storage, s3_storage, server, storage

from shared_libs.common.errors import InputError, OutputError, TransientError
from shared_libs.common.transfers import PART

__all__ = ["gcs_storage", "s3_storage", "server", "storage"]

LARGE = PART + 12_345


def stored(storage: Storage, path: str, size: int, seed: int = 0) -> bytes:
    content = random.Random(seed).randbytes(size)
    storage.files.write(path, content)
    return content


@pytest.mark.parametrize("size", [0, 1, LARGE])
def test_a_file_is_fetched_once(storage: Storage, tmp_path: Path, size: int) -> None:
    content = stored(storage, "reds/a", size)
    target = tmp_path / "inputs" / "deep" / "a"
    reports: list[tuple[int, int]] = []
    storage.files.download("reds/a", target, report=lambda *each: reports.append(each))
    assert target.read_bytes() == content
    assert [path.name for path in target.parent.iterdir()] == ["a"]
    assert reports == sorted(reports)
    assert reports[-1:] in ([(size, size)], [])
    before = target.stat().st_ino
    storage.files.download("reds/a", target)
    assert target.stat().st_ino == before
    target.write_bytes(content[:-1] + b"?")
    storage.files.download("reds/a", target)
    assert target.read_bytes() == content


def test_what_is_not_there_is_one_line_and_leaves_nothing(storage: Storage, tmp_path: Path) -> None:
    for attempt in (
        lambda: storage.files.download("reds/a", tmp_path / "in" / "a"),
        lambda: storage.files.read_range("reds/a", 0, 1),
        lambda: storage.files.sha256("reds/a"),
    ):
        with pytest.raises(InputError, match="reds/a: no such file"):
            attempt()
    with pytest.raises(InputError, match="reds/r: no such folder, or nothing in it"):
        storage.files.download_folder("reds/r", tmp_path / "in")
    assert not (tmp_path / "in").exists()
    assert storage.files.size("reds/a") is None
    assert storage.files.names("reds") == []


@pytest.mark.parametrize("size", [1000, LARGE])
def test_a_file_that_was_damaged_in_storage_is_noticed(server: Storage, tmp_path: Path, size: int) -> None:
    stored(server, "reds/a", size)
    server.damage("reds/a")
    with pytest.raises(InputError, match="reds/a: is damaged"):
        server.files.download("reds/a", tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_replaced_while_it_is_read_is_not_taken_for_one(server: Storage, tmp_path: Path) -> None:
    stored(server, "reds/a", LARGE)

    def replace(done: int, total: int) -> None:
        if done < total:
            stored(server, "reds/a", LARGE, seed=1)

    with pytest.raises(TransientError, match="reds/a: was replaced while it was read"):
        server.files.download("reds/a", tmp_path / "a", report=replace)
    assert list(tmp_path.iterdir()) == []


def test_what_a_report_raises_ends_a_download_and_is_raised(storage: Storage, tmp_path: Path) -> None:
    stored(storage, "reds/a", LARGE)

    def stop(done: int, total: int) -> None:
        raise KeyError("enough")

    with pytest.raises(KeyError, match="enough"):
        storage.files.download("reds/a", tmp_path / "in" / "a", report=stop)
    assert list((tmp_path / "in").iterdir()) == []


@pytest.mark.parametrize(
    ("start", "length"), [(0, 10), (5, 7), (990, 10), (990, 50), (1000, 1), (5000, 10), (3, 0), (0, 1000)]
)
def test_a_range_is_of_those_bytes(storage: Storage, start: int, length: int) -> None:
    content = stored(storage, "reds/a", 1000)
    storage.calls.clear()
    assert storage.files.read_range("reds/a", start, length) == content[start : start + length]
    assert len(storage.calls) <= 1


@pytest.mark.parametrize(("start", "length"), [(-1, 3), (0, -1)])
def test_what_is_no_range_is_refused(storage: Storage, start: int, length: int) -> None:
    with pytest.raises(ValueError, match="a range begins"):
        storage.files.read_range("reds/a", start, length)


def test_a_folder_is_fetched_and_only_what_is_missing_again(storage: Storage, tmp_path: Path) -> None:
    names = {size: f"train/player_{size % 3}/{size}.jpg" for size in range(12)}
    content = {name: stored(storage, f"reds/d/{name}", size) for size, name in names.items()}
    stored(storage, "reds/d2/other", 10)
    reports: list[tuple[int, int]] = [(0, 0)]
    storage.files.download_folder("reds/d", tmp_path / "in", report=lambda *each: reports.append(each))
    found = {str(p.relative_to(tmp_path / "in")): p.read_bytes() for p in (tmp_path / "in").rglob("*") if p.is_file()}
    assert found == content
    assert reports == sorted(reports)
    assert reports[-1] == (66, 66)
    (tmp_path / "in" / "train/player_0/3.jpg").unlink()
    storage.calls.clear()
    storage.files.download_folder("reds/d", tmp_path / "in")
    assert (tmp_path / "in" / "train/player_0/3.jpg").read_bytes() == content["train/player_0/3.jpg"]
    fetched = [call for call in storage.calls if "Range" in call.headers]
    assert storage.proxy is None or len(fetched) == 1


def test_no_name_leads_out_of_its_folder(s3_storage: Storage, tmp_path: Path) -> None:
    client = boto3.client("s3")
    for name in ("a", "../b", "c/../../d", "e//f", "/g", ".h", "i/.j", "k/", "l/./m", "..."):
        client.put_object(Bucket=BUCKET, Key=f"laxai/reds/names/{name}", Body=b"?")
    assert s3_storage.files.names("reds/names") == ["a"]
    s3_storage.files.download_folder("reds/names", tmp_path / "in")
    assert [path.name for path in tmp_path.rglob("*")] == ["in", "a"]
    s3_storage.files.remove_folder("reds/names")
    assert "Contents" not in client.list_objects_v2(Bucket=BUCKET, Prefix="laxai/reds/names/")


def test_a_link_in_a_folder_of_storage_is_refused(storage: Storage, tmp_path: Path) -> None:
    if storage.proxy is not None:
        return
    stored(storage, "reds/d/a", 1)
    (Path(storage.url) / "reds/d/b").symlink_to("/etc/passwd")
    with pytest.raises(InputError, match=r"reds/d/b: is a symbolic link"):
        storage.files.download_folder("reds/d", tmp_path / "in")
    assert not (tmp_path / "in").exists()


def test_a_target_that_cannot_be_written_is_one_line(storage: Storage, tmp_path: Path) -> None:
    stored(storage, "reds/a", 10)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="file"):
        storage.files.download("reds/a", tmp_path / "file" / "a")
