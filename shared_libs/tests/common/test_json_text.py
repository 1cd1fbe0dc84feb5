import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_libs.common.errors import InputError
from shared_libs.common.json_text import dump_json, parse_json
from shared_libs.tests.common.strategies import JSON


@given(JSON)
def test_what_is_valid_is_decoded(document: Any) -> None:
    assert parse_json("a", json.dumps(document).encode()) == document


@given(st.lists(JSON, min_size=1, max_size=4), st.data())
def test_what_is_cut_off_is_known_as_such(document: Any, data: st.DataObject) -> None:
    text = json.dumps(document, ensure_ascii=data.draw(st.booleans())).encode()
    cut = text[: data.draw(st.integers(1, len(text) - 1))]
    with pytest.raises(InputError, match="seems cut off") as caught:
        parse_json("a", cut)
    assert caught.value.line == 1


@pytest.mark.parametrize("text", ["[1, 2,}", '{"a": 1 "b": 2}', "[1, 2]]", "[01]", '{"a": tru, "b": 1}', "{'a': 1}"])
def test_what_is_wrong_in_the_middle_is_not_called_cut_off(text: str) -> None:
    with pytest.raises(InputError, match="is not valid JSON at line 1, column") as caught:
        parse_json("a", text.encode())
    assert "cut off" not in str(caught.value)


def test_bytes_lines_and_columns_are_counted_from_one() -> None:
    with pytest.raises(InputError, match="line 2, column 4, byte 11") as caught:
        parse_json("a", '["é",\n 1 2]'.encode())
    assert caught.value.line == 2


@given(JSON)
def test_what_is_written_is_read_back(document: Any) -> None:
    assert parse_json("a", dump_json(document)) == document


def test_nan_is_never_written() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        dump_json([float("nan")])
