"""What each kind of evidence counts for when pieces are joined, in natural-log units: one table for every game.

Found by conditional logistic regression (McFadden, 1974): of every piece's end, which beginning continues it, or none;
and of every beginning, which end it continues. On tracks of the truth's own and of noisy boxes of SportsMOT's training
games, of NHL games (MHPTD, train) and of streets (MOT15, train). `bazel run //services/service-tracking/benchmarks --
fit-linker` does it again. Where wrong joins cost more than missed ones, in games with many newcomers and few returns,
more was asked of a pair: this is in the weights of these three rows as well.
"""

from __future__ import annotations

import numpy as np

from tracking.link_evidence import FEATURES
from tracking.scene import Float

_WEIGHTS = {
    # what: (after a short gap, after a long one)
    "forward says so": (1.495, 1.546),
    "backward says so": (1.585, 1.522),
    "forward has no next": (1.325, 0.648),
    "backward has no next": (1.106, 0.618),
    "log gap": (-0.768, -1.471),
    "ahead across": (-0.548, -1.063),
    "ahead down": (-0.129, -0.73),
    "behind across": (-0.596, -0.872),
    "behind down": (0.177, -0.493),
    "apart across": (0.619, 1.172),
    "apart down": (-0.649, 0.687),
    "turn across": (0.13, 0.122),
    "turn down": (0.086, 0.068),
    "height": (-0.346, -0.129),
    "width": (-0.116, -0.116),
    "unsure before": (0.074, -0.103),
    "unsure after": (-0.186, 0.241),
    "log seconds before": (0.066, 0.304),
    "log seconds after": (0.006, 0.308),
    "newcomers": (-1.346, -0.825),
    "returns": (0.73, 0.95),
    "waiting": (-0.249, -0.557),
    "one": (0.349, 2.842),
}

WEIGHTS: Float = np.array([[_WEIGHTS[name][half] for name in FEATURES] for half in (0, 1)]).ravel()
"""float64 (2 · len(FEATURES),), in the order of `features_of`."""
