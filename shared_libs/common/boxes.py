"""What detections and tracks have in common: checked columns of boxes, and rows as the readers hand them over."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from shared_libs.common.errors import InputError, PathLike

Floats = npt.NDArray[np.float64]
Float32s = npt.NDArray[np.float32]
Int64s = npt.NDArray[np.int64]

# 2**24 frames are 155 hours at 30 frames a second. A larger number is a mistake, and would make offsets() huge.
LARGEST_FRAME = 2**24 - 1
LARGEST_TRACK_ID = 2**31 - 1
UNKNOWN_CLASS = -1


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row stands in its file: a line number of a text, or words such as "row 17"."""

    line: int | None = None
    words: str | None = None

    def error(self, path: PathLike, cause: str, hint: str | None = None) -> InputError:
        """The error for what is wrong at this place."""
        return InputError(path, f"{self.words}: {cause}" if self.words else cause, line=self.line, hint=hint)


@dataclass(frozen=True, slots=True)
class RawBoxes:
    """Rows as a file holds them, in file order, numbers as float64 and not yet checked.

    frame: (n,) 0-based; xyxy: (n, 4); score, class_id: (n,); track_id, source: (n,) or None where the format or the
    file has none; frame_count: where the file states it; place(i): where row i stands.
    """

    frame: Floats
    xyxy: Floats
    score: Floats
    class_id: Floats
    track_id: Floats | None
    source: Floats | None
    frame_count: int | None
    place: Callable[[int], Place]
    first_frame: int = 0  # what the file calls the first frame: 1 in MOTChallenge text

    def check(self, path: PathLike) -> None:
        """Raises InputError for the first row (in file order) with anything wrong."""
        problem = first_problem(self.frame, self.xyxy, self.score, self.class_id, self.first_frame)
        if problem is not None:
            row, cause = problem
            raise self.place(row).error(path, cause)


def first_problem(
    frame: npt.NDArray[np.generic],
    xyxy: npt.NDArray[np.generic],
    score: npt.NDArray[np.generic],
    class_id: npt.NDArray[np.generic],
    first_frame: int = 0,
) -> tuple[int, str] | None:
    """The first row that is not a valid box, and why; None if all are. Arrays as in `RawBoxes`, of any number type."""
    with np.errstate(over="ignore", invalid="ignore"):
        box = xyxy.astype(np.float32)
        checks: list[tuple[npt.NDArray[np.bool_], Callable[[int], str]]] = [
            (
                _any_not_finite(np.asarray(xyxy, np.float64)),
                lambda i: f"the box has a coordinate that is not a finite number: {_box(xyxy, i)}",
            ),
            (
                _any_not_finite(box),
                lambda i: f"the box has a coordinate too large for 32 bits: {_box(xyxy, i)}",
            ),
            (~(box[:, 2] > box[:, 0]), lambda i: _bad_size(xyxy, i, "width")),
            (~(box[:, 3] > box[:, 1]), lambda i: _bad_size(xyxy, i, "height")),
            (
                ~_whole(frame),
                lambda i: f"the frame must be a whole number, here it is {_number(frame[i], first_frame)}",
            ),
            (
                ~(np.asarray(frame) >= 0),
                lambda i: f"frames count from {first_frame}, here is frame {_number(frame[i], first_frame)}",
            ),
            (
                ~(np.asarray(frame) <= LARGEST_FRAME),
                lambda i: f"frame {_number(frame[i], first_frame)} is beyond the largest, {LARGEST_FRAME:,}",
            ),
            (
                ~np.isfinite(score.astype(np.float32)),
                lambda i: f"the score must be a finite number, here it is {_number(score[i])}",
            ),
            (
                ~_whole(class_id) | ~(np.abs(np.asarray(class_id, np.float64)) < 2**15),
                lambda i: f"the class must be a whole number of 16 bits, here it is {_number(class_id[i])}",
            ),
        ]
    bad = np.zeros(len(box), bool)
    for wrong, _ in checks:
        bad |= wrong
    if not bad.any():
        return None
    row = int(bad.argmax())
    return row, next(say(row) for wrong, say in checks if wrong[row])


def offsets_of(frame: npt.NDArray[np.int32], frame_count: int) -> Int64s:
    """Where each frame's rows begin: (frame_count + 1,) int64; rows of frame f are offsets[f]:offsets[f + 1]."""
    return np.searchsorted(frame, np.arange(frame_count + 1)).astype(np.int64)


def checked_frame_count(frame: npt.NDArray[np.int32], frame_count: int | None) -> int:
    """`frame_count`, or 1 + the last frame where it is None. Raises ValueError where a row lies beyond it."""
    needed = int(frame.max()) + 1 if len(frame) else 0
    if frame_count is None:
        return needed
    if not needed <= frame_count <= LARGEST_FRAME + 1:
        raise ValueError(f"frame_count is {frame_count}, but must lie between {needed} and {LARGEST_FRAME + 1}")
    return int(frame_count)


def _whole(values: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
    if np.issubdtype(values.dtype, np.integer):
        return np.ones(len(values), bool)
    numbers = np.asarray(values, np.float64)
    whole: npt.NDArray[np.bool_] = np.isfinite(numbers) & (numbers == np.floor(numbers))
    return whole


def _any_not_finite(rows: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.bool_]:
    wrong: npt.NDArray[np.bool_] = np.logical_not(np.isfinite(rows)).any(axis=1)
    return wrong


def _number(value: np.generic, shift: int = 0) -> str:
    number = float(np.asarray(value).item()) + shift
    return str(int(number)) if number.is_integer() else f"{number:g}"


def _box(xyxy: npt.NDArray[np.generic], row: int) -> str:
    return ", ".join(_number(value) for value in xyxy[row])


def _bad_size(xyxy: npt.NDArray[np.generic], row: int, name: str) -> str:
    axis = 0 if name == "width" else 1
    low, high = (float(np.asarray(xyxy[row, column]).item()) for column in (axis, axis + 2))
    if high > low:
        return f"the box's {name} of {high - low:g} at {low:g} is lost in 32-bit coordinates"
    return f"the box's {name} must be positive, here it is {high - low:g}"
