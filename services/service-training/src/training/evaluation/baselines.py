"""What a learned model has to beat: vectors that need no learning."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

_STRIPES = 8
_HUES, _SATURATIONS, _VALUES = 8, 4, 4
_COLOURS = _HUES * _SATURATIONS * _VALUES
_SIZE = _STRIPES * _COLOURS
_SPREAD = 0.4
"""Of the weights across the picture, a bell around its middle, in half widths: the person is there, grass is beside."""
_AT_ONCE = 256


def colour_histogram(pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Which colours stand at which height: float32 (n, 1024), of length 1, of uint8 (n, h, w, 3) RGB with h, w ≥ 1.

    A histogram of hue, saturation and value (8 × 4 × 4) in each of 8 horizontal stripes, and of each share the square
    root, so that the cosine of two vectors is the Bhattacharyya coefficient of the histograms.
    """
    parts = [_histograms(pictures[at : at + _AT_ONCE]) for at in range(0, len(pictures), _AT_ONCE)]
    return np.concatenate([np.empty((0, _SIZE), np.float32), *parts])


def _histograms(pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    count, height, width, _ = pictures.shape
    pixels = cv2.cvtColor(pictures.reshape(1, -1, 3), cv2.COLOR_RGB2HSV_FULL).astype(np.int64)
    hue, saturation, value = (pixels[0] * (_HUES, _SATURATIONS, _VALUES) // 256).T
    colour = ((hue * _SATURATIONS + saturation) * _VALUES + value).reshape(count, height, width)
    stripe = np.arange(height)[:, None] * _STRIPES // height
    place = (np.arange(count)[:, None, None] * _STRIPES + stripe) * _COLOURS + colour
    across = (np.arange(width) + 0.5) / width * 2 - 1
    weight = np.broadcast_to(np.exp(-((across / _SPREAD) ** 2) / 2), place.shape)
    shares = np.bincount(place.ravel(), weight.ravel(), minlength=count * _SIZE).reshape(count, _SIZE)
    roots = np.sqrt(shares)
    return np.asarray(roots / np.linalg.norm(roots, axis=1, keepdims=True), np.float32)
