"""A training as a competent engineer writes it with PyTorch alone: a loader with workers, and a loop in float32."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from benchmarks.plain_loading import BATCHES_AHEAD, plain_loader
from benchmarks.stopwatch import WARM_UP, now
from training.dataset.crop_set import CropSet
from training.loading.sampling import PkSampler
from training.losses import IdentityLoss, MetricLoss
from training.module import Recipe
from training.schedule import rate_at


class PlainTraining:
    """Learns `network` from the crops' files in `folder`. workers: processes that make batches."""

    def __init__(
        self, network: nn.Module, folder: Path, crops: CropSet, recipe: Recipe, *, device: torch.device, workers: int
    ) -> None:
        self.network = network.to(device)
        self._folder, self._crops, self._recipe = folder, crops, recipe
        self._device, self._workers = device, workers
        self._loss = MetricLoss(recipe.loss)
        self._identity_loss = IdentityLoss(len(crops.identities), recipe.embedding_size).to(device)
        self._different = torch.from_numpy(crops.different).to(device)
        self._optimizer = torch.optim.AdamW(_groups([network, self._identity_loss], recipe.decay), lr=recipe.rate)

    def timed_rounds(self, steps: int) -> Iterator[float]:
        """Seconds of `steps` steps, each time anew; the workers are as far ahead at the end as they were before."""
        ahead = BATCHES_AHEAD * self._workers
        loader = self._loader(WARM_UP + steps + ahead)
        while True:
            with _usual_settings(self._device):
                batches = iter(loader)
                for _ in range(WARM_UP):
                    self._step(*next(batches))
                began = now(self._device)
                for _ in range(steps):
                    self._step(*next(batches))
                seconds = now(self._device) - began
                for _ in batches:  # what is ahead: so that workers are idle while others run
                    pass
            yield seconds

    def train(self) -> int:
        """Trains for the recipe's budget or epochs; gives how many steps that were."""
        recipe = self._recipe
        sampler = PkSampler(self._crops.identity, self._crops.different, recipe.shape, seed=recipe.seed)
        limit = recipe.epochs * sampler.batches
        began = time.monotonic()
        with _usual_settings(self._device):
            for step, (pictures, identity) in enumerate(self._loader(limit)):
                spent = time.monotonic() - began
                progress = step / limit if recipe.budget is None else spent / recipe.budget
                if progress >= 1:
                    return step
                for group in self._optimizer.param_groups:
                    group["lr"] = recipe.rate * rate_at(progress)
                self._step(pictures, identity)
        return limit

    def loss(self, pictures: Tensor, identity: Tensor) -> Tensor:
        """Of a batch as the loader gives it."""
        pictures, identity = (each.to(self._device, non_blocking=True) for each in (pictures, identity))
        told = self.network(pictures), identity, self._different
        loss: Tensor = self._loss(*told)
        if self._recipe.identity_weight:
            loss = loss + self._recipe.identity_weight * self._identity_loss(*told)
        return loss

    def _step(self, pictures: Tensor, identity: Tensor) -> None:
        self._optimizer.zero_grad()
        torch.autograd.backward(self.loss(pictures, identity))
        self._optimizer.step()

    def _loader(self, batches: int) -> DataLoader[tuple[Tensor, int]]:
        pin = self._device.type == "cuda"
        return plain_loader(self._folder, self._crops, self._recipe, batches=batches, workers=self._workers, pin=pin)


def _groups(learned: Sequence[nn.Module], decay: float) -> list[dict[str, Any]]:
    """Biases and norms do not decay: part of the recipe."""
    parameters = [parameter for module in learned for parameter in module.parameters()]
    weights = [parameter for parameter in parameters if parameter.ndim > 1]
    others = [parameter for parameter in parameters if parameter.ndim <= 1]
    return [{"params": weights, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]


@contextmanager
def _usual_settings(device: torch.device) -> Iterator[None]:
    """Torch's global settings as people leave them or set them for speed; Lightning has set others for ours."""
    before = torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark
    torch.use_deterministic_algorithms(False)
    torch.backends.cudnn.benchmark = device.type == "cuda"
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0])
        torch.backends.cudnn.benchmark = before[1]
