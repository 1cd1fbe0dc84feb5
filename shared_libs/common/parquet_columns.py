"""Columns of fixed types in a Parquet file, checked when they are read; a schema's name and version in its metadata."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from shared_libs.common.errors import InputError, PathLike
from shared_libs.common.files import temporary_beside

_KIND, _VERSION = "schema", "schema_version"


def write_columns(
    path: PathLike,
    kind: str,
    version: int,
    fields: Mapping[str, pa.DataType],
    columns: Mapping[str, Any],
    **numbers: int,
) -> None:
    """Writes the columns of `fields`, each an array or a sequence without holes, as a Parquet file. Raises OutputError.

    `numbers` stand beside the schema's name `kind` and its `version` in the metadata, see `metadata_number`.
    """
    said = {_KIND: kind, _VERSION: str(version)} | {name: str(number) for name, number in numbers.items()}
    schema = pa.schema(
        [pa.field(name, its_type, nullable=False) for name, its_type in fields.items()],
        metadata={_key(name): value.encode() for name, value in said.items()},
    )
    table = pa.Table.from_arrays([pa.array(columns[field.name], field.type) for field in schema], schema=schema)
    with temporary_beside(path) as temporary:
        parquet.write_table(table, temporary, compression="zstd")


def parse_columns(
    path: PathLike,
    content: bytes,
    version: int,
    fields: Mapping[str, pa.DataType],
    *,
    optional: Mapping[str, pa.DataType] | None = None,
    remedy: str | None = None,
) -> pa.Table:
    """The table in a Parquet file: it has one column for each of `fields`, and one or none for each of `optional`, all
    of their types and without holes.

    `remedy` is what the user does about a file that our program wrote and that is wrong. Without it, a file may be of
    another program, and then has no version.

    Raises InputError for damage, a newer schema than `version`, and columns missing, mistyped or with holes.
    """
    try:
        table = parquet.read_table(pa.BufferReader(content), use_threads=False)
        names = table.column_names
    except (pa.ArrowException, OSError, ValueError) as error:  # ValueError: a name that is not UTF-8
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        hint = remedy or "the file seems cut off or damaged; write or copy it again"
        raise InputError(path, f"is not a readable Parquet file: {reason}", hint=hint) from None
    its_version = metadata_number(path, table, _VERSION)
    if its_version is None and remedy is not None:
        raise InputError(path, f"is not of this program: it has no {_key(_VERSION).decode()}", hint=remedy)
    if its_version is not None and its_version > version:
        cause = f"has schema version {its_version}, this program reads up to {version}"
        raise InputError(path, cause, hint="use a newer version of the program")
    wanted = {**fields, **{name: its_type for name, its_type in (optional or {}).items() if name in names}}
    for name, its_type in wanted.items():
        if names.count(name) != 1:
            found = ", ".join(names[:12]) or "none"
            raise InputError(path, f"needs one column {name}", hint=remedy or f"the file's columns are: {found}")
        column = table.column(name)
        if column.type != its_type:
            cause = f"column {name} must be of type {its_type}, here it is {column.type}"
            raise InputError(path, cause, hint=remedy)
        if column.null_count:
            row = column.is_null().index(pa.scalar(True)).as_py()
            raise InputError(path, f"row {row + 1}: {name} is empty", hint=remedy)
    return table


def metadata_number(path: PathLike, table: pa.Table, name: str) -> int | None:
    """A number that `write_columns` was given; None where the file has none. Raises InputError for anything else."""
    value = (table.schema.metadata or {}).get(_key(name))
    if value is None:
        return None
    if not value.isdigit() or len(value) > 12:
        shown = value[:20].decode("utf-8", "backslashreplace")
        raise InputError(path, f"metadata {_key(name).decode()} must be a whole number, here it is {shown!r}")
    return int(value)


def _key(name: str) -> bytes:
    return f"laxai.{name}".encode()
