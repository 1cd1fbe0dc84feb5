"""Whether two crops show one person, decided by their likeness alone: how often that is right, where to draw the line.

All right pairs and all wrong pairs (`pairs`), each once, are counted in bins of likeness, 1/16,384 wide. At the edges
of bins the rates are exact; between two edges only the order within that one bin is unknown.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BINS = 2**15
"""From likeness −1 to 1. A power of two, so that the edges and the bin of each float32 are exact."""

FALSE_ACCEPTS = 1e-3
"""Share of wrong pairs let through at `Verification.strict_threshold`."""

_PER_UNIT = BINS // 2

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


def edges() -> Float64:
    """(BINS + 1,): bin b holds the likenesses from edge b up to, not including, edge b + 1; the last one also 1."""
    return np.arange(-_PER_UNIT, _PER_UNIT + 1) / _PER_UNIT


def binned(likeness: Float32) -> Counts:
    """(BINS,): how many likenesses, of any shape, fall into each bin; those beyond −1 and 1 into the outermost."""
    position = np.multiply(likeness, np.float32(_PER_UNIT)).ravel()
    np.clip(np.floor(position, out=position), -_PER_UNIT, _PER_UNIT - 1, out=position)
    counts: Counts = np.bincount(position.astype(np.int64) + _PER_UNIT, minlength=BINS)
    return counts


@dataclass(frozen=True, slots=True, eq=False)
class Verification:
    """Fractions; NaN where there is no right pair or no wrong one.

    area_under_curve: the chance that a right pair is more alike than a wrong one, equal ones counted half (ROC-AUC).
    Pairs in one bin are taken for equal, which moves it by `area_error` at most. equal_error_rate: share of right pairs
    below equal_error_threshold, which is the share of wrong pairs at or above it, too; where no likeness has both
    equal, the two lines are followed straight through the bin in which they cross, which holds the exact one. Where
    there is a stretch of such likenesses, as between perfectly told pairs, the threshold is its middle.
    strict_threshold: the lowest edge of a bin at which at most FALSE_ACCEPTS of the wrong pairs get through;
    strict_accepts: share of right pairs that do. right, wrong: (BINS,), pairs in each bin.
    """

    area_under_curve: float
    area_error: float
    equal_error_rate: float
    equal_error_threshold: float
    strict_threshold: float
    strict_accepts: float
    right: Counts
    wrong: Counts

    @staticmethod
    def of(right: Counts, wrong: Counts) -> Verification:
        """From the pairs counted in bins by `binned`."""
        if not right.any() or not wrong.any():
            nothing = float("nan")
            return Verification(nothing, nothing, nothing, nothing, nothing, nothing, right, wrong)
        within = float((right * (wrong / wrong.sum())).sum() / right.sum()) / 2
        rate, threshold = _equal_error(right, wrong)
        accepted, let_through = accepts(right), accepts(wrong)
        strict = int((let_through <= FALSE_ACCEPTS).argmax())
        return Verification(
            area_under_curve=float((right * _rejects(wrong)[:-1]).sum() / right.sum()) + within,
            area_error=within,
            equal_error_rate=rate,
            equal_error_threshold=threshold,
            strict_threshold=float(edges()[strict]),
            strict_accepts=float(accepted[strict]),
            right=right,
            wrong=wrong,
        )

    @property
    def right_pairs(self) -> int:
        """How many there are."""
        return int(self.right.sum())

    @property
    def wrong_pairs(self) -> int:
        """How many there are."""
        return int(self.wrong.sum())


def accepts(counts: Counts) -> Float64:
    """(BINS + 1,): share of the pairs at or above each edge. Of right pairs against of wrong pairs it is the ROC."""
    above = np.append(np.cumsum(counts[::-1])[::-1], 0)
    shares: Float64 = above / counts.sum()
    return shares


def _rejects(counts: Counts) -> Float64:
    """(BINS + 1,): share of the pairs below each edge. Not 1 − accepts(counts): as quotients of whole numbers, shares
    that are equal are so to the last bit."""
    shares: Float64 = np.append(0, np.cumsum(counts)) / counts.sum()
    return shares


def _equal_error(right: Counts, wrong: Counts) -> tuple[float, float]:
    """The equal-error rate and its threshold."""
    missed, let_through = _rejects(right), accepts(wrong)
    # One rises with the edge, the other falls: they are equal from `first` to `last`, or cross between these two.
    first = int((missed >= let_through).argmax())
    last = BINS - int((missed <= let_through)[::-1].argmax())
    line = edges()
    if first <= last:
        return float(missed[first]), float(line[first] + line[last]) / 2
    lead, lag = let_through[last] - missed[last], missed[first] - let_through[first]
    way = lead / (lead + lag)
    return float(missed[last] + way * (missed[first] - missed[last])), float(line[last] + way / _PER_UNIT)
