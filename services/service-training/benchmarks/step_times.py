"""Where the time of a training step goes: until the network begins – rows, gathering, varying – and after that."""

from __future__ import annotations

import functools
import statistics
from collections.abc import Callable
from typing import Any, NamedTuple

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.contestants import device_of, new_network
from benchmarks.ours import OurTraining
from benchmarks.timeline import Mark, Timeline
from training.dataset.crop_set import CropSet
from training.request import Request

_WARM_UP = 10
_CROPS_EACH = 16
_COUNTED_BATCH = 2


class StepTimes(NamedTuple):
    """Medians, in seconds: of a whole step, and of its part before the network begins."""

    step: float
    loading: float


def step_times(request: Request, crops: CropSet, steps: int, say: Callable[[str], None]) -> StepTimes:
    """Of `steps` steps of our training, after others that warm up. say: is told what could not be done as asked."""
    timeline = Timeline(device_of(request))
    watched = _Watched(new_network(request), timeline)
    training = OurTraining(watched, crops, request, say)
    marks = _Marks(watched, timeline, steps)
    training.train(marks)
    return marks.times()


def step_flops(request: Request) -> float:
    """Floating-point operations of the network in a step, forwards and backwards; a product and a sum are two."""
    device = device_of(request)
    network = new_network(request).to(device)
    pictures = torch.zeros(_COUNTED_BATCH, 3, request.height, request.width, device=device)
    with FlopCounterMode(display=False) as counter:
        network(pictures).sum().backward()
    return float(counter.get_total_flops()) / _COUNTED_BATCH * request.shape.size


@functools.lru_cache(maxsize=1)
def made_crops(height: int, width: int, people: int) -> CropSet:
    """Noise of `people` people in one game, sixteen crops each: what is on a picture does not change a step's time."""
    identity = np.repeat(np.arange(people, dtype=np.int32), _CROPS_EACH)
    random = np.random.default_rng(0)
    return CropSet(
        pictures=random.integers(0, 256, (len(identity), height, width, 3), np.uint8),
        identity=identity,
        time=np.full(len(identity), np.nan),
        names=tuple(f"{row}.jpg" for row in range(len(identity))),
        identities=tuple(f"person_{number}" for number in range(people)),
        game=np.zeros(people, np.int32),
        different=~np.eye(people, dtype=np.bool_),
    )


class _Watched(nn.Module):
    """A network that notes when it begins."""

    def __init__(self, network: nn.Module, timeline: Timeline) -> None:
        super().__init__()
        self.network = network
        self.begun: list[Mark] = []
        self._timeline = timeline

    def compile(self, *arguments: Any, **named: Any) -> None:
        """Compiles the network, as `train` would; a mark inside would cut it in two."""
        self.network.compile(*arguments, **named)

    def forward(self, pictures: Tensor) -> Tensor:
        self.begun.append(self._timeline.mark())
        vectors: Tensor = self.network(pictures)
        return vectors


class _Marks(Callback):
    """Marks the end of every step, and ends the training after those that are wanted."""

    def __init__(self, network: _Watched, timeline: Timeline, steps: int) -> None:
        self._network, self._timeline = network, timeline
        self._last_step = _WARM_UP + steps
        self._ended: list[Mark] = []

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._ended.append(self._timeline.mark())
        trainer.should_stop = trainer.global_step >= self._last_step

    def times(self) -> StepTimes:
        """Of the steps after the warm-up."""
        ended, begun = self._ended[_WARM_UP - 1 :], self._network.begun[_WARM_UP:]
        marks = [mark for pair in zip(ended[:-1], begun, strict=True) for mark in pair]
        parts = self._timeline.seconds([*marks, ended[-1]])
        loading, learning = parts[::2], parts[1::2]
        whole = [before + after for before, after in zip(loading, learning, strict=True)]
        return StepTimes(statistics.median(whole), statistics.median(loading))
