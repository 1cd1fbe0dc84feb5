"""Which pairs of crops count: one rule for everything that is measured.

Two crops are a right pair if they show one identity and are not of the same moment: one picture and the next are alike
whatever the vectors are worth. They are a wrong pair if their identities are two people for certain. All other pairs
may show one person or two, so nothing is counted on them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.dataset.crop_set import CropSet

SAME_MOMENT_SECONDS = 1.0

Mask = npt.NDArray[np.bool_]
Index = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring places of one identity: `begin` up to, not including, `end`."""

    identity: int
    begin: int
    end: int


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """n crops put in the order of their identities, each at its place 0 … n−1, and the rule that pairs them.

    order: (n,), row of the crop set at each place. identity: (n,). time: float64 (n,), seconds, NaN where unknown.
    starts: (i + 1,), first place of each identity. different: (i, i), as in the crop set.
    """

    order: Index
    identity: npt.NDArray[np.int32]
    time: npt.NDArray[np.float64]
    starts: Index
    different: Mask
    same_moment_seconds: float

    @staticmethod
    def of(crops: CropSet, same_moment_seconds: float = SAME_MOMENT_SECONDS) -> Pairs:
        """The pairs of `crops`. An identity is seen in one game only, so the times of its crops are of one clock."""
        order = np.argsort(crops.identity, kind="stable")
        identity = crops.identity[order]
        starts = np.searchsorted(identity, np.arange(len(crops.identities) + 1))
        return Pairs(order, identity, crops.time[order], starts, crops.different, same_moment_seconds)

    def __len__(self) -> int:
        return len(self.order)

    def block(self, identity: int) -> slice:
        """The places of an identity."""
        return slice(int(self.starts[identity]), int(self.starts[identity + 1]))

    def runs(self, begin: int, end: int) -> Iterator[Run]:
        """The places from `begin` up to `end`, cut where the identity changes."""
        while begin < end:
            identity = int(self.identity[begin])
            until = min(end, int(self.starts[identity + 1]))
            yield Run(identity, begin, until)
            begin = until

    def right(self, run: Run) -> Mask:
        """(places of the run, places of its identity): True for right pairs."""
        block = self.block(run.identity)
        places, others = np.arange(run.begin, run.end)[:, None], np.arange(block.start, block.stop)[None]
        apart = np.abs(self.time[run.begin : run.end, None] - self.time[None, block])
        # A comparison with NaN is False: where a time is unknown, only a crop itself is of its moment.
        right: Mask = (places != others) & ~(apart < self.same_moment_seconds)
        return right

    def has_queries(self) -> bool:
        """Whether there is a crop with a right and a wrong pair: without one, nothing can be measured."""
        runs = self.runs(0, len(self))
        return any(self.right(run).any() and self.wrong(run.identity).any() for run in runs)

    def wrong(self, identity: int) -> Mask:
        """(n,): True at the places that are a wrong pair with every crop of the identity."""
        return np.repeat(self.different[identity], np.diff(self.starts))
