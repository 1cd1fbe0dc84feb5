"""When a step is over: also on a GPU, which works on after it was told to."""

from __future__ import annotations

import time
from typing import Any, Final

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback

WARM_UP: Final = 3
"""Steps before those that count: in them things are compiled, tried out and fetched for the first time."""


def now(device: torch.device) -> float:
    """Seconds of a clock, when everything that `device` was told to do is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


class Stopwatch(Callback):
    """Takes the time of `steps` steps of a training, after WARM_UP others, and ends it then; `seconds` is that time."""

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._began = 0.0
        self.seconds = 0.0

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.global_step == WARM_UP:
            self._began = now(pl_module.device)
        elif trainer.global_step == WARM_UP + self._steps:
            self.seconds = now(pl_module.device) - self._began
            trainer.should_stop = True
