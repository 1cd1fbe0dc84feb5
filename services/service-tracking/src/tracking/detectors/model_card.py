"""What a detector's file cannot say of itself: MODEL.json beside MODEL.onnx, and which of its classes are people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError, model_validator

from shared_libs.common.documents import Contract, explain
from shared_libs.common.errors import InputError
from shared_libs.common.files import read_bytes
from shared_libs.common.json_text import parse_json
from tracking.detectors.detector import CLASSES

Family = Literal["rfdetr", "yolox"]
Kind = Literal["person", "player", "goalkeeper", "referee"]
"""Of people; one of `CLASSES`."""

_PERSON = CLASSES.index("person")
_KNOWN_NAMES = {
    "person": "person",
    "player": "player",
    "goalkeeper": "goalkeeper",
    "goalie": "goalkeeper",
    "keeper": "goalkeeper",
    "referee": "referee",
    "umpire": "referee",
}
# COCO's people: YOLOX counts its 80 classes from 0; RF-DETR keeps COCO's own 1 to 90, with a column for 0.
_COCO: dict[tuple[Family, int], int] = {("yolox", 80): 0, ("rfdetr", 91): 1}

_Side = Annotated[int, Field(ge=32, le=8192)]
_Share = Annotated[float, Field(ge=0, le=1)]
_Spread = Annotated[float, Field(gt=0)]


class CardInput(Contract):
    """How pictures are made ready: sizes in pixels, where the model leaves them open; mean and standard deviation of
    red, green and blue in 0 to 1; in which order the model takes the colours."""

    height: _Side | None = None
    width: _Side | None = None
    mean: tuple[float, float, float] | None = None
    std: tuple[_Spread, _Spread, _Spread] | None = None
    colour: Literal["rgb", "bgr"] | None = None

    @model_validator(mode="after")
    def _are_given_together(self) -> CardInput:
        if (self.mean is None) != (self.std is None):
            raise ValueError("mean and std go together")
        if (self.height is None) != (self.width is None):
            raise ValueError("height and width go together")
        return self


class ModelCard(Contract):
    """MODEL.json. All of it may be left out.

    family: whose form the outputs have. names: of the model's classes, in their order. classes: for each of LaxAI's
    classes (`CLASSES`), which of the model's are that, by number or name. decoded: whether a YOLOX model gives boxes
    in pixels. score: the lowest that counts.
    """

    family: Family | None = None
    names: tuple[str, ...] | None = None
    classes: dict[Kind, tuple[int | str, ...]] | None = None
    input: CardInput = CardInput()
    decoded: bool | None = None
    score: _Share = 0.1


def card_path(model: Path) -> Path:
    """Where the card of a model lies."""
    return model.with_suffix(".json")


def read_card(model: Path) -> ModelCard:
    """The card beside `model`, or an empty one where there is none. Raises InputError for one that is wrong."""
    path = card_path(model)
    if not path.exists():
        return ModelCard()
    document = parse_json(path, read_bytes(path))
    if not isinstance(document, dict):
        raise InputError(path, "is not a model's card: a JSON object was expected", hint=_example(path))
    try:
        return ModelCard.model_validate_json(json.dumps(document), strict=True)
    except ValidationError as error:
        raise InputError(path, explain(error), hint=f"this file says what {model.name} is") from None


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """Which of a model's classes are people: column int (k,), the model's; class_id int16 (k,), of `CLASSES`."""

    column: NDArray[np.intp]
    class_id: NDArray[np.int16]


def people_among(model: Path, card: ModelCard, family: Family, count: int, names: Mapping[int, str]) -> People:
    """Which of `count` classes of `model` are people. names: what the model itself calls them, as far as it does.

    Raises InputError where nothing says so, or the card speaks of classes that are not there.
    """
    known = dict(enumerate(card.names)) if card.names is not None else dict(names)
    if card.classes is not None:
        return _as_told(model, card.classes, count, known)
    named = {
        column: CLASSES.index(_KNOWN_NAMES[name.casefold()])
        for column, name in sorted(known.items())
        if name.casefold() in _KNOWN_NAMES and 0 <= column < count
    }
    if not known:
        if (family, count) in _COCO:
            named = {_COCO[family, count]: _PERSON}
        elif count == 1:
            named = {0: _PERSON}
        elif family == "rfdetr" and count == 2:
            # One class and an empty column, which lies before the class or after it, as the training data count.
            named = {0: _PERSON, 1: _PERSON}
    if not named:
        called = f" ({', '.join(known[column] for column in sorted(known))})" if known else ""
        cause = f"has {count} classes{called}, and nothing says which of them are people"
        raise InputError(model, cause, hint=_example(card_path(model)))
    return _people(named)


def _as_told(
    model: Path, classes: Mapping[Kind, tuple[int | str, ...]], count: int, names: Mapping[int, str]
) -> People:
    path = card_path(model)
    columns = {name.casefold(): column for column, name in names.items()}
    named: dict[int, int] = {}
    for ours, theirs in classes.items():
        for item in theirs:
            column = item if isinstance(item, int) else columns.get(item.casefold())
            if column is None:
                known = f"known are: {', '.join(names.values())}" if names else 'give numbers, or the "names" of all'
                raise InputError(path, f"classes.{ours}: the model's class {item!r} is not known", hint=known)
            if not 0 <= column < count:
                cause = f"classes.{ours}: the model has no class {item!r}, it has {count}"
                raise InputError(path, cause, hint=f"give 0 to {count - 1}")
            if column in named:
                raise InputError(path, f"classes.{ours}: the model's class {item!r} is named twice")
            named[column] = CLASSES.index(ours)
    if not named:
        raise InputError(path, "classes: names not one class", hint=_example(path))
    return _people(named)


def _people(named: Mapping[int, int]) -> People:
    return People(np.array([*named], np.intp), np.array([*named.values()], np.int16))


def _example(path: Path) -> str:
    return f'write {path.name} beside the model, as {{"classes": {{"player": [0], "referee": [1]}}}}'
