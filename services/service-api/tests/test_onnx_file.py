"""What an ONNX file says of itself, and every way in which it can be none."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.onnx_bytes import block, number, onnx_model, value, weight

from api.learning.onnx_file import OnnxHeader, Value, read_onnx_header
from shared_libs.common.errors import InputError


def _read(tmp_path: Path, content: bytes) -> OnnxHeader:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    return read_onnx_header(path)


def test_inputs_outputs_opset_and_operators_are_told(tmp_path: Path) -> None:
    model = onnx_model(inputs=[value("w", [1]), value("pictures", ["n", 3, 256, 128])], opset=18, nodes=3)
    header = _read(tmp_path, model)
    assert header == OnnxHeader(
        opset=18,
        nodes=3,
        inputs=(Value("pictures", True, (None, 3, 256, 128)),),
        outputs=(Value("vectors", True, (None, 512)),),
    )


def test_a_shape_that_is_not_said_is_open(tmp_path: Path) -> None:
    header = _read(tmp_path, onnx_model(inputs=[value("x", None)], outputs=[value("y", [], element=10)]))
    assert header.inputs == (Value("x", True, None),) and header.outputs == (Value("y", False, ()),)


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", "the file is empty"),
        (b"\x89PNG\r\n\x1a\n", "not an ONNX model"),
        (b"PK\x03\x04 a zip", "not an ONNX model"),
        (b"{}", "not an ONNX model"),
        (number(1, 8), "not an ONNX model"),
        (onnx_model()[:-20], "cut off"),
        (onnx_model(opset=3), "opset 3"),
        (onnx_model(opset=99), "opset 99"),
        (onnx_model(inputs=[]), "without inputs"),
        (onnx_model(outputs=[]), "without inputs, outputs"),
        (onnx_model(nodes=0), "operators"),
        (onnx_model(weights=[weight("w", external=True)]), "in other files"),
        (number(1, 8) + block(7, block(11, block(1, "n" * 1001))) + block(8, number(2, 17)), "more than 1000 bytes"),
        (b"\xff" * 100, "not an ONNX model"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(tmp_path: Path, content: bytes, cause: str) -> None:
    with pytest.raises(InputError, match=cause):
        _read(tmp_path, content)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_is_an_error_for_the_user_whatever_it_is(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(onnx_model())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(1, len(content)))
    try:
        _read(tmp_path, bytes(content[:end]))
    except InputError as error:
        assert "\n" not in str(error)
