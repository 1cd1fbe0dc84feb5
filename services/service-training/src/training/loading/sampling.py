"""Which crops come together in a batch: P identities with K crops each (PK sampling, Hermans et al. 2017).

Identities of a batch are such that can be told apart for certain: one is drawn, the others from those who are somebody
else for sure, mostly people seen beside it in the same game. So teammates under the same light come together, which is
what the model has to tell apart, and hardly a pair is wasted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class BatchShape:
    """identities: P of a batch, or all where there are fewer; crops: K of each; groups: in how many groups, of two or
    more identities and each around another one, so that several games come together."""

    identities: int = 16
    crops: int = 4
    groups: int = 2

    @property
    def size(self) -> int:
        """Crops in a batch."""
        return self.identities * self.crops


class PkSampler:
    """Batches of rows, drawn so that the same seed, epoch and share give the same ones.

    Args:
        identity: int (n,), whose each crop is.
        different: bool (i, i), which identities are two people for certain.
        shape: of a batch.
        seed: of everything that is drawn.
        share: which of `shares` processes this one is; each draws its own batches.
    """

    def __init__(
        self,
        identity: npt.NDArray[np.int32],
        different: npt.NDArray[np.bool_],
        shape: BatchShape,
        *,
        seed: int,
        share: int = 0,
        shares: int = 1,
    ) -> None:
        order = np.argsort(identity, kind="stable")
        counts = np.bincount(identity, minlength=len(different))
        self._rows = np.split(order, np.cumsum(counts)[:-1])
        # One crop makes no pair with itself: such an identity is only good for being somebody else.
        self._anchors = np.flatnonzero((counts > 1) & different.any(axis=1))
        self._seen = np.flatnonzero(counts)
        if not len(self._anchors):
            raise ValueError("no identity has two crops and somebody who is certainly another")
        self._different = different
        together = min(shape.identities, len(self._seen))
        self.shape = replace(shape, identities=together, groups=max(1, min(shape.groups, together // 2)))
        """Of every batch: where there are fewer identities than asked for, all of them."""
        self._seed, self._share = seed, share
        self.batches = max(1, -(-len(identity) // (self.shape.size * shares)))
        """In an epoch: so many that as many crops are drawn as there are."""

    def epoch(self, number: int) -> list[Indices]:
        """The batches of an epoch, each int64 (P K,), the crops of one identity side by side.

        Every identity is drawn first in its turn before one is so again.
        """
        random = np.random.default_rng(np.random.SeedSequence([self._seed, number, self._share]))
        return [self._batch(random, firsts) for firsts in self._firsts(random)]

    def _firsts(self, random: np.random.Generator) -> list[Indices]:
        wanted = self.batches * self.shape.groups
        rounds = -(-wanted // len(self._anchors))
        drawn = np.concatenate([random.permutation(self._anchors) for _ in range(rounds)])
        return list(drawn[:wanted].reshape(self.batches, self.shape.groups))

    def _batch(self, random: np.random.Generator, firsts: Indices) -> Indices:
        chosen: list[int] = []
        for place, first in enumerate(firsts):
            # The groups share P as evenly as can be.
            until = self.shape.identities * (place + 1) // len(firsts)
            chosen += self._group(random, int(first), until - len(chosen), chosen)
        if len(chosen) < self.shape.identities:
            others = np.setdiff1d(self._seen, chosen)
            chosen += random.permutation(others)[: self.shape.identities - len(chosen)].tolist()
        return np.concatenate([self._crops(random, identity) for identity in chosen])

    def _group(self, random: np.random.Generator, first: int, count: int, taken: list[int]) -> list[int]:
        """`first` and those who are certainly somebody else, `count` at most, none of them in `taken`."""
        group = [] if first in taken else [first]
        others = np.setdiff1d(np.flatnonzero(self._different[first]), taken)
        others = others[np.isin(others, self._seen)]
        return [*group, *random.permutation(others)[: count - len(group)].tolist()]

    def _crops(self, random: np.random.Generator, identity: int) -> Indices:
        rows = self._rows[identity]
        if len(rows) >= self.shape.crops:
            return random.choice(rows, self.shape.crops, replace=False)
        # Each as often as any other, give or take one; they are varied differently.
        return random.permutation(np.resize(random.permutation(rows), self.shape.crops))
