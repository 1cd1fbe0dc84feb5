from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_libs.common import mot_text
from shared_libs.common.errors import InputError
from shared_libs.common.mot_text import parse_mot, shortest_text


def test_six_columns_have_no_score_and_seven_have() -> None:
    assert parse_mot("d", b"1,-1,1,2,3,4\n").boxes.score.tolist() == [1.0]
    assert parse_mot("d", b"1,-1,1,2,3,4,-12.5\n").boxes.score.tolist() == [-12.5]


def test_corners_come_from_sizes_and_frames_from_one() -> None:
    boxes = parse_mot("d", b"3,9,1.5,2,3,4,0.5\n").boxes
    assert boxes.frame.tolist() == [2]
    assert boxes.xyxy.tolist() == [[1.5, 2, 4.5, 6]]
    assert boxes.track_id is not None
    assert boxes.track_id.tolist() == [9]


def test_the_eighth_column_is_the_class_unless_it_is_the_worlds_x() -> None:
    assert parse_mot("d", b"1,1,1,2,3,4,1,7,-1,-1\n").boxes.class_id.tolist() == [7]
    assert parse_mot("d", b"1,1,1,2,3,4,1,-1,-1,-1\n").boxes.class_id.tolist() == [-1]
    world = b"1,1,1,2,3,4,1,-8.55,2.5,0\n2,1,1,2,3,4,1,7,2.5,0\n"
    assert parse_mot("d", world).boxes.class_id.tolist() == [-1, -1]
    with pytest.raises(InputError, match=":1: the class must be a whole number"):
        parse_mot("gt.txt", b"1,1,1,2,3,4,1,1.5,0.9\n").boxes.check("gt.txt")


def test_ground_truth_is_known_by_nine_columns_or_its_name() -> None:
    assert parse_mot("a", b"1,1,1,2,3,4,0,1,0.5\n").is_ground_truth
    assert parse_mot("gt.txt", b"1,1,1,2,3,4,1,-1,-1,-1\n").is_ground_truth
    assert not parse_mot("a", b"1,1,1,2,3,4,0.7,1,0.5\n").is_ground_truth
    assert not parse_mot("a", b"1,1,1,2,3,4,0,-1,-1,-1\n").is_ground_truth
    assert not parse_mot("gt.txt", b"1,1,1,2,3,4\n").is_ground_truth


@pytest.mark.parametrize(
    "text",
    [
        b"1,-1,1,2,3,4,0.5\r\n2,-1,1,2,3,4,0.5\r\n",
        b"1,-1,1,2,3,4,0.5\r2,-1,1,2,3,4,0.5",
        b"\n1, -1, 1, 2, 3, 4, 0.5\n  \n2,\t-1,1,2,3,4,.5\n",
        b"1,-1,1,2,3,4,0.5,\n2,-1,1,2,3,4,0.5,\n",
        b"1.0,-1,1,2,3,4,5e-1\n+2.000e+00,-1,1,2,3,4,0.5\n",
    ],
)
def test_line_ends_blanks_and_ways_to_write_numbers_do_not_matter(text: bytes) -> None:
    boxes = parse_mot("d", text).boxes
    assert boxes.frame.tolist() == [0, 1]
    assert boxes.score.tolist() == [0.5, 0.5]
    assert boxes.xyxy.tolist() == [[1, 2, 4, 6]] * 2


NUMBERS = (
    st.floats(-1e5, 1e5).map(repr)
    | st.integers(1, 500).map(str)
    | st.sampled_from(["nan", "inf", "", "x", "1e3", "-0"])
)


@given(st.lists(st.lists(NUMBERS, min_size=5, max_size=11).map(",".join), min_size=1, max_size=5))
def test_the_fast_reader_reads_only_what_the_slow_one_reads_and_the_same(lines: list[str]) -> None:
    text = "\n".join(lines).encode()
    fast = mot_text._parse_fast(text)
    if fast is not None:
        slow, numbers = mot_text._parse_slow("d", text)
        np.testing.assert_array_equal(fast, slow)
        assert len(numbers) == len(slow)


def test_lines_are_counted_as_an_editor_counts_them(tmp_path: Path) -> None:
    for end in (b"\n", b"\r\n", b"\r"):
        with pytest.raises(InputError, match="d:4: "):
            parse_mot("d", end.join([b"1,-1,1,2,3,4", b"", b"1,-1,1,2,3,4", b"1,-1,1,2,3,x", b"1,-1,1,2,3,4"]))
        with pytest.raises(InputError, match="d:4: "):
            parse_mot("d", end.join([b"1,-1,1,2,3,4", b"", b"1,-1,1,2,3,4", b"1,-1,1,2,3,-4"]))


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False)))
def test_the_shortest_digits_give_the_number_back(values: list[float]) -> None:
    array = np.array(values, np.float32)
    again = np.array([float(text) for text in shortest_text(array)]).astype(np.float32)
    np.testing.assert_array_equal(again, array)
