"""What a training leaves behind while it runs: checkpoints, its history, a progress bar."""

from __future__ import annotations

import csv
import io
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NoReturn

import lightning as L
from lightning.pytorch.callbacks import Callback

from shared_libs.common.files import atomic_write
from shared_libs.utils.progress import progress
from training.checkpoints import BEST, LAST, About, mark
from training.module import MONITORED, ReidModule

HISTORY: Final = "history.csv"


class Interrupted(BaseException):
    """A training that a signal ended. number: of the signal. where: what was saved of it, in words."""

    def __init__(self, number: int, where: str) -> None:
        super().__init__(number)
        self.number, self.where = number, where


class Signals:
    """Notes a signal, so that a training ends between two steps and can be saved; a second one ends it at once."""

    def __init__(self) -> None:
        self.received: int | None = None

    @contextmanager
    def noted(self) -> Iterator[None]:
        """SIGTERM and Ctrl-C are noted while the block runs."""
        before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
        for number, handler in before.items():
            if handler is not signal.SIG_IGN:  # a script in the background has Ctrl-C ignored
                signal.signal(number, self._note)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _note(self, number: int, frame: object) -> None:
        if self.received is not None:
            raise Interrupted(number, "at once; --resume goes on from what was saved last")
        self.received = number


class History(Callback):
    """One row for each epoch, in history.csv, which is whole at any time."""

    _COLUMNS: Final = ("epoch", "step", "train/loss", MONITORED, "val/rank1", "val/auc")

    def __init__(self, folder: Path) -> None:
        self._path = folder / HISTORY
        self.rows: list[dict[str, float]] = []

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        assert isinstance(pl_module, ReidModule)
        known = trainer.callback_metrics
        row: dict[str, float] = {"epoch": trainer.current_epoch + 1, "step": trainer.global_step}
        row |= {"train/loss": pl_module.mean_loss} | {name: float(known[name]) for name in self._COLUMNS[3:]}
        self.rows.append(row)
        if trainer.is_global_zero:
            self._write()

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.rows = state_dict["rows"]

    def _write(self) -> None:
        text = io.StringIO(newline="")
        table = csv.DictWriter(text, self._COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(self.rows)
        with atomic_write(self._path, "w") as file:
            file.write(text.getvalue())


class Keeper(Callback):
    """Saves LAST after every epoch, and between two steps when a signal asks for an end; BEST when validation does."""

    def __init__(self, folder: Path, about: About, signals: Signals) -> None:
        self._folder, self._about, self._signals = folder, about, signals
        self.best: float | None = None

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        # After the last step of an epoch comes what is saved anyhow.
        if batch_idx + 1 < trainer.num_training_batches and self._is_asked(trainer):
            trainer.save_checkpoint(self._folder / LAST)
            self._end(trainer)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        score = float(trainer.callback_metrics[MONITORED])
        is_better = self.best is None or score > self.best
        self.best = score if is_better else self.best
        # BEST first: where a kill comes between the two, the epoch is done again and gives the same.
        if is_better:
            trainer.save_checkpoint(self._folder / BEST)
        trainer.save_checkpoint(self._folder / LAST)
        if self._is_asked(trainer):
            self._end(trainer)

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        mark(checkpoint, self._about)

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best = state_dict["best"]

    def _is_asked(self, trainer: L.Trainer) -> bool:
        """Whether a signal has asked any of the processes for an end: they all save together, or none does."""
        return trainer.strategy.reduce_boolean_decision(self._signals.received is not None, all=False)

    def _end(self, trainer: L.Trainer) -> NoReturn:
        number = self._signals.received
        where = f"after {trainer.global_step:,} steps, which are saved; --resume goes on from there"
        raise Interrupted(signal.SIGTERM if number is None else number, where)


class Bar(Callback):
    """Images a second and the time left."""

    def __init__(self, *, quiet: bool) -> None:
        self._progress = progress(None, "training", "images", quiet=quiet)

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._progress.__enter__()
        assert isinstance(pl_module, ReidModule)
        if pl_module.images:
            self._progress.start_at(pl_module.images)

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        assert isinstance(pl_module, ReidModule)
        done = pl_module.images
        self._progress.expect(max(round(done / max(pl_module.progress, 1e-9)), done))
        self._progress.update(done)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._progress.__exit__(None, None, None)

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        self._progress.__exit__(type(exception), exception, None)
