"""How fast is learned: a warm-up, then half a cosine down to nothing (Loshchilov and Hutter 2017)."""

from __future__ import annotations

import math

WARM_UP = 0.05
"""Share of the training in which the rate rises."""


def rate_at(progress: float) -> float:
    """The share of the highest learning rate at `progress`, 0 to 1 of the training."""
    if progress < WARM_UP:
        return (progress + 1e-3) / (WARM_UP + 1e-3)
    return 0.5 * (1 + math.cos(math.pi * min((progress - WARM_UP) / (1 - WARM_UP), 1.0)))
