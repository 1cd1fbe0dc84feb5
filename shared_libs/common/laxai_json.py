"""The three JSON forms in which LaxAI keeps boxes, told apart by their keys.

- columns: one object of parallel lists: `xyxy` (lists of four) or `x_min`, `y_min`, `x_max`, `y_max`; `frame_id` or
  `frame_index` (also inside `data`); `confidence`, `class_id`, `tracker_id`; optional `total_frames`.
- rows: a list with one object per box: `x_min`, `y_min`, `x_max`, `y_max`, `frame_id` or `frame_index`,
  `confidence`, `class_id`, `tracker_id` (supervision's JSONSink; it writes "" for what is not known).
- objects per frame: a list, or `{"detections": [...]}`, with one object of parallel lists per frame, as
  supervision's Detections, and the frame's number in `metadata` or `data`. Without a number the position counts.

Frames count from 0, corners are displayed pixels. A missing confidence is 1.0, a missing class -1.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any

import numpy as np

from shared_libs.common.boxes import UNKNOWN_CLASS, Floats, Place, RawBoxes
from shared_libs.common.errors import InputError, PathLike
from shared_libs.common.json_text import parse_json

CORNERS = ("x_min", "y_min", "x_max", "y_max")
FRAME_KEYS = ("frame_id", "frame_index")
SOURCES = ("detected", "interpolated")


def parse_boxes(path: PathLike, text: bytes) -> RawBoxes:
    """The boxes of a file in any of the three forms. Raises InputError naming the row, or frame and object."""
    document = parse_json(path, text)
    form = _form(document)
    if form is None:
        cause = "is JSON, but none of the known forms of boxes"
        raise InputError(path, cause, hint="known are lists of columns, a list of rows, and a list of frames")
    boxes = form(path, document)
    boxes.check(path)
    return boxes


def _form(document: Any) -> Callable[[PathLike, Any], RawBoxes] | None:
    if isinstance(document, dict):
        if isinstance(document.get("detections"), list):
            return _read_frames
        return _read_columns if "xyxy" in document or CORNERS[0] in document else None
    if not isinstance(document, list):
        return None
    first = next((item for item in document if isinstance(item, dict)), None)
    if first is None:
        return None if document else _read_rows
    return _read_frames if "xyxy" in first else _read_rows if any(key in first for key in CORNERS) else None


def _read_columns(path: PathLike, document: dict[str, Any]) -> RawBoxes:
    def place(row: int) -> Place:
        return Place(words=f"entry {row + 1}")

    data = document.get("data")
    inner = data if isinstance(data, dict) else {}
    whole = Place(words="columns")
    if "xyxy" in document:
        boxes = _list(path, whole, document, "xyxy")
    else:
        corners = [_list(path, whole, document, key) for key in CORNERS]
        _same_length(path, whole, dict(zip(CORNERS, corners, strict=True)))
        boxes = [list(box) for box in zip(*corners, strict=True)]
    frames: list[Any] = []
    frame_key = next((key for key in FRAME_KEYS if key in document), None)
    if frame_key is not None:
        frames = _list(path, whole, document, frame_key)
    elif (frame_key := next((key for key in FRAME_KEYS if key in inner), None)) is not None:
        frames = _list(path, whole, inner, frame_key)
    elif boxes:
        raise InputError(path, "the boxes have no frames", hint="a list frame_id is needed beside xyxy")
    columns = {key: _optional_list(path, whole, document, key) for key in ("confidence", "class_id", "tracker_id")}
    _same_length(path, whole, {"xyxy": boxes, frame_key or "frame_id": frames, **columns}, optional=tuple(columns))
    total = document.get("total_frames")
    if total is not None and (type(total) is not int or total < 0):
        raise InputError(path, f"total_frames must be a whole number, here it is {_shown(total)}")
    return _assemble(path, place, boxes, frames, columns, None, total)


def _read_rows(path: PathLike, document: list[Any]) -> RawBoxes:
    def place(row: int) -> Place:
        return Place(words=f"row {row + 1}")

    for i, row in enumerate(document):
        if type(row) is not dict:
            raise place(i).error(path, f"must be an object, here it is {_shown(row)}")
    frame_key = next((key for key in FRAME_KEYS if document and key in document[0]), FRAME_KEYS[0])
    columns: dict[str, list[Any]] = {}
    for key in (*CORNERS, frame_key):
        try:
            columns[key] = [row[key] for row in document]
        except KeyError:
            i = next(i for i, row in enumerate(document) if key not in row)
            raise place(i).error(path, f"has no {key}") from None
    optional = {key: [row.get(key) for row in document] for key in ("confidence", "class_id", "tracker_id")}
    sources = [row.get("source") for row in document]
    corners = [_numbers(path, place, columns[key], key) for key in CORNERS]
    xyxy = np.stack(corners, axis=1) if document else np.empty((0, 4))
    return _assemble(path, place, xyxy, columns[frame_key], optional, sources, None)


def _read_frames(path: PathLike, document: Any) -> RawBoxes:
    objects: list[Any] = document["detections"] if isinstance(document, dict) else document
    frames: list[int] = []
    counts: list[int] = []
    boxes: list[Any] = []
    columns: dict[str, list[Any]] = {"confidence": [], "class_id": [], "tracker_id": []}
    for i, item in enumerate(objects):
        position = Place(words=f"frame object {i + 1}")
        if type(item) is not dict:
            raise position.error(path, f"must be an object, here it is {_shown(item)}")
        own = _list(path, position, item, "xyxy")
        number = _frame_number(path, position, item, i, len(own))
        own_columns = {key: _optional_list(path, position, item, key) for key in columns}
        _same_length(path, Place(words=f"frame {number}"), {"xyxy": own, **own_columns}, optional=tuple(columns))
        frames.append(number)
        counts.append(len(own))
        boxes += own
        for key, values in own_columns.items():
            columns[key] += values if values else [None] * len(own)
    starts = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])

    def place(row: int) -> Place:
        i = int(np.searchsorted(starts, row, side="right")) - 1
        return Place(words=f"frame {frames[i]}, object {row - int(starts[i]) + 1}")

    frame_of_box = list(chain.from_iterable([number] * count for number, count in zip(frames, counts, strict=True)))
    frame_count = max(frames) + 1 if frames and min(frames) >= 0 else None
    return _assemble(path, place, boxes, frame_of_box, columns, None, frame_count)


def _frame_number(path: PathLike, position: Place, item: dict[str, Any], default: int, count: int) -> int:
    """A frame object's own number: in `metadata`, in itself, or (one per box, all the same) in `data`."""
    number: Any = default
    holders: list[Any] = [item.get("metadata"), item, item.get("data")]
    for holder in holders:
        key = next((key for key in FRAME_KEYS if key in holder), None) if isinstance(holder, dict) else None
        if key is None:
            continue
        value = holder[key]
        if isinstance(value, list):
            if not value:
                continue
            if len(value) != count or any(other != value[0] for other in value):
                raise position.error(path, f"{key} must name one and the same frame for each box")
            value = value[0]
        number = value
        break
    if type(number) is not int:
        raise position.error(path, f"the frame must be a whole number, here it is {_shown(number)}")
    if number < 0:
        raise position.error(path, f"frames count from 0, here is frame {number}")
    return number


def _assemble(
    path: PathLike,
    place: Callable[[int], Place],
    boxes: list[Any] | Floats,
    frames: list[Any],
    columns: dict[str, list[Any]],
    sources: list[Any] | None,
    frame_count: int | None,
) -> RawBoxes:
    count = len(boxes)
    score = _optional_numbers(path, place, columns["confidence"], "confidence", count)
    class_id = _optional_numbers(path, place, columns["class_id"], "class_id", count)
    frame = _numbers(path, place, frames, "frame")
    if frame_count is not None and count and np.isfinite(frame).all():
        frame_count = max(frame_count, int(min(frame.max(), 2**62)) + 1)
    return RawBoxes(
        frame=frame,
        xyxy=boxes if isinstance(boxes, np.ndarray) else _four_numbers(path, place, boxes),
        score=np.ones(count) if score is None else score,
        class_id=np.full(count, float(UNKNOWN_CLASS)) if class_id is None else class_id,
        track_id=_optional_numbers(path, place, columns["tracker_id"], "tracker_id", count),
        source=_sources(path, place, sources),
        frame_count=frame_count,
        place=place,
    )


def _four_numbers(path: PathLike, place: Callable[[int], Place], boxes: list[Any]) -> Floats:
    for i, box in enumerate(boxes):
        if type(box) is not list or len(box) != 4:
            raise place(i).error(path, f"the box must be a list of four numbers, here it is {_shown(box)}")
    flat = list(chain.from_iterable(boxes))
    return _numbers(path, lambda i: place(i // 4), flat, "a coordinate").reshape(-1, 4)


def _numbers(path: PathLike, place: Callable[[int], Place], values: Sequence[Any], name: str) -> Floats:
    """The values as float64; InputError for the first that is not a JSON number."""
    if set(map(type, values)) <= {int, float}:
        try:
            return np.array(values, dtype=np.float64)
        except OverflowError:  # a whole number beyond float64
            pass
    for i, value in enumerate(values):
        if type(value) not in (int, float):
            raise place(i).error(path, f"{name} must be a number, here it is {_shown(value)}")
        try:
            float(value)
        except OverflowError:
            raise place(i).error(path, f"{name} is too large: {_shown(value)}") from None
    raise AssertionError("unreachable: every value is a number")


def _optional_numbers(
    path: PathLike, place: Callable[[int], Place], values: list[Any], name: str, count: int
) -> Floats | None:
    """The values as float64; None where the file has none. InputError where only some are missing."""
    missing = [value is None or value == "" for value in values]
    if count == 0 or all(missing):
        return None
    if any(missing):
        raise place(missing.index(True)).error(path, f"has no {name}, while others have")
    return _numbers(path, place, values, name)


def _sources(path: PathLike, place: Callable[[int], Place], values: list[Any] | None) -> Floats | None:
    if values is None or not any(value is not None for value in values):
        return None
    for i, value in enumerate(values):
        if value not in SOURCES:
            raise place(i).error(path, f"source must be one of {', '.join(SOURCES)}, here it is {_shown(value)}")
    return np.array([float(SOURCES.index(value)) for value in values])


def _list(path: PathLike, position: Place, holder: dict[str, Any], key: str) -> list[Any]:
    value = holder.get(key)
    if type(value) is not list:
        cause = f"{key} must be a list, here it is {_shown(value)}" if key in holder else f"{key} is missing"
        raise position.error(path, cause)
    return value


def _optional_list(path: PathLike, position: Place, holder: dict[str, Any], key: str) -> list[Any]:
    return [] if holder.get(key) is None else _list(path, position, holder, key)


def _same_length(path: PathLike, position: Place, columns: dict[str, list[Any]], optional: Iterable[str] = ()) -> None:
    lengths = {key: len(values) for key, values in columns.items() if values or key not in optional}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{key} has {length}" for key, length in lengths.items())
        raise position.error(path, f"the lists differ in length: {listed}")


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."
