"""How fast boxes are joined to tracks, without any pictures: the same boxes for all, on one core, in turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.excerpt import first_frames
from benchmarks.peers import Contestant
from benchmarks.rounds import Race, one_thread, race
from shared_libs.common.detections import Detections


@dataclass(frozen=True, slots=True)
class SpeedReport:
    """The race, and how long ours took for its very first frames in this process (it compiles then), in seconds."""

    race: Race
    first_call: float

    def text(self) -> str:
        return f"{self.race.text()}\nours, first call of the process: {self.first_call:.2f} s (not in the above)"

    def to_dict(self) -> dict[str, Any]:
        return {**self.race.to_dict(), "first_call_seconds": self.first_call}


def measure_speed(
    detections: Detections,
    fps: float,
    contestants: Sequence[Contestant],
    rounds: int = 5,
    *,
    quiet: bool = False,
) -> SpeedReport:
    """Only the update loops are timed (see `Outcome.seconds`). `contestants`: ours last."""
    few = first_frames(detections, 50)
    with one_thread():
        warm = {each.name: each.run(few, fps, None).seconds for each in contestants}
        runners: dict[str, tuple[str, Callable[[], float]]] = {
            each.name: (each.made_by, _timed(each, detections, fps)) for each in contestants
        }
        per_frame = len(detections) / max(1, detections.frame_count)
        what = f"association, {per_frame:.1f} boxes a frame, {detections.frame_count} frames, one thread"
        result = race(what, detections.frame_count, runners, rounds, quiet=quiet)
    return SpeedReport(result, warm[contestants[-1].name])


def _timed(contestant: Contestant, detections: Detections, fps: float) -> Callable[[], float]:
    return lambda: contestant.run(detections, fps, None).seconds
