"""Batches as they are usually made: workers open, resize and vary one picture after the other."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, get_worker_info

from benchmarks.variations import vary
from training.dataset.crop_set import CropSet
from training.dataset.pictures import fit
from training.loading.augmenting import AugmentSettings
from training.loading.crops import IMAGENET_MEAN, IMAGENET_STD
from training.loading.sampling import Indices, PkSampler
from training.module import Recipe

BATCHES_AHEAD = 2
"""That a worker prepares: torch's default."""

_MEAN, _STD = np.array(IMAGENET_MEAN, np.float32), np.array(IMAGENET_STD, np.float32)


class CropFiles(Dataset[tuple[Tensor, int]]):
    """The pictures of a CropSet as their files: float32 (3, height, width), varied and normalised, and whose it is."""

    def __init__(self, folder: Path, crops: CropSet, settings: AugmentSettings, seed: int) -> None:
        self._paths = [str(folder / name) for name in crops.names]
        self._identity = crops.identity.tolist()
        self._size = (crops.height, crops.width)
        self._settings = settings
        self._random = np.random.default_rng(seed)

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        picture = np.asarray(cv2.imread(self._paths[row], cv2.IMREAD_COLOR_RGB), np.uint8)
        varied = vary(fit(picture, *self._size), self._settings, self._random)
        normal = (varied - _MEAN) / _STD
        return torch.from_numpy(np.ascontiguousarray(normal.transpose(2, 0, 1))), self._identity[row]

    def begin_in_worker(self, seed: int) -> None:
        """Draws other numbers than the other workers, on one core."""
        self._random = np.random.default_rng(seed)
        cv2.setNumThreads(1)


class PkBatches:
    """The first `count` batches of a PkSampler, epoch after epoch."""

    def __init__(self, sampler: PkSampler, count: int) -> None:
        self._sampler, self._count = sampler, count

    def __iter__(self) -> Iterator[Indices]:
        epochs = (self._sampler.epoch(number) for number in itertools.count())
        return itertools.islice(itertools.chain.from_iterable(epochs), self._count)


def plain_loader(
    folder: Path, crops: CropSet, recipe: Recipe, *, batches: int, workers: int, pin: bool
) -> DataLoader[tuple[Tensor, int]]:
    """(pictures, identity) of each batch: float32 (b, 3, height, width), normalised, and int64 (b,).

    folder: of `crops`. batches: how many each iteration gives, the same ones each time. pin: pictures are put where a
    GPU fetches them faster.
    """
    files = CropFiles(folder, crops, recipe.augment, recipe.seed)
    sampler = PkSampler(crops.identity, crops.different, recipe.shape, seed=recipe.seed)
    return DataLoader(
        files,
        batch_sampler=PkBatches(sampler, batches),  # type: ignore[arg-type]  # any iterable does
        num_workers=workers,
        worker_init_fn=_begin,
        persistent_workers=workers > 0,
        prefetch_factor=BATCHES_AHEAD if workers else None,
        pin_memory=pin,
    )


def _begin(worker: int) -> None:
    here = get_worker_info()
    assert here is not None and isinstance(here.dataset, CropFiles)
    here.dataset.begin_in_worker(here.seed)
