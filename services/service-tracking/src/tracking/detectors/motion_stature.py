"""How tall people look, by where their feet are: learned from the blobs of a film that look like one person each.

On level ground, seen by a camera in one place, a person's height in the picture grows in proportion to how far below
the horizon the feet are: at the same rate however the camera turns and zooms, from a horizon that goes with it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_LEAST_APART = 0.08
"""Difference of two people's feet from which they tell a rate, as a fraction of the picture's height."""
_LEAST_PAIRS = 50
_HIGHEST_RATE = 0.5
_WINDOW = 1.0
"""Seconds before and after a frame whose blobs tell its horizon."""
_LEAST_BLOBS = 12
_MOST_PAIRS = 200_000


@dataclass(frozen=True, slots=True, eq=False)
class Stature:
    """Expected heights: `base[frame] + rate * foot`, in reduced pixels.

    base: float64 (n,), NaN where nothing is known. rate: of a foot's row, 0 where the film does not tell.
    """

    base: Floats
    rate: float

    def height(self, frame: int, foot: float) -> float:
        """Of somebody whose feet are on row `foot`; NaN where not known."""
        return float(self.base[frame] + self.rate * foot)


def learn_stature(
    frame: npt.NDArray[np.int64], foot: Floats, height: Floats, time: Floats, picture_height: int
) -> Stature:
    """What blobs of single people tell.

    frame (m,) rising, foot, height (m,): one row per blob; time (n,): of every frame, seconds.
    """
    base = np.full(len(time), np.nan)
    if len(frame) < _LEAST_BLOBS:
        return Stature(base, 0.0)
    rate = _rate(frame, foot, height, picture_height * _LEAST_APART)
    level = height - rate * foot
    moment = time[frame]
    whole = float(np.median(level))
    # A few dozen steps per second of film would be the same: the horizon does not jump.
    for number, now in enumerate(time.tolist()):
        begin, end = np.searchsorted(moment, [now - _WINDOW, now + _WINDOW])
        near = level[begin:end]
        if len(near) >= _LEAST_BLOBS:
            base[number] = np.median(near)
    known = np.isfinite(base)
    base[~known] = np.interp(time[~known], time[known], base[known]) if known.any() else whole
    return Stature(base, rate)


def _rate(frame: npt.NDArray[np.int64], foot: Floats, height: Floats, apart: float) -> float:
    """The median over pairs of blobs of one frame, weighed by how far apart they are."""
    slopes, weights, total = [], [], 0
    begins = np.flatnonzero(np.diff(frame, prepend=-1))
    step = max(1, len(begins) // 4000)
    for begin, end in zip(begins[::step], np.append(begins[1:], len(frame))[::step], strict=True):
        one, other = np.triu_indices(end - begin, 1)
        away = foot[begin:end][one] - foot[begin:end][other]
        far = np.abs(away) >= apart
        if far.any() and total < _MOST_PAIRS:
            slopes.append(((height[begin:end][one] - height[begin:end][other])[far]) / away[far])
            weights.append(np.abs(away[far]))
            total += int(far.sum())
    if total < _LEAST_PAIRS:
        return 0.0
    slope, weight = np.concatenate(slopes), np.concatenate(weights)
    order = np.argsort(slope, kind="stable")
    middle = np.searchsorted(np.cumsum(weight[order]), weight.sum() / 2)
    return float(np.clip(slope[order][middle], 0.0, _HIGHEST_RATE))
