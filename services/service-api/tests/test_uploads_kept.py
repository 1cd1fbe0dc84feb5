"""What a service that was killed leaves behind is taken up by the next; memory is flat however large an upload is."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import httpx
import pytest
from tests.films import begin, padded, plain_film, send, serving, settled, sha256_of
from tests.served import Program

_PROGRAM = """
import sys
from pathlib import Path
from tests.films import serving
with serving(Path(sys.argv[1])) as place:
    print("LaxAI at", place.url, flush=True)
    place.site.stopping.wait()
"""


def test_a_killed_service_takes_up_what_it_left(tmp_path: Path) -> None:
    content = padded(plain_film(tmp_path / "game.mp4").read_bytes(), 50_000)
    first = Program(tmp_path / "first", "-c", _PROGRAM, str(tmp_path))
    with httpx.Client(base_url=first.url(), timeout=20, trust_env=False) as http:
        half = begin(http, len(content))
        assert send(http, half, content[:5000]).status_code == 204
        whole = begin(http, len(content))
        assert send(http, whole, content).status_code == 204
        first.end(signal.SIGKILL)
    with serving(tmp_path) as place:
        assert settled(place.http, whole)["sha256"] == sha256_of(content)
        assert place.http.head(f"/api/v1/videos/{half}/upload").headers["Upload-Offset"] == "5000"
        assert send(place.http, half, content[5000:], 5000).status_code == 204
        settled(place.http, half)


def test_what_arrived_but_was_never_looked_at_is_looked_at(tmp_path: Path) -> None:
    content = plain_film(tmp_path / "game.mp4").read_bytes()
    with serving(tmp_path) as place:
        good, bad = begin(place.http, len(content)), begin(place.http, 100)
    spool = place.site.settings.spool
    (spool / f"{good}.upload").write_bytes(content)
    (spool / f"{bad}.upload").write_bytes(b"x" * 100)
    with serving(tmp_path) as place:
        settled(place.http, good)
        assert "no video" in settled(place.http, bad, state="refused")["reason"]


def test_an_upload_that_nobody_goes_on_with_is_given_up(tmp_path: Path) -> None:
    with serving(tmp_path) as place:
        old, new = begin(place.http, 1000), begin(place.http, 1000)
    before = time.time() - 8 * 24 * 3600
    os.utime(place.site.settings.spool / f"{old}.upload", (before, before))
    with serving(tmp_path) as place:
        for _ in range(400):
            if place.http.get(f"/api/v1/videos/{old}").status_code == 404:
                break
            time.sleep(0.02)
        listed = place.http.get("/api/v1/videos").json()["items"]
        assert [video["video_id"] for video in listed] == [new]


def test_what_killed_services_left_half_made_goes_after_a_day(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    names = {"0123.scratch": 2, ".0123.scratch.4567.tmp": 2, "4567.scratch": 0, "video_0123456789ab.upload": 2}
    for name, days in names.items():
        (spool / name).touch()
        os.utime(spool / name, (time.time() - days * 24 * 3600,) * 2)
    with serving(tmp_path):
        assert {path.name for path in spool.iterdir()} == {"4567.scratch", "video_0123456789ab.upload"}


def test_a_large_upload_is_taken_with_flat_memory(tmp_path: Path) -> None:
    size, part = (300 if "LAXAI_EXHAUSTIVE" in os.environ else 80) << 20, 1 << 20
    program = Program(tmp_path / "log", "-c", _PROGRAM, str(tmp_path))
    peaks = []
    with httpx.Client(base_url=program.url(), timeout=60, trust_env=False) as http:
        for count in (8, size // part):
            video_id = begin(http, size)
            answer = send(http, video_id, (bytes(part) for _ in range(count)))
            assert answer.status_code == (204 if count == 8 else 422)
            peaks.append(_peak_memory(program.process.pid))
    program.end(signal.SIGTERM)
    assert peaks[1] - peaks[0] < 24 << 20


def _peak_memory(process: int) -> int:
    if sys.platform != "linux":
        pytest.skip("resident memory is read from /proc")
    [line] = [line for line in Path(f"/proc/{process}/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024
