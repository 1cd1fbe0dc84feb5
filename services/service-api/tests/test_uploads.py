"""Videos arrive whole, whatever breaks off on the way; what is no film is refused, in words; the service lives."""

from __future__ import annotations

import os
import random
import resource
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.films import OFFSET, begin, padded, plain_film, send, serving, settled, sha256_of
from tests.served import Served, problem


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path) as made:
        yield made


def _state(place: Served, video_id: str) -> httpx.Response:
    return place.http.head(f"/api/v1/videos/{video_id}/upload")


def _break_off(place: Served, video_id: str, content: bytes, offset: int, count: int) -> None:
    """A request that promises the rest of `content` from `offset` on, and dies after `count` bytes."""
    rest = len(content) - offset
    head = (
        f"PATCH /api/v1/videos/{video_id}/upload HTTP/1.1\r\nHost: localhost:{place.port}\r\n"
        f"Content-Type: {OFFSET['Content-Type']}\r\nUpload-Offset: {offset}\r\nContent-Length: {rest}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", place.port)) as sock:
        sock.sendall(head.encode() + content[offset : offset + count])
        _offset_from(place, video_id, offset + count)


def _offset_from(place: Served, video_id: str, at_least: int) -> int:
    """How much is there, once it is so much."""
    for _ in range(400):
        offset = int(_state(place, video_id).headers["Upload-Offset"])
        if offset >= at_least:
            return offset
        time.sleep(0.01)
    raise AssertionError("what was sent has not arrived")


def test_an_upload_that_breaks_off_ten_times_arrives_as_it_was(place: Served, tmp_path: Path) -> None:
    content = padded(plain_film(tmp_path / "game.mp4").read_bytes(), 1_000_000)
    chance = random.Random(20)
    video_id = begin(place.http, len(content), sha256=sha256_of(content))
    offset = 0
    for number in range(10):
        count = chance.randrange(1, (len(content) - offset) // (11 - number))
        _break_off(place, video_id, content, offset, count)
        offset += count
        assert _state(place, video_id).headers["Upload-Offset"] == str(offset)
        while send(place.http, video_id, b"", offset).status_code == 423:  # it has not noticed yet
            time.sleep(0.01)
    answer = send(place.http, video_id, content[offset:], offset)
    assert answer.status_code == 204, answer.text
    assert answer.headers["Upload-Offset"] == str(len(content))
    video = settled(place.http, video_id)
    assert video["sha256"] == sha256_of(content) and video["received"] == len(content)
    assert sha256_of(place.http.get(f"/api/v1/videos/{video_id}/file").content) == sha256_of(content)
    assert not list(place.site.settings.spool.iterdir())


def test_an_upload_goes_on_where_it_ends_and_nowhere_else(place: Served, tmp_path: Path) -> None:
    content = plain_film(tmp_path / "game.mp4").read_bytes()
    video_id = begin(place.http, len(content))
    assert send(place.http, video_id, content[:100]).headers["Upload-Offset"] == "100"
    for offset in (0, 99, 101):
        answer = send(place.http, video_id, content[offset:], offset)
        problem(answer, 409, "wrong-offset")
        assert answer.headers["Upload-Offset"] == "100"
    state = _state(place, video_id)
    assert (state.headers["Upload-Offset"], state.headers["Upload-Length"]) == ("100", str(len(content)))
    assert state.headers["Cache-Control"] == "no-store"
    assert place.http.get(f"/api/v1/videos/{video_id}").json()["received"] == 100


def test_more_than_was_announced_is_not_taken(place: Served) -> None:
    video_id = begin(place.http, 1000)
    problem(send(place.http, video_id, b"x" * 1001), 413, "too-large")
    problem(send(place.http, video_id, iter([b"x" * 600, b"x" * 600])), 413, "too-large")
    # What fitted and came by itself may stay, as with an upload that breaks off.
    assert _state(place, video_id).headers["Upload-Offset"] in ("0", "600")


def test_only_one_request_at_a_time_adds_to_an_upload(place: Served) -> None:
    video_id = begin(place.http, 4_000_000)
    may_end = threading.Event()

    def slowly() -> Iterator[bytes]:
        yield b"a" * 2_000_000
        may_end.wait(20)
        yield b"b" * 1_000_000

    answers: list[httpx.Response] = []
    with httpx.Client(base_url=place.url, timeout=30, trust_env=False) as other:
        thread = threading.Thread(target=lambda: answers.append(send(other, video_id, slowly())))
        thread.start()
        offset = _offset_from(place, video_id, 1_000_000)
        answer = send(place.http, video_id, b"c" * 1000, offset)
        problem(answer, 423, "locked")
        assert int(answer.headers["Retry-After"]) > 0
        may_end.set()
        thread.join()
    assert answers[0].headers["Upload-Offset"] == "3000000"


def test_a_silent_sender_is_given_up_and_keeps_what_it_sent(place: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.bodies.IDLE_SECONDS", 0.2)
    video_id = begin(place.http, 1000)
    head = (
        f"PATCH /api/v1/videos/{video_id}/upload HTTP/1.1\r\nHost: localhost\r\nContent-Type: {OFFSET['Content-Type']}"
        "\r\nUpload-Offset: 0\r\nContent-Length: 1000\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", place.port), timeout=20) as sock:
        sock.sendall(head.encode() + b"x" * 300)
        assert sock.recv(4096).startswith(b"HTTP/1.1 408")
    assert _state(place, video_id).headers["Upload-Offset"] == "300"


def test_a_file_that_is_not_what_was_sent_is_refused(place: Served, tmp_path: Path) -> None:
    content = plain_film(tmp_path / "game.mp4").read_bytes()
    video_id = begin(place.http, len(content), sha256=sha256_of(b"another"))
    said = problem(send(place.http, video_id, content), 422, "not-a-film")
    assert "did not arrive" in said["detail"]
    problem(send(place.http, video_id, b"", len(content)), 409, "upload-ended")
    assert _state(place, video_id).status_code == 410


def test_what_is_empty_too_large_or_of_another_kind_is_not_begun(tmp_path: Path) -> None:
    with serving(tmp_path, upload_bytes=1000, quota_bytes=1500, quota_videos=2) as place:

        def post(**given: object) -> httpx.Response:
            return place.http.post("/api/v1/videos", json={"name": "game", "size": 10} | given)

        problem(post(size=0), 422, "empty-file")
        problem(post(size=1001), 413, "too-large")
        problem(post(content_type="application/pdf"), 415, "not-a-video")
        for wrong in ({"name": " "}, {"name": "a\nb"}, {"size": -1}, {"sha256": "abc"}, {"suffix": "mp4"}):
            problem(post(**wrong), 422, "invalid-request")
        assert post(size=900, content_type="video/quicktime; codecs=avc1").status_code == 201
        said = problem(post(size=900), 403, "quota-exceeded")
        assert (said["has"], said["at_most"]) == (900, 1500)
        assert post().status_code == 201
        said = problem(post(), 403, "quota-exceeded")
        assert (said["has"], said["at_most"]) == (2, 2)
        assert len(place.http.get("/api/v1/videos").json()["items"]) == 2


def test_a_video_for_which_there_is_no_room_is_not_begun(place: Served) -> None:
    answer = place.http.post("/api/v1/videos", json={"name": "game", "size": 60 << 30})
    free = os.statvfs(place.site.settings.spool.parent)
    if free.f_bavail * free.f_frsize < 60 << 30:
        problem(answer, 507, "disk-full")
    else:
        assert answer.status_code == 201


def test_a_part_of_another_type_is_not_taken(place: Served) -> None:
    video_id = begin(place.http, 1000)
    path = f"/api/v1/videos/{video_id}/upload"
    problem(place.http.patch(path, content=b"x", headers={"Upload-Offset": "0"}), 415, "wrong-type")
    problem(place.http.patch(path, content=b"x", headers=OFFSET), 422, "invalid-request")


def test_a_full_disk_is_507_and_the_upload_goes_on_when_there_is_room(place: Served, tmp_path: Path) -> None:
    content = padded(plain_film(tmp_path / "game.mp4").read_bytes(), 100_000)
    room = 20_000
    video_id = begin(place.http, len(content))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    # SQLite's files are larger than that already, and must not grow meanwhile.
    wal = Path(f"{place.site.engine.url.database}-wal")
    assert wal.stat().st_size > room
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        answer = send(place.http, video_id, content)
        again = send(place.http, video_id, content[room:], room)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    problem(answer, 507, "disk-full")
    problem(again, 507, "disk-full")
    assert _state(place, video_id).headers["Upload-Offset"] == str(room)
    assert send(place.http, video_id, content[room:], room).status_code == 204
    assert settled(place.http, video_id)["sha256"] == sha256_of(content)
