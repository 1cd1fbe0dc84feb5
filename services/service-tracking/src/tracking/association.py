"""Which box belongs to which track: overlaps of all pairs, and the best one-to-one assignment."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Float = NDArray[np.float64]
Index = NDArray[np.int64]


def buffered_iou(first: Float, second: Float, buffer: float = 0.0) -> Float:
    """Overlap of every box of `first` (n, 4) with every box of `second` (m, 4), as float64 (n, m) between 0 and 1.

    Boxes are centre x, centre y, width, height. Each is enlarged by `buffer` times its size on every side before
    the intersection over union is taken, so that boxes that just miss each other still compare (C-BIoU, Yang et al.,
    "Hard to track objects with irregular motions and similar appearances?", 2023). Boxes without an area overlap none.
    """
    half = 0.5 + buffer
    low_first, high_first = first[:, :2] - half * first[:, 2:], first[:, :2] + half * first[:, 2:]
    low_second, high_second = second[:, :2] - half * second[:, 2:], second[:, :2] + half * second[:, 2:]
    sides = np.minimum(high_first[:, None], high_second) - np.maximum(low_first[:, None], low_second)
    shared = np.maximum(sides, 0).prod(axis=2)
    areas = first[:, None, 2:].prod(axis=2) + second[None, :, 2:].prod(axis=2)
    overlap: Float = np.divide(shared, 4 * half**2 * areas - shared, out=np.zeros_like(shared), where=shared > 0)
    return overlap


def assign(gain: Float) -> tuple[Index, Index]:
    """Rows, ascending, and columns of the one-to-one assignment with the greatest summed gain (n, m).

    Only pairs whose gain is positive are allowed.
    """
    rows, columns = linear_sum_assignment(np.maximum(gain, 0.0), maximize=True)
    allowed = gain[rows, columns] > 0
    return rows[allowed], columns[allowed]
