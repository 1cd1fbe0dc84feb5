"""What is laid over the picture, a score or a logo: it stands still on the screen while the scene moves behind it."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from shared_libs.common.video import Image
from tracking.camera import Reason
from tracking.camera_path import CameraPath

_APART = 0.04
"""How far a corner of the picture has to move until the next mask counts, as a fraction of its longer side."""
_LEAST_MASKS = 12
_LEAST_SHARE = 0.5
"""Of these masks in which a pixel has to be something for it to be laid over the picture."""
_BEYOND = np.ones((5, 5), np.uint8)


def telling_frames(camera: CameraPath, width: int, height: int) -> list[int]:
    """Frames between which the camera has moved so far that only what is laid over the picture stays in its place."""
    corners = np.array([[0.0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]])
    steps = np.abs(camera.transform @ corners.T - corners.T[:2]).max((1, 2)) / max(width, height)
    steps[camera.reason == Reason.CUT] = _APART
    slots = np.floor(np.cumsum(steps) / _APART)
    return np.flatnonzero(np.diff(slots, prepend=-1)).tolist()


def overlays(masks: Iterable[Image]) -> Image | None:
    """Where something is laid over the picture, uint8 (h, w), 1 there; None where the masks do not tell.

    masks: those of `telling_frames`, uint8 (h, w), 0 and 1.
    """
    count, total = 0, None
    for mask in masks:
        total = mask.astype(np.int32) if total is None else total + mask
        count += 1
    if total is None or count < _LEAST_MASKS:
        return None
    return np.asarray(cv2.dilate((total > _LEAST_SHARE * count).astype(np.uint8), _BEYOND), np.uint8)
