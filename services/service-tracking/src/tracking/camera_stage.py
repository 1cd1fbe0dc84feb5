"""The camera's motion as a stage of a run: saved on the way, so that a run that is cut short need not look twice."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shared_libs.common.detections import Detections
from tracking.camera import CameraState
from tracking.camera_path import CameraFollower, CameraPath, CameraStep, follow_camera
from tracking.camera_settings import CameraSettings
from tracking.checkpoint import Arrays, Checkpoint, SavePace, Watcher

_NAME = "camera"


def follow_film(
    video: Path, detections: Detections, settings: CameraSettings, checkpoint: Checkpoint, watcher: Watcher
) -> tuple[CameraPath, float]:
    """The camera's motion through `video`, going on from `checkpoint`; and the seconds that finding it took in all.

    Raises InputError for a video that cannot be read, OutputError where the checkpoint cannot be written.
    """
    arrays = checkpoint.load(_NAME)
    part = _Part.of(arrays) if arrays is not None else _Part()
    watcher.started(part.count, part.work_seconds)
    if not part.is_whole:
        with follow_camera(video, detections, settings, state=part.state) as follower:
            _follow(follower, part, checkpoint, watcher)
    return part.path(), part.work_seconds


def _follow(follower: CameraFollower, part: _Part, checkpoint: Checkpoint, watcher: Watcher) -> None:
    began = time.perf_counter() - part.work_seconds
    pace = SavePace()

    def save() -> None:
        part.state, part.work_seconds = follower.state(), time.perf_counter() - began
        part.ended_early, part.damaged = follower.ended_early, follower.damaged
        checkpoint.save(_NAME, part.arrays())
        watcher.saved(part.count)

    for step in follower:
        part.append(step)
        watcher.progressed(part.count)
        pace.save_if_due(save)
    part.is_whole = True
    save()


class _Part:
    """The camera's path as far as it is known."""

    def __init__(self) -> None:
        self.count = 0
        self.state: CameraState | None = None
        self.work_seconds = 0.0
        self.is_whole = False
        self.ended_early: str | None = None
        self.damaged = 0
        self._rows: NDArray[np.float64] = np.empty((1024, 8))
        """Per frame: the six numbers of its transform, its reason, its time."""

    def append(self, step: CameraStep) -> None:
        if self.count == len(self._rows):
            self._rows = np.concatenate([self._rows, np.empty_like(self._rows)])
        self._rows[self.count] = *step.transform.ravel(), step.reason, step.time
        self.count += 1

    def path(self) -> CameraPath:
        rows = self._rows[: self.count].copy()
        return CameraPath(
            transform=rows[:, :6].reshape(-1, 2, 3),
            reason=rows[:, 6].astype(np.uint8),
            time=rows[:, 7],
            ended_early=self.ended_early,
            damaged=self.damaged,
        )

    def arrays(self) -> Arrays:
        state = self.state.arrays() if self.state is not None else {}
        return {
            "rows": self._rows[: self.count],
            "progress": np.array([self.work_seconds, self.is_whole, self.damaged], np.float64),
            "ended_early": np.array(self.ended_early or ""),
            **{f"state_{name}": array for name, array in state.items()},
        }

    @classmethod
    def of(cls, arrays: Arrays) -> _Part:
        part = cls()
        part._rows, part.count = arrays["rows"], len(arrays["rows"])
        part.work_seconds, is_whole, damaged = arrays["progress"].tolist()
        part.is_whole, part.damaged = bool(is_whole), int(damaged)
        part.ended_early = str(arrays["ended_early"]) or None
        state = {name.removeprefix("state_"): array for name, array in arrays.items() if name.startswith("state_")}
        part.state = CameraState.from_arrays(state)
        return part
