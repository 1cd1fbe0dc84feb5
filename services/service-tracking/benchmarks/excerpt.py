"""A part of a sequence's boxes."""

from __future__ import annotations

from dataclasses import replace

from shared_libs.common.detections import Detections


def first_frames(detections: Detections, frames: int) -> Detections:
    """The boxes of the first `frames` frames, or all where there are no more."""
    frames = min(frames, detections.frame_count)
    end = int(detections.offsets()[frames])
    return replace(
        detections,
        frame=detections.frame[:end],
        xyxy=detections.xyxy[:end],
        score=detections.score[:end],
        class_id=detections.class_id[:end],
        frame_count=frames,
    )
