"""Which motion most of the picture takes part in, compiled: the scene's, not that of people or of what is laid over.

A motion is a similarity – turn, zoom and shift – found by vote and then fitted to pairs: where a point was and is, as
x, y, x, y from the middle of the picture. Everything is drawn from one fixed table, and no liberties are taken with the
order of arithmetic: equal input gives equal output. All in one file, since what is kept compiled is made anew only
where its own file changes.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tracking.compiled import compiled

Array = Any
"""Inside compiled code every array is numba's; their shapes and types stand in the docstrings."""

_TWOS, _ALL, _ROUNDS = 80, 96, 3
"""Hypotheses from two pairs, hypotheses in all, and rounds of the fit."""
_TABLE = np.random.Generator(np.random.PCG64(20)).random((_ALL, 2))
_TABLE[_TWOS:, 1] = _TABLE[_TWOS:, 0]
_LEAST_EXTENT = 3
"""In how many of the picture's 24 parts those who agree have to be."""


class Similarity(NamedTuple):
    """Maps (x, y) to (real x - imaginary y + right, imaginary x + real y + down)."""

    real: float
    imaginary: float
    right: float
    down: float

    def carry(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Where points (n, 2) come to lie."""
        return points @ ((self.real, self.imaginary), (-self.imaginary, self.real)) + (self.right, self.down)


NONE = Similarity(1.0, 0.0, 0.0, 0.0)


class Limits(NamedTuple):
    """What decides, in displayed pixels of a picture of `width` by `height`; see `CameraSettings`."""

    width: float
    height: float
    tolerance: float
    still: float
    least_features: float
    least_share: float


class Consensus(NamedTuple):
    """The motion, the share of the voters that agree on it, and whether they suffice."""

    fit: Similarity
    share: float
    convinces: bool


@compiled
def common_motion(pairs: Array, voters: Array, limits: Limits) -> Consensus:
    """The motion of the scene from pairs, float64 (n, 4), of the voters, bool (n,); none where nothing convinces.

    What is laid over the picture stands still while the scene moves; in a scene at rest, people may all run the same
    way. The motion in which more of the picture takes part is the scene's.
    """
    count = len(pairs)
    resting, moving = np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    fit, heard, agree, extent = _agree(pairs, voters, limits)
    furthest = 0.0
    for each in range(count):
        if voters[each]:
            x, y = pairs[each, 0], pairs[each, 1]
            stands = _squared_error(NONE, x, y, pairs[each, 2], pairs[each, 3]) < limits.still * limits.still
            resting[each], moving[each] = stands, not stands
            furthest = max(furthest, _squared_error(fit, x, y, x, y))
    other, others_heard = NONE, heard
    if furthest < 4 * limits.tolerance * limits.tolerance:
        other, others_heard, others, others_extent = _agree(pairs, moving, limits)
    else:
        others, others_extent = _extent(pairs, resting, NONE, limits)
    if others_extent > extent and _convinces(others, others_extent, others_heard, limits):
        fit, heard, agree, extent = other, others_heard, others, others_extent
    return Consensus(fit, agree / max(1, heard), _convinces(agree, extent, heard, limits))


@compiled
def _agree(pairs: Array, voters: Array, limits: Limits) -> tuple[Similarity, int, int, int]:
    """The motion that most of the voters (n,) share, how many they are, how many agree, and in how many parts of the
    picture these were. A shift where they are too close together to tell a turn or a zoom."""
    chosen, heard = np.empty((len(pairs), 4)), 0
    for each in range(len(pairs)):
        if voters[each]:
            for part in range(4):
                chosen[heard, part] = pairs[each, part]
            heard += 1
    chosen = chosen[:heard]
    if heard < limits.least_features:
        return NONE, heard, 0, 0
    fit, turns = NONE, True
    apart = 0.5 * _spread(chosen, NONE, np.inf)
    while True:
        fit = _refine(chosen, limits.tolerance, _vote(chosen, apart, limits.tolerance, turns), turns)
        if not turns or _spread(chosen, fit, limits.tolerance) >= 0.05 * max(limits.width, limits.height):
            break
        turns = False
    agree, extent = _extent(pairs, voters, fit, limits)
    return fit, heard, agree, extent


@compiled
def _convinces(agree: int, extent: int, heard: int, limits: Limits) -> bool:
    return agree >= max(limits.least_features, limits.least_share * heard) and extent >= _LEAST_EXTENT


@compiled
def _spread(pairs: Array, fit: Similarity, tolerance: float) -> float:
    """How far those who agree with `fit` were from their middle on average; 0 where nobody does."""
    number = x = y = total = 0.0
    for turn in range(2):
        for each in range(len(pairs)):
            here_x, here_y = pairs[each, 0], pairs[each, 1]
            if _squared_error(fit, here_x, here_y, pairs[each, 2], pairs[each, 3]) < tolerance * tolerance:
                if turn == 0:
                    number += 1
                    x += here_x
                    y += here_y
                else:
                    total += math.sqrt((here_x - x / number) ** 2 + (here_y - y / number) ** 2)
    return total / max(1.0, number)


@compiled
def _extent(pairs: Array, voters: Array, fit: Similarity, limits: Limits) -> tuple[int, int]:
    """How many of the voters agree with `fit`, and in how many of the picture's 6 by 4 parts they were."""
    seen = np.zeros(24, np.bool_)
    number = extent = 0
    for each in range(len(pairs)):
        x, y = pairs[each, 0], pairs[each, 1]
        if voters[each] and _squared_error(fit, x, y, pairs[each, 2], pairs[each, 3]) < limits.tolerance**2:
            number += 1
            part = int((y / limits.height + 0.5) * 3.999) * 6 + int((x / limits.width + 0.5) * 5.999)
            if not seen[part]:
                seen[part] = True
                extent += 1
    return number, extent


@compiled
def _squared_error(fit: Similarity, x: float, y: float, to_x: float, to_y: float) -> float:
    """How far from (to_x, to_y) the fit carries (x, y), squared."""
    off_x = fit.real * x - fit.imaginary * y + fit.right - to_x
    off_y = fit.imaginary * x + fit.real * y + fit.down - to_y
    return off_x * off_x + off_y * off_y


@compiled
def _vote(pairs: Array, apart: float, tolerance: float, turns: bool) -> Similarity:
    """The hypothesis that most of the pairs, float64 (n, 4), support, each by how near it is within `tolerance`.

    Hypotheses come from two pairs whose points were `apart` at least, and from one pair as a plain shift; those that
    double or halve the picture are left aside. turns: False tries shifts alone. n is at least 1. At most 2 in 3 pairs
    may be wrong.
    """
    guess = np.zeros((_ALL, 4))
    number = 0
    for draw in range(_ALL):
        one, two = int(_TABLE[draw, 0] * len(pairs)), int(_TABLE[draw, 1] * len(pairs))
        real, imaginary = 1.0, 0.0
        if turns and draw < _TWOS:
            x, y = pairs[two, 0] - pairs[one, 0], pairs[two, 1] - pairs[one, 1]
            to_x, to_y = pairs[two, 2] - pairs[one, 2], pairs[two, 3] - pairs[one, 3]
            squared = x * x + y * y
            if squared == 0 or squared < apart * apart:
                continue
            real, imaginary = (x * to_x + y * to_y) / squared, (x * to_y - y * to_x) / squared
            zoom = real * real + imaginary * imaginary
            if zoom < 0.25 or zoom > 4:
                continue
        guess[number, 0], guess[number, 1] = real, imaginary
        guess[number, 2] = pairs[one, 2] - real * pairs[one, 0] + imaginary * pairs[one, 1]
        guess[number, 3] = pairs[one, 3] - imaginary * pairs[one, 0] - real * pairs[one, 1]
        number += 1
    best, least = 0, np.inf
    for each in range(number):
        real, imaginary, right, down = guess[each, 0], guess[each, 1], guess[each, 2], guess[each, 3]
        cost = 0.0
        for point in range(len(pairs)):
            off_x = real * pairs[point, 0] - imaginary * pairs[point, 1] + right - pairs[point, 2]
            off_y = imaginary * pairs[point, 0] + real * pairs[point, 1] + down - pairs[point, 3]
            cost += min(off_x * off_x + off_y * off_y, tolerance * tolerance)
        if cost < least:
            best, least = each, cost
    return Similarity(guess[best, 0], guess[best, 1], guess[best, 2], guess[best, 3])


@compiled
def _refine(pairs: Array, tolerance: float, start: Similarity, turns: bool) -> Similarity:
    """Least squares from `start` in which a pair counts less the worse it fits, and nothing beyond `tolerance`.

    turns: False fits a shift alone.
    """
    fit = start
    for _ in range(_ROUNDS):
        total = x = y = to_x = to_y = square = along = across = 0.0
        for point in range(len(pairs)):
            here_x, here_y, there_x, there_y = pairs[point, 0], pairs[point, 1], pairs[point, 2], pairs[point, 3]
            left = 1 - _squared_error(fit, here_x, here_y, there_x, there_y) / (tolerance * tolerance)
            if left > 0:
                left *= left
                total += left
                x += left * here_x
                y += left * here_y
                to_x += left * there_x
                to_y += left * there_y
                square += left * (here_x * here_x + here_y * here_y)
                along += left * (here_x * there_x + here_y * there_y)
                across += left * (here_x * there_y - here_y * there_x)
        if total <= 0:
            break
        real, imaginary = 1.0, 0.0
        if turns:
            square -= (x * x + y * y) / total
            if square <= 0:
                break
            real = (along - (x * to_x + y * to_y) / total) / square
            imaginary = (across - (x * to_y - y * to_x) / total) / square
        right, down = to_x - real * x + imaginary * y, to_y - imaginary * x - real * y
        fit = Similarity(real, imaginary, right / total, down / total)
    return fit
