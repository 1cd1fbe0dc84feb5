"""Boxes in Parquet: one row each, typed columns, our schema's name and version in the file's metadata."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shared_libs.common.boxes import Floats, Place, RawBoxes
from shared_libs.common.errors import PathLike
from shared_libs.common.parquet_columns import metadata_number, parse_columns, write_columns

SCHEMA_VERSION = 1
MAGIC = b"PAR1"

_CORNERS = ("x_min", "y_min", "x_max", "y_max")
_DETECTION_FIELDS: dict[str, pa.DataType] = {
    "frame": pa.int32(),
    **dict.fromkeys(_CORNERS, pa.float32()),
    "score": pa.float32(),
    "class_id": pa.int16(),
}
_TRACK_FIELDS: dict[str, pa.DataType] = {"track_id": pa.int32(), "source": pa.uint8()}


def write_boxes(path: PathLike, kind: str, columns: Mapping[str, npt.NDArray[Any]], frame_count: int) -> None:
    """Writes `columns` ("xyxy" is taken apart into four) as a Parquet file. Raises OutputError."""
    arrays: dict[str, npt.NDArray[Any]] = {}
    for name, values in columns.items():
        if name == "xyxy":
            arrays |= {corner: np.ascontiguousarray(values[:, i]) for i, corner in enumerate(_CORNERS)}
        else:
            arrays[name] = values
    types = _DETECTION_FIELDS | _TRACK_FIELDS
    fields = {name: types[name] for name in arrays}
    write_columns(path, kind, SCHEMA_VERSION, fields, arrays, frame_count=frame_count)


def parse_boxes(path: PathLike, content: bytes) -> RawBoxes:
    """The rows of a Parquet file. Raises InputError for damage, a newer schema, and columns missing or mistyped."""
    table = parse_columns(path, content, SCHEMA_VERSION, _DETECTION_FIELDS, optional=_TRACK_FIELDS)

    def values(name: str) -> Floats:
        return np.asarray(table.column(name).to_numpy(), np.float64)

    boxes = RawBoxes(
        frame=values("frame"),
        xyxy=np.stack([values(corner) for corner in _CORNERS], axis=1),
        score=values("score"),
        class_id=values("class_id"),
        track_id=values("track_id") if "track_id" in table.column_names else None,
        source=values("source") if "source" in table.column_names else None,
        frame_count=metadata_number(path, table, "frame_count"),
        place=lambda row: Place(words=f"row {row + 1}"),
    )
    boxes.check(path)
    return boxes
