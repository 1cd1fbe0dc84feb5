"""How long readers wait, when many read at once from one service while a job is at work."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.made_game import MadeGame, make_game
from benchmarks.readers import Answer, addresses_of, read_together
from benchmarks.text_table import aligned

_ALL = "all"


@dataclass(frozen=True, slots=True)
class Waits:
    """How long answers of a kind took, in milliseconds, and how many were no success."""

    kind: str
    answers: int
    p50: float
    p90: float
    p99: float
    longest: float
    errors: int


@dataclass(frozen=True, slots=True)
class LoadReport:
    """pause: of a reader between an answer and the next question, in seconds. job: the share of a core that it takes.
    rate: answers a second. cpu: milliseconds of processor time that the service took for an answer."""

    readers: int
    seconds: float
    pause: float
    job: float
    frames: int
    cores: int
    rate: float
    cpu: float
    waits: tuple[Waits, ...]

    def text(self) -> str:
        header = ("", "answers", "p50 ms", "p90 ms", "p99 ms", "longest", "errors")
        rows = [
            (each.kind, f"{each.answers:,}", *(f"{ms:.1f}" for ms in (each.p50, each.p90, each.p99, each.longest)),
             f"{each.errors:,}")
            for each in self.waits
        ]  # fmt: skip
        job = f"a job at work on {self.job:.0%} of a core" if self.job else "no job at work"
        return "\n".join(
            [
                f"{self.readers} readers for {self.seconds:g} s, {self.pause:g} s between an answer and the next "
                f"question; {job}; {self.cores} cores for all; a run of {self.frames:,} frames",
                aligned(header, rows),
                f"{self.rate:.0f} answers a second; {self.cpu:.2f} ms of processor time of the service for each",
            ]
        )

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def measure_load(*, readers: int, seconds: float, pause: float, job: float, frames: int, seed: int) -> LoadReport:
    """Makes a game, serves it, reads everything once, lets a job begin, and then all readers."""
    with tempfile.TemporaryDirectory(prefix="laxai-load-") as name:
        game = make_game(Path(name), frames=frames, readers=readers)
        with _service(game, Path(name)) as (process, port), _job(game, job):
            read_together(port, game, seconds=1.0, pause=1.0, seed=seed + 1)
            cpu = _cpu_seconds(process)
            begun = time.perf_counter()
            answers = read_together(port, game, seconds=seconds, pause=pause, seed=seed)
            took = time.perf_counter() - begun
            cpu = _cpu_seconds(process) - cpu
    return LoadReport(
        readers=readers,
        seconds=seconds,
        pause=pause,
        job=job,
        frames=frames,
        cores=len(os.sched_getaffinity(0)),
        rate=round(len(answers) / took, 1),
        cpu=round(1000.0 * cpu / len(answers), 3),
        waits=(waits_of(_ALL, answers), *(waits_of(kind, answers) for kind in addresses_of(game))),
    )


def waits_of(kind: str, answers: Sequence[Answer]) -> Waits:
    """Of the answers of a kind, or of all; zeros where there are none."""
    chosen = [each for each in answers if kind in (_ALL, each.kind)]
    times = sorted(1000.0 * each.seconds for each in chosen) or [0.0]
    p50, p90, p99 = (round(times[min(len(times) - 1, int(share * len(times)))], 1) for share in (0.5, 0.9, 0.99))
    errors = sum(each.status != 200 for each in chosen)
    return Waits(kind, len(chosen), p50, p90, p99, round(times[-1], 1), errors)


@contextlib.contextmanager
def _service(game: MadeGame, folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The service as a process of its own, and its port."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LAXAI_")}
    environment |= game.settings | {"LAXAI_PORT": "0"}
    log = folder / "service.log"
    with log.open("wb") as said, _program(["-m", "api", "serve"], environment, said) as process:
        yield process, _port(process, log)


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    end = time.monotonic() + 60.0
    while time.monotonic() < end and process.poll() is None:
        for line in log.read_text().splitlines():
            if line.startswith("LaxAI at "):
                return int(line.rstrip("/").rpartition(":")[2])
        time.sleep(0.05)
    raise RuntimeError(f"the service does not serve: {log.read_text()}")


@contextlib.contextmanager
def _job(game: MadeGame, share: float) -> Iterator[None]:
    """The job at work, where it takes anything."""
    if not share:
        yield
        return
    words = ["-m", "benchmarks.job", f"sqlite:///{game.storage / 'laxai.db'}", game.job_id, str(share)]
    with _program(words, dict(os.environ) | {"OMP_NUM_THREADS": "1"}, None):
        yield


@contextlib.contextmanager
def _program(words: list[str], environment: dict[str, str], log: Any) -> Iterator[subprocess.Popen[bytes]]:
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    process = subprocess.Popen([sys.executable, *words], env=environment, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _cpu_seconds(process: subprocess.Popen[bytes]) -> float:
    """Processor time that a process has taken (proc(5))."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
