"""Columns come back as they were written, and what is not as it should be is refused in one line with the way out."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from shared_libs.common.errors import InputError
from shared_libs.common.parquet_columns import metadata_number, parse_columns, write_columns

FIELDS = {"name": pa.string(), "age": pa.int16(), "score": pa.float64()}
OPTIONAL = {"team": pa.uint8()}
ROWS = st.lists(
    st.tuples(
        st.text(st.characters(exclude_categories=["Cs"])), st.integers(-(2**15), 2**15 - 1), st.floats(allow_nan=False)
    )
)


def written(path: Path, fields: dict[str, pa.DataType] | None = None) -> pa.Table:
    columns = {"name": ["a", "b", "c"], "age": [1, 2, 3], "score": [0.5, 1.5, 2.5], "team": [0, 1, 0]}
    write_columns(path, "people", 3, fields or FIELDS, columns, games=7)
    return parquet.read_table(path)


@given(rows=ROWS, games=st.integers(0, 10**9))
def test_columns_and_numbers_come_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, int, float]], games: int
) -> None:
    path = tmp_path_factory.mktemp("columns") / "people"
    columns = {name: [row[place] for row in rows] for place, name in enumerate(FIELDS)}
    write_columns(path, "people", 1, FIELDS, columns, games=games)
    table = parse_columns(path, path.read_bytes(), 1, FIELDS)
    assert table.to_pydict() == columns
    assert metadata_number(path, table, "games") == games


def test_the_schema_is_in_the_file(tmp_path: Path) -> None:
    schema = written(tmp_path / "people").schema
    assert schema.metadata == {b"laxai.schema": b"people", b"laxai.schema_version": b"3", b"laxai.games": b"7"}
    assert [(field.name, field.type, field.nullable) for field in schema] == [
        (name, its_type, False) for name, its_type in FIELDS.items()
    ]


def without_column(table: pa.Table) -> pa.Table:
    return table.drop_columns(["age"])


def with_it_twice(table: pa.Table) -> pa.Table:
    return table.append_column("age", table.column("age"))


def retyped(table: pa.Table) -> pa.Table:
    return table.set_column(1, "age", table.column("age").cast(pa.int64()))


def with_a_hole(table: pa.Table) -> pa.Table:
    return table.set_column(1, "age", pa.array([1, None, 3], pa.int16()))


def without_version(table: pa.Table) -> pa.Table:
    return table.replace_schema_metadata(None)


def newer(table: pa.Table) -> pa.Table:
    return table.replace_schema_metadata({"laxai.schema_version": "4"})


def unversioned(table: pa.Table) -> pa.Table:
    return table.replace_schema_metadata({"laxai.schema_version": "new"})


@pytest.mark.parametrize(
    ("spoil", "ours", "anybodys"),
    [
        (without_column, "needs one column age – ask again", "needs one column age – the file's columns are: name, "),
        (with_it_twice, "(age)", "(age)"),  # pyarrow's own words
        (retyped, "column age must be of type int16, here it is int64 – ask again", "here it is int64"),
        (with_a_hole, "row 2: age is empty – ask again", "row 2: age is empty"),
        (newer, "has schema version 4, this program reads up to 3 – use a newer version", "has schema version 4"),
        (unversioned, "laxai.schema_version must be a whole number, here it is 'new'", "must be a whole number"),
        (without_version, "is not of this program: it has no laxai.schema_version – ask again", None),
    ],
)
def test_a_table_that_is_not_as_it_should_be_is_refused(
    tmp_path: Path, spoil: Callable[[pa.Table], pa.Table], ours: str, anybodys: str | None
) -> None:
    path = tmp_path / "people"
    parquet.write_table(spoil(written(path)), path)
    content = path.read_bytes()
    with pytest.raises(InputError) as caught:
        parse_columns(path, content, 3, FIELDS, remedy="ask again")
    assert str(caught.value).startswith(f"{path}: ") and ours in str(caught.value)
    if anybodys is None:
        assert parse_columns(path, content, 3, FIELDS).num_rows == 3
        return
    with pytest.raises(InputError) as caught:
        parse_columns(path, content, 3, FIELDS)
    assert anybodys in str(caught.value) and "ask again" not in str(caught.value)


@pytest.mark.parametrize("remedy", [None, "ask again"])
def test_a_damaged_file_is_refused(tmp_path: Path, remedy: str | None) -> None:
    path = tmp_path / "people"
    written(path)
    with pytest.raises(InputError, match=f"is not a readable Parquet file: .* – {remedy or 'the file seems cut off'}"):
        parse_columns(path, path.read_bytes()[:-10], 3, FIELDS, remedy=remedy)


def test_an_optional_column_may_be_missing_but_not_wrong(tmp_path: Path) -> None:
    path = tmp_path / "people"
    written(path)
    assert parse_columns(path, path.read_bytes(), 3, FIELDS, optional=OPTIONAL).column_names == list(FIELDS)
    written(path, FIELDS | OPTIONAL)
    assert "team" in parse_columns(path, path.read_bytes(), 3, FIELDS, optional=OPTIONAL).column_names
    written(path, FIELDS | {"team": pa.int32()})
    with pytest.raises(InputError, match="column team must be of type uint8, here it is int32"):
        parse_columns(path, path.read_bytes(), 3, FIELDS, optional=OPTIONAL)


def test_a_number_that_a_file_does_not_have_is_none(tmp_path: Path) -> None:
    table = written(tmp_path / "people")
    assert metadata_number("people", table, "teams") is None
