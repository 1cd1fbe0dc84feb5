"""What hypothesis draws from: JSON documents, and boxes of any numbers that the contracts allow, in any order."""

from typing import Any

import numpy as np
from hypothesis import strategies as st

from shared_libs.common.detections import Detections
from shared_libs.common.tracks import Tracks

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**6), 10**6)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
COORDINATES = st.floats(-1e6, 1e6, width=32)
SIZES = st.floats(0.25, 4096, width=32)
SCORES = st.floats(-1e6, 1e6, width=32)
CLASSES = st.integers(-(2**15) + 1, 2**15 - 1)


@st.composite
def _box(draw: Any) -> tuple[float, float, float, float]:
    left, top = (np.float32(draw(COORDINATES)) for _ in range(2))
    right, bottom = (low + np.float32(draw(SIZES)) for low in (left, top))
    return float(left), float(top), float(right), float(bottom)


@st.composite
def detections(draw: Any, min_size: int = 0) -> Detections:
    rows = draw(st.lists(st.tuples(st.integers(0, 300), _box(), SCORES, CLASSES), min_size=min_size, max_size=20))
    last = max((row[0] for row in rows), default=-1)
    return Detections.from_arrays(
        [row[0] for row in rows],
        np.array([row[1] for row in rows], np.float64).reshape(-1, 4),
        [row[2] for row in rows],
        [row[3] for row in rows],
        last + 1 + draw(st.integers(0, 5)),
    )


@st.composite
def tracks(draw: Any, min_size: int = 0) -> Tracks:
    row = st.tuples(
        st.integers(0, 50),
        st.integers(1, 2**31 - 1) | st.integers(1, 6),
        _box(),
        SCORES,
        CLASSES,
        st.sampled_from([0, 1]),
    )
    rows = draw(st.lists(row, min_size=min_size, max_size=20, unique_by=lambda row: row[:2]))
    last = max((row[0] for row in rows), default=-1)
    return Tracks.from_arrays(
        [row[0] for row in rows],
        [row[1] for row in rows],
        np.array([row[2] for row in rows], np.float64).reshape(-1, 4),
        [row[3] for row in rows],
        [row[4] for row in rows],
        [row[5] for row in rows],
        last + 1 + draw(st.integers(0, 5)),
    )


def same(first: Any, second: Any, *, but: tuple[str, ...] = ()) -> bool:
    """Whether two Detections or Tracks are equal to the bit, types included, leaving the fields `but` aside."""
    for name in first.__slots__:
        if name in but:
            continue
        one, other = getattr(first, name), getattr(second, name)
        if isinstance(one, np.ndarray):
            if one.dtype != other.dtype or one.shape != other.shape or one.tobytes() != other.tobytes():
                return False
        elif one != other:
            return False
    return True
