"""The annotated video: every frame of the film with its tracks drawn on it, as an MP4 that browsers play."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from shared_libs.common.tracks import Tracks
from shared_libs.common.video import read_planar
from tracking.annotate import Annotator
from tracking.canvas import Canvas
from tracking.checkpoint import Arrays, Checkpoint, Watcher
from tracking.film_segments import SEGMENT_FRAMES, TIME_BASE, Segment, SegmentEncoder, join

if TYPE_CHECKING:
    from tracking.camera_path import CameraPath

_THREADS = 6
"""A fixed number: what becomes of damaged pictures depends on it, and must not depend on the machine."""
_SMALLEST_STEP = 0.001
"""Seconds between frames at least: some files show two frames at the same time, which MP4 does not."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """What to draw on a film: its tracks; how the camera moves, where that is known; each track's team and what to call
    it, likewise; and a remark to be shown all the time."""

    tracks: Tracks
    camera: CameraPath | None = None
    teams: Mapping[int, str] | None = None
    labels: Mapping[int, str] | None = None
    remark: str = ""

    def digest(self) -> bytes:
        """Differs where what is drawn differs."""
        words = sorted((self.teams or {}).items()), sorted((self.labels or {}).items()), self.remark
        digest = hashlib.sha256(repr(words).encode())
        tracks = self.tracks
        parts: list[NDArray[Any]] = [
            tracks.frame,
            tracks.track_id,
            tracks.xyxy,
            tracks.source,
            np.array(tracks.frame_count),
        ]
        if self.camera is not None:
            parts += [self.camera.transform, self.camera.reason]
        for part in parts:
            digest.update(f"{part.dtype}{part.shape}".encode() + np.ascontiguousarray(part).tobytes())
        return digest.digest()


@dataclass(frozen=True, slots=True)
class Rendered:
    """How far a video is drawn: `frames` of it, the last shown at `last_time`, in `work_seconds`, those of earlier runs
    included. `is_whole`: there are no more. `ended_early` says why there are fewer than expected, or is None."""

    frames: int = 0
    last_time: float = 0.0
    work_seconds: float = 0.0
    is_whole: bool = False
    ended_early: str | None = None
    damaged: int = 0
    """Packets inside the video that were left out."""

    def arrays(self) -> dict[str, NDArray[Any]]:
        """As plain arrays by name, for `numpy.savez`."""
        numbers = np.array([self.frames, self.last_time, self.work_seconds, self.is_whole, self.damaged], np.float64)
        return {"progress": numbers, "ended_early": np.array(self.ended_early or "")}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """What `arrays` gave."""
        frames, last_time, work_seconds, is_whole, damaged = arrays["progress"].tolist()
        ended_early = str(arrays["ended_early"]) or None
        return cls(int(frames), last_time, work_seconds, bool(is_whole), ended_early, int(damaged))


def render(
    video: Path,
    drawing: Drawing,
    out: Path,
    checkpoint: Checkpoint | None = None,
    watcher: Watcher | None = None,
) -> Rendered:
    """Writes `out`, H.264 with the frames and times of `video`, and the boxes, ids and trails of `drawing`.

    With a `checkpoint` it goes on from there, and the same bytes come out. Raises InputError for a video that cannot be
    read, OutputError where the result cannot be written; nothing partial is left.
    """
    watcher = watcher or Watcher()
    if checkpoint is None:
        steps = [Rendered()]

        def segments() -> Iterator[Segment]:
            for segment, reached in _draw(video, drawing, steps[0], watcher):
                steps.append(reached)
                yield segment

        join(segments(), out)
        return steps[-1]

    key = drawing.digest()
    count, done = _kept(checkpoint, key)
    watcher.started(done.frames, done.work_seconds)
    if not done.is_whole:
        for segment, done in _draw(video, drawing, done, watcher):  # noqa: B020 - it needs the first value only
            checkpoint.save(_name(count), segment.arrays() | done.arrays(), key)
            watcher.saved(done.frames)
            count += 1
    join((Segment.from_arrays(_saved(checkpoint, number, key)) for number in range(count)), out)
    return done


def _draw(video: Path, drawing: Drawing, done: Rendered, watcher: Watcher) -> Iterator[tuple[Segment, Rendered]]:
    """The segments after those that are done, each with how far the film is drawn by then."""
    began = time.perf_counter() - done.work_seconds
    with read_planar(video, threads=_THREADS) as frames:
        rate = frames.info.average_rate or 25.0
        annotator = Annotator(drawing.tracks, frames.info.height, rate, drawing.camera, drawing.teams, drawing.labels)
        frames.skip(done.frames)
        remark = f"   {drawing.remark}" if drawing.remark else ""
        encoder, shown_at = SegmentEncoder(rate), done.last_time
        for index, stated, planes in frames:
            if encoder.frames == SEGMENT_FRAMES:
                yield encoder.finish(), Rendered(index, shown_at, time.perf_counter() - began)
                encoder = SegmentEncoder(rate)
            shown_at = max(stated, shown_at + _SMALLEST_STEP if index else 0.0)
            caption = f"{_clock(shown_at)}   {annotator.count(index)} tracked{remark}"
            annotator.draw(index, Canvas(planes), caption)
            encoder.add(planes, round(shown_at / TIME_BASE))
            watcher.progressed(index + 1)
        segment, seconds = encoder.finish(), time.perf_counter() - began
        yield segment, Rendered(frames.frames_read, shown_at, seconds, True, frames.ended_early, frames.damaged)


def _kept(checkpoint: Checkpoint, key: bytes) -> tuple[int, Rendered]:
    """How many segments an earlier run has left, and how far they reach."""
    count, done = 0, Rendered()
    while not done.is_whole and (arrays := checkpoint.load(_name(count), key)) is not None:
        count, done = count + 1, Rendered.from_arrays(arrays)
    return count, done


def _saved(checkpoint: Checkpoint, number: int, key: bytes) -> Arrays:
    arrays = checkpoint.load(_name(number), key)
    if arrays is None:
        raise RuntimeError(f"the saved film segment {number} has gone bad while the film was being joined")
    return arrays


def _name(number: int) -> str:
    return f"film-{number:05d}"


def _clock(seconds: float) -> str:
    """Minutes, seconds and tenths: 1:05.3."""
    tenths = int(seconds * 10 + 1e-6)
    return f"{tenths // 600}:{tenths // 10 % 60:02d}.{tenths % 10}"
