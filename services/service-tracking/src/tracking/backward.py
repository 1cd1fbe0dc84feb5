"""The tracker run from a sequence's end to its beginning: a second opinion on who is who.

Both passes make their mistakes where players meet or come back, but not the same ones, since each arrives there with
another past. Where they agree they are nearly always right.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shared_libs.common.detections import Detections
from shared_libs.common.tracks import Tracks
from tracking.settings import TrackerSettings
from tracking.tracker import numbered

Float = NDArray[np.float64]


def numbered_backward(
    tracks: Tracks, fps: float, settings: TrackerSettings, camera: Float | None = None
) -> NDArray[np.int64]:
    """The number that tracking backwards gives each box of `tracks`, (n,), from 1 in no order; 0 for those in no track.

    Only the boxes are used, not their ids. `camera`: as for `tracker.track`, forwards.
    """
    backward = Detections(
        frame=tracks.frame_count - 1 - tracks.frame[::-1],
        xyxy=np.ascontiguousarray(tracks.xyxy[::-1]),
        score=np.ascontiguousarray(tracks.score[::-1]),
        class_id=np.ascontiguousarray(tracks.class_id[::-1]),
        frame_count=tracks.frame_count,
    )
    return numbered(backward, fps, settings, None if camera is None else reversed_motion(camera, tracks.frame_count))[
        ::-1
    ]


def reversed_motion(camera: Float, frame_count: int) -> Float:
    """The motion of a film that runs backwards: float64 (frame_count, 2, 3) from (n, 2, 3), NaN where not known.

    From frame t + 1 back to t it is the inverse of that from t to t + 1.
    """
    forward = np.full((frame_count, 3, 3), np.nan)
    count = min(len(camera), frame_count)
    forward[:count, :2] = camera[:count]
    forward[:, 2] = (0, 0, 1)
    known = np.isfinite(forward[:, :2]).all(axis=(1, 2))
    known[known] = np.abs(np.linalg.det(forward[known, :2, :2])) > 0
    backward = np.full((frame_count, 2, 3), np.nan)
    if frame_count > 1:
        inverse = np.full((frame_count, 2, 3), np.nan)
        inverse[known] = np.linalg.inv(forward[known])[:, :2]
        backward[1:] = inverse[:0:-1]
    return backward
