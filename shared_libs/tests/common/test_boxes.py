import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_libs.common.boxes import LARGEST_FRAME, first_problem, offsets_of

BOX = [1.0, 2.0, 3.0, 4.0]


def problem(frame: float = 0, box: list[float] = BOX, score: float = 1, class_id: float = 0) -> str | None:
    found = first_problem(np.array([0, frame]), np.array([BOX, box]), np.array([1, score]), np.array([0, class_id]))
    assert found is None or found[0] == 1
    return None if found is None else found[1]


def test_valid_boxes_have_no_problem() -> None:
    assert problem(frame=LARGEST_FRAME, box=[-5, -5, 1e30, 1e30], score=-3.5, class_id=-32767) is None


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (problem(box=[1, 2, 1, 4]), "width must be positive, here it is 0"),
        (problem(box=[1, 4, 3, 2]), "height must be positive, here it is -2"),
        (problem(box=[1e8, 2, 1e8 + 1, 4]), "width of 1 at 1e+08 is lost in 32-bit"),
        (problem(box=[1, np.nan, 3, 4]), "not a finite number: 1, nan, 3, 4"),
        (problem(box=[1, 2, np.inf, 4]), "not a finite number"),
        (problem(box=[1, 2, 1e300, 4]), "too large for 32 bits"),
        (problem(frame=-1), "frames count from 0, here is frame -1"),
        (problem(frame=0.5), "frame must be a whole number, here it is 0.5"),
        (problem(frame=np.nan), "frame must be a whole number, here it is nan"),
        (problem(frame=2e9), "beyond the largest"),
        (problem(score=np.nan), "score must be a finite number"),
        (problem(score=1e39), "score must be a finite number"),
        (problem(class_id=2**15), "class must be a whole number of 16 bits, here it is 32768"),
        (problem(class_id=1.5), "class must be a whole number of 16 bits, here it is 1.5"),
    ],
)
def test_each_fault_is_said_in_words(found: str | None, words: str) -> None:
    assert found is not None
    assert words in found


@given(st.lists(st.integers(0, 30)), st.integers(0, 5))
def test_offsets_cut_the_rows_into_frames(frames: list[int], empty_at_the_end: int) -> None:
    frame = np.array(sorted(frames), np.int32)
    frame_count = max(frames, default=-1) + 1 + empty_at_the_end
    offsets = offsets_of(frame, frame_count)
    assert offsets.shape == (frame_count + 1,)
    for f in range(frame_count):
        rows = frame[offsets[f] : offsets[f + 1]]
        assert len(rows) == frames.count(f)
        assert (rows == f).all()
