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
    "log gap": (-1.088, -1.812),
    "ahead across": (-0.599, -1.229),
    "ahead down": (-0.115, -0.828),
    "behind across": (-0.723, -1.082),
    "behind down": (0.086, -0.608),
    "apart across": (0.697, 1.373),
    "apart down": (-0.63, 0.566),
    "turn across": (0.218, 0.197),
    "turn down": (0.143, 0.096),
    "height": (-0.324, -0.135),
    "width": (-0.15, -0.099),
    "unsure before": (0.103, -0.537),
    "unsure after": (-0.192, -0.122),
    "log seconds before": (0.07, 0.338),
    "log seconds after": (-0.019, 0.313),
    "newcomers": (-1.344, -0.58),
    "returns": (0.736, 1.049),
    "waiting": (-0.41, -0.736),
    "one": (2.26, 5.732),
}

WEIGHTS: Float = np.array([[_WEIGHTS[name][half] for name in FEATURES] for half in (0, 1)]).ravel()
"""float64 (2 · len(FEATURES),), in the order of `features_of`."""
