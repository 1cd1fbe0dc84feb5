"""Where a picture is not its background: people, and what they carry, without their shadows."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from shared_libs.common.video import Image
from tracking.compiled import compiled
from tracking.detectors.motion_background import Background
from tracking.detectors.motion_settings import MotionSettings

Array = Any

_BLACK, _GREY = 16.0, 128.0
_NEIGHBOURS = np.ones((3, 3), np.uint8)
_BRIGHTER = 1.15
"""How much brighter the field may become without its chroma rising any more."""


def foreground(
    picture: Image, background: Background, from_background: npt.NDArray[np.float64], settings: MotionSettings
) -> Image:
    """uint8 (h, w), 1 where `picture`, uint8 (h, w, 3), brightness and chroma, shows something before the background.

    from_background: (3, 3), from pixels of the background's key to those of the picture.
    """
    height, width = picture.shape[:2]
    into_key = np.array([[1.0, 0, -background.left], [0, 1, -background.top], [0, 0, 1]])
    warp = from_background @ into_key
    seen = np.asarray(cv2.warpPerspective(background.pixels, warp, (width, height), flags=cv2.INTER_LINEAR), np.uint8)
    # A pixel counts only if it is outside of what its neighbours in the background are: edges move by half a pixel.
    low, high = cv2.erode(seen, _NEIGHBOURS), cv2.dilate(seen, _NEIGHBOURS)
    gain = _gain(picture[::8, ::8, 0], seen[::8, ::8, 0])
    steps = settings.luma_step / settings.least_difference, settings.chroma_step / settings.least_difference
    return np.asarray(_differs(picture, seen, low, high, gain, settings.shadow, *steps), np.uint8)


def _gain(luma: Image, behind: Image) -> float:
    """How much brighter the picture is than its background as a whole."""
    known = (behind > 40) & (luma > 40)
    if known.sum() < 0.1 * known.size:
        return 1.0
    return float(np.median((luma[known] - _BLACK) / (behind[known] - _BLACK)))


@compiled
def _differs(
    picture: Array, seen: Array, low: Array, high: Array, gain: float, shadow: float, luma_step: float,
    chroma_step: float,
) -> Array:  # fmt: skip
    height, width, _ = picture.shape
    result = np.zeros((height, width), np.uint8)
    for y in range(height):
        for x in range(width):
            if low[y, x, 0] == 0:
                continue
            is_field = seen[y, x, 3] > 127
            light = picture[y, x, 0] - _BLACK
            darkest = (low[y, x, 0] - _BLACK) * gain * (shadow if is_field else 1.0)
            brightest = (high[y, x, 0] - _BLACK) * gain
            off = max(darkest - light, light - brightest, 0.0) / luma_step
            total = off * off
            shade = 1.0
            if is_field:
                shade = light / max((seen[y, x, 0] - _BLACK) * gain, 4.0)
                shade = min(max(shade, shadow), _BRIGHTER)
            for each in range(1, 3):
                one, other = (low[y, x, each] - _GREY) * shade, (high[y, x, each] - _GREY) * shade
                chroma = picture[y, x, each] - _GREY
                off = max(min(one, other) - chroma, chroma - max(one, other), 0.0) / chroma_step
                total += off * off
            if total > 1.0:
                result[y, x] = 1
    return result
