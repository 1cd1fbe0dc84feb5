import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given

from shared_libs.common.detections import (
    Detections,
    read_detections,
    write_detections_parquet,
    write_mot_detections,
)
from shared_libs.common.errors import InputError, OutputError
from shared_libs.tests.common.strategies import detections, same

ONE = Detections.from_arrays([2], [[1, 2, 3, 4]], [0.5], [3])


@given(detections())
def test_parquet_gives_the_very_same_detections_back(tmp_path: Path, given: Detections) -> None:
    path = tmp_path / "det.parquet"
    write_detections_parquet(path, given)
    assert same(read_detections(path), given)


@given(detections())
def test_mot_text_gives_the_very_same_boxes_back(tmp_path: Path, given: Detections) -> None:
    path = tmp_path / "det.txt"
    write_mot_detections(path, given)
    assert same(read_detections(path, allow_empty=True), given, but=("frame_count",))


def test_the_same_detections_make_the_same_bytes(tmp_path: Path) -> None:
    for write in (write_mot_detections, write_detections_parquet):
        write(tmp_path / "a", ONE)
        write(tmp_path / "b", ONE)
        assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_mot_text_counts_frames_from_one_and_has_sizes(tmp_path: Path) -> None:
    write_mot_detections(tmp_path / "det.txt", Detections.from_arrays([2], [[1.5, 2, 3, 4.25]], [0.5], [3]))
    assert (tmp_path / "det.txt").read_text() == "3,-1,1.5,2,1.5,2.25,0.5,3,-1,-1\n"


def test_from_arrays_sorts_by_frame_and_keeps_the_order_within_one() -> None:
    found = Detections.from_arrays([5, 1, 5, 1], [[i, 0, i + 1, 1] for i in range(4)], [0.1, 0.2, 0.3, 0.4], [0] * 4)
    assert found.frame.tolist() == [1, 1, 5, 5]
    assert found.xyxy[:, 0].tolist() == [1, 3, 0, 2]
    assert found.frame_count == 6
    assert found.offsets().tolist() == [0, 0, 2, 2, 2, 2, 4]
    columns = (found.frame, found.xyxy, found.score, found.class_id)
    assert [str(column.dtype) for column in columns] == ["int32", "float32", "float32", "int16"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([0], [[1, 2, 3, 4]], [1.0, 2.0], [0]), "shapes"),
        (([0], [[1, 2, 3]], [1.0], [0]), "shapes"),
        (([0, 1], [[1, 2, 3, 4], [1, 2, 0, 4]], [1.0, 1.0], [0, 0]), "box 1: the box's width"),
        (([3], [[1, 2, 3, 4]], [1.0], [0], 3), "frame_count is 3"),
        (([], [], [], [], -1), "frame_count is -1"),
    ],
)
def test_from_arrays_refuses_what_is_no_detection(arguments: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Detections.from_arrays(*arguments)


def test_no_detections_are_detections_too() -> None:
    empty = Detections.empty(3)
    assert (len(empty), empty.frame_count, empty.xyxy.shape, empty.offsets().tolist()) == (0, 3, (0, 4), [0, 0, 0, 0])


@dataclass
class LikeSupervision:
    xyxy: npt.NDArray[Any]
    confidence: npt.NDArray[Any] | None = None
    class_id: npt.NDArray[Any] | None = None


def test_supervision_frames_are_taken_in_order_with_their_gaps() -> None:
    frames = [
        LikeSupervision(np.empty((0, 4))),
        LikeSupervision(np.array([[1, 2, 3, 4], [5, 6, 7, 8.0]]), np.array([0.5, 0.25]), np.array([3, 5])),
        LikeSupervision(np.array([[9, 9, 10, 10]])),
        LikeSupervision(np.empty((0, 4)), np.empty(0), np.empty(0, int)),
    ]
    found = Detections.from_supervision(frames)
    assert found.frame.tolist() == [1, 1, 2]
    assert found.score.tolist() == [0.5, 0.25, 1.0]
    assert found.class_id.tolist() == [3, 5, -1]
    assert found.frame_count == 4
    assert len(Detections.from_supervision([])) == 0


def test_rows_in_any_order_are_accepted_and_sorted(tmp_path: Path) -> None:
    (tmp_path / "det.txt").write_text("3,-1,0,0,1,1,0.5\n1,-1,5,5,1,1,0.5\n3,-1,2,2,1,1,0.5\n")
    found = read_detections(tmp_path / "det.txt")
    assert found.frame.tolist() == [0, 2, 2]
    assert found.xyxy[:, 0].tolist() == [5, 0, 2]


def test_ground_truth_serves_as_detections_without_what_is_not_to_be_judged(tmp_path: Path) -> None:
    (tmp_path / "gt.txt").write_text("1,7,0,0,9,9,1,1,0.8\n1,8,0,0,9,9,0,1,0.8\n")
    assert len(read_detections(tmp_path / "gt.txt")) == 1


@pytest.mark.parametrize("write", [write_mot_detections, write_detections_parquet])
def test_a_write_that_fails_leaves_nothing(tmp_path: Path, write: Any) -> None:
    (tmp_path / "det").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        write(tmp_path / "det", ONE)
    with pytest.raises(OutputError, match="folder does not exist"):
        write(tmp_path / "none" / "det", ONE)
    assert os.listdir(tmp_path) == ["det"]


def test_an_empty_file_is_refused_unless_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "det.txt"
    path.write_text("\n")
    with pytest.raises(InputError, match="the file is empty"):
        read_detections(path)
    assert len(read_detections(path, allow_empty=True)) == 0
