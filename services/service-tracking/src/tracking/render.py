"""The annotated video: every frame of the film with its tracks drawn on it, as an MP4 that browsers play."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from shared_libs.common.tracks import Tracks
from shared_libs.common.video import FrameWriter, read_frames
from tracking.annotate import Annotator

_SMALLEST_STEP = 0.001
"""Seconds between frames at least: some files show two frames at the same time, which MP4 does not."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What became of a video. `ended_early` says why there are fewer frames than expected, or is None."""

    frames: int
    seconds: float
    ended_early: str | None


def render(video: Path, tracks: Tracks, out: Path, on_frame: Callable[[int], None] = lambda done: None) -> Rendered:
    """Writes `out`, H.264 with the frames and times of `video`, and the boxes, ids and trails of `tracks`.

    `on_frame` is told the number of frames done. Raises InputError for a video that cannot be read, OutputError where
    the result cannot be written; nothing partial is left.
    """
    with read_frames(video) as frames, FrameWriter(out) as writer:
        annotator = Annotator(tracks, frames.info.height, frames.info.average_rate or 25.0)
        time = 0.0
        for index, shown_at, picture in frames:
            time = max(shown_at, time + _SMALLEST_STEP if index else 0.0)
            caption = f"{_clock(time)}   {annotator.count(index)} tracked"
            annotator.draw(index, picture, caption)
            writer.write(picture, time=time)
            on_frame(index + 1)
        return Rendered(frames.frames_read, time, frames.ended_early)


def _clock(seconds: float) -> str:
    """Minutes, seconds and tenths: 1:05.3."""
    tenths = int(seconds * 10 + 1e-6)
    return f"{tenths // 600}:{tenths // 10 % 60:02d}.{tenths % 10}"
