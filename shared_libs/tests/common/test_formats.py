"""Whatever a file of boxes holds, the answer is its boxes or one line that says what is wrong and where."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_libs.common.detections import Detections, read_detections, write_detections_parquet
from shared_libs.common.errors import InputError
from shared_libs.common.tracks import read_tracks

ROW: dict[str, Any] = {
    "x_min": 1.5,
    "y_min": 2.0,
    "x_max": 30.25,
    "y_max": 40.0,
    "class_id": 3,
    "confidence": 0.75,
    "tracker_id": 4,
    "frame_id": 7,
}
OBJECT: dict[str, Any] = {
    "xyxy": [[1.5, 2.0, 30.25, 40.0], [5, 6, 7, 8]],
    "confidence": [0.75, 0.5],
    "class_id": [3, 5],
    "tracker_id": [],
    "metadata": {"frame_id": 7},
}
COLUMNS: dict[str, Any] = {
    "xyxy": OBJECT["xyxy"],
    "confidence": [0.75, 0.5],
    "class_id": [3, 5],
    "frame_index": [7, 8],
    "total_frames": 20,
}


def bytes_of(document: Any) -> bytes:
    return json.dumps(document).encode()


BAD: dict[str, tuple[bytes, str]] = {
    # MOTChallenge text
    "text cell": (b"1,-1,1,2,3,4,0.5\n1,-1,abc,2,3,4,0.5\n", ":2: left is not a number: 'abc'"),
    "empty cell": (b"1,-1,1,2,3,4,0.5\n1,-1,1,,3,4,0.5\n", ":2: top is not a number: empty"),
    "header": (b"frame,id,left,top,width,height\n1,-1,1,2,3,4\n", ":1: frame is not a number.*remove the header"),
    "negative width": (
        b"1,-1,1,2,3,4,0.5\n\n1,-1,1,2,-3,4,0.5\n",
        ":3: the box's width must be positive, here it is -3",
    ),
    "zero height": (b"1,-1,1,2,3,0,0.5\n", ":1: the box's height must be positive, here it is 0"),
    "NaN": (b"1,-1,1,2,3,4,0.5\n2,-1,nan,2,3,4,0.5\n", ":2: .* not a finite number"),
    "infinite score": (b"1,-1,1,2,3,4,inf\n", ":1: the score must be a finite number"),
    "frame 0": (b"0,-1,1,2,3,4,0.5\n", ":1: frames count from 1, here is frame 0"),
    "frame 1.5": (b"1.5,-1,1,2,3,4,0.5\n", ":1: the frame must be a whole number, here it is 1.5"),
    "huge frame": (b"99999999999,-1,1,2,3,4,0.5\n", ":1: frame 99999999999 is beyond the largest"),
    "cut off": (b"1,-1,1,2,3,4,0.5\n1,-1,1,2", ":2: has 4 columns, needs at least 6"),
    "ragged": (b"1,-1,1,2,3,4,0.5\n1,-1,1,2,3,4\n", ":2: has 6 columns, the lines before have 7"),
    "class beyond 16 bits": (b"1,-1,1,2,3,4,0.5,70000,-1\n", ":1: the class must be .* 16 bits, here it is 70000"),
    "hexadecimal": (b"1,-1,0x10,2,3,4,0.5\n", ":1: left is not a number"),
    "thousands": (b"1,-1,1_000,2,3,4,0.5\n", ":1: left is not a number"),
    "not text in a cell": (b"1,-1,\xff\xfe,2,3,4,0.5\n", ":1: left is not a number"),
    # JSON
    "truncated": (bytes_of([ROW, ROW])[:-40], "breaks off at line 1, column .*cut off"),
    "no comma": (b'[\n{"x_min": 1}\n{"x_min": 2}]', ":3: is not valid JSON at line 3, column 1, byte 16"),
    "another document": (b'{"name": "Zoe"}', "none of the known forms"),
    "list of numbers": (b"[1, 2]", "none of the known forms"),
    "row missing a key": (bytes_of([ROW, {k: v for k, v in ROW.items() if k != "y_max"}]), "row 2: has no y_max"),
    "row that is none": (bytes_of([ROW, 5]), "row 2: must be an object, here it is 5"),
    "row with text": (bytes_of([ROW, ROW | {"x_min": "1.5"}]), 'row 2: x_min must be a number, here it is "1.5"'),
    "row with true": (bytes_of([ROW | {"x_min": True}]), "row 1: x_min must be a number, here it is true"),
    "row with null": (bytes_of([ROW, ROW, ROW | {"frame_id": None}]), "row 3: frame must be a number"),
    "row with NaN": (bytes_of([ROW, ROW | {"x_min": float("nan")}]), "row 2: .* not a finite number"),
    "row negative": (bytes_of([ROW, ROW | {"x_max": 0}]), "row 2: the box's width must be positive, here it is -1.5"),
    "row frame -1": (bytes_of([ROW | {"frame_id": -1}]), "row 1: frames count from 0, here is frame -1"),
    "row huge number": (bytes_of([ROW | {"x_max": 10**400}]), "row 1: x_max is too large"),
    "row without score": (bytes_of([ROW, ROW | {"confidence": ""}]), "row 2: has no confidence, while others have"),
    "row score text": (bytes_of([ROW, ROW | {"confidence": "high"}]), "row 2: confidence must be a number"),
    "columns differ": (bytes_of(COLUMNS | {"confidence": [0.5]}), "differ in length: xyxy has 2, .*confidence has 1"),
    "columns without frames": (bytes_of({"xyxy": [[1, 2, 3, 4]]}), "the boxes have no frames"),
    "column no list": (bytes_of(COLUMNS | {"xyxy": 5}), "columns: xyxy must be a list, here it is 5"),
    "columns box of three": (
        bytes_of(COLUMNS | {"xyxy": [[1, 2, 3, 4], [1, 2, 3]]}),
        "entry 2: .*list of four numbers",
    ),
    "columns total": (bytes_of(COLUMNS | {"total_frames": "many"}), "total_frames must be a whole number"),
    "object differs": (bytes_of([OBJECT | {"class_id": [1]}]), "frame 7: the lists differ in length"),
    "object text": (
        bytes_of([OBJECT, OBJECT | {"confidence": [0.5, "x"], "metadata": {"frame_id": 9}}]),
        "frame 9, object 2: confidence must be a number",
    ),
    "object negative": (
        bytes_of({"detections": [OBJECT | {"xyxy": [[1, 2, 3, 4], [5, 6, 7, 2]]}]}),
        "frame 7, object 2: the box's height must be positive, here it is -4",
    ),
    "object frame": (bytes_of([OBJECT | {"metadata": {"frame_id": "7"}}]), "frame object 1: the frame must be a whole"),
    "object mixed frames": (
        bytes_of([{"xyxy": OBJECT["xyxy"], "data": {"frame_index": [1, 2]}}]),
        "frame object 1: frame_index must name one and the same frame",
    ),
    "object none": (bytes_of([OBJECT, None]), "frame object 2: must be an object, here it is null"),
    "deep": (b"[" * 100_000, "nested too deeply"),
    "endless number": (b"[" + b"9" * 10_000 + b"]", "not usable JSON"),
    "not UTF-8": (b'[\n{"x_min": "\xff"}]', ":2: is not JSON: byte 14 is not UTF-8"),
    # others
    "empty": (b"", "the file is empty"),
    "blank": (b" \n\t\r\n", "the file is empty"),
    "binary": (bytes(range(256)), "not a detections file .*MOTChallenge text, LaxAI JSON"),
    "binary that begins as JSON": (b"{\x00\x01\x02", "not a detections file"),
    "prose": (b"Dear coach,\nhere are the boxes.\n", "not a detections file"),
    "Parquet in name only": (b"PAR1" + bytes(range(256)), "not a readable Parquet file"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_that_names_the_place_and_cause(tmp_path: Path, name: str) -> None:
    content, words = BAD[name]
    path = tmp_path / "input"
    path.write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        read_detections(path)
    assert str(caught.value).startswith(f"{path}:")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400 + len(str(path))


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.txt: no such file"):
        read_detections(tmp_path / "none.txt")
    with pytest.raises(InputError, match="is a folder, not a file"):
        read_detections(tmp_path)


@given(st.binary(max_size=300))
def test_random_bytes_never_crash_a_reader(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "input"
    for prefix in (b"", b"[", b"{", b"PAR1", b"1,2,3,4,5,6,7\n"):
        path.write_bytes(prefix + content)
        for read in (read_detections, read_tracks):
            try:
                read(path)
            except InputError as error:
                assert str(error).isprintable()


@given(st.integers(1, len(bytes_of([ROW, OBJECT])) - 1))
def test_json_cut_anywhere_is_said_to_be_cut_off(tmp_path: Path, length: int) -> None:
    path = tmp_path / "det.json"
    text = bytes_of([ROW | {"note": 'é \\ " ü', "more": [1e-5, True, None, {}]}, OBJECT])
    path.write_bytes(text[:length])
    with pytest.raises(InputError, match=r"breaks off .* seems cut off"):
        read_detections(path)


@given(st.data())
def test_a_parquet_file_cut_or_damaged_never_crashes_a_reader(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "det.parquet"
    write_detections_parquet(path, Detections.from_arrays(range(50), [[1, 2, 3, 4]] * 50, [0.5] * 50, [1] * 50))
    content = bytearray(path.read_bytes())
    position = data.draw(st.integers(4, len(content) - 1))
    if data.draw(st.booleans()):
        content = content[:position]
    else:
        content[position] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        found = read_detections(path)
    except InputError as error:
        assert str(error).isprintable()
    else:
        assert isinstance(found, Detections)


def test_the_three_forms_of_json_say_the_same(tmp_path: Path) -> None:
    rows = [
        ROW | {"frame_id": 7},
        ROW | {"x_min": 5, "y_min": 6, "x_max": 7, "y_max": 8, "class_id": 5} | {"confidence": 0.5, "frame_id": 7},
    ]
    columns = COLUMNS | {"frame_index": [7, 7], "total_frames": 8}
    corners = {key: [row[key] for row in rows] for key in (*list(ROW)[:4], "frame_id", "confidence", "class_id")}
    documents = [rows, columns, {k: v for k, v in corners.items()}, [OBJECT], {"detections": [OBJECT]}]
    found = []
    for document in documents:
        path = tmp_path / "det.json"
        path.write_bytes(bytes_of(document))
        found.append(read_detections(path))
    for other in found:
        assert other.frame.tolist() == [7, 7]
        np.testing.assert_array_equal(other.xyxy, [[1.5, 2, 30.25, 40], [5, 6, 7, 8]])
        assert other.score.tolist() == [0.75, 0.5]
        assert other.class_id.tolist() == [3, 5]
        assert other.frame_count == 8


def test_what_json_leaves_open_has_a_meaning(tmp_path: Path) -> None:
    path = tmp_path / "det.json"
    path.write_bytes(bytes_of([ROW | {"confidence": "", "class_id": None, "tracker_id": ""}]))
    found = read_detections(path)
    assert (found.score.tolist(), found.class_id.tolist()) == ([1.0], [-1])
    path.write_bytes(bytes_of({"detections": [{"xyxy": []}, {"xyxy": [[1, 2, 3, 4]]}, {"xyxy": []}]}))
    found = read_detections(path)  # without numbers, the position counts
    assert (found.frame.tolist(), found.frame_count) == ([1], 3)
    documents: list[Any] = [[], {"detections": []}, {"xyxy": [], "confidence": [], "class_id": [], "total_frames": 0}]
    for nothing in documents:
        path.write_bytes(bytes_of(nothing))
        assert len(read_detections(path)) == 0


def test_a_byte_order_mark_is_no_matter(tmp_path: Path) -> None:
    for content in (bytes_of([ROW]), b"1,-1,1,2,3,4,0.5\n"):
        (tmp_path / "det").write_bytes(b"\xef\xbb\xbf" + content)
        assert len(read_detections(tmp_path / "det")) == 1
