"""What the report says about a run, taken from its run.json."""

from __future__ import annotations

import numpy as np

from shared_libs.common.detections import Detections
from shared_libs.common.run import Run
from shared_libs.common.tracks import Tracks
from tracking.report import ReportFacts

_ROLES = {"video": "Video", "detections": "Detections", "truth": "Ground truth"}


def facts_of(
    run: Run, video: str | None = None, detections: Detections | None = None, truth: Tracks | None = None
) -> ReportFacts:
    """The facts of `run`. `video`: file name of the annotated video beside the report. `detections` and `truth` add
    their lines to the plot of players per frame, where they are at hand."""
    name = next((run.inputs[role].name for role in _ROLES if role in run.inputs), "Tracks")
    rows = [
        (words, f"{run.inputs[role].name} ({run.inputs[role].size:,} bytes, SHA-256 {run.inputs[role].sha256[:16]}…)")
        for role, words in _ROLES.items()
        if role in run.inputs
    ]
    fps = run.settings.get("fps")
    if isinstance(fps, int | float):
        rows.append(("Frame rate", f"{fps:g} frames per second"))
    for key, words in (
        ("frames", "Frames"),
        ("detections", "Detections"),
        ("boxes", "Boxes in tracks"),
        ("interpolated_boxes", "of these filled in"),
    ):
        if key in run.metrics:
            rows.append((words, f"{run.metrics[key]:,.0f}"))
    for key, words in (("association", "Association"), ("render", "Drawing the video"), ("total", "Whole run")):
        if key in run.timings:
            rows.append((words, f"{run.timings[key]:.2f} s"))
    rows.append(("Made by", f"{run.service} {run.code_version}"))
    rows += [("Note", note) for note in run.notes]
    return ReportFacts(
        title=f"Tracks of {name}",
        subtitle=run.created.strftime("%-d %B %Y, %H:%M UTC"),
        facts=rows,
        settings=run.settings,
        metrics=run.metrics,
        detections_per_frame=_per_frame(detections),
        truth_per_frame=_per_frame(truth),
        video=video,
        association_fps=run.timings.get("association_fps"),
    )


def _per_frame(boxes: Detections | Tracks | None) -> list[int]:
    if boxes is None:
        return []
    return [int(count) for count in np.bincount(boxes.frame, minlength=boxes.frame_count)]
