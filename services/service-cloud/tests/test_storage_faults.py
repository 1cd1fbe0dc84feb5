"""Storage that fails: a little and at random, for good, in the middle, and for want of room."""

from __future__ import annotations

import contextlib
import os
import random
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.storage_servers import Call, Fault, Storage, at_random, gcs_storage, s3_storage, server, storage

from shared_libs.common.errors import InputError, OutputError, TransientError
from shared_libs.common.local_files import LocalFiles
from shared_libs.common.object_files import ObjectFiles
from shared_libs.common.storage_failures import Retry
from shared_libs.common.transfers import PART

__all__ = ["gcs_storage", "s3_storage", "server", "storage"]

SEEDS = range(20) if os.environ.get("LAXAI_EXHAUSTIVE") == "1" else range(2)


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def game(folder: Path, seed: int) -> Path:
    """A folder of twelve small files, a large one, and run.json."""
    dice = random.Random(seed)
    folder.mkdir()
    for number in range(12):
        (folder / f"{number}.jpg").write_bytes(dice.randbytes(dice.randrange(2000)))
    (folder / "film.mp4").write_bytes(dice.randbytes(PART + 1000))
    (folder / "run.json").write_text("{}")
    return folder


@pytest.mark.parametrize("seed", SEEDS)
def test_where_a_fifth_of_all_calls_fail_everything_works(server: Storage, tmp_path: Path, seed: int) -> None:
    source = game(tmp_path / "in", seed)
    assert server.proxy is not None
    server.proxy.fault = at_random(seed)
    files = server.files
    files.upload_folder(source, "reds/r", last="run.json", allowed=lambda: None)
    assert files.names("reds/r") == sorted(tree(source))
    assert files.folders("reds") == ["r"]
    files.download_folder("reds/r", tmp_path / "out")
    assert tree(tmp_path / "out") == tree(source)
    assert files.sha256("reds/r/run.json")
    files.write("reds/r/run.json", b"[]")
    assert files.read("reds/r/run.json") == b"[]"
    assert files.read("reds/r/none") is None
    files.remove_folder("reds/r")
    server.proxy.fault = lambda call: None
    assert files.names("reds/r") == []
    assert len(server.slept) > 5


@pytest.mark.parametrize("fault", ["reset", "503"])
def test_a_server_that_does_not_come_back_is_given_up_soon(server: Storage, tmp_path: Path, fault: Fault) -> None:
    source = game(tmp_path / "in", 0)
    server.files.write("reds/a", b"1")
    assert server.proxy is not None
    server.proxy.fault = lambda call: fault
    for attempt in (
        lambda: server.files.read("reds/a"),
        lambda: server.files.write("reds/a", b"2"),
        lambda: server.files.names("reds"),
        lambda: server.files.size("reds/a"),
        lambda: server.files.upload(source / "film.mp4", "reds/b"),
        lambda: server.files.download("reds/a", tmp_path / "a"),
        lambda: server.files.remove_folder("reds"),
    ):
        server.calls.clear()
        server.slept.clear()
        with pytest.raises(TransientError, match=r"just now: .* – try again later"):
            attempt()
        assert len(server.slept) == 7
        assert sum(server.slept) < 5
        assert 8 <= len(server.calls) <= 16  # aiohttp itself asks again where a connection that it kept is dead
    server.proxy.fault = lambda call: None
    assert server.files.read("reds/a") == b"1"


def test_a_server_that_is_not_there_is_transient(
    server: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ENDPOINT_URL", "STORAGE_EMULATOR_HOST"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    files = ObjectFiles(server.url, Retry(sleep=lambda seconds: None))
    with pytest.raises(TransientError, match="reds/a: cannot be read just now"):
        files.read("reds/a")


def test_what_is_not_allowed_is_not_tried_again(server: Storage, tmp_path: Path) -> None:
    assert server.proxy is not None
    server.files.write("reds/a", b"1")
    server.proxy.fault = lambda call: "403"
    server.calls.clear()
    with pytest.raises(InputError, match="reds/a: may not be read"):
        server.files.read("reds/a")
    with pytest.raises(OutputError, match="reds/a: may not be written"):
        server.files.write("reds/a", b"2")
    assert len(server.calls) == 2
    assert server.slept == []


def test_an_upload_given_up_in_its_middle_is_gone_on_with_later(server: Storage, tmp_path: Path) -> None:
    source = game(tmp_path / "in", 0) / "film.mp4"
    assert server.proxy is not None
    server.proxy.fault = lambda call: "503" if 0 < len(call.body) < PART and call.method == "PUT" else None
    with pytest.raises(TransientError):
        server.files.upload(source, "reds/a")
    server.proxy.fault = lambda call: None
    assert server.files.names("reds") == []
    server.calls.clear()
    server.files.upload(source, "reds/a")
    assert server.proxy.sent() < 5000
    assert server.files.read("reds/a") == source.read_bytes()
    assert sorted(path.name for path in source.parent.iterdir() if path.name.startswith(".")) == []


def test_an_answer_that_is_lost_at_the_very_end_is_no_failure(server: Storage, tmp_path: Path) -> None:
    source = game(tmp_path / "in", 0) / "film.mp4"
    assert server.proxy is not None
    lost: list[str] = []

    def fault(call: Call) -> Fault | None:
        is_last = len(call.body) == 1000 if server.kind == "gs" else call.method == "POST" and "uploadId" in call.target
        if not is_last or lost:
            return None
        lost.append(call.target)
        return "lost answer"

    server.proxy.fault = fault
    server.files.upload(source, "reds/a")
    assert len(lost) == 1
    assert server.files.read("reds/a") == source.read_bytes()


@contextlib.contextmanager
def small_disk() -> Iterator[None]:
    """No file of this process grows beyond a million bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_fills_during_an_upload_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    source = game(tmp_path / "in", 0) / "film.mp4"
    files = LocalFiles(tmp_path / "storage")
    with small_disk(), pytest.raises(OutputError, match="reds/a: cannot be written: no file may be that large"):
        files.upload(source, "reds/a")
    assert list((tmp_path / "storage" / "reds").iterdir()) == []
    files.upload(source, "reds/a")
    assert files.read("reds/a") == source.read_bytes()


def test_a_disk_that_fills_during_a_download_is_told_and_leaves_nothing(storage: Storage, tmp_path: Path) -> None:
    source = game(tmp_path / "in", 0) / "film.mp4"
    storage.files.upload(source, "reds/a")
    with small_disk(), pytest.raises(OutputError, match="out/a: cannot be written"):
        storage.files.download("reds/a", tmp_path / "out" / "a")
    assert list((tmp_path / "out").iterdir()) == []
