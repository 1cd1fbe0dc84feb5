"""Which box belongs to which track: overlaps of all pairs, and the best one-to-one assignment above a threshold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Float = NDArray[np.float64]
Index = NDArray[np.int64]

_NONE: Index = np.zeros(0, np.int64)


def centre_size(xyxy: Float) -> Float:
    """Corners (n, 4) to centre x, centre y, width, height (n, 4)."""
    out = np.empty_like(xyxy)
    np.subtract(xyxy[:, 2:], xyxy[:, :2], out=out[:, 2:])
    np.add(xyxy[:, :2], xyxy[:, 2:], out=out[:, :2])
    out[:, :2] *= 0.5
    return out


def buffered_iou(first: Float, second: Float, buffer: float = 0.0) -> Float:
    """Overlap of every box of `first` (n, 4) with every box of `second` (m, 4), as float64 (n, m) between 0 and 1.

    Boxes are centre x, centre y, width, height. Each is enlarged by `buffer` times its size on every side before
    the intersection over union is taken, so that boxes that just miss each other still compare (C-BIoU, Yang et al.,
    "Hard to track objects with irregular motions and similar appearances?", 2023).
    """
    scale = 1 + 2 * buffer
    half_first, half_second = first[:, 2:] * (scale / 2), second[:, 2:] * (scale / 2)
    low_first, high_first = first[:, :2] - half_first, first[:, :2] + half_first
    low_second, high_second = second[:, :2] - half_second, second[:, :2] + half_second
    sides = np.minimum(high_first[:, None], high_second) - np.maximum(low_first[:, None], low_second)
    np.maximum(sides, 0, out=sides)
    shared: Float = sides[:, :, 0] * sides[:, :, 1]
    area_first = 4 * half_first[:, 0] * half_first[:, 1]
    area_second = 4 * half_second[:, 0] * half_second[:, 1]
    union = area_first[:, None] + area_second - shared
    return shared / union


def assign(similarity: Float, least: float) -> tuple[Index, Index]:
    """Rows and columns of the one-to-one assignment with the greatest summed similarity.

    Only pairs whose `similarity` (n, m), which must not be negative, is positive and at least `least` are allowed;
    the sum is over allowed pairs. Returned rows ascend. Where every row and column has one candidate
    at most – most frames of a game – the candidates are the answer and nothing has to be solved.
    """
    if similarity.size == 0:
        return _NONE, _NONE
    allowed = (similarity >= least) & (similarity > 0)
    rows, columns = allowed.nonzero()
    if len(rows) == 0:
        return rows, columns
    if np.bincount(rows).max() > 1 or np.bincount(columns).max() > 1:
        rows, columns = linear_sum_assignment(np.where(allowed, similarity, 0.0), maximize=True)
        chosen = allowed[rows, columns]
        rows, columns = rows[chosen], columns[chosen]
    return rows, columns
