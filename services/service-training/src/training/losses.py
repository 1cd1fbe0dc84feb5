"""Losses of pytorch-metric-learning, on those pairs only of which it is certain that they are two people."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, get_args

import torch
from pytorch_metric_learning import losses
from torch import Tensor, nn

LossName = Literal["triplet", "multi-similarity", "contrastive"]
LOSSES: Final[tuple[LossName, ...]] = get_args(LossName)

_MARGIN = 0.3
_MINING_MARGIN = 0.1
_SMOOTHING = 0.1
"""Of labels: the share that goes to everybody evenly (Szegedy et al. 2016)."""


class Pairs(NamedTuple):
    """Pairs of rows of a batch, as pytorch-metric-learning takes them: all int64; (anchor, positive) are one person,
    (negative_anchor, negative) two."""

    anchor: Tensor
    positive: Tensor
    negative_anchor: Tensor
    negative: Tensor


class Triplets(NamedTuple):
    """Three rows of a batch each, int64: an anchor, another look at it, somebody else."""

    anchor: Tensor
    positive: Tensor
    negative: Tensor


class MetricLoss(nn.Module):
    """Vectors (b, d) and whose they are to one number, 0 where there is nothing to learn.

    "triplet": each anchor with its hardest positive and its hardest certain negative (batch-hard, Hermans et al.
    2017). "multi-similarity": Wang et al. 2019, with their mining. "contrastive": supervised contrastive, Khosla et al.
    2020, all pairs.
    """

    def __init__(self, name: LossName) -> None:
        super().__init__()
        self.name = name
        self._loss = _make(name)

    def forward(self, vectors: Tensor, identity: Tensor, different: Tensor) -> Tensor:
        """vectors: float (b, d), of any length. identity: int64 (b,). different: bool (i, i), see `CropSet`."""
        same, other = certain_masks(identity, different)
        # In float32: likenesses are near 1, where half floats have three digits.
        with torch.autocast(vectors.device.type, enabled=False):
            unit = nn.functional.normalize(vectors.float(), dim=1)
            with torch.no_grad():
                chosen = _MINERS[self.name](unit @ unit.T, same, other)
            if not len(chosen[0]) or not len(chosen[-1]):
                return unit.sum() * 0
            loss: Tensor = self._loss(unit, identity, chosen)
        return loss


class IdentityLoss(nn.Module):
    """Vectors (b, d) and whose they are to how badly they say it, with a learned vector for each of the identities.

    A cross-entropy among those who are certainly somebody else (and the right one), as in Luo et al. 2019: it teaches
    from the first step on, when pairs are all alike. Its weights are learned with the network's, and left behind.
    """

    def __init__(self, identities: int, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(identities, size))
        nn.init.normal_(self.weight, std=size**-0.5)

    def forward(self, vectors: Tensor, identity: Tensor, different: Tensor) -> Tensor:
        """vectors: float (b, d), of any length. identity: int64 (b,). different: bool (i, i), see `CropSet`."""
        candidates = different[identity]
        candidates[torch.arange(len(identity), device=identity.device), identity] = True
        with torch.autocast(vectors.device.type, enabled=False):
            logits = (vectors.float() @ self.weight.T).masked_fill(~candidates, -torch.inf)
        chances = logits.log_softmax(dim=1)
        right = chances.gather(1, identity[:, None])[:, 0]
        evenly = chances.masked_fill(~candidates, 0).sum(dim=1) / candidates.sum(dim=1)
        return -((1 - _SMOOTHING) * right + _SMOOTHING * evenly).mean()


def certain_masks(identity: Tensor, different: Tensor) -> tuple[Tensor, Tensor]:
    """For each pair of rows, bool (b, b): whether it is two looks at one person; whether it is two people for certain.

    A pair can be neither. No row is paired with itself.
    """
    same = identity[:, None] == identity
    same.fill_diagonal_(False)
    return same, different[identity][:, identity]


def batch_hard(likeness: Tensor, same: Tensor, other: Tensor) -> Triplets:
    """Of each row that has both: the least alike of the same, the most alike of the others."""
    anchor = torch.nonzero(same.any(dim=1) & other.any(dim=1)).flatten()
    positive = likeness.masked_fill(~same, torch.inf)[anchor].argmin(dim=1)
    negative = likeness.masked_fill(~other, -torch.inf)[anchor].argmax(dim=1)
    return Triplets(anchor, positive, negative)


def informative_pairs(likeness: Tensor, same: Tensor, other: Tensor) -> Pairs:
    """Pairs that are not told apart by a margin yet (Wang et al. 2019, section 4.1).

    Negatives more alike than the hardest positive, positives less alike than the hardest negative.
    """
    hardest_same = likeness.masked_fill(~same, torch.inf).min(dim=1, keepdim=True).values
    hardest_other = likeness.masked_fill(~other, -torch.inf).max(dim=1, keepdim=True).values
    positives = same & (likeness - _MINING_MARGIN < hardest_other)
    negatives = other & (likeness + _MINING_MARGIN > hardest_same)
    return _pairs(positives, negatives)


def all_pairs(likeness: Tensor, same: Tensor, other: Tensor) -> Pairs:
    """Every pair that is certain."""
    return _pairs(same, other)


def _pairs(positives: Tensor, negatives: Tensor) -> Pairs:
    return Pairs(*torch.nonzero(positives, as_tuple=True), *torch.nonzero(negatives, as_tuple=True))


_MINERS = {"triplet": batch_hard, "multi-similarity": informative_pairs, "contrastive": all_pairs}


def _make(name: LossName) -> nn.Module:
    loss: nn.Module
    if name == "triplet":
        loss = losses.TripletMarginLoss(margin=_MARGIN)
    elif name == "multi-similarity":
        loss = losses.MultiSimilarityLoss(alpha=2, beta=50, base=0.5)
    else:
        loss = losses.SupConLoss(temperature=0.1)
    return loss
