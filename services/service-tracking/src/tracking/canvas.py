"""Drawing straight on the planes of a video picture, without the way over RGB and back."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from shared_libs.common.video import Image, split_planes
from tracking.palette import RGB

SUBPIXEL_BITS = 3
"""OpenCV draws at 1/8 of a pixel, which keeps moving lines from trembling."""
_HALF = 1 << (SUBPIXEL_BITS - 1)
_FONT = cv2.FONT_HERSHEY_DUPLEX

Points = NDArray[np.int32]
"""(n, 2) in eighths of a pixel"""


class Canvas:
    """A picture of brightness and two chroma planes of half its size, as `read_planar` gives them, drawn on in place.

    Points are displayed pixels of the whole picture, in eighths where they are `Points`. Letters are drawn in the
    brightness alone: their colour is the ground's.
    """

    def __init__(self, planes: Image) -> None:
        self.planes = planes
        self._luma, *self._chroma = split_planes(planes)
        self.height, self.width = self._luma.shape

    def copy(self) -> Canvas:
        """The same picture once more."""
        return Canvas(self.planes.copy())

    def blend(self, layer: Canvas, opacity: float) -> None:
        """Lays `layer` over this picture, 0 for not at all to 1 for fully."""
        cv2.addWeighted(layer.planes, opacity, self.planes, 1 - opacity, 0, dst=self.planes)

    def path(self, points: Points, colour: RGB, width: int) -> None:
        """A line through `points`."""
        luma, *chroma = yuv_of(colour)
        cv2.polylines(self._luma, [points], False, (luma,), width, cv2.LINE_AA, SUBPIXEL_BITS)
        for plane, value in zip(self._chroma, chroma, strict=True):
            cv2.polylines(plane, [points - _HALF], False, (value,), _halved(width), cv2.LINE_AA, SUBPIXEL_BITS + 1)

    def frame(self, corners: Points, colour: RGB, width: int) -> None:
        """The outline of a rectangle between two `corners` (2, 2)."""
        (left, top), (right, bottom) = corners.tolist()
        around = np.array([(left, top), (right, top), (right, bottom), (left, bottom), (left, top)], np.int32)
        self.path(around, colour, width)

    def fill(self, left: int, top: int, right: int, bottom: int, colour: RGB, opacity: float = 1.0) -> None:
        """Paints whole pixels, `right` and `bottom` not included, as far as they lie in the picture."""
        left, top, right, bottom = max(0, left), max(0, top), max(0, right), max(0, bottom)
        luma, *chroma = yuv_of(colour)
        _mix(self._luma[top:bottom, left:right], luma, opacity)
        for plane, value in zip(self._chroma, chroma, strict=True):
            _mix(plane[top // 2 : (bottom + 1) // 2, left // 2 : (right + 1) // 2], value, opacity)

    def text(self, words: str, left: int, base: int, scale: float, brightness: int) -> None:
        """Letters that begin at `left` and stand on `base`."""
        cv2.putText(self._luma, words, (left, base), _FONT, scale, (brightness,), _weight(scale), cv2.LINE_AA)


def text_size(words: str, scale: float) -> tuple[int, int]:
    """Width and height of what `Canvas.text` draws, in pixels."""
    (width, height), _ = cv2.getTextSize(words, _FONT, scale, _weight(scale))
    return width, height


def fixed(points: NDArray[np.floating]) -> Points:
    """Points (n, 2) in pixels as eighths of a pixel; those that are far outside of any picture come somewhat nearer."""
    eighths: Points = np.round(points.clip(-1e5, 1e5) * (1 << SUBPIXEL_BITS)).astype(np.int32)
    return eighths


def yuv_of(colour: RGB) -> tuple[int, int, int]:
    """BT.709, limited range."""
    red, green, blue = (value / 255 for value in colour)
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    chroma = (blue - luma) / 1.8556, (red - luma) / 1.5748
    return round(16 + 219 * luma), round(128 + 224 * chroma[0]), round(128 + 224 * chroma[1])


def _mix(area: Image, value: int, opacity: float) -> None:
    area[:] = value if opacity >= 1 else (area * (1 - opacity) + value * opacity).round().astype(np.uint8)


def _halved(width: int) -> int:
    return max(1, (width + 1) // 2)


def _weight(scale: float) -> int:
    """Thickness of a letter's strokes in pixels."""
    return max(1, round(scale * 1.3))
