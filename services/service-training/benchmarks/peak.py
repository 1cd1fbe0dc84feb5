"""How fast a GPU can be at best: dense bf16 products with float32 sums, as its maker says, or as it does them."""

from __future__ import annotations

import statistics
from typing import NamedTuple

import torch

from benchmarks.timeline import Timeline

_DATA_SHEETS = {"H100": 989e12, "H200": 989e12, "A100": 312e12}
"""FLOP/s of whole cards in SXM modules, from NVIDIA's data sheets."""
_OTHERWISE_BUILT = ("PCIe", "NVL", "MIG")
"""Slower cards and parts of cards, which have the same names."""
_SIDE, _TIMES = 8192, 20


class Peak(NamedTuple):
    """FLOP/s, and where that is known from."""

    flops: float
    source: str


def peak_of(device: torch.device) -> Peak:
    """Of a CUDA device; measured where its name says nothing."""
    return known_peak(torch.cuda.get_device_name(device)) or measured_peak(device, _SIDE)


def known_peak(name: str) -> Peak | None:
    """What the data sheet says of the card of that name, if it is one of those known here."""
    if any(word in name for word in _OTHERWISE_BUILT):
        return None
    found = (flops for card, flops in _DATA_SHEETS.items() if card in name)
    return next((Peak(flops, "NVIDIA's data sheet") for flops in found), None)


def measured_peak(device: torch.device, side: int) -> Peak:
    """By the product of two square matrices of bf16, `side` long: the median of a few."""
    one, other = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))
    one @ other
    timeline = Timeline(device)
    marks = [timeline.mark()]
    for _ in range(_TIMES):
        one @ other
        marks.append(timeline.mark())
    seconds = statistics.median(timeline.seconds(marks))
    return Peak(2 * side**3 / seconds, f"measured by a product of {side}x{side} matrices")
