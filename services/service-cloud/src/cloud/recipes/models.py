"""The models that a job uses, in its folder of inputs; which one it takes where it may choose."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from pydantic import Field

from cloud.recipes.wanted import Wanted, needed
from shared_libs.common.documents import Contract, read_document, write_document
from shared_libs.common.errors import InputError
from shared_libs.common.files import atomic_write, sha256_file
from shared_libs.common.jobs import ModelId
from shared_libs.common.json_text import dump_json
from shared_libs.common.model_card import ModelCard, ModelKind, ModelPart, check_digest, write_model_card
from shared_libs.common.model_store import ModelStore
from shared_libs.common.storage import model_path
from shared_libs.common.stored_files import StoredFiles

REID, DETECTOR, BASE = "reid", "detector", "base"
"""Folders below that of the inputs."""

MODEL: Final = "model.onnx"
CHECKPOINT: Final = "checkpoint.ckpt"
CARD: Final = "model.json"

_CHOICES, _SCHEMA, _SCHEMA_VERSION = "choices.json", "laxai.choices", 1
_KINDS: dict[ModelKind, str] = {"reid": "a re-identification model", "detector": "a detector"}


class Choices(Contract):
    """choices.json: what a job chose when its inputs were first fetched. Whoever goes on with it chooses the same."""

    schema_: Literal["laxai.choices"] = Field(default="laxai.choices", alias="schema")
    schema_version: Literal[1] = 1
    reid_model_id: ModelId | None


def choose_reid(models: ModelStore, named: str | None, inputs: Path) -> ModelCard | None:
    """The model `named`, else the promoted one, else none; noted in `inputs`, so that it stays the same one.

    Raises InputError where it is not there, or not a re-identification model.
    """
    path = inputs / _CHOICES
    if not path.exists():
        promoted = models.promoted("reid") if named is None else None
        write_document(path, Choices(reid_model_id=promoted.model_id if promoted is not None else named))
    chosen = _choices(inputs).reid_model_id
    return card_of(models, chosen, "reid") if chosen is not None else None


def reid_options(inputs: Path) -> tuple[str, str]:
    """The option of `track` and `link` for what `choose_reid` chose."""
    is_chosen = _choices(inputs).reid_model_id is not None
    return "--reid", str(inputs / REID / MODEL) if is_chosen else "none"


def card_of(models: ModelStore, model_id: str, kind: ModelKind) -> ModelCard:
    """The card of a model. Raises InputError where there is no such model, or it is of another kind."""
    card = models.card(model_id)
    if card.kind != kind:
        raise InputError(model_id, f"is {_KINDS[card.kind]}, not {_KINDS[kind]}", hint="choose another model")
    return card


def model_file(tenant: str, files: StoredFiles, card: ModelCard, part: ModelPart, folder: Path) -> Wanted:
    """One of the files of a model, to be in `folder`. Raises InputError where it is not there."""
    hint = "choose another model, or add this one again"
    missing = InputError(card.model_id, f"the model's file {part} is missing", hint=hint)
    return needed(files, model_path(tenant, card.model_id, part), folder / part, missing)


def finish_model(card: ModelCard, part: ModelPart, folder: Path) -> None:
    """Puts the card of a model beside its file in `folder`, once that was found to be the one that the card describes.

    A detector's card is in the form of service-tracking, which knows of a detector what its card here does not.
    """
    check_digest(card, part, card.model_id, sha256_file(folder / part))
    if card.kind == "reid":
        write_model_card(folder / CARD, card)
        return
    with atomic_write(folder / CARD) as file:
        file.write(dump_json({"input": card.input.model_dump(mode="json")}))


def _choices(inputs: Path) -> Choices:
    return read_document(inputs / _CHOICES, Choices, _SCHEMA, _SCHEMA_VERSION)
