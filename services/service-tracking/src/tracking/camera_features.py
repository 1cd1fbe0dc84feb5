"""What to follow in a picture, compiled: its most distinct spots, spread over it."""

from __future__ import annotations

import numpy as np

from tracking.camera_consensus import Array
from tracking.compiled import compiled

_PARTS_DOWN, _PARTS_ACROSS = 4, 6


@compiled
def choose(strength: Array, covered: Array, side: int, least: float, most: int) -> tuple[Array, Array]:
    """The strongest pixel of each square of `side` pixels that has one of `least`, outside of what is covered.

    strength, covered: (h, w). Where there are more than `most`, every part of the picture gives its strongest, then its
    second, and so on: the vote is one by area.
    Returns where they are in an image of twice the size, float32 (n, 2), x and y, and the number of each one's square,
    row by row, int64 (n,).
    """
    height, width = strength.shape
    rows, columns = -(-height // side), -(-width // side)
    squares = rows * columns
    best, place = np.zeros(squares, np.float32), np.zeros(squares, np.int64)
    part = np.zeros(squares, np.int64)
    for square in range(squares):
        row, column = square // columns, square % columns
        part[square] = row * _PARTS_DOWN // rows * _PARTS_ACROSS + column * _PARTS_ACROSS // columns
        for y in range(row * side, min(row * side + side, height)):
            for x in range(column * side, min(column * side + side, width)):
                if strength[y, x] > best[square] and not covered[y, x]:
                    best[square], place[square] = strength[y, x], y * width + x
    strongest = np.zeros(_PARTS_DOWN * _PARTS_ACROSS, np.int64)
    chosen = np.zeros(squares, np.bool_)
    number, before = 0, -1
    while number < most and number > before:
        before = number
        strongest[:] = -1
        for square in range(squares):
            if best[square] >= least and not chosen[square]:
                rival = strongest[part[square]]
                if rival < 0 or best[square] > best[rival]:
                    strongest[part[square]] = square
        for winner in strongest:
            if winner >= 0 and number < most:
                chosen[winner] = True
                number += 1
    points, whose = np.empty((number, 2), np.float32), np.empty(number, np.int64)
    number = 0
    for square in range(squares):
        if chosen[square]:
            points[number, 0] = place[square] % width * 2 + 0.5
            points[number, 1] = place[square] // width * 2 + 0.5
            whose[number] = square
            number += 1
    return points, whose
