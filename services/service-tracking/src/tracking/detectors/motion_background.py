"""The background of a key frame: what its places look like in other frames, people left out.

In every place it is the median over keys before and after, brought to this one's view. Where enough of them show the
field's colour, only those count: so whoever stands in one place for most of the time is still not background.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import cv2
import numpy as np

from shared_libs.common.video import Image
from tracking.compiled import compiled

Array = Any

_DARK = 40
"""Brightness from which a colour says anything."""
_BLACK, _GREY = 8.0, 128.0
_BINS, _WIDEST = 80, 0.8


@dataclass(frozen=True, slots=True)
class FieldColour:
    """The commonest colour, as chroma per brightness: shade and sun have the same."""

    blue: float
    red: float

    @classmethod
    def of(cls, picture: Image, radius: float) -> Self:
        """That of a picture, uint8 (h, w, 3), brightness and chroma."""
        pixels = picture[::4, ::4].reshape(-1, 3).astype(np.float32)
        pixels = pixels[pixels[:, 0] > _DARK]
        blue, red = ((pixels[:, each] - _GREY) / (pixels[:, 0] - _BLACK) for each in (1, 2))
        counts, edges, _ = np.histogram2d(blue, red, _BINS, [[-_WIDEST, _WIDEST]] * 2)
        smooth = cv2.GaussianBlur(counts, (0, 0), 1.0)
        row, column = np.unravel_index(int(smooth.argmax()), smooth.shape)
        middle = (edges[:-1] + edges[1:]) / 2
        centre = float(middle[row]), float(middle[column])
        for _ in range(3):
            near = np.hypot(blue - centre[0], red - centre[1]) < radius
            if near.any():
                centre = float(np.median(blue[near])), float(np.median(red[near]))
        return cls(*centre)

    def covers(self, picture: Image, radius: float) -> Image:
        """uint8 (h, w): 255 where a picture (h, w, 3) has it."""
        return np.asarray(_has_colour(picture, self.blue, self.red, radius), np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Background:
    """What is behind the people, uint8 (h, w, 4): brightness, both chroma, and 255 where it is the field.

    It reaches beyond the key's picture by `left` columns and `top` rows on each side. Brightness 0: nothing known.
    """

    pixels: Image
    left: int
    top: int


def make_background(views: list[Image], left: int, top: int, field_share: float) -> Background:
    """The background that `views` show of one scene.

    views: uint8 (h, w, 4) each, brought into place: brightness, both chroma, 255 where it has the field's colour;
    brightness 0 where it sees nothing.
    """
    return Background(np.asarray(_middle(np.stack(views), field_share), np.uint8), left, top)


@compiled
def _has_colour(picture: Array, blue: float, red: float, radius: float) -> Array:
    height, width, _ = picture.shape
    result = np.zeros((height, width), np.uint8)
    for y in range(height):
        for x in range(width):
            light = np.float32(picture[y, x, 0]) - np.float32(_BLACK)
            if picture[y, x, 0] > _DARK:
                off_blue = np.float32(picture[y, x, 1]) - np.float32(_GREY) - np.float32(blue) * light
                off_red = np.float32(picture[y, x, 2]) - np.float32(_GREY) - np.float32(red) * light
                limit = np.float32(radius) * light
                if off_blue * off_blue + off_red * off_red < limit * limit:
                    result[y, x] = 255
    return result


@compiled
def _middle(views: Array, field_share: float) -> Array:
    """uint8 (h, w, 4) from (n, h, w, 4): see `make_background`. Field: the mean; elsewhere the median."""
    count, height, width, _ = views.shape
    result = np.zeros((height, width, 4), np.uint8)
    values = np.zeros((3, count), np.uint8)
    for y in range(height):
        for x in range(width):
            seen, fields = 0, 0
            light, blue, red = 0, 0, 0
            for view in range(count):
                if views[view, y, x, 0] > 0:
                    seen += 1
                    if views[view, y, x, 3] > 127:
                        fields += 1
                        light += views[view, y, x, 0]
                        blue += views[view, y, x, 1]
                        red += views[view, y, x, 2]
            if seen == 0:
                continue
            if fields > 0 and fields >= field_share * seen:
                result[y, x, 0] = (light + fields // 2) // fields
                result[y, x, 1] = (blue + fields // 2) // fields
                result[y, x, 2] = (red + fields // 2) // fields
                result[y, x, 3] = 255
                continue
            number = 0
            for view in range(count):
                if views[view, y, x, 0] > 0:
                    for each in range(3):
                        value, place = views[view, y, x, each], number
                        while place > 0 and values[each, place - 1] > value:
                            values[each, place] = values[each, place - 1]
                            place -= 1
                        values[each, place] = value
                    number += 1
            for each in range(3):
                result[y, x, each] = values[each, number // 2]
    return result
