from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from shared_libs.common.detections import Detections, read_detections, write_detections_parquet
from shared_libs.common.errors import InputError
from shared_libs.common.tracks import read_tracks

ONE = Detections.from_arrays([2], [[1, 2, 3, 4]], [0.5], [3], 10)


def written(tmp_path: Path) -> pa.Table:
    write_detections_parquet(tmp_path / "a", ONE)
    return parquet.read_table(tmp_path / "a")


def refused(tmp_path: Path, table: pa.Table, words: str) -> None:
    parquet.write_table(table, tmp_path / "b")
    with pytest.raises(InputError, match=words):
        read_detections(tmp_path / "b")


def test_the_schema_has_a_name_a_version_and_types(tmp_path: Path) -> None:
    schema = written(tmp_path).schema
    assert schema.metadata[b"laxai.schema"] == b"detections"
    assert schema.metadata[b"laxai.schema_version"] == b"1"
    assert {field.name: str(field.type) for field in schema} == {
        "frame": "int32",
        "x_min": "float",
        "y_min": "float",
        "x_max": "float",
        "y_max": "float",
        "score": "float",
        "class_id": "int16",
    }


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    refused(tmp_path, written(tmp_path).drop_columns(["y_max"]), "needs one column y_max .* columns are: frame")


def test_a_column_whose_name_is_no_text_is_refused(tmp_path: Path) -> None:
    parquet.write_table(written(tmp_path).rename_columns(["QQQQ", *"abcdef"]), tmp_path / "b")
    (tmp_path / "b").write_bytes((tmp_path / "b").read_bytes().replace(b"QQQQ", b"\xf8QQQ"))
    with pytest.raises(InputError, match="not a readable Parquet file"):
        read_detections(tmp_path / "b")


def test_a_mistyped_column_is_named(tmp_path: Path) -> None:
    table = written(tmp_path)
    refused(
        tmp_path, table.set_column(0, "frame", pa.array(["2"])), "column frame must be of type int32, here it is str"
    )


def test_an_empty_cell_is_named(tmp_path: Path) -> None:
    table = written(tmp_path)
    two = pa.concat_tables([table, table])
    scores = pa.array([0.5, None], pa.float32())
    refused(tmp_path, two.set_column(5, "score", scores), "row 2: score is empty")


def test_a_bad_box_is_named_by_its_row(tmp_path: Path) -> None:
    table = written(tmp_path)
    refused(
        tmp_path, table.set_column(3, "x_max", pa.array([0.0], pa.float32())), "row 1: the box's width must be positive"
    )


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({"laxai.schema_version": "2"}, "schema version 2, this program reads up to 1"),
        ({"laxai.schema_version": "new"}, "must be a whole number"),
        ({"laxai.frame_count": "2"}, "frame_count is 2"),
        ({"laxai.frame_count": "999999999"}, "frame_count is 999999999"),
    ],
)
def test_metadata_that_does_not_fit_is_refused(tmp_path: Path, metadata: dict[str, Any], words: str) -> None:
    refused(tmp_path, written(tmp_path).replace_schema_metadata(metadata), words)


def test_a_table_of_another_program_with_the_same_columns_is_read(tmp_path: Path) -> None:
    parquet.write_table(written(tmp_path).replace_schema_metadata(None), tmp_path / "b")
    assert read_detections(tmp_path / "b").frame_count == 3


def test_detections_are_not_taken_for_tracks(tmp_path: Path) -> None:
    written(tmp_path)
    with pytest.raises(InputError, match=r"no track ids .* these are detections"):
        read_tracks(tmp_path / "a")
