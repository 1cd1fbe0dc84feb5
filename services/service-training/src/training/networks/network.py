"""The networks by name."""

from __future__ import annotations

from typing import Final, Literal, get_args

from torch import nn

from training.networks.resnet import resnet50
from training.networks.small import small

NetworkName = Literal["small", "resnet50"]
NETWORKS: Final[tuple[NetworkName, ...]] = get_args(NetworkName)


def make_network(name: NetworkName, embedding_size: int) -> nn.Module:
    """A network with random weights, float32: (b, 3, height, width), normalised RGB, to (b, embedding_size)."""
    return small(embedding_size) if name == "small" else resnet50(embedding_size)
