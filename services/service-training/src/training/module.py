"""The training of a network as Lightning sees it: a step, a validation, what is optimised."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import lightning as L
import numpy as np
import torch
from torch import Tensor, nn

from shared_libs.common.errors import InputError
from training.dataset.crop_set import CropSet
from training.evaluation.measuring import measure
from training.loading.augmenting import AugmentSettings, augment
from training.loading.crops import Pictures, RowBatches, TrainingBatches, normalise
from training.loading.sampling import BatchShape, PkSampler
from training.losses import IdentityLoss, LossName, MetricLoss
from training.schedule import rate_at

MONITORED = "val/mAP"
"""What the best epoch is chosen by."""

VALIDATION_BATCH = 128

_SPENT, _LOSSES = "spent_seconds", "losses"


@dataclass(frozen=True, slots=True)
class Recipe:
    """What decides, beside the network, what is learned from a data set.

    identity_weight: of the identity loss beside `loss`. rate: the highest learning rate. decay: AdamW's weight decay.
    epochs: how many at most. budget: seconds of training, validation included, after which it ends and to which the
    schedule is fitted; None where the epochs decide.
    """

    loss: LossName
    identity_weight: float
    embedding_size: int
    shape: BatchShape
    augment: AugmentSettings
    rate: float
    decay: float
    epochs: int
    budget: float | None
    seed: int


class ReidModule(L.LightningModule):
    """Learns `network` from the crops of `train`, and measures it on those of `validation` after every epoch.

    network: (b, 3, h, w), normalised, to (b, d).
    """

    def __init__(self, network: nn.Module, train: CropSet, validation: CropSet, recipe: Recipe) -> None:
        super().__init__()
        self.network = network
        self.recipe = recipe
        self.spent_before = 0.0
        self._loss = MetricLoss(recipe.loss)
        self._identity_loss = (
            IdentityLoss(len(train.identities), recipe.embedding_size) if recipe.identity_weight else None
        )
        self._train_crops, self._validation_crops = train, validation
        self._began = time.monotonic()
        self._seen: list[tuple[Tensor, Tensor]] = []

    def setup(self, stage: str) -> None:
        """Brings pictures and what is known of identities to the device."""
        if stage != "fit":
            return
        self._began = time.monotonic()
        self._pictures = Pictures(self._train_crops, self.device)
        self._validation_pictures = Pictures(self._validation_crops, self.device)
        self._identity = torch.from_numpy(self._train_crops.identity.astype(np.int64)).to(self.device)
        self._different = torch.from_numpy(self._train_crops.different).to(self.device)
        self._random = torch.Generator(self.device)
        self._losses = torch.zeros(2, dtype=torch.float64, device=self.device)
        """The sum of this epoch's losses, and of how many."""

    def train_dataloader(self) -> Iterable[Tensor]:
        crops, share = self._train_crops, {"share": self.global_rank, "shares": self.trainer.world_size}
        self._sampler = PkSampler(crops.identity, crops.different, self.recipe.shape, seed=self.recipe.seed, **share)
        return TrainingBatches(self._sampler, lambda: self.global_step)

    def val_dataloader(self) -> Iterable[Tensor]:
        count, share = len(self._validation_crops), {"share": self.global_rank, "shares": self.trainer.world_size}
        return RowBatches(count, VALIDATION_BATCH, **share)

    def training_step(self, rows: Tensor, batch: int) -> Tensor:
        """rows: int64 (b,) of the training crops."""
        # A seed for each step, so that one that is done again after an interruption sees the same variations.
        sequence = np.random.SeedSequence([self.recipe.seed, self.global_step, self.global_rank])
        self._random.manual_seed(int(sequence.generate_state(1, np.uint64)[0]))
        pictures = normalise(augment(self._pictures.batch(rows), self.recipe.augment, self._random))
        vectors = self.network(pictures.contiguous(memory_format=torch.channels_last))
        told = vectors, self._identity[rows.to(self.device)], self._different
        loss: Tensor = self._loss(*told)
        if self._identity_loss is not None:
            loss = loss + self.recipe.identity_weight * self._identity_loss(*told)
        self._losses[0] += loss.detach()
        self._losses[1] += 1
        return loss

    def on_train_epoch_start(self) -> None:
        self._losses.zero_()

    def on_train_epoch_end(self) -> None:
        self.log("train/loss", self.mean_loss)

    @property
    def mean_loss(self) -> float:
        """Of the epoch under way, those of its steps before an interruption included; of all processes."""
        reduced = self.trainer.strategy.reduce(self._losses, reduce_op="mean")
        assert isinstance(reduced, Tensor)
        total, steps = reduced.tolist()
        return float(total / steps)

    def on_train_batch_start(self, batch: Any, batch_index: int) -> None:
        """The learning rate of this step."""
        for group in self._optimizer().param_groups:
            group["lr"] = self.recipe.rate * rate_at(self.progress)

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_index: int) -> None:
        """Ends where the time is up."""
        if self.recipe.budget is not None:
            is_over = self.spent >= self.recipe.budget
            self.trainer.should_stop |= self.trainer.strategy.reduce_boolean_decision(is_over, all=False)

    def validation_step(self, rows: Tensor, batch: int) -> None:
        """rows: int64 (b,) of the validation crops."""
        pictures = normalise(self._validation_pictures.batch(rows))
        self._seen.append((rows.to(self.device), self.network(pictures).float()))

    def on_validation_epoch_end(self) -> None:
        """Scores of all processes' vectors together."""
        rows, vectors = (torch.cat(parts) for parts in zip(*self._seen, strict=True))
        self._seen.clear()
        gathered = torch.zeros(len(self._validation_crops), vectors.shape[1], device=self.device)
        gathered[rows] = nn.functional.normalize(vectors, dim=1)
        if self.trainer.world_size > 1:
            gathered = self.trainer.strategy.reduce(gathered, reduce_op="sum")
        if not gathered.isfinite().all():
            raise InputError("--rate", "the network gives no numbers any more", hint="train with a lower rate")
        scores = measure(gathered.cpu().numpy(), self._validation_crops, quiet=True).to_metrics()
        self.log_dict({f"val/{name}": float(scores[name]) for name in ("mAP", "rank1", "auc")})

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW over every parameter; those of one dimension – biases, norms – do not decay."""
        kinds: dict[bool, list[nn.Parameter]] = {True: [], False: []}
        for parameter in self.parameters():
            if parameter.requires_grad:
                kinds[parameter.ndim > 1].append(parameter)
        groups = [
            {"params": kinds[True], "weight_decay": self.recipe.decay},
            {"params": kinds[False], "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(groups, lr=self.recipe.rate, fused=True)

    @property
    def spent(self) -> float:
        """Seconds of training so far, those of earlier runs included."""
        return self.spent_before + time.monotonic() - self._began

    @property
    def progress(self) -> float:
        """How far the training is, 0 to 1."""
        steps = self.global_step / (self.recipe.epochs * len(self.trainer.train_dataloader))  # type: ignore[arg-type]
        return min(steps if self.recipe.budget is None else max(steps, self.spent / self.recipe.budget), 1.0)

    @property
    def images(self) -> int:
        """Crops that have been learned from so far, as often as they were."""
        return self.global_step * self._sampler.shape.size * self.trainer.world_size

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint[_SPENT], checkpoint[_LOSSES] = self.spent, self._losses.tolist()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.spent_before = checkpoint[_SPENT]
        self._losses += torch.tensor(checkpoint[_LOSSES], dtype=torch.float64, device=self.device)

    def _optimizer(self) -> torch.optim.Optimizer:
        [optimizer] = self.trainer.optimizers
        return optimizer
