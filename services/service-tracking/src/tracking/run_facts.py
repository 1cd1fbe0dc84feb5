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
    """The facts of `run`, but for its date and timings: of equal results the page is equal.

    `video`: file name of the annotated video beside the report. `detections` and `truth` add their lines to the plot of
    players per frame, where they are at hand.
    """
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
    if "camera_frames" in run.metrics:
        known, of = run.metrics.get("camera_known", 0), run.metrics["camera_frames"]
        rows.append(("Camera motion", f"known in {known:,.0f} of {of:,.0f} frames"))
    rows.append(("Made by", f"{run.service} {run.code_version}"))
    rows += [("Note", note) for note in run.notes]
    return ReportFacts(
        title=f"Tracks of {name}",
        subtitle=", ".join(_length(run)),
        facts=rows,
        settings=run.settings,
        metrics=run.metrics,
        detections_per_frame=_per_frame(detections),
        truth_per_frame=_per_frame(truth),
        video=video,
    )


def _length(run: Run) -> list[str]:
    """How long it is, in words."""
    frames, fps = run.metrics.get("frames"), run.settings.get("fps")
    words = [f"{frames:,.0f} frames"] if frames is not None else []
    if frames is not None and isinstance(fps, int | float) and fps > 0:
        minutes, seconds = divmod(round(frames / fps), 60)
        words.append(f"{minutes} min {seconds:02d} s" if minutes else f"{seconds} s")
    return words


def _per_frame(boxes: Detections | Tracks | None) -> list[int]:
    if boxes is None:
        return []
    return [int(count) for count in np.bincount(boxes.frame, minlength=boxes.frame_count)]
