"""What models of each family give, read as boxes; and by what the families are told apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from shared_libs.common.errors import InputError
from tracking.detectors.detector import Boxes
from tracking.detectors.model_card import Family, ModelCard, People, card_path
from tracking.detectors.suppression import surest

Arrays = Sequence[NDArray[np.generic]]
Floats = NDArray[np.float32]

_STRIDES = (8, 16, 32), (8, 16, 32, 64)
"""Of YOLOX, and of its models with a fourth level ("p6")."""
_YOLOX_OVERLAP = 0.65
_MOST_BOXES = 1000
"""In one picture: far more than people on a field, few enough to compare each with each."""
_BOX_NAMES = "dets", "pred_boxes"
_LOGIT_NAMES = "labels", "pred_logits"
_EXPECTED = (
    "expected were RF-DETR's dets (batch, queries, 4) and labels (batch, queries, classes), or YOLOX's one output "
    "(batch, anchors, 5 + classes)"
)


class Decoder(Protocol):
    """A family's way from a model's outputs to boxes."""

    family: ClassVar[Family]

    @property
    def reads(self) -> tuple[str, ...]:
        """The names of the outputs that it reads."""

    @property
    def class_count(self) -> int:
        """How many classes the model tells apart, with any that stand for nothing."""

    def decode(self, outputs: Arrays, people: People, lowest: float) -> list[Boxes]:
        """The people in each picture of a batch, in the model's pixels; scores from `lowest` up.

        outputs: those that it reads, in that order. Boxes may reach beyond the picture, and be without size.
        """


@dataclass(frozen=True, slots=True)
class RfDetrDecoder:
    """RF-DETR: a set of queries, each with a box as a share of the picture, and one logit for each class.

    After `decode_detections` in roboflow/rf-detr (src/rfdetr/export/_runtime/decode.py), but that a query is one person
    here, of its likeliest class, where pairs of query and class are ranked there. reads: boxes and logits.
    """

    family: ClassVar[Family] = "rfdetr"
    size: tuple[int, int]
    class_count: int
    reads: tuple[str, str] = ("dets", "labels")

    def decode(self, outputs: Arrays, people: People, lowest: float) -> list[Boxes]:
        """As in `Decoder`."""
        boxes = outputs[0].astype(np.float32)
        logits = outputs[1][:, :, people.column].astype(np.float32)
        with np.errstate(over="ignore"):
            scores = 1 / (1 + np.exp(-logits))
        sides = np.array(self.size * 2, np.float32)
        return [_boxes(box * sides, score, people, lowest) for box, score in zip(boxes, scores, strict=False)]


@dataclass(frozen=True, slots=True)
class YoloxDecoder:
    """YOLOX: one row for each cell of three or four grids, with box, likelihood of anything and of each class.

    After `demo_postprocess` and `multiclass_nms` in Megvii-BaseDetection/YOLOX (yolox/utils/demo_utils.py). Like the
    latter by default, classes are not looked at: a player and a goalkeeper in one place are one person. is_decoded:
    whether boxes are in pixels already (exported with --decode_in_inference), not in their cell's units.
    """

    family: ClassVar[Family] = "yolox"
    size: tuple[int, int]
    class_count: int
    is_decoded: bool
    reads: tuple[str] = ("output",)

    def decode(self, outputs: Arrays, people: People, lowest: float) -> list[Boxes]:
        """As in `Decoder`."""
        rows = outputs[0].astype(np.float32)
        scores = rows[:, :, 4:5] * rows[:, :, 5 + people.column]
        found = []
        for row, score in zip(rows, scores, strict=True):
            box = row[:, :4]
            if not self.is_decoded:
                corner, stride = grid_of(self.size, len(row))
                with np.errstate(over="ignore", invalid="ignore"):
                    box = np.concatenate([(box[:, :2] + corner) * stride, np.exp(box[:, 2:]) * stride], axis=1)
            boxes = _boxes(box, score, people, lowest)
            found.append(boxes.take(surest(boxes.xyxy, boxes.score, _YOLOX_OVERLAP)))
        return found


def _boxes(cxcywh: Floats, scores: Floats, people: People, lowest: float) -> Boxes:
    """The people among rows: boxes (n, 4) by centre and size, scores (n, k) of the people's classes."""
    best = scores.argmax(axis=1)
    score = scores[np.arange(len(best)), best]
    rows = np.flatnonzero((score >= lowest) & np.isfinite(cxcywh).all(axis=1))
    rows = rows[np.argsort(-score[rows], kind="stable")][:_MOST_BOXES]
    centre, half = cxcywh[rows, :2], cxcywh[rows, 2:] / 2
    return Boxes(np.concatenate([centre - half, centre + half], axis=1), score[rows], people.class_id[best[rows]])


def grid_of(size: tuple[int, int], count: int) -> tuple[Floats, Floats]:
    """Of each of `count` cells that YOLOX lays over a picture of `size` (width, height): its column and row (n, 2),
    and its side in pixels (n, 1). Raises ValueError where no set of grids has that many cells."""
    for strides in _STRIDES:
        shapes = [(size[1] // stride, size[0] // stride) for stride in strides]
        if sum(rows * columns for rows, columns in shapes) != count:
            continue
        corners = [np.stack(np.divmod(np.arange(rows * columns), columns)[::-1], axis=1) for rows, columns in shapes]
        sides = np.repeat(strides, [rows * columns for rows, columns in shapes])
        return np.concatenate(corners).astype(np.float32), sides[:, None].astype(np.float32)
    counts = " or ".join(str(sum((size[1] // s) * (size[0] // s) for s in strides)) for strides in _STRIDES)
    raise ValueError(f"a YOLOX model for {size[0]} by {size[1]} pixels has {counts} anchors, not {count}")


def decoder_for(path: Path, card: ModelCard, names: Sequence[str], outputs: Arrays, size: tuple[int, int]) -> Decoder:
    """The decoder for a model that gave `outputs`, called `names`, for a picture of `size` (width, height).

    Raises InputError where they fit no family, or not the one that the model's card names.
    """
    described = ", ".join(f"{name} {array.dtype} {array.shape}" for name, array in zip(names, outputs, strict=True))
    at = _rfdetr_outputs(names, outputs)
    if card.family != "yolox" and at is not None:
        return RfDetrDecoder(size, outputs[at[1]].shape[2], (names[at[0]], names[at[1]]))
    problem = f"the outputs ({described}) are of no known form"
    if card.family != "rfdetr" and len(outputs) == 1 and outputs[0].ndim == 3 and outputs[0].shape[2] > 5:
        try:
            return _yolox(card, names[0], outputs[0], size)
        except ValueError as error:
            problem = f"the output ({described}) is not YOLOX's: {error}"
    if card.family is not None:
        problem = f"{problem}, and {card_path(path).name} says that the family is {card.family}"
    raise InputError(path, problem, hint=_EXPECTED)


def _rfdetr_outputs(names: Sequence[str], outputs: Arrays) -> tuple[int, int] | None:
    """Which outputs are RF-DETR's boxes and logits; None where there are no such.

    By their names, since with three classes both have the same shape; by shape where somebody renamed them.
    """
    boxes = [at for at, name in enumerate(names) if name in _BOX_NAMES]
    logits = [at for at, name in enumerate(names) if name in _LOGIT_NAMES]
    if not (boxes and logits) and len(outputs) == 2:
        boxes = [at for at, array in enumerate(outputs) if array.shape[-1:] == (4,)]
        logits = [at for at, array in enumerate(outputs) if array.shape[-1:] != (4,)]
    if not (len(boxes) == len(logits) == 1):
        return None
    box, logit = outputs[boxes[0]], outputs[logits[0]]
    fits = box.ndim == logit.ndim == 3 and box.shape[2] == 4 and box.shape[:2] == logit.shape[:2]
    are_floats = np.issubdtype(box.dtype, np.floating) and np.issubdtype(logit.dtype, np.floating)
    return (boxes[0], logits[0]) if fits and are_floats and logit.shape[2] > 0 else None


def _yolox(card: ModelCard, name: str, output: NDArray[Any], size: tuple[int, int]) -> YoloxDecoder:
    corner, stride = grid_of(size, output.shape[1])
    likelihood = output[:, :, 4:]
    if not ((likelihood >= 0) & (likelihood <= 1)).all():
        raise ValueError("likelihoods from 0 to 1 stand from the fifth column on")
    is_decoded = card.decoded
    if is_decoded is None:
        # A cell's box lies about its middle: which way of reading the centres has them nearer to it?
        centre = output[0, :, :2].astype(np.float64)
        as_units, as_pixels = np.median(np.abs([centre - 0.5, centre / stride - corner - 0.5]), axis=(1, 2))
        is_decoded = bool(as_pixels < as_units)
    return YoloxDecoder(size, output.shape[2] - 5, is_decoded, (name,))
