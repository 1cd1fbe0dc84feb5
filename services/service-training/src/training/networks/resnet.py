"""ResNet-50 as re-identification uses it: for machines with a GPU and much data.

He et al. 2016, "Deep residual learning for image recognition", in the arrangement that strides in the 3 by 3 (v1.5);
with the last stage at full stride 1, BNNeck (Luo et al. 2019) and generalised-mean pooling (as in AGW, Ye et al. 2021).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.networks.embedding import Embedding

_EXPANSION = 4
_STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 1))
"""Of each stage: channels in its middle, blocks, stride."""


def resnet50(embedding_size: int) -> nn.Module:
    """(b, 3, h, w), normalised, to (b, embedding_size)."""
    layers: list[nn.Module] = [
        nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, stride=2, padding=1),
    ]
    channels = 64
    for middle, blocks, stride in _STAGES:
        for number in range(blocks):
            layers.append(Bottleneck(channels, middle, stride if number == 0 else 1))
            channels = middle * _EXPANSION
    network = nn.Sequential(*layers, Embedding(channels, embedding_size))
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, Bottleneck):
            # Each block begins as its shortcut, which trains more steadily.
            nn.init.zeros_(module.last_norm().weight)
    return network


class Bottleneck(nn.Module):
    """(b, channels, h, w) to (b, 4 middle, h / stride, w / stride)."""

    def __init__(self, channels: int, middle: int, stride: int) -> None:
        super().__init__()
        out = middle * _EXPANSION
        self.convolutions = nn.Sequential(
            nn.Conv2d(channels, middle, 1, bias=False),
            nn.BatchNorm2d(middle),
            nn.ReLU(inplace=True),
            nn.Conv2d(middle, middle, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(middle),
            nn.ReLU(inplace=True),
            nn.Conv2d(middle, out, 1, bias=False),
            nn.BatchNorm2d(out),
        )
        self.shortcut = (
            nn.Identity()
            if channels == out and stride == 1
            else nn.Sequential(nn.Conv2d(channels, out, 1, stride=stride, bias=False), nn.BatchNorm2d(out))
        )

    def last_norm(self) -> nn.BatchNorm2d:
        """The one before the shortcut is added."""
        norm = self.convolutions[-1]
        assert isinstance(norm, nn.BatchNorm2d)
        return norm

    def forward(self, features: Tensor) -> Tensor:
        return torch.relu(self.convolutions(features) + self.shortcut(features))
