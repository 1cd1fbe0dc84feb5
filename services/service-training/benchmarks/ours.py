"""Our training as `train` runs it, but without validation and what is saved after it: the plain one has none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from lightning.pytorch.callbacks import Callback
from torch import nn

from benchmarks.stopwatch import Stopwatch
from training.dataset.crop_set import CropSet
from training.fitting import recipe_of
from training.keeping import Bar
from training.module import ReidModule
from training.request import Request
from training.trainer import compile_network, make_trainer, quiet_lightning


class OurTraining:
    """Learns `network` from `crops`. say: is told what could not be done as asked."""

    def __init__(self, network: nn.Module, crops: CropSet, request: Request, say: Callable[[str], None]) -> None:
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._request = request
        self._module = ReidModule(self.network, crops, crops, recipe_of(request))
        torch.compiler.reset()  # what others compiled before must not change what is compiled now
        compile_network(self.network, request, say)

    def timed_round(self, steps: int) -> float:
        """Seconds of `steps` steps."""
        watch = Stopwatch(steps)
        self.train(watch)
        return watch.seconds

    def train(self, *callbacks: Callback, spent: float = 0.0) -> int:
        """Trains for the request's budget or epochs, or until a callback ends it; gives how many steps that were.

        spent: seconds of the budget that are gone already.
        """
        self._module.spent_before = spent
        with TemporaryDirectory() as name, quiet_lightning():
            trainer = make_trainer(replace(self._request, out=Path(name)), [Bar(quiet=True), *callbacks])
            trainer.limit_val_batches = 0
            trainer.fit(self._module)
        return trainer.global_step
