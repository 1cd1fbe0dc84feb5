"""Crops on the device where they are learned from, and their batches in an order that can be gone on with."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from training.dataset.crop_set import CropSet
from training.loading.sampling import PkSampler

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Of red, green and blue, 0 to 1: what most networks for pictures are made for."""

_LARGEST_SHARE_OF_DEVICE = 0.4


class Pictures:
    """All crops of a split as one uint8 tensor, on `device` itself where there is room.

    A batch is a gather then, and no loader has to keep up.
    """

    def __init__(self, crops: CropSet, device: torch.device) -> None:
        pixels = torch.from_numpy(crops.pictures)
        if device.type == "cuda":
            free, _ = torch.cuda.mem_get_info(device)
            pixels = pixels.to(device) if pixels.nbytes < free * _LARGEST_SHARE_OF_DEVICE else pixels.pin_memory()
        self._pixels, self._device = pixels, device

    def __len__(self) -> int:
        return len(self._pixels)

    def batch(self, rows: Tensor) -> Tensor:
        """float32 (b, 3, height, width), 0 to 1, channels last in memory, on the device. rows: int64 (b,)."""
        pixels = self._pixels[rows.to(self._pixels.device)].to(self._device, non_blocking=True)
        return pixels.permute(0, 3, 1, 2).float().div_(255)


def normalise(pictures: Tensor) -> Tensor:
    """(b, 3, h, w), 0 to 1, to what the networks take: less the mean, divided by the standard deviation."""
    mean = pictures.new_tensor(IMAGENET_MEAN).reshape(1, 3, 1, 1)
    return (pictures - mean) / pictures.new_tensor(IMAGENET_STD).reshape(1, 3, 1, 1)


class TrainingBatches:
    """Rows of the batches, int64 (P K,), an epoch at a time, beginning with the one that is next.

    position: gives how many batches have been learned from so far, those of earlier runs included.
    """

    def __init__(self, sampler: PkSampler, position: Callable[[], int]) -> None:
        self._sampler, self._position = sampler, position

    def __len__(self) -> int:
        """Batches in an epoch."""
        return self._sampler.batches

    def __iter__(self) -> Iterator[Tensor]:
        """What is left of the epoch that is under way."""
        epoch, done = divmod(self._position(), len(self))
        return (torch.from_numpy(rows) for rows in self._sampler.epoch(epoch)[done:])


class RowBatches:
    """Rows 0 to count - 1 in order, `size` at a time at most; of these batches every `shares`-th.

    Each process has its own, and all have as many.
    """

    def __init__(self, count: int, size: int, *, share: int = 0, shares: int = 1) -> None:
        batches = shares * max(1, -(-count // (size * shares)))
        self._batches = np.array_split(np.arange(count), batches)[share::shares]

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Tensor]:
        return (torch.from_numpy(rows) for rows in self._batches)
