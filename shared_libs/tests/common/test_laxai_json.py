import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared_libs.common.errors import InputError
from shared_libs.common.laxai_json import parse_boxes
from shared_libs.tests.common.strategies import JSON


@given(JSON)
def test_any_document_is_boxes_or_an_error(document: Any) -> None:
    try:
        parse_boxes("a", json.dumps(document).encode())
    except InputError as error:
        assert str(error).isprintable()


BOXES = st.dictionaries(
    st.sampled_from(["xyxy", "detections", "frame_id", "frame_index", "confidence", "class_id", "tracker_id", "data"]),
    st.lists(st.lists(st.floats() | st.none(), min_size=3, max_size=5) | st.integers() | JSON, max_size=3) | JSON,
)


@given(BOXES | st.lists(BOXES, max_size=3))
def test_documents_that_are_nearly_boxes_are_boxes_or_an_error(document: Any) -> None:
    try:
        parse_boxes("a", json.dumps(document).encode())
    except InputError as error:
        assert str(error).isprintable()
