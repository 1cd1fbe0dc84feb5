"""Comparing speeds on a machine that others use too: A, B, C, A, B, C, … in one process, and the median of each."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from shared_libs.utils.progress import progress


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast one contestant went, in images per second, rounded as it is printed."""

    name: str
    median: float
    slowest: float
    fastest: float


def race(
    images: int, runners: Mapping[str, Callable[[], float]], rounds: int, *, quiet: bool = False
) -> tuple[Pace, ...]:
    """Lets all run `rounds` times in turn. `runners`: by name; each call goes over `images` images and returns the
    seconds that count."""
    seconds: dict[str, list[float]] = {name: [] for name in runners}
    with progress(rounds * len(runners), "training", "runs", quiet=quiet) as bar:
        for _ in range(rounds):
            for name, run in runners.items():
                seconds[name].append(run())
                bar.advance()
    return tuple(
        Pace(
            name,
            median=round(images / statistics.median(taken), 1),
            slowest=round(images / max(taken), 1),
            fastest=round(images / min(taken), 1),
        )
        for name, taken in seconds.items()
    )
