"""From a mask of what moves to boxes of people, one frame at a time."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from shared_libs.common.video import Image
from tracking.detectors.motion_cover import cover, trim

Floats = npt.NDArray[np.float64]

_NEIGHBOURS = np.ones((3, 3), np.uint8)
_ACROSS, _ABOVE, _BELOW = 0.19, 0.1, 0.03
"""How thin, in heights of a blob, is what is cut off from its sides, its top and its bottom: sticks, arms, shadows."""
_SHORTEST_BLOB, _SMALLEST_BLOB = 0.57, 0.08
"""Of an expected person: a share of the height, and of the height's square."""
_SMALLEST_CUT = 0.024
"""The same as the last, where the picture's lower edge cuts it off."""
_MOST = 16
"""People in one blob."""
_REACH = 0.63
"""How far from a person's upright axis pixels may be to be his, in heights."""
_HEIGHTS, _WIDTHS = (0.58, 1.86), (0.41, 0.88)
"""What is believed of a person's own pixels, in expected heights."""
_MARGINS = np.array([-0.036, 0.016, 0.036, 0.007])
"""How the boxes of masks are moved to be those of bodies, in heights: masks are a little high and narrow."""


class Blobs(NamedTuple):
    """The parts of a mask that hang together, from 1: labels int32 (h, w); rows left, top, width, height, area."""

    labels: npt.NDArray[np.int32]
    rows: npt.NDArray[np.int32]


def cleaned(mask: Image) -> Image:
    """A mask, uint8 (h, w), 0 and 1, without specks and lines as thin as a pixel or two."""
    return np.asarray(cv2.morphologyEx(cv2.medianBlur(mask, 3), cv2.MORPH_OPEN, _NEIGHBOURS), np.uint8)


def blobs_of(mask: Image) -> Blobs:
    """The blobs of a cleaned mask."""
    _, labels, rows, _ = cv2.connectedComponentsWithStats(mask, connectivity=8, ltype=cv2.CV_32S)
    return Blobs(np.asarray(labels, np.int32), np.asarray(rows[1:], np.int32))


def lone_people(blobs: Blobs) -> Floats:
    """(n, 2): the row of the feet and the height of blobs that look like one person each, seen whole."""
    height, width = blobs.labels.shape
    left, top, wide, tall, area = blobs.rows.T
    chosen = (left > 1) & (top > 1) & (left + wide < width - 1) & (top + tall < height - 1)
    chosen &= (tall >= max(8, 0.03 * height)) & (tall >= 1.3 * wide) & (tall <= 4.5 * wide)
    chosen &= (area >= 0.35 * wide * tall) & (area >= 24)
    result = []
    for number in np.flatnonzero(chosen).tolist():
        _, first, _, last = trim(_cut_out(blobs, number, 0, 0)[0], _ACROSS, _ABOVE, _BELOW)
        result.append((top[number] + last, last - first))
    return np.array(result, np.float64).reshape(-1, 2)


def people(blobs: Blobs, base: float, rate: float) -> Floats:
    """(n, 5): left, top, right, bottom in pixels of the mask, inside it, and how well each explains what is seen.

    The last is a share of the box, 0.2 to 1. People are `base + rate * bottom` high; none are found where that is not
    known.
    """
    height, width = blobs.labels.shape
    result: list[Floats] = []
    for number, (_, top, _, tall, area) in enumerate(blobs.rows.tolist()):
        expected = base + rate * (top + tall)
        is_cut = top + tall >= height
        if not expected > 6 or (tall < _SHORTEST_BLOB * expected and not is_cut):
            continue
        if area < (_SMALLEST_CUT if is_cut else _SMALLEST_BLOB) * expected * expected:
            continue
        blob, left, upper = _cut_out(blobs, number, round(expected), round(expected))
        found = np.zeros((_MOST, 5))
        count = cover(blob, base + rate * upper, rate, is_cut, found)
        found = _fitted(found[:count], blob, is_cut)
        tallness = (found[:, 3] - found[:, 1])[:, None]
        found[:, :4] += (left, upper, left, upper) + _MARGINS * tallness
        result.append(found)
    if not result:
        return np.empty((0, 5))
    boxes = np.concatenate(result)
    boxes[:, :4] = boxes[:, :4].clip(0, (width, height, width, height))
    return boxes[(boxes[:, 2:4] - boxes[:, :2] > 2).all(1)]


def _cut_out(blobs: Blobs, number: int, beside: int, above: int) -> tuple[Image, int, int]:
    """A blob alone, uint8, with some space around it where the picture has some; and where its corner is."""
    height, width = blobs.labels.shape
    left, top, wide, tall, _ = blobs.rows[number].tolist()
    begin, first = max(0, left - beside), max(0, top - above)
    part = blobs.labels[first : min(height, top + tall + above), begin : min(width, left + wide + beside)]
    return (part == number + 1).astype(np.uint8), begin, first


def _fitted(found: Floats, blob: Image, is_cut: bool) -> Floats:
    """The people of a blob (n, 5), with boxes as large as the pixels nearest to them where these make sense."""
    if not len(found):
        return found
    rows, columns = np.nonzero(blob)
    middle_x, middle_y = (found[:, 0] + found[:, 2]) / 2, (found[:, 1] + found[:, 3]) / 2
    tall = found[:, 3] - found[:, 1]
    across = np.abs(columns[:, None] - middle_x) / tall
    down = np.maximum(np.abs(rows[:, None] - middle_y) / tall - 0.5, 0)
    away = np.hypot(across, down)
    owner = np.where(away.min(1) < _REACH, away.argmin(1), -1)
    fitted = found.copy()
    for each in range(len(found)):
        mine = owner == each
        if mine.sum() < 10:
            continue
        own = np.zeros_like(blob)
        own[rows[mine], columns[mine]] = 1
        left, top, right, bottom = trim(own, _ACROSS, _ABOVE, _BELOW)
        if is_cut and bottom >= len(blob):
            if abs(top - found[each, 1]) < 0.3 * tall[each]:
                fitted[each, 1] = top
        elif _HEIGHTS[0] * tall[each] <= bottom - top <= _HEIGHTS[1] * tall[each]:
            fitted[each, 1], fitted[each, 3] = top, bottom
        if _WIDTHS[0] * tall[each] <= right - left <= _WIDTHS[1] * tall[each]:
            fitted[each, 0], fitted[each, 2] = left, right
    return fitted
