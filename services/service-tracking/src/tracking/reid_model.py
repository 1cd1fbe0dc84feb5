"""Re-identification models in ONNX's format, from the training service or from anywhere: a crop in, a vector out.

A model takes pictures of one person each, (b, 3, height, width) or (b, height, width, 3), and gives (b, d). What its
file cannot say stands in MODEL.json beside MODEL.onnx, all of it optional:

    {"model_id": "model_3f9a0c51d2e7",
     "input": {"height": 256, "width": 128, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225],
               "colour": "rgb"},
     "embedding": {"size": 512},
     "files": {"model.onnx": {"sha256": "…"}}}

mean and std are those of red, green and blue in 0 to 1 and always in that order; colour, "rgb" or "bgr", is the order
that the model takes. By default: ImageNet's, RGB, and 256 by 128 where the model leaves its size open. files: the
SHA-256 of the model, under its own name or as model.onnx; another file is refused. Other keys at the top are others'
matter. The training service's cards (`shared_libs/common/model_card.py`) are of this form.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import ConfigDict, Field, ValidationError

from shared_libs.common.documents import Contract, explain
from shared_libs.common.errors import InputError
from shared_libs.common.files import read_bytes
from shared_libs.common.json_text import parse_json
from shared_libs.common.run import Sha256
from tracking.onnx_session import Tensor, model_input, model_outputs, open_session, run_model

if TYPE_CHECKING:
    import onnxruntime

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

_BATCH = 16
_DTYPES: dict[str, type[np.floating[Any]]] = {"float": np.float32, "float16": np.float16}
_EXPECTED = "a re-identification model gives one vector (batch, size) for each picture"

_Side = Annotated[int, Field(ge=8, le=2048)]
_Spread = Annotated[float, Field(gt=0)]


class _CardInput(Contract):
    height: _Side | None = None
    width: _Side | None = None
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[_Spread, _Spread, _Spread] = (0.229, 0.224, 0.225)
    colour: Literal["rgb", "bgr"] = "rgb"


class _CardEmbedding(Contract):
    size: Annotated[int, Field(ge=1)] | None = None


class _Extensible(Contract):
    """Other keys are others' matter."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class _CardFile(_Extensible):
    sha256: Sha256


class _Card(_Extensible):
    model_id: str | None = None
    input: _CardInput = _CardInput()
    embedding: _CardEmbedding = _CardEmbedding()
    files: dict[str, _CardFile] = Field(default_factory=dict)


class ReidModel:
    """A model that is ready; made by `open_reid_model`.

    name: the id that its card gives, or else its file's name. height, width: of the pictures that it takes, in pixels.
    size: of its vectors. batch: how many crops it is given at once. digest: SHA-256 of its file and its card, 32 bytes.
    """

    def __init__(self, path: Path, session: onnxruntime.InferenceSession, card: _Card, digest: bytes) -> None:
        tensor = model_input(session, path)
        self.name = card.model_id or path.name
        self.digest = digest
        self._path, self._session, self._card, self._tensor = path, session, card.input, tensor
        self._is_planar, (self.height, self.width) = _layout(path, tensor, card.input)
        self._output = _output(path, session)
        self._dtype = _dtype(path, tensor)
        self.batch = tensor.shape[0] or _BATCH
        blank = np.zeros((1, self.height, self.width, 3), np.uint8)
        self.size = self._run(blank).shape[1]
        if card.embedding.size not in (None, self.size):
            cause = f"gives vectors of {self.size} values, {_card_path(path).name} says {card.embedding.size}"
            raise InputError(path, cause, hint="the two are not of the same model")

    def cut(self, picture: Image, box: npt.NDArray[np.float32]) -> Image | None:
        """What `picture`, uint8 (h, w, 3) in RGB, shows in `box` (4,), uint8 (height, width, 3); None where nothing."""
        rows, columns = picture.shape[:2]
        left, top, right, bottom = (max(round(float(edge)), 0) for edge in box)
        region = picture[top : min(bottom, rows), left : min(right, columns)]
        if not region.size:
            return None
        is_larger = region.shape[0] >= self.height and region.shape[1] >= self.width
        way = cv2.INTER_AREA if is_larger else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(region, (self.width, self.height), interpolation=way), np.uint8)

    def embed(self, crops: Sequence[Image]) -> Floats:
        """A vector of unit length for each crop that `cut` gave, float32 (n, size).

        A crop's vector does not depend on how many others come with it. Raises InputError where the model fails.
        """
        parts = [self._run(np.stack(crops[at : at + self.batch])) for at in range(0, len(crops), self.batch)]
        vectors = np.concatenate([np.empty((0, self.size), np.float32), *parts])
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not (np.isfinite(length) & (length > 0)).all():
            raise InputError(self._path, "gives a vector that is zero or not finite", hint="export the model anew")
        return np.asarray(vectors / length, np.float32)

    def _run(self, crops: Image) -> Floats:
        """At most `batch` crops (n, height, width, 3); the batch is always filled up, since sums depend on its size."""
        mean, std = (np.array(values, np.float32) for values in (self._card.mean, self._card.std))
        pictures = np.zeros((self.batch, *crops.shape[1:]), np.float32)
        pictures[: len(crops)] = (crops.astype(np.float32) / 255 - mean) / std
        if self._card.colour == "bgr":
            pictures = pictures[..., ::-1]
        if self._is_planar:
            pictures = pictures.transpose(0, 3, 1, 2)
        feed = {self._tensor.name: np.ascontiguousarray(pictures, self._dtype)}
        result = run_model(self._session, self._path, feed)[self._output]
        if result.ndim != 2 or len(result) != self.batch or not np.issubdtype(result.dtype, np.floating):
            cause = f"gives {result.dtype} {result.shape} for {self.batch} pictures"
            raise InputError(self._path, cause, hint=_EXPECTED)
        return result[: len(crops)].astype(np.float32)


def open_reid_model(path: Path) -> ReidModel:
    """The model in a file, tried out once.

    Raises InputError where it is missing, not a model that can be run, takes or gives something else than such a model
    does, or where its card is wrong or that of another file.
    """
    digest = hashlib.sha256(read_bytes(path))
    card_path = _card_path(path)
    if not card_path.exists():
        return ReidModel(path, open_session(path), _Card(), digest.digest())
    content = read_bytes(card_path)
    card = _card(path, card_path, content)
    described = card.files.get(path.name, card.files.get("model.onnx"))
    if described is not None and described.sha256 != digest.hexdigest():
        hint = "the model is damaged, or the two are not of the same model: copy or export both again"
        raise InputError(path, f"is not the file that {card_path.name} describes (SHA-256)", hint=hint)
    digest.update(content)
    return ReidModel(path, open_session(path), card, digest.digest())


def _card(path: Path, card_path: Path, content: bytes) -> _Card:
    document = parse_json(card_path, content)
    if not isinstance(document, dict):
        raise InputError(card_path, "is not a model's card: a JSON object was expected")
    try:
        return _Card.model_validate_json(json.dumps(document), strict=True)
    except ValidationError as error:
        raise InputError(card_path, explain(error), hint=f"this file says what {path.name} takes") from None


def _card_path(model: Path) -> Path:
    return model.with_suffix(".json")


def _layout(path: Path, tensor: Tensor, card: _CardInput) -> tuple[bool, tuple[int, int]]:
    """Whether colours come first, and the height and width that the model takes."""
    shape = tensor.shape
    if len(shape) == 4 and shape[1] in (3, None):
        is_planar, sides = True, shape[2:]
    elif len(shape) == 4 and shape[3] == 3:
        is_planar, sides = False, shape[1:3]
    else:
        hint = "a re-identification model takes (batch, 3, height, width) or (batch, height, width, 3)"
        raise InputError(path, f"takes {tensor}", hint=hint)
    for name, own, said in zip(("height", "width"), sides, (card.height, card.width), strict=True):
        if own is not None and said not in (None, own):
            cause = f"input.{name}: is {said}, the model takes {own}"
            raise InputError(_card_path(path), cause, hint="leave it out, the model says it itself")
    height, width = sides[0] or card.height or 256, sides[1] or card.width or 128
    return is_planar, (height, width)


def _output(path: Path, session: onnxruntime.InferenceSession) -> int:
    """Which output is the vector: the only one, or the one that is called so."""
    outputs = model_outputs(session)
    named = [place for place, output in enumerate(outputs) if output.name in ("embedding", "embeddings")]
    if len(outputs) == 1 or len(named) == 1:
        place = named[0] if named else 0
        if len(outputs[place].shape) in (0, 2):  # 0: not known before it runs
            return place
    names = "; ".join(map(str, outputs)) or "nothing"
    raise InputError(path, f"gives {names}", hint=f'{_EXPECTED}; of several outputs, name one "embedding"')


def _dtype(path: Path, tensor: Tensor) -> type[np.floating[Any]]:
    if tensor.dtype not in _DTYPES:
        raise InputError(path, f"takes {tensor}", hint="a model of float or float16 pictures was expected")
    return _DTYPES[tensor.dtype]
