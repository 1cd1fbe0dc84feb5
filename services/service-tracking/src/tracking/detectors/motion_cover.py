"""Covers a blob with as many people as it takes, compiled: whoever explains most of what is left comes next."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracking.compiled import compiled

Array = Any

# All in heights of the person, or of areas of the person's box. Found by search over sample clips.
_WIDTH, _CORE = 0.36, 0.15
"""Widths of the box that is laid over the blob, and of the column in it that a body fills."""
_HOLE = 0.6
"""What a pixel of the core that is not in the blob costs, in pixels that are."""
_LEAST = 0.2
"""Share of the box that a person has to explain."""
_BESIDE, _BELOW = 1.6, 1.05
"""What a pixel that is empty counts, where it is beside the upper body, on the emptier side, or below the feet."""
_SIDE, _SIDE_TOP, _SIDE_BOTTOM, _UNDER = 0.15, 0.1, 0.6, 0.1
"""The parts beside the upper body: width, begin and end; and the height of that below the feet."""
_TAKEN, _TAKEN_LEGS, _HIP, _ABOVE = 0.67, 1.2, 0.55, 0.06
"""How wide a person is who has been found, above the hip and below, in widths of the box; what is theirs beyond
its ends."""
_SAME_PLACE, _SAME_ROW = 0.15, 0.25
"""How near two people's middles and feet may not both be."""
_LEAST_VISIBLE = 0.12
_SHORTEST = 6.0
"""Pixels."""


@compiled
def cover(blob: Array, base: float, rate: float, is_cut: bool, found: Array) -> int:
    """Finds people in a blob, uint8 (h, w), 1 inside, and writes (left, top, right, bottom, share) to `found` (n, 5).

    They are `base + rate * bottom` high. share: of the box, how much of the blob nobody else explains, less the holes.
    is_cut: the blob reaches the picture's lower edge, which is the array's: feet may be below it. Returns how many.
    """
    height, width = blob.shape
    whole = np.zeros((height + 1, width + 1), np.int32)
    rest = np.zeros((height + 1, width + 1), np.int32)
    left_over = blob.copy()
    _integrate(blob, whole)
    rest[:] = whole
    first, last, begin, end = _extent(blob)
    lowest = last + 3
    if is_cut:
        lowest = last + int(0.9 * max(base + rate * last, 0.0) / max(1.0 - 0.9 * rate, 0.3))
    for number in range(len(found)):
        best, share = 0.0, 0.0
        best_x, best_foot = -1, -1
        for foot in range(first + 4, lowest):
            tall = base + rate * foot
            if tall < _SHORTEST:
                continue
            top = foot - int(tall + 0.5)
            if top > last:
                break
            wide, core = max(3, int(tall * _WIDTH + 0.5)), max(2, int(tall * _CORE + 0.5))
            side = max(1, int(tall * _SIDE))
            high, low = top + int(_SIDE_TOP * tall), top + int(_SIDE_BOTTOM * tall)
            under = max(1, int(_UNDER * tall))
            for x in range(begin, end + 1):
                left = x - wide // 2
                right = left + wide
                explained = _sum(rest, left, top, right, foot)
                area = _area(left, top, right, foot, width, height)
                if explained <= _LEAST * area:
                    continue
                middle = x - core // 2
                holes = _area(middle, top, middle + core, foot, width, height)
                holes -= _sum(whole, middle, top, middle + core, foot)
                gain = explained - _HOLE * holes
                if gain <= _LEAST * area:
                    continue
                beside = side * (low - high) - min(
                    _sum(rest, left - side, high, left, low), _sum(rest, right, high, right + side, low)
                )
                below = 0
                if not is_cut or foot <= last:
                    below = wide * under - _sum(rest, left, foot, right, foot + under)
                value = gain + _BESIDE * beside + _BELOW * below
                if value > best and not _is_found(found[:number], x, foot, tall, last):
                    best, share, best_x, best_foot = value, gain / area, x, foot
        if best <= 0:
            return number
        tall = base + rate * best_foot
        top = best_foot - int(tall + 0.5)
        wide = max(3, int(tall * _WIDTH + 0.5))
        left = best_x - wide // 2
        if _area(left, top, left + wide, best_foot, width, height) < _LEAST_VISIBLE * wide * (best_foot - top):
            return number
        found[number, 0], found[number, 1] = left, top
        found[number, 2], found[number, 3], found[number, 4] = left + wide, best_foot, share
        _take(left_over, left + wide / 2, top, best_foot, wide)
        _integrate(left_over, rest)
    return len(found)


@compiled
def trim(blob: Array, across: float, above: float, below: float) -> tuple[int, int, int, int]:
    """The extent of a blob, uint8 (h, w), without what sticks out of it thinly: left, top, right, bottom.

    Outer columns go that are thinner than `across` of its height, and outer rows than `above` and `below` of it.
    """
    first, last, begin, end = _extent(blob)
    left, top, right, bottom = begin, first, end + 1, last + 1
    for _ in range(2):
        while right - left > 2 and blob[top:bottom, left].sum() < across * (bottom - top):
            left += 1
        while right - left > 2 and blob[top:bottom, right - 1].sum() < across * (bottom - top):
            right -= 1
        tall = bottom - top
        while bottom - top > 2 and blob[top, left:right].sum() < above * tall:
            top += 1
        while bottom - top > 2 and blob[bottom - 1, left:right].sum() < below * tall:
            bottom -= 1
    return left, top, right, bottom


@compiled
def _is_found(found: Array, x: int, foot: int, tall: float, last: int) -> bool:
    """Whether somebody has been found so near that what is left there is theirs."""
    # Whose feet are below the picture may stand on any of these rows.
    row = _SAME_ROW * tall if foot <= last else tall
    for each in range(len(found)):
        middle = (found[each, 0] + found[each, 2]) / 2
        if abs(middle - x) < _SAME_PLACE * tall and abs(found[each, 3] - foot) < row:
            return True
    return False


@compiled
def _extent(blob: Array) -> tuple[int, int, int, int]:
    """First and last row, first and last column with anything."""
    height, width = blob.shape
    first, last, begin, end = height, 0, width, 0
    for y in range(height):
        for x in range(width):
            if blob[y, x]:
                first, last = min(first, y), max(last, y)
                begin, end = min(begin, x), max(end, x)
    return first, last, begin, end


@compiled
def _integrate(blob: Array, sums: Array) -> None:
    height, width = blob.shape
    for y in range(height):
        row = 0
        for x in range(width):
            row += blob[y, x]
            sums[y + 1, x + 1] = sums[y, x + 1] + row


@compiled
def _sum(sums: Array, left: int, top: int, right: int, bottom: int) -> int:
    height, width = sums.shape[0] - 1, sums.shape[1] - 1
    left, right = min(max(left, 0), width), min(max(right, 0), width)
    top, bottom = min(max(top, 0), height), min(max(bottom, 0), height)
    if right <= left or bottom <= top:
        return 0
    total: int = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
    return total


@compiled
def _area(left: int, top: int, right: int, bottom: int, width: int, height: int) -> int:
    """Of the part of a box that is inside."""
    across = min(max(right, 0), width) - min(max(left, 0), width)
    return max(0, across) * max(0, min(max(bottom, 0), height) - min(max(top, 0), height))


@compiled
def _take(left_over: Array, middle: float, top: int, foot: int, wide: int) -> None:
    height, width = left_over.shape
    beyond = _ABOVE * (foot - top)
    hip = top + _HIP * (foot - top)
    for y in range(max(0, int(top - beyond)), min(height, int(foot + beyond))):
        half = wide * (_TAKEN if y < hip else _TAKEN_LEGS) / 2
        for x in range(max(0, int(middle - half)), min(width, int(middle + half) + 1)):
            left_over[y, x] = 0
