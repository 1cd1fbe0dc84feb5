"""Any detector in ONNX's format, of the families that `decoders` reads, over single pictures."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared_libs.common.errors import InputError
from shared_libs.common.files import sha256_file
from tracking.detectors.decoders import decoder_for
from tracking.detectors.detector import Boxes, Picture
from tracking.detectors.model_card import CardInput, ModelCard, card_path, people_among, read_card
from tracking.detectors.preparation import Preparation
from tracking.detectors.tiling import Grid, fitting_grid, is_whole, put_together, views_of
from tracking.onnx_session import Tensor, model_input, model_outputs, open_session, run_model

_OPEN_BATCH = 4
"""Views at once, where the model takes any number."""
_LARGEST_BATCH = 64
_GREY = 114
_SMALLEST_SIDE = 1.0
"""Pixels of a box in the picture."""
_DTYPES = {"float": np.float32, "float16": np.float16}
_RFDETR_NOTES = "rfdetr_inference"
"""Under which RF-DETR's exporter leaves what it knows, in the model's metadata (its export/_runtime/metadata.py)."""


class OnnxDetector:
    """People in single pictures, found by a model. See `Detector`."""

    def __init__(self, path: Path, grid: Grid | None = None) -> None:
        """Opens the model at `path` and tries it once. grid: the tiles to look at, by default what fits the picture.

        Raises InputError where the model or its card cannot be read, or is not a detector that is understood.
        """
        self._path, self._grid = path, grid
        card = read_card(path)
        self._session = open_session(path)
        tensor = model_input(self._session, path)
        size = _size(path, tensor, card)
        self._input, self._dtype = tensor.name, _DTYPES[tensor.dtype]
        self._fixed_batch = tensor.shape[0]
        self.batch = self._fixed_batch or _OPEN_BATCH
        if self.batch > _LARGEST_BATCH:
            raise InputError(path, f"takes {self.batch} pictures at once, the most is {_LARGEST_BATCH}")

        names, told = _notes(self._session.get_modelmeta().custom_metadata_map, card)
        grey = np.full((size[1], size[0], 3), _GREY, np.uint8)
        trial = self._run(Preparation.of(card.family or "yolox", size, told), [grey])
        outputs = [output.name for output in model_outputs(self._session)]
        self._decoder = decoder_for(path, card, outputs, trial, size)
        family = self._decoder.family
        self._people = people_among(path, card, family, self._decoder.class_count, names)
        self._preparation = Preparation.of(family, size, told)
        self._lowest = card.score
        self.name = path.name
        self.digest = _digest(path, card, grid)

    def detect(self, pictures: Sequence[Picture]) -> list[Boxes]:
        """As in `Detector`."""
        views = [views_of(_size_of(picture), self._grid_for(_size_of(picture))) for picture in pictures]
        jobs = [(picture, view) for picture, rows in zip(pictures, views, strict=True) for view in rows]
        seen: list[Boxes] = []
        for start in range(0, len(jobs), self.batch):
            part = jobs[start : start + self.batch]
            cut = [picture[view[1] : view[3], view[0] : view[2]] for picture, view in part]
            outputs = self._run(self._preparation, cut, self._decoder.reads)
            boxes = self._decoder.decode(outputs, self._people, self._lowest)
            given = self._fixed_batch or len(part)
            if len(boxes) != given:
                cause = f"gives results for {len(boxes)} pictures, where it was given {given}"
                raise InputError(self._path, cause, hint="export it for one picture at once, or for any number")
            seen += [self._placed(found, view, picture) for found, (picture, view) in zip(boxes, part, strict=False)]
        ends = np.cumsum([len(rows) for rows in views]).tolist()
        return [put_together(seen[end - len(rows) : end]) for rows, end in zip(views, ends, strict=True)]

    def _grid_for(self, size: tuple[int, int]) -> Grid:
        return self._grid or fitting_grid(size, (self._preparation.width, self._preparation.height))

    def _placed(self, boxes: Boxes, view: NDArray[np.intp], picture: Picture) -> Boxes:
        """What was seen in a view of a picture, in the picture's pixels, without what the view cuts off."""
        size = _size_of(picture)
        scale = self._preparation.scale((int(view[2] - view[0]), int(view[3] - view[1])))
        low, high = np.tile(view[:2], 2), np.tile(view[2:], 2)
        xyxy = np.clip(boxes.xyxy / np.array(scale * 2, np.float32) + low, low, high).astype(np.float32)
        has_size = (xyxy[:, 2:] - xyxy[:, :2] >= _SMALLEST_SIDE).all(axis=1)
        return Boxes(xyxy, boxes.score, boxes.class_id).take(has_size & is_whole(xyxy, view, size, scale))

    def _run(
        self, preparation: Preparation, pictures: Sequence[Picture], wanted: Sequence[str] | None = None
    ) -> list[NDArray[Any]]:
        """The outputs for up to `batch` pictures. Raises InputError where the model fails or gives no numbers."""
        count = self._fixed_batch or len(pictures)
        tensor = np.zeros((count, 3, preparation.height, preparation.width), self._dtype)
        for place, picture in zip(tensor, pictures, strict=False):
            preparation.fill(place, picture)
        outputs = run_model(self._session, self._path, {self._input: tensor}, wanted)
        for array in outputs:
            if np.issubdtype(array.dtype, np.floating) and array.size and np.isnan(array).all():
                hint = "export it with 32-bit numbers" if self._dtype == np.float16 else "export it anew"
                raise InputError(self._path, "gives nothing but NaN", hint=hint)
        return outputs


def _size_of(picture: Picture) -> tuple[int, int]:
    return picture.shape[1], picture.shape[0]


def _size(path: Path, tensor: Tensor, card: ModelCard) -> tuple[int, int]:
    """The width and height of the pictures that the model takes. Raises InputError where that cannot be said."""
    if len(tensor.shape) != 4 or tensor.shape[1] not in (3, None):
        raise InputError(path, f"takes {tensor}", hint="expected were pictures (batch, 3, height, width)")
    if tensor.dtype not in _DTYPES:
        raise InputError(path, f"takes {tensor}", hint=f"expected were numbers of type {' or '.join(_DTYPES)}")
    height, width = tensor.shape[2:]
    told = card.input
    for own, said, side in ((height, told.height, "height"), (width, told.width, "width")):
        if own is not None and said is not None and own != said:
            cause = f"input.{side} is {said}, but the model takes {own} pixels"
            raise InputError(card_path(path), cause, hint="leave it out")
    height, width = height or told.height, width or told.width
    if height is None or width is None:
        example = f'write {card_path(path).name} beside it, as {{"input": {{"height": 640, "width": 640}}}}'
        raise InputError(path, f"leaves the size of its pictures open: {tensor}", hint=example)
    return width, height


def _notes(metadata: dict[str, str], card: ModelCard) -> tuple[dict[int, str], CardInput]:
    """What RF-DETR's exporter has left in the model: the names of its classes; and how pictures are made ready.

    The card counts more. Notes of another form are passed over: they are no part of ONNX.
    """
    try:
        notes = json.loads(metadata.get(_RFDETR_NOTES, "{}"))
        names = {int(column): str(name) for column, name in notes.get("class_id_to_name", {}).items()}
        told = {"mean": tuple(notes["means"]), "std": tuple(notes["stds"])} if "means" in notes else {}
        own = CardInput.model_validate(told)
    except (ValueError, TypeError, AttributeError, KeyError):
        return {}, card.input
    said = card.input.model_dump(exclude_none=True)
    return names, CardInput.model_validate(own.model_dump(exclude_none=True) | said)


def _digest(path: Path, card: ModelCard, grid: Grid | None) -> bytes:
    """Of the model's file, of those with its weights beside it, of its card and of the tiles."""
    digest = hashlib.sha256(json.dumps([card.model_dump(mode="json"), grid]).encode())
    weights = [beside for beside in path.parent.iterdir() if beside.name.startswith(path.name) and beside.is_file()]
    for file in sorted(weights):
        digest.update(f"{file.name.removeprefix(path.name)} {sha256_file(file)}\n".encode())
    return digest.digest()
