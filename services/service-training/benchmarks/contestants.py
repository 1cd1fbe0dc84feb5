"""Who is compared: one request, trained by plain PyTorch and by ours, from the same weights."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import torch
from torch import nn

from training.networks.network import make_network
from training.request import Request
from training.trainer import uses_gpu

PLAIN: Final = "plain PyTorch"
ALIKE: Final = "ours, like for like"
"""In the plain one's precision, not compiled."""
FASTER: Final = "ours, faster settings"
"""As `train` runs without being told otherwise."""

NO_END: Final = 100_000
"""Epochs, where steps or seconds decide."""


def our_requests(request: Request) -> dict[str, Request]:
    """What ours is asked for, by the contestant's name."""
    return {
        ALIKE: replace(request, precision="32", compile="off"),
        FASTER: replace(request, precision="auto", compile="auto"),
    }


def new_network(request: Request) -> nn.Module:
    """An untrained network; the same request gives the same weights."""
    torch.manual_seed(request.seed)
    return make_network(request.network, request.embedding_size)


def device_of(request: Request) -> torch.device:
    """Where a request is trained."""
    return torch.device("cuda" if uses_gpu(request) else "cpu")
