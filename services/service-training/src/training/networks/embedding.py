"""From a network's last feature map to a vector: generalised-mean pooling and the batch-normalisation neck."""

from __future__ import annotations

import torch
from torch import Tensor, nn

STRIPES = 4

_SMALLEST = 1e-6


class GeneralisedMeanPool(nn.Module):
    """(b, c, h, w) to (b, c): the mean of powers p of each channel, to the power 1 / p; p is learned.

    p = 1 is the mean, large p the maximum. Radenović, Tolias and Chum 2018, "Fine-tuning CNN image retrieval with no
    human annotation".
    """

    def __init__(self, power: float = 3.0) -> None:
        super().__init__()
        self.power = nn.Parameter(torch.tensor(power))

    def forward(self, features: Tensor) -> Tensor:
        """In float32 whatever the precision around it: powers of half floats run out of range."""
        with torch.autocast(features.device.type, enabled=False):
            positive = features.float().clamp(min=_SMALLEST)
            return positive.pow(self.power).mean(dim=(2, 3)).pow(1 / self.power)


class Embedding(nn.Module):
    """(b, channels, h, w) to (b, size): pooled, brought to `size` values, then normalised over the batch (BNNeck).

    Without a bias in the neck, since only directions count: Luo et al. 2019, "Bag of tricks and a strong baseline for
    deep person re-identification". Vectors are not of unit length; whoever compares them sees to that.
    """

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        self.pool = GeneralisedMeanPool()
        self.project = nn.Linear(channels, size, bias=False)
        self.neck = _neck(size)

    def forward(self, features: Tensor) -> Tensor:
        vector: Tensor = self.neck(self.project(self.pool(features)))
        return vector


class StripedEmbedding(nn.Module):
    """As `Embedding`, of the whole and of `STRIPES` horizontal stripes of it, each with its share of the values."""

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        each = size // (STRIPES + 1)
        shares = [size - STRIPES * each, *[each] * STRIPES]
        self.pool = GeneralisedMeanPool()
        self.project = nn.ModuleList(nn.Linear(channels, share, bias=False) for share in shares)
        self.neck = _neck(size)

    def forward(self, features: Tensor) -> Tensor:
        """The height must be `STRIPES` at least; stripes are as equal as can be."""
        regions = [features, *features.tensor_split(STRIPES, dim=2)]
        parts = [project(self.pool(region)) for project, region in zip(self.project, regions, strict=True)]
        vector: Tensor = self.neck(torch.cat(parts, dim=1))
        return vector


def _neck(size: int) -> nn.BatchNorm1d:
    neck = nn.BatchNorm1d(size)
    neck.bias.requires_grad_(False)
    return neck
