"""Tracks of nobody: clutter that a detector sees again and again, with less confidence than it has in people."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tracking.settings import TrackerSettings

_LOW, _MIDDLE = 0.16, 0.5
"""Quantiles of the scores: of a bell curve they lie one standard deviation apart."""


def of_phantoms(
    number: NDArray[np.int64], score: NDArray[np.floating], fps: float, settings: TrackerSettings
) -> NDArray[np.bool_]:
    """Which boxes (n,) are in tracks that are probably nobody's.

    A track is, when its boxes' mean score is far below what is usual here: further than `phantom_deficit`, in spreads
    of this sequence's own scores, and some more the longer it was seen. So it does not matter how confident a detector
    is on the whole, and where all scores are alike nothing is dropped.

    number: (n,) the track of each box, a small positive number; score: (n,) its score.
    """
    if len(number) == 0:
        return np.zeros(0, np.bool_)
    score = score.astype(np.float64)
    low, middle = np.quantile(score, (_LOW, _MIDDLE))
    boxes = np.bincount(number)
    mean = np.bincount(number, score) / np.maximum(boxes, 1)
    deficit = (middle - mean) / max(middle - low, settings.least_score_spread)
    allowed = settings.phantom_deficit + settings.phantom_patience * np.sqrt(boxes / fps)
    dropped: NDArray[np.bool_] = (deficit > allowed)[number]
    return dropped
