"""When a device came by a place in its work, without making it wait there."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import pairwise

import torch

Mark = torch.cuda.Event | float


class Timeline:
    """Marks in the work of `device`: events on a GPU, the clock's time on a processor."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def mark(self) -> Mark:
        """Here."""
        if self._device.type != "cuda":
            return time.perf_counter()
        event: torch.cuda.Event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record()
        return event

    def seconds(self, marks: Sequence[Mark]) -> list[float]:
        """From each mark to the next; waits until the last one is reached."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return [_between(first, second) for first, second in pairwise(marks)]


def _between(first: Mark, second: Mark) -> float:
    if isinstance(first, float) or isinstance(second, float):
        assert isinstance(first, float) and isinstance(second, float)
        return second - first
    return float(first.elapsed_time(second)) / 1000
