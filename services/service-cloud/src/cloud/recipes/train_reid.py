"""`train_reid`: a re-identification model from a dataset, as a new model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from cloud.recipes.build_dataset import DATASET
from cloud.recipes.models import BASE, CARD, CHECKPOINT, card_of, finish_model, model_file
from cloud.recipes.recipe import Allowed, Command, Report
from cloud.recipes.wanted import download_all
from shared_libs.common.errors import InputError
from shared_libs.common.jobs import TrainReid
from shared_libs.common.model_card import ModelCard, read_model_card, write_model_card
from shared_libs.common.model_store import ModelStore
from shared_libs.common.storage import dataset_file, dataset_folder, model_folder
from shared_libs.common.stored_files import StoredFiles

_DATASET, _TRAINING, _MODEL = "dataset", "training", "model"
_TOLD = ("rank1", "mAP")
"""Metrics that the job's result repeats."""


@dataclass(frozen=True, slots=True)
class TrainReidRecipe:
    """Of one such job."""

    payload: TrainReid

    def fetch(self, tenant: str, files: StoredFiles, models: ModelStore, inputs: Path, report: Report) -> None:
        """The dataset, and the checkpoint of the model that training begins with."""
        asked = self.payload
        if files.size(dataset_file(tenant, asked.dataset_id, DATASET)) is None:
            raise InputError(asked.dataset_id, "there is no such dataset", hint="choose another one, or build it anew")
        if asked.base_model_id is not None:
            base = card_of(models, asked.base_model_id, "reid")
            if CHECKPOINT not in base.files:
                cause = "training cannot begin with this model: it has no checkpoint, only what was made of one"
                raise InputError(base.model_id, cause, hint="choose a model that was trained here, or none")
            download_all(files, [model_file(tenant, files, base, CHECKPOINT, inputs / BASE)], report)
            finish_model(base, CHECKPOINT, inputs / BASE)
        files.download_folder(dataset_folder(tenant, asked.dataset_id), inputs / _DATASET, report=report)

    def commands(self, inputs: Path, out: Path) -> tuple[Command, ...]:
        """`train`, which goes on where it was cut short, and `export`."""
        asked = self.payload
        training, model = str(out / _TRAINING), str(out / _MODEL)
        if asked.budget_seconds is not None:
            options, extent = ["--budget", f"{asked.budget_seconds}s"], f"{asked.budget_seconds} s"
        else:
            options = ["--epochs", str(asked.epochs)]
            extent = f"{asked.epochs} epoch{'' if asked.epochs == 1 else 's'}"
        options += ["--seed", str(asked.seed), "--resume"]
        if asked.base_model_id is not None:
            options += _like(read_model_card(inputs / BASE / CARD), inputs / BASE / CHECKPOINT)
        name = f"{asked.dataset_id}, {extent}"
        return (
            Command("training", ("train", str(inputs / _DATASET), "--out", training, *options), "training"),
            Command("training", ("export", training, "--out", model, "--name", name), "exporting"),
        )

    def store(
        self, tenant: str, files: StoredFiles, out: Path, made: str, allowed: Allowed, report: Report
    ) -> dict[str, JsonValue]:
        """A new model, under its own id."""
        source = out / _MODEL
        card = read_model_card(source / CARD).model_copy(update={"model_id": f"model_{made}"})
        write_model_card(source / CARD, card)
        files.upload_folder(source, model_folder(tenant, card.model_id), last=CARD, allowed=allowed, report=report)
        return {"model_id": card.model_id, **{name: card.metrics.get(name) for name in _TOLD}}

    def discard(self, tenant: str, files: StoredFiles, made: str) -> None:
        """Of that model."""
        files.remove_folder(model_folder(tenant, f"model_{made}"))


def _like(base: ModelCard, checkpoint: Path) -> list[str]:
    """Options that make a network of the same kind, and have it begin with the weights of `checkpoint`."""
    assert base.embedding is not None  # as all re-identification models have it
    size = f"{base.input.height}x{base.input.width}"
    vector = str(base.embedding.size)
    return ["--network", base.network, "--embedding", vector, "--size", size, "--base", str(checkpoint)]
