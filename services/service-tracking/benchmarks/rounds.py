"""Comparing speeds on a machine that others use too: A, B, A, B, … in one process, and the median of each."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import cv2

from benchmarks.text_table import aligned
from shared_libs.utils.progress import progress


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast one contestant went, in frames per second, rounded as it is printed."""

    name: str
    made_by: str
    median: float
    slowest: float
    fastest: float


@dataclass(frozen=True, slots=True)
class Race:
    """The paces of all, ours last, and how we compare. The ratio is that of the printed figures."""

    what: str
    frames: int
    rounds: int
    paces: tuple[Pace, ...]

    @property
    def ours(self) -> Pace:
        return self.paces[-1]

    @property
    def fastest_peer(self) -> Pace:
        return max(self.paces[:-1], key=lambda pace: pace.median)

    @property
    def ratio(self) -> float:
        return round(self.ours.median / self.fastest_peer.median, 2)

    def text(self) -> str:
        rows = [
            (pace.name, *(f"{value:.1f}" for value in (pace.median, pace.slowest, pace.fastest)), pace.made_by)
            for pace in self.paces
        ]
        table = aligned(("", "frames/s", "slowest", "fastest", "version"), rows)
        comparison = (
            f"ours / {self.fastest_peer.name} = {self.ours.median:.1f} / {self.fastest_peer.median:.1f} = {self.ratio}"
        )
        return f"{self.what}\n{table}\n{comparison}  (median of {self.rounds} interleaved rounds)"

    def to_dict(self) -> dict[str, Any]:
        peer = self.fastest_peer.name
        return {**asdict(self), "fastest_peer": peer, "ratio": self.ratio}


def race(
    what: str,
    frames: int,
    runners: Mapping[str, tuple[str, Callable[[], float]]],
    rounds: int,
    *,
    quiet: bool = False,
) -> Race:
    """Lets all run `rounds` times in turn. `runners`: name to who made it and what to run, ours last; each call goes
    over `frames` frames and returns the seconds that count."""
    seconds: dict[str, list[float]] = {name: [] for name in runners}
    with progress(rounds * len(runners), what, "runs", quiet=quiet) as bar:
        for _ in range(rounds):
            for name, (_, run) in runners.items():
                seconds[name].append(run())
                bar.advance()
    paces = tuple(
        Pace(
            name,
            made_by,
            median=round(frames / statistics.median(seconds[name]), 1),
            slowest=round(frames / max(seconds[name]), 1),
            fastest=round(frames / min(seconds[name]), 1),
        )
        for name, (made_by, _) in runners.items()
    )
    return Race(what, frames, rounds, paces)


@contextmanager
def one_thread() -> Iterator[None]:
    """Keeps this process to one core and OpenCV to one thread, so that nobody gains by having more of them."""
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    if cores is not None:
        os.sched_setaffinity(0, {max(cores)})
    try:
        yield
    finally:
        cv2.setNumThreads(before)
        if cores is not None:
            os.sched_setaffinity(0, cores)
