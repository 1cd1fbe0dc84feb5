"""Boxes in Parquet: one row each, typed columns, our schema's name and version in the file's metadata."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import parquet

from shared_libs.common.boxes import Floats, Place, RawBoxes
from shared_libs.common.errors import InputError, PathLike
from shared_libs.common.files import temporary_beside

SCHEMA_VERSION = 1
MAGIC = b"PAR1"

_KIND, _VERSION, _FRAME_COUNT = b"laxai.schema", b"laxai.schema_version", b"laxai.frame_count"
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
    schema = pa.schema(
        [pa.field(name, types[name], nullable=False) for name in arrays],
        metadata={_KIND: kind.encode(), _VERSION: b"%d" % SCHEMA_VERSION, _FRAME_COUNT: b"%d" % frame_count},
    )
    table = pa.Table.from_arrays([pa.array(arrays[field.name], field.type) for field in schema], schema=schema)
    with temporary_beside(path) as temporary:
        parquet.write_table(table, temporary, compression="zstd")


def parse_boxes(path: PathLike, content: bytes) -> RawBoxes:
    """The rows of a Parquet file. Raises InputError for damage, a newer schema, and columns missing or mistyped."""
    try:
        table = parquet.read_table(pa.BufferReader(content), use_threads=False)
        names = table.column_names
    except (pa.ArrowException, OSError, ValueError) as error:  # ValueError: a name that is not UTF-8
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        hint = "the file seems cut off or damaged; write or copy it again"
        raise InputError(path, f"is not a readable Parquet file: {reason}", hint=hint) from None
    metadata: dict[bytes, bytes] = table.schema.metadata or {}
    version = _whole_number(path, metadata, _VERSION)
    if version is not None and version > SCHEMA_VERSION:
        cause = f"has schema version {version}, this program reads up to {SCHEMA_VERSION}"
        raise InputError(path, cause, hint="use a newer version of the program")
    wanted = _DETECTION_FIELDS | {name: kind for name, kind in _TRACK_FIELDS.items() if name in names}
    for name, kind in wanted.items():
        if names.count(name) != 1:
            found = ", ".join(names[:12]) or "none"
            raise InputError(path, f"needs one column {name}", hint=f"the file's columns are: {found}")
        column = table.column(name)
        if column.type != kind:
            raise InputError(path, f"column {name} must be of type {kind}, here it is {column.type}")
        if column.null_count:
            row = column.is_null().index(pa.scalar(True)).as_py()
            raise InputError(path, f"row {row + 1}: {name} is empty")

    def values(name: str) -> Floats:
        return np.asarray(table.column(name).to_numpy(), np.float64)

    boxes = RawBoxes(
        frame=values("frame"),
        xyxy=np.stack([values(corner) for corner in _CORNERS], axis=1),
        score=values("score"),
        class_id=values("class_id"),
        track_id=values("track_id") if "track_id" in wanted else None,
        source=values("source") if "source" in wanted else None,
        frame_count=_whole_number(path, metadata, _FRAME_COUNT),
        place=lambda row: Place(words=f"row {row + 1}"),
    )
    boxes.check(path)
    return boxes


def _whole_number(path: PathLike, metadata: dict[bytes, bytes], key: bytes) -> int | None:
    value = metadata.get(key)
    if value is None:
        return None
    if not value.isdigit() or len(value) > 12:
        shown = value[:20].decode("utf-8", "backslashreplace")
        raise InputError(path, f"metadata {key.decode()} must be a whole number, here it is {shown!r}")
    return int(value)
