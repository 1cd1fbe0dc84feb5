"""model.json: what a model is, what it takes, what it was made from and how good it is. It lies beside model.onnx."""

from typing import Annotated, Final, Literal, Self

from pydantic import AwareDatetime, Field, JsonValue, model_validator

from shared_libs.common.documents import Contract, validate_document, write_document
from shared_libs.common.errors import InputError, PathLike
from shared_libs.common.files import read_bytes
from shared_libs.common.jobs import ModelId
from shared_libs.common.json_text import parse_json
from shared_libs.common.run import InputFile, Sha256

SCHEMA: Final = "laxai.model"
SCHEMA_VERSION: Final = 1

ModelKind = Literal["reid", "detector"]
ModelPart = Literal["model.onnx", "checkpoint.ckpt"]
"""A model's files, but for its card."""

_Text = Annotated[str, Field(min_length=1)]
_Side = Annotated[int, Field(ge=8, le=2048)]
_Spread = Annotated[float, Field(gt=0)]


class ModelInput(Contract):
    """The pictures that a model takes: their height and width in pixels; mean and standard deviation of red, green and
    blue in 0 to 1, always in that order; the order in which the model takes the colours."""

    height: _Side
    width: _Side
    mean: tuple[float, float, float]
    std: tuple[_Spread, _Spread, _Spread]
    colour: Literal["rgb", "bgr"]


class ModelEmbedding(Contract):
    """The vectors that a re-identification model gives: how many values each has."""

    size: Annotated[int, Field(ge=1)]


class MeasuredFile(Contract):
    """One of a model's files: its size in bytes, its SHA-256."""

    size: Annotated[int, Field(ge=0)]
    sha256: Sha256

    @classmethod
    def of(cls, path: PathLike) -> Self:
        """Measures a file. Raises InputError where it cannot be read."""
        file = InputFile.of(path)
        return cls(size=file.size, sha256=file.sha256)


class ModelCard(Contract):
    """A model.

    name: for people. code_version: of the service that made it. network: the architecture, such as "osnet". opset: what
    model.onnx needs. files: those that belong to the model, this card left out. data: what it was made from; training:
    how. metrics: results by name. likeness_threshold: the cosine from which on two crops count as one person, such that
    both errors are equally frequent. notes: what must be said wherever the model is shown.
    """

    schema_: Literal["laxai.model"] = Field(default=SCHEMA, alias="schema")
    schema_version: Literal[1] = SCHEMA_VERSION
    model_id: ModelId
    kind: ModelKind
    name: _Text
    created: AwareDatetime
    code_version: _Text
    input: ModelInput
    embedding: ModelEmbedding | None = None
    network: _Text
    opset: Annotated[int, Field(ge=1)]
    files: dict[ModelPart, MeasuredFile]
    data: dict[str, JsonValue] = Field(default_factory=dict)
    training: dict[str, JsonValue] = Field(default_factory=dict)
    metrics: dict[str, float] = Field(default_factory=dict)
    likeness_threshold: Annotated[float, Field(ge=-1, le=1)] | None = None
    notes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if "model.onnx" not in self.files:
            raise ValueError("files must have model.onnx")
        if (self.embedding is not None) != (self.kind == "reid"):
            raise ValueError("a re-identification model has an embedding, and a detector has none")
        return self


def check_digest(card: ModelCard, name: ModelPart, place: PathLike, sha256: str) -> None:
    """InputError where the file at `place`, of this SHA-256, is not the one that the card calls `name`."""
    if sha256 != card.files[name].sha256:
        hint = "the file was changed or damaged; copy or export the model again"
        raise InputError(place, f"is not the file that the card of {card.model_id} describes (SHA-256)", hint=hint)


def write_model_card(path: PathLike, card: ModelCard) -> None:
    """Writes model.json. Raises OutputError."""
    write_document(path, card)


def read_model_card(path: PathLike) -> ModelCard:
    """Reads model.json. Raises InputError for bad JSON, another schema, a newer version, or a field that is wrong."""
    return parse_model_card(path, read_bytes(path))


def parse_model_card(place: PathLike, content: bytes) -> ModelCard:
    """As `read_model_card`, for the content of a file at `place`."""
    return validate_document(place, parse_json(place, content), ModelCard, SCHEMA, SCHEMA_VERSION)
