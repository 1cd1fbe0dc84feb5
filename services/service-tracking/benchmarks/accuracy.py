"""How good tracks are: the same boxes for all, scored by our `evaluate`, all sequences pooled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.peers import ONLINE, Contestant
from benchmarks.sequences import LabelledSequence
from benchmarks.text_table import aligned
from shared_libs.utils.progress import progress
from tracking.evaluate import Counts, Scores, count

COMPARED = {"HOTA": "hota", "AssA": "ass_a", "DetA": "det_a", "IDF1": "idf1", "MOTA": "mota"}


@dataclass(frozen=True, slots=True)
class Standing:
    """One tracker's scores: of all sequences together and of each, and its frames per second over them."""

    contestant: Contestant
    combined: Scores
    sequences: dict[str, Scores]
    frames_per_second: float

    def percent(self, score: str) -> float:
        """As it is printed."""
        return round(100 * float(getattr(self.combined, COMPARED[score])), 2)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Ours beside the best peer in one score, in per cent; the ratio is that of the printed figures."""

    score: str
    ours: float
    best_peer: str
    theirs: float

    @property
    def ratio(self) -> float:
        return round(self.ours / self.theirs, 3) if self.theirs else 0.0


@dataclass(frozen=True, slots=True)
class AccuracyReport:
    """Standings, ours last. `with_pictures`: in how many of the sequences pictures were looked at."""

    sequences: int
    with_pictures: int
    frames: int
    boxes: int
    standings: tuple[Standing, ...]

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        *others, ours = self.standings
        peers = [each for each in others if each.contestant.name != ONLINE]
        found = []
        for score in COMPARED:
            best = max(peers, key=lambda peer: peer.percent(score))
            found.append(Comparison(score, ours.percent(score), best.contestant.name, best.percent(score)))
        return tuple(found)

    def text(self) -> str:
        rows = [
            (
                each.contestant.name,
                *(f"{each.percent(score):.2f}" for score in COMPARED),
                str(each.combined.switches),
                f"{each.combined.track_ids}/{each.combined.truth_ids}",
                f"{each.frames_per_second:.0f}",
                each.contestant.made_by,
            )
            for each in self.standings
        ]
        table = aligned(("", *COMPARED, "switches", "ids", "frames/s", "version"), rows)
        against = aligned(
            ("", "ours", "best peer", "ratio", "which"),
            [(c.score, f"{c.ours:.2f}", f"{c.theirs:.2f}", f"{c.ratio:.3f}", c.best_peer) for c in self.comparisons],
        )
        seen = f" ({self.with_pictures} with pictures)" if self.with_pictures else ""
        what = f"{self.sequences} sequences{seen}, {self.frames} frames, {self.boxes} boxes"
        return f"{what}\n{table}\n\n{against}"

    def to_dict(self) -> dict[str, Any]:
        return {
            "sequences": self.sequences,
            "with_pictures": self.with_pictures,
            "frames": self.frames,
            "boxes": self.boxes,
            "trackers": {
                each.contestant.name: {
                    "made_by": each.contestant.made_by,
                    "frames_per_second": each.frames_per_second,
                    "combined": each.combined.to_dict(),
                    "sequences": {name: scores.to_dict() for name, scores in each.sequences.items()},
                }
                for each in self.standings
            },
            "comparisons": [
                {"score": c.score, "ours": c.ours, "best_peer": c.best_peer, "theirs": c.theirs, "ratio": c.ratio}
                for c in self.comparisons
            ],
        }


def measure_accuracy(
    sequences: Iterable[LabelledSequence],
    contestants: Sequence[Contestant],
    *,
    count_of_sequences: int | None = None,
    look: bool = False,
    quiet: bool = False,
) -> AccuracyReport:
    """Every contestant (ours last) on every sequence. `look`: those that use pictures get them, where there are any."""
    counts: dict[str, dict[str, Counts]] = {each.name: {} for each in contestants}
    seconds = dict.fromkeys(counts, 0.0)
    frames = boxes = with_pictures = 0
    total = None if count_of_sequences is None else count_of_sequences * len(contestants)
    with progress(total, "tracking", "runs", quiet=quiet) as bar:
        for sequence in sequences:
            frames += sequence.detections.frame_count
            boxes += len(sequence.detections)
            pictures = sequence.pictures if look else None
            with_pictures += pictures is not None
            for each in contestants:
                outcome = each.run(sequence.detections, sequence.fps, pictures)
                counts[each.name][sequence.name] = count(sequence.truth, outcome.tracks)
                seconds[each.name] += outcome.seconds
                bar.advance()
    standings = tuple(
        Standing(
            each,
            pooled(counts[each.name].values()).scores(),
            {name: counted.scores() for name, counted in counts[each.name].items()},
            round(frames / seconds[each.name], 1),
        )
        for each in contestants
    )
    return AccuracyReport(len(counts[contestants[-1].name]), with_pictures, frames, boxes, standings)


def pooled(counts: Iterable[Counts]) -> Counts:
    """Of several sequences together."""
    first, *others = counts
    for other in others:
        first = first + other
    return first
