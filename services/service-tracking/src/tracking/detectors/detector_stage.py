"""Detection as a stage of a run: saved on the way, so that a run that is cut short need not look twice."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shared_libs.common.detections import Detections
from shared_libs.common.errors import InputError
from shared_libs.common.video import FrameReader, read_frames
from tracking.checkpoint import Arrays, Checkpoint, SavePace, Watcher
from tracking.detectors.detector import Boxes, Detector

_NAME = "detections"
_DECODING_THREADS = 2
"""A fixed number, since what becomes of damaged pictures depends on it."""


def detect_film(video: Path, detector: Detector, checkpoint: Checkpoint, watcher: Watcher) -> Detections:
    """The people in every frame of `video`, going on from `checkpoint`. Its frame_count is what could be decoded.

    At most one batch of pictures is held at once. Raises InputError for a video that cannot be read and for a model
    that fails, OutputError where the checkpoint cannot be written.
    """
    arrays = checkpoint.load(_NAME, detector.digest)
    part = _Part.of(arrays) if arrays is not None else _Part()
    watcher.started(part.frames, part.work_seconds)
    if not part.is_whole:
        with read_frames(video, threads=_DECODING_THREADS) as reader:
            if reader.skip(part.frames) < part.frames:
                cause = f"ends before frame {part.frames + 1:,}, where an earlier run got to"
                raise InputError(video, cause, hint="was the film changed? begin afresh")
            _detect(reader, detector, part, checkpoint, watcher)
    return part.detections()


def _detect(reader: FrameReader, detector: Detector, part: _Part, checkpoint: Checkpoint, watcher: Watcher) -> None:
    began = time.perf_counter() - part.work_seconds
    pace = SavePace()

    def save() -> None:
        part.work_seconds = time.perf_counter() - began
        checkpoint.save(_NAME, part.arrays(), detector.digest)
        watcher.saved(part.frames)

    # Whole batches from the first frame on: what a model gives for a picture may depend on those beside it, if only in
    # the last bit, and a run that goes on must give them the same company.
    while pictures := [picture for _, _, picture in itertools.islice(reader, detector.batch)]:
        for boxes in detector.detect(pictures):
            part.append(boxes)
        watcher.progressed(part.frames)
        pace.save_if_due(save)
    part.is_whole = True
    save()


class _Part:
    """The detections as far as they are known."""

    def __init__(self) -> None:
        self.frames = 0
        self.work_seconds = 0.0
        self.is_whole = False
        self._boxes: list[Boxes] = []
        self._counts: list[int] = []
        """Of boxes, by frame."""

    def append(self, boxes: Boxes) -> None:
        self._boxes.append(boxes)
        self._counts.append(len(boxes))
        self.frames += 1

    def detections(self) -> Detections:
        boxes = Boxes.joined(self._boxes)
        frame = np.repeat(np.arange(self.frames), self._counts)
        return Detections.from_arrays(frame, boxes.xyxy, boxes.score, boxes.class_id, self.frames)

    def arrays(self) -> Arrays:
        self._boxes = [Boxes.joined(self._boxes)]
        boxes = self._boxes[0]
        counts: NDArray[np.int64] = np.array(self._counts, np.int64)
        return {
            "xyxy": boxes.xyxy,
            "score": boxes.score,
            "class_id": boxes.class_id,
            "counts": counts,
            "progress": np.array([self.work_seconds, self.is_whole], np.float64),
        }

    @classmethod
    def of(cls, arrays: Arrays) -> _Part:
        part = cls()
        part._boxes = [Boxes(arrays["xyxy"], arrays["score"], arrays["class_id"])]
        part._counts = arrays["counts"].tolist()
        part.frames = len(part._counts)
        part.work_seconds, is_whole = arrays["progress"].tolist()
        part.is_whole = bool(is_whole)
        return part
