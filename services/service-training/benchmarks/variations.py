"""One crop varied by itself, with OpenCV and numpy, as a loader's worker does: what `training.loading.augmenting` does
to a batch, with the same knobs. Colours are not turned; nor are they by default there."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from training.dataset.pictures import Image
from training.loading.augmenting import AugmentSettings

Float32 = npt.NDArray[np.float32]

_BLUR_SIZE = 7


def vary(picture: Image, settings: AugmentSettings, random: np.random.Generator) -> Float32:
    """A varied copy of `picture`, uint8 (h, w, 3): float32 (h, w, 3), about 0 to 1."""
    moved = _moved(picture, settings, random)
    if random.random() < settings.blur:
        moved = np.asarray(cv2.filter2D(moved, -1, _smear(random), borderType=cv2.BORDER_REPLICATE), np.uint8)
    varied: Float32 = moved.astype(np.float32) / np.float32(255)
    if settings.light:
        varied = _lit(varied, settings.light, random)
    if random.random() < settings.erase:
        _erase(varied, random)
    return varied


def _moved(picture: Image, settings: AugmentSettings, random: np.random.Generator) -> Image:
    """Mirrored, and a box that lies and measures a little otherwise; one pass over the pixels."""
    mirror = -1 if random.random() < settings.flip else 1
    if not (settings.shift or settings.zoom):
        return np.ascontiguousarray(picture[:, ::mirror])
    height, width = picture.shape[:2]
    zoom = 1 + random.uniform(-settings.zoom, settings.zoom)
    aspect = 1 + random.uniform(-settings.zoom / 2, settings.zoom / 2)
    across = random.uniform(-settings.shift, settings.shift) * width
    down = random.uniform(-settings.shift, settings.shift) * height * 2 / 3
    middle = ((width - 1) / 2, (height - 1) / 2)
    right, below = zoom * mirror, zoom * aspect
    box = np.array(
        [[right, 0, across + middle[0] * (1 - right)], [0, below, down + middle[1] * (1 - below)]], np.float32
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpAffine(picture, box, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )


def _smear(random: np.random.Generator) -> Float32:
    """The kernel of a motion in any direction, (7, 7)."""
    angle, length = random.uniform(0, math.pi), random.uniform(0.25, 1.25)
    offset = np.linspace(-1, 1, _BLUR_SIZE, dtype=np.float32)
    down, right = np.meshgrid(offset, offset, indexing="ij")
    along = right * math.cos(angle) + down * math.sin(angle)
    aside = down * math.cos(angle) - right * math.sin(angle)
    kernel = np.exp(-2 * (along / length) ** 2 - 2 * (aside / 0.25) ** 2)
    return np.asarray(kernel / kernel.sum(), np.float32)


def _lit(picture: Float32, most: float, random: np.random.Generator) -> Float32:
    """In another light: brightness, each colour's share, haze, contrast about the crop's mean."""
    gain = random.uniform(1 - most, 1 + most) * random.uniform(1 - most / 2, 1 + most / 2, 3)
    haze, contrast = random.uniform(-most / 4, most / 4), random.uniform(1 - most, 1 + most)
    mean = (gain * picture.mean(axis=(0, 1))).mean() + haze
    scale, offset = contrast * gain, contrast * (haze - mean) + mean
    return picture * scale.astype(np.float32) + np.float32(offset)


def _erase(picture: Float32, random: np.random.Generator) -> None:
    """Puts a patch of one colour somewhere on `picture`."""
    height, width = picture.shape[:2]
    tall, wide = random.uniform(height / 8, height * 0.4), random.uniform(width / 6, width * 0.45)
    top, left = random.uniform(0, height - tall), random.uniform(0, width - wide)
    rows, columns = slice(math.ceil(top), math.ceil(top + tall)), slice(math.ceil(left), math.ceil(left + wide))
    picture[rows, columns] = random.random(3, np.float32)
