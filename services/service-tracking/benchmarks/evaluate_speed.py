"""How long a long game takes to score, from files to numbers: our `evaluate` and TrackEval on the same files."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.by_trackeval import by_trackeval
from benchmarks.games import long_game
from benchmarks.mot_folders import put_sequence
from benchmarks.text_table import aligned
from shared_libs.utils.progress import progress
from tracking.evaluate import count
from tracking.motchallenge import sequences

_NAME = "game"


@dataclass(frozen=True, slots=True)
class EvaluateReport:
    """Seconds of both, rounded as they are printed; the ratio is that of the printed figures."""

    frames: int
    boxes: int
    track_boxes: int
    ours_seconds: float
    trackeval_seconds: float
    greatest_difference: float
    """between the two in any score; counts and ratios alike"""

    @property
    def ratio(self) -> float:
        return round(self.trackeval_seconds / self.ours_seconds, 2) if self.ours_seconds else 0.0

    def text(self) -> str:
        rows = [("TrackEval", f"{self.trackeval_seconds:.2f}"), ("ours", f"{self.ours_seconds:.2f}")]
        table = aligned(("", "seconds"), rows)
        return (
            f"scoring {self.frames} frames, {self.boxes} boxes, {self.track_boxes} tracked, from files\n{table}\n"
            f"TrackEval / ours = {self.trackeval_seconds:.2f} / {self.ours_seconds:.2f} = {self.ratio}; "
            f"they differ by at most {self.greatest_difference:.1e}"
        )

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "ratio": self.ratio}


def measure_evaluate(
    frames: int = 27_000, boxes: int = 300_000, seed: int = 0, *, quiet: bool = False
) -> EvaluateReport:
    """One game of `frames` frames with `boxes` true boxes, scored once by each."""
    with TemporaryDirectory() as name, progress(3, "scoring", "steps", quiet=quiet) as bar:
        folder = Path(name)
        truth, tracks = long_game(frames, boxes, seed)
        put_sequence(folder, _NAME, truth, tracks)
        bar.advance()
        begin = time.perf_counter()
        ((_, true, mine),) = sequences(folder / "truth", folder / "trackers" / "ours")
        ours = count(true, mine).scores().to_dict()
        ours_seconds = time.perf_counter() - begin
        bar.advance()
        begin = time.perf_counter()
        theirs = by_trackeval(folder, [_NAME])[_NAME]
        trackeval_seconds = time.perf_counter() - begin
        bar.advance()
    return EvaluateReport(
        frames=frames,
        boxes=len(truth),
        track_boxes=len(tracks),
        ours_seconds=round(ours_seconds, 2),
        trackeval_seconds=round(trackeval_seconds, 2),
        greatest_difference=max(abs(float(ours[score]) - float(value)) for score, value in theirs.items()),
    )
