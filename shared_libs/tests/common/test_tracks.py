import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from shared_libs.common.detections import read_detections
from shared_libs.common.errors import InputError, OutputError
from shared_libs.common.tracks import (
    Source,
    Tracks,
    read_tracks,
    write_mot_tracks,
    write_tracks_json,
    write_tracks_parquet,
)
from shared_libs.tests.common.strategies import same, tracks

TWO = Tracks.from_arrays([2, 0], [1, 7], [[1.5, 2.0, 3.0, 4.0], [0.0, 0.0, 1.0, 1.0]], [0.5, 0.25], [3, -1], [1, 0])


@given(tracks())
def test_parquet_gives_the_very_same_tracks_back(tmp_path: Path, given: Tracks) -> None:
    path = tmp_path / "tracks.parquet"
    write_tracks_parquet(path, given)
    assert same(read_tracks(path), given)


@given(tracks())
def test_json_gives_the_very_same_boxes_back(tmp_path: Path, given: Tracks) -> None:
    path = tmp_path / "tracks.json"
    write_tracks_json(path, given)
    assert same(read_tracks(path), given, but=("frame_count",))


@given(tracks())
def test_mot_text_gives_the_very_same_boxes_back(tmp_path: Path, given: Tracks) -> None:
    path = tmp_path / "tracks.txt"
    write_mot_tracks(path, given)
    assert same(read_tracks(path, allow_empty=True), given, but=("frame_count", "source"))


def test_the_texts_are_in_the_forms_that_others_read(tmp_path: Path) -> None:
    write_mot_tracks(tmp_path / "t.txt", TWO)
    assert (tmp_path / "t.txt").read_text() == "1,7,0,0,1,1,0.25,-1,-1,-1\n3,1,1.5,2,1.5,2,0.5,3,-1,-1\n"
    write_tracks_json(tmp_path / "t.json", TWO)
    assert json.loads((tmp_path / "t.json").read_text())[1] == {
        "x_min": 1.5,
        "y_min": 2,
        "x_max": 3,
        "y_max": 4,
        "class_id": 3,
        "confidence": 0.5,
        "tracker_id": 1,
        "frame_id": 2,
        "source": "interpolated",
    }


def test_from_arrays_sorts_by_frame_and_id() -> None:
    found = Tracks.from_arrays([1, 0, 1], [2, 9, 1], [[i, 0, i + 1, 1] for i in range(3)], [1] * 3, [0] * 3)
    assert found.frame.tolist() == [0, 1, 1]
    assert found.track_id.tolist() == [9, 1, 2]
    assert found.xyxy[:, 0].tolist() == [1, 2, 0]
    assert found.source.tolist() == [Source.DETECTED] * 3
    assert found.offsets().tolist() == [0, 1, 3]
    assert [str(found.track_id.dtype), str(found.source.dtype)] == ["int32", "uint8"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"track_id": [1, 0]}, "box 1: the track id must be a whole number from 1, here it is 0"),
        ({"track_id": [1, 2**31]}, "box 1: the track id must be"),
        ({"track_id": [1, 1.5]}, "box 1: the track id must be"),
        ({"frame": [4, 4], "track_id": [3, 3]}, "box 1: track 3 has two boxes in this frame"),
        ({"source": [0, 2]}, "box 1: the source must be 0 .* here it is 2"),
        ({"score": [1, float("nan")]}, "box 1: the score"),
        ({"score": [1]}, "n entries each"),
        ({"frame_count": 1}, "frame_count is 1"),
    ],
)
def test_from_arrays_refuses_what_is_no_track(change: dict[str, Any], words: str) -> None:
    arguments: dict[str, Any] = {
        "frame": [0, 1],
        "track_id": [1, 1],
        "xyxy": [[0, 0, 1, 1]] * 2,
        "score": [1, 1],
        "class_id": [0, 0],
        "source": [0, 0],
    }
    with pytest.raises(ValueError, match=words):
        Tracks.from_arrays(**(arguments | change))


def read_text(tmp_path: Path, text: str, name: str = "t.txt", **options: Any) -> Tracks:
    (tmp_path / name).write_text(text)
    return read_tracks(tmp_path / name, **options)


def test_ground_truth_leaves_out_what_is_not_to_be_judged(tmp_path: Path) -> None:
    text = "1,1,0,0,9,9,1,1,1\n1,2,0,0,9,9,0,1,1\n2,1,0,0,9,9,1,1,0.5\n3,2,0,0,9,9,0,1,1\n"
    assert read_text(tmp_path, text, "gt.txt").track_id.tolist() == [1, 1]
    assert read_text(tmp_path, text, "gt.txt").frame_count == 3
    kept = read_text(tmp_path, text, "gt.txt", keep_ignored=True)
    assert kept.track_id.tolist() == [1, 2, 1, 2]
    assert kept.score.tolist() == [1, 0, 1, 0]


def test_what_is_left_out_may_break_the_rules_of_tracks(tmp_path: Path) -> None:
    text = "1,1,0,0,9,9,1,1,1\n1,-1,0,0,9,9,0,1,1\n1,-1,0,0,9,9,0,1,1\n"
    assert len(read_text(tmp_path, text, "gt.txt")) == 1


def test_ids_from_zero_are_raised_by_one(tmp_path: Path) -> None:
    assert read_text(tmp_path, "1,0,0,0,9,9,1,1,1\n1,4,0,0,9,9,1,1,1\n").track_id.tolist() == [1, 5]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1,-1,0,0,9,9,1\n", ":1: the track id must be a whole number from 1, here it is -1 .* detections, not tracks"),
        ("1,3,0,0,9,9,1\n2,3,0,0,9,9,1\n1,3,0,0,8,8,1\n", ":3: track 3 has two boxes in this frame"),
        ("1,3,0,0,9,9,1\n1,2.5,0,0,9,9,1\n", ":2: the track id must be a whole number"),
        ("1,3,0,0,9,9,1\n1,nan,0,0,9,9,1\n", ":2: the id must be a finite number"),
        ('[{"x_min":0,"y_min":0,"x_max":1,"y_max":1,"frame_id":0}]', "no track ids .* detections, not tracks"),
        (
            '[{"x_min":0,"y_min":0,"x_max":1,"y_max":1,"frame_id":0,"tracker_id":1,"source":"guess"}]',
            'row 1: source must be one of detected, interpolated, here it is "guess"',
        ),
        ("", "the file is empty"),
    ],
)
def test_bad_tracks_are_refused_with_their_place(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_text(tmp_path, text)


def test_tracks_serve_as_detections(tmp_path: Path) -> None:
    for write in (write_mot_tracks, write_tracks_json, write_tracks_parquet):
        write(tmp_path / "t", TWO)
        found = read_detections(tmp_path / "t")
        np.testing.assert_array_equal(found.xyxy, TWO.xyxy)
        assert found.class_id.tolist() == [-1, 3]


def test_no_tracks_are_tracks_too(tmp_path: Path) -> None:
    write_tracks_json(tmp_path / "t.json", Tracks.empty(5))
    assert len(read_tracks(tmp_path / "t.json")) == 0
    write_tracks_parquet(tmp_path / "t.parquet", Tracks.empty(5))
    assert read_tracks(tmp_path / "t.parquet").frame_count == 5


@pytest.mark.parametrize("write", [write_mot_tracks, write_tracks_json, write_tracks_parquet])
def test_a_write_that_fails_leaves_nothing(tmp_path: Path, write: Any) -> None:
    (tmp_path / "t").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        write(tmp_path / "t", TWO)
    assert os.listdir(tmp_path) == ["t"]
