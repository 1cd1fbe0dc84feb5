"""Jersey numbers as block digits: quads in metres."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

HEIGHT = 0.30
_WIDTH = 0.16
_STROKE = 0.043
_GAP = 0.045

# The strokes of a digit: top, upper right, lower right, bottom, lower left, upper left, middle.
_STROKES = ("abcdef", "", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg")


def number_quads(number: int) -> npt.NDArray[np.float64]:
    """A number's strokes as quads (k, 4, 2): right and up from the middle of the number; (0, 4, 2) where negative."""
    if number < 0:
        return np.zeros((0, 4, 2))
    text = str(number)
    total = len(text) * _WIDTH + (len(text) - 1) * _GAP
    quads = []
    for place, digit in enumerate(text):
        quads += _digit(int(digit), -total / 2 + place * (_WIDTH + _GAP))
    return np.array(quads, np.float64)


def _digit(digit: int, left: float) -> list[list[tuple[float, float]]]:
    right, top, bottom, stroke = left + _WIDTH, HEIGHT / 2, -HEIGHT / 2, _STROKE

    def box(x0: float, y0: float, x1: float, y1: float) -> list[tuple[float, float]]:
        return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]

    if digit == 1:
        middle = (left + right) / 2
        half = 0.56 * stroke
        return [
            box(middle - half, bottom, middle + half, top),
            [
                (middle - half, top),
                (middle - half, top - stroke),
                (middle - 1.6 * stroke, top - 1.5 * stroke),
                (middle - 1.5 * stroke, top - 0.9 * stroke),
            ],
            box(middle - 1.3 * stroke, bottom, middle + 1.3 * stroke, bottom + 0.7 * stroke),
        ]
    if digit == 7:
        middle = (left + right) / 2
        return [
            box(left, top - stroke, right, top),
            [(right - stroke, top), (right, top), (middle + 0.2 * stroke, bottom), (middle - 0.9 * stroke, bottom)],
        ]
    strokes = {
        "a": box(left, top - stroke, right, top),
        "b": box(right - stroke, 0, right, top),
        "c": box(right - stroke, bottom, right, 0),
        "d": box(left, bottom, right, bottom + stroke),
        "e": box(left, bottom, left + stroke, 0),
        "f": box(left, 0, left + stroke, top),
        "g": box(left, -stroke / 2, right, stroke / 2),
    }
    return [strokes[name] for name in _STROKES[digit]]
