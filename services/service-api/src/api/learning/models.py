"""Models that somebody brings along: checked as far as a file can be without running it, and added to the store."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, JsonValue, ValidationError, model_validator

from api import __version__
from api.learning.onnx_file import OnnxHeader, Value, read_onnx_header
from api.problems import Problem
from shared_libs.common.documents import Contract, explain
from shared_libs.common.errors import InputError
from shared_libs.common.model_card import MeasuredFile, ModelCard, ModelEmbedding, ModelInput, ModelKind
from shared_libs.common.model_store import ModelStore
from shared_libs.common.storage import model_folder, model_path
from shared_libs.common.stored_files import StoredFiles
from shared_libs.utils.ids import new_id

UPLOADED: Final = "uploaded: its file was checked, but the model was not run; its results are as good as its maker says"
"""A note on every such model."""

_Text = Annotated[str, Field(min_length=1, max_length=200)]


class CardGiven(Contract):
    """What whoever brings a model says of it. name: for people. network: the architecture. likeness_threshold: the
    cosine from which on two crops count as one person."""

    kind: ModelKind
    name: _Text
    input: ModelInput
    embedding: ModelEmbedding | None = None
    network: _Text
    likeness_threshold: Annotated[float, Field(ge=-1, le=1)] | None = None
    data: Annotated[dict[str, JsonValue], Field(default_factory=dict, max_length=100)]
    notes: Annotated[tuple[Annotated[str, Field(max_length=500)], ...], Field(max_length=20)] = ()

    @model_validator(mode="after")
    def _agrees_with_kind(self) -> CardGiven:
        if (self.embedding is not None) != (self.kind == "reid"):
            raise ValueError("a re-identification model has an embedding, and a detector has none")
        return self


def parse_card(text: str) -> CardGiven:
    """What was said of a model, from JSON. Raises InputError."""
    try:
        return CardGiven.model_validate_json(text)
    except ValidationError as error:
        raise InputError("card", explain(error)) from None


def add_model(store: ModelStore, file: Path, given: CardGiven) -> ModelCard:
    """Checks a model's file against what is said of it, and adds it. Raises InputError."""
    try:
        header = read_onnx_header(file)
    except InputError as error:
        raise InputError("model", error.cause, hint=error.hint) from None
    _check_input(header, given)
    if given.embedding is not None:
        _check_embedding(header, given.embedding)
    card = ModelCard(
        model_id=new_id("model"),
        created=datetime.now(UTC),
        code_version=__version__,
        opset=header.opset,
        files={"model.onnx": MeasuredFile.of(file)},
        **{name: getattr(given, name) for name in CardGiven.model_fields if name != "notes"},
        notes=(*given.notes, UPLOADED),
    )
    store.add({"model.onnx": file}, card)
    return card


def has_model(files: StoredFiles, tenant: str, model_id: str) -> bool:
    """Whether there is such a model."""
    return files.size(model_path(tenant, model_id, "model.json")) is not None


def check_model(files: StoredFiles, tenant: str, model_id: str) -> None:
    """Raises 404 where there is no such model."""
    if not has_model(files, tenant, model_id):
        raise Problem(HTTPStatus.NOT_FOUND, "no-such-model", "There is no such model.")


def remove_model(files: StoredFiles, tenant: str, model_id: str) -> None:
    """Takes a model away. Nothing there is no error."""
    files.remove_folder(model_folder(tenant, model_id))


def _check_input(header: OnnxHeader, given: CardGiven) -> None:
    """Pictures (n, 3, height, width), where the file says so."""
    if len(header.inputs) != 1:
        raise InputError("model", f"takes {len(header.inputs)} inputs; it must take one, of pictures")
    picture = header.inputs[0]
    if not picture.is_float:
        raise InputError("model", "takes no 32-bit floating point numbers")
    if picture.shape is None:
        return
    wanted = (None, 3, given.input.height, given.input.width)
    if len(picture.shape) != 4 or not _may_be(picture.shape[1:], wanted[1:]):
        cause = f"takes pictures of the shape {_shown(picture)}, and the card says (n, 3, {wanted[2]}, {wanted[3]})"
        raise InputError("model", cause, hint="correct the card, or export the model for that size")


def _check_embedding(header: OnnxHeader, embedding: ModelEmbedding) -> None:
    """One vector for each picture, where the file says so."""
    vector = header.outputs[0]
    if len(header.outputs) != 1 or not vector.is_float:
        raise InputError("model", "must give one output, of 32-bit floating point numbers, to tell people apart")
    if vector.shape is not None and (len(vector.shape) != 2 or not _may_be(vector.shape[1:], (embedding.size,))):
        cause = f"gives vectors of the shape {_shown(vector)}, and the card says (n, {embedding.size})"
        raise InputError("model", cause, hint="correct the card's embedding, or choose another output")


def _may_be(shape: tuple[int | None, ...], wanted: tuple[int | None, ...]) -> bool:
    return all(each is None or each == side for each, side in zip(shape, wanted, strict=True))


def _shown(value: Value) -> str:
    return f"({', '.join('n' if side is None else str(side) for side in value.shape or ())})"
