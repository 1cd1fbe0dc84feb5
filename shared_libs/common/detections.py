"""Detections: what a detector saw, for a whole sequence, in columns.

`read_detections` takes a file in any of the formats (see `formats`), found by content. `write_mot_detections` and
`write_detections_parquet` write; Parquet keeps everything exactly, text keeps the boxes but not frames without any
at the end.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from shared_libs.common.boxes import (
    UNKNOWN_CLASS,
    Int64s,
    RawBoxes,
    checked_frame_count,
    first_problem,
    offsets_of,
)
from shared_libs.common.errors import InputError, PathLike
from shared_libs.common.files import atomic_write
from shared_libs.common.formats import empty_file, parse_file
from shared_libs.common.mot_text import format_mot
from shared_libs.common.parquet_table import write_boxes


class SupervisionDetections(Protocol):
    """The part of supervision's Detections that is read; `confidence` and `class_id` may be None."""

    @property
    def xyxy(self) -> npt.NDArray[Any]: ...
    @property
    def confidence(self) -> npt.NDArray[Any] | None: ...
    @property
    def class_id(self) -> npt.NDArray[Any] | None: ...


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """Boxes of a sequence, sorted by frame; boxes of one frame keep the order in which they came.

    frame: int32 (n,), 0-based. xyxy: float32 (n, 4), left, top, right, bottom in displayed pixels, finite, with
    positive width and height. score: float32 (n,), finite; usually in [0, 1], but not every detector keeps to that.
    class_id: int16 (n,), -1 where not known. frame_count: 1 + the last frame known, which may have no boxes.
    Make one with `from_arrays`, which checks all this.
    """

    frame: npt.NDArray[np.int32]
    xyxy: npt.NDArray[np.float32]
    score: npt.NDArray[np.float32]
    class_id: npt.NDArray[np.int16]
    frame_count: int

    @classmethod
    def from_arrays(
        cls,
        frame: npt.ArrayLike,
        xyxy: npt.ArrayLike,
        score: npt.ArrayLike,
        class_id: npt.ArrayLike,
        frame_count: int | None = None,
    ) -> Self:
        """Checked, cast and sorted detections. Raises ValueError naming the first box (from 0) that is wrong."""
        raw_frame, raw_score, raw_class = (np.asarray(values).reshape(-1) for values in (frame, score, class_id))
        raw_xyxy = np.asarray(xyxy)
        count = len(raw_frame)
        if raw_xyxy.size == 0:
            raw_xyxy = raw_xyxy.reshape(0, 4)
        if raw_xyxy.shape != (count, 4) or len(raw_score) != count or len(raw_class) != count:
            shapes = f"{raw_frame.shape}, {raw_xyxy.shape}, {raw_score.shape}, {raw_class.shape}"
            raise ValueError(f"frame, xyxy, score, class_id must have shapes (n,), (n, 4), (n,), (n,), not {shapes}")
        problem = first_problem(raw_frame, raw_xyxy, raw_score, raw_class)
        if problem is not None:
            raise ValueError(f"box {problem[0]}: {problem[1]}")
        order = np.argsort(raw_frame, kind="stable")
        sorted_frame = raw_frame[order].astype(np.int32)
        return cls(
            frame=sorted_frame,
            xyxy=np.ascontiguousarray(raw_xyxy[order], np.float32),
            score=raw_score[order].astype(np.float32),
            class_id=raw_class[order].astype(np.int16),
            frame_count=checked_frame_count(sorted_frame, frame_count),
        )

    @classmethod
    def empty(cls, frame_count: int = 0) -> Self:
        """No boxes at all, in `frame_count` frames."""
        return cls.from_arrays([], np.empty((0, 4)), [], [], frame_count)

    @classmethod
    def from_supervision(cls, frames: Iterable[SupervisionDetections]) -> Self:
        """Detections from one supervision `Detections` (or anything with its fields) per frame, in order.

        A missing confidence is 1.0, a missing class -1.
        """
        listed = list(frames)
        counts = [len(item.xyxy) for item in listed]
        scores = [np.ones(len(item.xyxy)) if item.confidence is None else item.confidence for item in listed]
        classes = [
            np.full(len(item.xyxy), UNKNOWN_CLASS) if item.class_id is None else item.class_id for item in listed
        ]
        return cls.from_arrays(
            np.repeat(np.arange(len(listed)), counts),
            np.concatenate([np.reshape(item.xyxy, (-1, 4)) for item in listed]) if listed else np.empty((0, 4)),
            np.concatenate(scores) if listed else [],
            np.concatenate(classes) if listed else [],
            len(listed),
        )

    def __len__(self) -> int:
        return len(self.frame)

    def offsets(self) -> Int64s:
        """Where each frame's rows begin, (frame_count + 1,): rows of frame f are offsets[f]:offsets[f + 1]."""
        return offsets_of(self.frame, self.frame_count)


def read_detections(path: PathLike, *, allow_empty: bool = False) -> Detections:
    """The detections in a file: MOTChallenge text, one of LaxAI's JSON forms, or Parquet, found by content.

    Rows may come in any order and are sorted by frame. Track ids in the file are left aside. Of MOTChallenge ground
    truth, rows flagged as not to be judged are left out. A file of zero bytes is refused unless `allow_empty`,
    since text that lists no boxes and text that was lost look the same.
    Raises InputError naming the line, row, or frame and object that is wrong.
    """
    parsed = parse_file(path, "detections")
    if parsed.boxes is None:
        if allow_empty:
            return Detections.empty()
        raise empty_file(path, "detections")
    boxes = parsed.boxes
    keep = boxes.score != 0 if parsed.is_ground_truth else np.ones(len(boxes.frame), bool)
    return Detections.from_arrays(
        boxes.frame[keep],
        boxes.xyxy[keep],
        boxes.score[keep],
        boxes.class_id[keep],
        stated_frame_count(path, boxes),
    )


def stated_frame_count(path: PathLike, boxes: RawBoxes) -> int | None:
    """The number of frames that a file gives, None where it gives none. InputError where its rows contradict it."""
    try:
        checked_frame_count(boxes.frame.astype(np.int32), boxes.frame_count)
    except ValueError as error:
        raise InputError(path, str(error)) from None
    if boxes.frame_count is not None:
        return boxes.frame_count
    return int(boxes.frame.max()) + 1 if len(boxes.frame) else 0


def write_mot_detections(path: PathLike, detections: Detections) -> None:
    """Writes MOTChallenge det.txt: frames from 1, id -1, the class in the eighth column. Raises OutputError."""
    ids = np.full(len(detections), -1, np.int32)
    text = format_mot(detections.frame, ids, detections.xyxy, detections.score, detections.class_id)
    with atomic_write(path) as file:
        file.write(text)


def write_detections_parquet(path: PathLike, detections: Detections) -> None:
    """Writes Parquet: columns frame, x_min, y_min, x_max, y_max, score, class_id. Raises OutputError."""
    columns: dict[str, npt.NDArray[Any]] = {
        "frame": detections.frame,
        "xyxy": detections.xyxy,
        "score": detections.score,
        "class_id": detections.class_id,
    }
    write_boxes(path, "detections", columns, detections.frame_count)
