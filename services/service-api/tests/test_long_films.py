"""An hour's film takes no more memory than a short one: of the server, and of what it starts."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import av
import httpx
import pytest
from tests.films import film, settled, upload
from tests.served import Program

EXHAUSTIVE: Final = bool(os.environ.get("LAXAI_EXHAUSTIVE"))

MINUTES: Final = 60 if EXHAUSTIVE else 1

SECONDS_OF_A_PIECE: Final = 10
RATE: Final = 25

MORE: Final = 48 << 10
"""KiB that the long film may take more than the short one: its times, and what allocators keep."""

SECONDS: Final = 1800.0


class Memory(NamedTuple):
    """KiB: the most that the server, any of the programs that it started, and all of these together have had at once
    in memory; and what the server has had in the end."""

    server: int
    program: int
    together: int
    left: int


class Watch:
    """Looks at the memory of a process and its children until it is told to stop."""

    def __init__(self, process: int) -> None:
        self._process = process
        self._over = threading.Event()
        self._peaks = [0, 0, 0]
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def end(self) -> Memory:
        """What was seen."""
        self._over.set()
        self._thread.join(30)
        server, program, together = self._peaks
        return Memory(server, program, together, _field(self._process, "VmRSS"))

    def _look(self) -> None:
        while not self._over.wait(0.02):
            own = _field(self._process, "VmRSS")
            children = [_field(child, "VmRSS") for child in _children(self._process)]
            seen = (own, max(children, default=0), own + sum(children))
            self._peaks = [max(pair) for pair in zip(self._peaks, seen, strict=True)]


def _children(process: int) -> list[int]:
    """Those that have become programs of their own: before that, they are the process itself once more."""
    found = [int(child) for path in Path(f"/proc/{process}/task").glob("*/children") for child in _text(path).split()]
    own = _text(Path(f"/proc/{process}/cmdline"))
    return [child for child in found if _text(Path(f"/proc/{child}/cmdline")) != own]


def _field(process: int, name: str) -> int:
    """KiB; 0 of a process that has gone."""
    lines = _text(Path(f"/proc/{process}/status")).splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{name}:")), 0)


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _repeated(piece: Path, path: Path, count: int) -> Path:
    """The same film again and again, as one."""
    with av.open(str(path), "w") as target:
        stream = None
        for number in range(count):
            with av.open(str(piece)) as source:
                given = source.streams.video[0]
                stream = stream or target.add_stream_from_template(given)
                assert given.time_base is not None
                shift = round(number * SECONDS_OF_A_PIECE / given.time_base)
                for packet in source.demux(given):
                    if packet.dts is None or packet.pts is None:
                        continue
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = stream
                    target.mux(packet)
    return path


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    monkeypatch.setenv("LAXAI_STORAGE", str(tmp_path / "storage"))
    monkeypatch.setenv("LAXAI_SPOOL", str(tmp_path / "spool"))
    monkeypatch.setenv("LAXAI_PORT", "0")
    program = Program(tmp_path / "log", "-m", "api", "serve")
    yield program
    program.end(signal.SIGTERM)


def test_a_long_film_takes_no_more_memory_than_a_short_one(server: Program, tmp_path: Path) -> None:
    piece = film(tmp_path / "piece.mp4", "libx265", frames=SECONDS_OF_A_PIECE * RATE, size=(160, 96))
    found = {}
    with httpx.Client(base_url=server.url(), trust_env=False, timeout=60) as http:
        for name, count in (("first", 1), ("short", 1), ("long", MINUTES * 60 // SECONDS_OF_A_PIECE)):
            path = _repeated(piece, tmp_path / f"{name}.mp4", count)
            watch = Watch(server.process.pid)
            found[name] = (path.stat().st_size, _take(http, path, count), watch.end())
            path.unlink()
    _keep(
        {name: {"bytes": size, "frames": frames, **memory._asdict()} for name, (size, frames, memory) in found.items()}
    )
    short, long = found["short"][2], found["long"][2]
    assert all(long_one <= short_one + MORE for short_one, long_one in zip(short, long, strict=True)), (short, long)


def _take(http: httpx.Client, path: Path, count: int) -> int:
    """Has a film taken and made ready, and reads it as the page does; its frames."""
    video_id = upload(http, path)
    settled(http, video_id, seconds=SECONDS)
    settled(http, video_id, seconds=SECONDS, proxy="ready")
    frames = len(http.get(f"/api/v1/videos/{video_id}/times").json()["times"])
    assert frames == count * SECONDS_OF_A_PIECE * RATE
    for name in ("file", "proxy"):
        with http.stream("GET", f"/api/v1/videos/{video_id}/{name}") as answer:
            assert sum(map(len, answer.iter_bytes())) > 1000
    return frames


def _keep(measured: dict[str, dict[str, int]]) -> None:
    folder = os.environ.get("TEST_UNDECLARED_OUTPUTS_DIR")
    if folder:
        Path(folder, "memory.json").write_text(json.dumps(measured, indent=2))
