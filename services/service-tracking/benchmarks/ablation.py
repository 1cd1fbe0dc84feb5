"""What each part of association is worth: the same boxes, with more and more of it at work."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from benchmarks.accuracy import pooled
from benchmarks.sequences import LabelledSequence
from benchmarks.text_table import aligned
from shared_libs.common.tracks import Tracks
from shared_libs.utils.progress import progress
from tracking.evaluate import Counts, Scores, count
from tracking.interpolation import interpolate
from tracking.linker import link, renumbered, scene_of
from tracking.settings import TrackerSettings
from tracking.tracker import track

ONLINE, PIECES, LINKED = "online", "cut where passes differ", "linked"
FILLED = "{}, gaps filled"


@dataclass(frozen=True, slots=True)
class AblationReport:
    """Scores of all sequences pooled, by what was at work."""

    sequences: int
    frames: int
    scores: dict[str, Scores]

    def text(self) -> str:
        rows = [
            (
                name,
                *(f"{100 * value:.2f}" for value in (scores.hota, scores.ass_a, scores.idf1)),
                f"{scores.track_ids}/{scores.truth_ids}",
            )
            for name, scores in self.scores.items()
        ]
        table = aligned(("", "HOTA", "AssA", "IDF1", "ids"), rows)
        return f"{self.sequences} sequences, {self.frames} frames\n{table}"

    def to_dict(self) -> dict[str, Any]:
        return {
            "sequences": self.sequences,
            "frames": self.frames,
            "parts": {name: scores.to_dict() for name, scores in self.scores.items()},
        }


def measure_ablation(
    sequences: Iterable[LabelledSequence], *, count_of_sequences: int | None = None, quiet: bool = False
) -> AblationReport:
    """Every sequence with every part more at work, by default settings and the boxes alone."""
    settings = TrackerSettings()
    counts: dict[str, list[Counts]] = {}
    frames = total = 0
    with progress(count_of_sequences, "tracking", "sequences", quiet=quiet) as bar:
        for sequence in sequences:
            for name, tracks in parts_of(sequence, settings).items():
                counts.setdefault(name, []).append(count(sequence.truth, tracks))
            frames += sequence.detections.frame_count
            total += 1
            bar.advance()
    return AblationReport(total, frames, {name: pooled(each).scores() for name, each in counts.items()})


def parts_of(sequence: LabelledSequence, settings: TrackerSettings) -> dict[str, Tracks]:
    """The tracks of a sequence, by what was at work."""
    online = track(sequence.detections, sequence.fps, settings)
    found = {ONLINE: online, PIECES: online, LINKED: online}
    if len(online):
        scene = scene_of(online, sequence.fps, settings, None)
        found[PIECES] = renumbered(online, scene.pieces.piece)
        found[LINKED] = link(online, sequence.fps, settings)
    longest = round(settings.interpolate_seconds * sequence.fps)
    filled = {
        FILLED.format(name): interpolate(found[name], longest, settings.border_share) for name in (ONLINE, LINKED)
    }
    return {ONLINE: online, FILLED.format(ONLINE): filled[FILLED.format(ONLINE)], **found, **filled}
