"""Which boxes of each identity become crops: clean and sharp ones, spread over the time in which it was seen.

Chosen twice. First by what is known of the boxes, half as many again as are wanted; those are cut, and the sharpest
of them kept.
"""

from __future__ import annotations

import bisect
import math

import numpy as np
import numpy.typing as npt

from shared_libs.common.crops import Crops, CropSettings, choose_crops
from shared_libs.common.tracks import Tracks

Floats = npt.NDArray[np.float64]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]

PER_IDENTITY = 60
"""Crops of one identity at most, where nothing else is said."""
SECONDS_APART = 0.2
"""Between two crops of one identity at least, where nothing else is said."""

_SURPLUS = 1.5
"""Boxes that are cut for each that is wanted: the sharpest are kept."""
_LEAST_QUALITY = 0.4
"""Higher than for looking at people while tracking: a crop in which somebody else is in front teaches what is wrong."""
_LONGEST_ABSENCE = 1.0
_ROUNDING = 1e-6
"""Seconds: times of frames are not exact, and five frames of a 25th of a second are to be a fifth."""
_SIZES_PER_DOUBLING = 2
"""Crops are as sharp as others of their size, which is the same where heights differ by less than a factor of √2."""


def choose_candidates(
    tracks: Tracks,
    identity: Int32s,
    fps: float,
    size: tuple[int, int],
    *,
    per_identity: int = PER_IDENTITY,
    seconds_apart: float = SECONDS_APART,
) -> Crops:
    """The boxes to cut, half as many again as are wanted: of every part of each identity's time the cleanest.

    identity: int32 (n,), who each box of `tracks` shows; nobody where negative. fps: frames a second. size: width and
    height of the picture in pixels.
    """
    settings = CropSettings(
        per_group=math.ceil(_SURPLUS * per_identity),
        per_second=0,
        shortest_part=seconds_apart / _SURPLUS,
        longest_absence=_LONGEST_ABSENCE,
        least_quality=_LEAST_QUALITY,
    )
    return choose_crops(tracks, fps, size, settings, identity)


def keep_best(
    identity: Int32s,
    time: Floats,
    score: Floats,
    *,
    per_identity: int = PER_IDENTITY,
    seconds_apart: float = SECONDS_APART,
) -> Int64s:
    """Which of n candidates to keep, rising: of every part of each identity's time the best.

    identity, time in seconds, score (the higher the better): (n,) each. No two that are kept of one identity are less
    than `seconds_apart` from each other, and at most `per_identity` are.
    """
    rows = _apart(identity, time, score, seconds_apart)
    rows = rows[np.lexsort((time[rows], identity[rows]))]
    is_first = np.diff(identity[rows], prepend=-1) != 0
    start = np.flatnonzero(is_first)
    count = np.diff(start, append=len(rows))
    whose = np.cumsum(is_first) - 1
    place = np.arange(len(rows)) - start[whose]
    part = place * np.minimum(count, per_identity)[whose] // count[whose]
    best_first = np.lexsort((time[rows], -score[rows], part, whose))
    is_best = np.diff(whose[best_first] * per_identity + part[best_first], prepend=-1) != 0
    return np.sort(rows[best_first[is_best]])


def score_of(identity: Int32s, height: Floats, quality: Floats, sharpness: Floats) -> Floats:
    """How good n crops are, float64 (n,), 0 to 1: `quality` (n,), and how sharp they are for their identity and size.

    height: float64 (n,), in pixels. sharpness: float64 (n,), as `pictures.sharpness` gives it. Striped jerseys show
    more edges than plain ones and large crops more than small ones: a crop is held against the median of those of the
    same identity and about the same height.
    """
    size = np.floor(_SIZES_PER_DOUBLING * np.log2(np.maximum(height, 1)))
    kind = np.unique(np.stack([identity, size], axis=1), axis=0, return_inverse=True)[1].reshape(-1)
    median = _medians(kind, sharpness)[kind]
    return quality * sharpness / np.maximum(sharpness + median, 1e-9)


def _apart(identity: Int32s, time: Floats, score: Floats, seconds_apart: float) -> Int64s:
    """The candidates that are left when each, the best first, keeps others of its identity at a distance."""
    kept: dict[int, list[float]] = {}
    rows = []
    best_first = np.lexsort((time, -score))
    columns = (best_first.tolist(), identity[best_first].tolist(), time[best_first].tolist())
    for row, whose, when in zip(*columns, strict=True):
        times = kept.setdefault(whose, [])
        place = bisect.bisect(times, when)
        if all(abs(when - other) > seconds_apart - _ROUNDING for other in times[max(place - 1, 0) : place + 1]):
            times.insert(place, when)
            rows.append(row)
    return np.array(rows, np.int64)


def _medians(kind: Int64s, values: Floats) -> Floats:
    """The (upper) median of the values (n,) of each kind (n,), 0 to k - 1: (k,)."""
    order = np.lexsort((values, kind))
    start = np.searchsorted(kind[order], np.arange(kind.max(initial=-1) + 1))
    stop = np.append(start[1:], len(kind))
    return np.asarray(values[order[(start + stop) // 2]], np.float64)
