"""Where boxes come from: a file, a model, or what moves."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shared_libs.common.detections import Detections
from shared_libs.common.errors import InputError
from tracking.checkpoint import Checkpoint
from tracking.detectors.named import detector_named
from tracking.standing import Standing

if TYPE_CHECKING:
    from shared_libs.common.video import VideoInfo
    from tracking.camera_path import CameraPath
    from tracking.detectors.detector import Detector

MOTION = "motion"
MOTION_ONLY = "motion only: the boxes are of whatever moves, found without a trained detector"
"""Said wherever a result of the motion detector is shown."""


@dataclass(frozen=True, slots=True)
class Finder:
    """What looks for people in a film: a model, or None for what moves."""

    detector: Detector | None

    @classmethod
    def named(cls, name: str, tiles: str) -> Finder:
        """`name`: "motion", or as `detector_named` takes it. Raises InputError."""
        if name == MOTION:
            if tiles != "auto":
                raise InputError("--tiles", "is for models: the motion detector looks at whole pictures")
            return cls(None)
        return cls(detector_named(name, tiles))

    @property
    def name(self) -> str:
        return MOTION if self.detector is None else self.detector.name

    @property
    def digest(self) -> str:
        """Differs where the boxes may."""
        return MOTION if self.detector is None else self.detector.digest.hex()


def find_people(
    finder: Finder,
    video: Path,
    info: VideoInfo,
    camera: CameraPath | None,
    checkpoint: Checkpoint,
    standing: Standing,
) -> tuple[Detections, float]:
    """The boxes of a whole film, and the seconds since the call. The motion detector needs the `camera`'s motion.

    Raises InputError for a film or model that fails.
    """
    began = time.perf_counter()
    with standing.stage("detecting", info.frame_count) as watcher:
        if finder.detector is not None:
            from tracking.detectors.detector_stage import detect_film

            found = detect_film(video, finder.detector, checkpoint, watcher)
        else:
            from tracking.detectors.motion import detect_motion

            if camera is None:
                raise InputError("--no-camera", "the motion detector needs to know how the camera moves")
            found = detect_motion(video, camera, checkpoint, watcher)
    return found, time.perf_counter() - began
