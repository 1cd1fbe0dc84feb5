"""When frames are shown: by the film's own times, which phones make uneven, not by counting."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from api.games.runs import RunContent, RunKey, frame_rate
from api.videos.shown import TIMES
from shared_libs.common.storage import video_file
from shared_libs.common.stored_files import StoredFiles

_USUAL_STEP = 0.04
"""Seconds that a film's only frame is shown."""

_USUAL_RATE = 25.0
"""Frames a second, where not even the run says it."""


@dataclass(frozen=True, slots=True)
class FrameTimes:
    """start: float64 (frames + 1,), seconds at which each frame begins to be shown, and at which the last one ends.
    are_of_film: whether the film says so; otherwise they were counted by its rate."""

    start: NDArray[np.float64]
    are_of_film: bool

    @classmethod
    def of_film(cls, presentation: NDArray[np.float64], frame_count: int) -> FrameTimes:
        """Of at least one frame that the film has, sorted. Frames that boxes have beyond its end follow evenly."""
        step = float(np.median(np.diff(presentation))) if len(presentation) > 1 else _USUAL_STEP
        more = max(0, frame_count - len(presentation)) + 1
        after = presentation[-1] + step * np.arange(1, more + 1)
        return cls(np.concatenate([presentation, after]), True)

    @classmethod
    def counted(cls, fps: float, frame_count: int) -> FrameTimes:
        """Of so many frames a second."""
        return cls(np.arange(frame_count + 1) / fps, False)

    def begins(self, frame: int) -> float:
        """When a frame begins to be shown."""
        return float(self.start[min(frame, len(self.start) - 1)])

    def ends(self, frame: int) -> float:
        """When the next one does."""
        return self.begins(frame + 1)


def frame_times(files: StoredFiles, key: RunKey, content: RunContent) -> FrameTimes:
    """When the frames of a run are shown."""
    stored = files.read(video_file(key.tenant, key.video_id, TIMES))
    if stored:
        return FrameTimes.of_film(np.frombuffer(stored, "<f8"), content.tracks.frame_count)
    return FrameTimes.counted(frame_rate(content.run) or _USUAL_RATE, content.tracks.frame_count)
