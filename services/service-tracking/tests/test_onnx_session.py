"""Models are opened so that they give the same every time; what is no model is refused in one line."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from shared_libs.common.errors import InputError
from tracking.onnx_session import model_input, model_outputs, open_session, run_model

OPSET, IR = 17, 10


def model(path: Path, opset: int = OPSET, ir: int = IR, inputs: int = 1) -> Path:
    """y = x ⋅ w, summed over 4,096 numbers, whose last bits depend on the order."""
    weights = np.random.default_rng(1).normal(size=(4096, 64)).astype(np.float32)
    names = ["x", "x2"][:inputs]
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "graph",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 4096]) for name in names],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 64])],
        [onnx.numpy_helper.from_array(weights, "w")],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir)
    onnx.save(made, path)
    return path


def test_a_model_says_what_it_takes_and_gives(tmp_path: Path) -> None:
    path = model(tmp_path / "a.onnx")
    session = open_session(path)
    taken = model_input(session, path)
    assert (taken.name, taken.shape, taken.dtype) == ("x", (None, 4096), "float")
    assert [str(given) for given in model_outputs(session)] == ["y float (?, 64)"]


def test_two_sessions_give_the_same_bytes(tmp_path: Path) -> None:
    path = model(tmp_path / "a.onnx")
    x = np.random.default_rng(2).normal(size=(37, 4096)).astype(np.float32)
    results = {run_model(open_session(path), path, {"x": x})[0].tobytes() for _ in range(4)}
    assert len(results) == 1
    assert len(run_model(open_session(path), path, {"x": x}, ["y"])) == 1


def test_a_failing_run_names_the_model_and_what_it_was_given(tmp_path: Path) -> None:
    path = model(tmp_path / "a.onnx")
    with pytest.raises(InputError, match=r"a.onnx: fails when run on x float32 \(2, 3\): .*Expected: 4096") as refused:
        run_model(open_session(path), path, {"x": np.zeros((2, 3), np.float32)})
    assert len(str(refused.value).splitlines()) == 1


def test_a_model_of_two_inputs_does_not_take_a_picture(tmp_path: Path) -> None:
    path = model(tmp_path / "a.onnx", inputs=2)
    with pytest.raises(InputError, match=r"has 2 inputs, where one picture was expected: x float \(\?, 4096\), x2"):
        model_input(open_session(path), path)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (
            {"opset": 500},
            r"needs opset 500, onnxruntime \S+ knows up to (\d+) – export it with opset \1 or lower",
        ),
        (
            {"ir": 90},
            r"is written in ONNX format 90, onnxruntime \S+ reads up to \d+ – export it with an older",
        ),
    ],
)
def test_a_model_from_the_future_is_refused(change: dict[str, int], complaint: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=complaint):
        open_session(model(tmp_path / "a.onnx", **change))


def test_an_operation_that_nobody_knows_is_named(tmp_path: Path) -> None:
    node = helper.make_node("Guess", ["x"], ["y"])
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
    graph = helper.make_graph([node], "graph", ends[:1], ends[1:])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
    onnx.save(made, tmp_path / "a.onnx")
    with pytest.raises(InputError, match=r"a.onnx: cannot be run by onnxruntime .*Guess") as refused:
        open_session(tmp_path / "a.onnx")
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "a.onnx: no such file"),
        (b"", "a.onnx: the file is empty"),
        (b"a page that says that it was moved", "a.onnx: is not an ONNX model, or not a whole one"),
        (b"\x00" * 100, "a.onnx: is not an ONNX model, or not a whole one"),
    ],
)
def test_what_is_no_model_is_refused(content: bytes | None, complaint: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "a.onnx").write_bytes(content)
    with pytest.raises(InputError, match=complaint):
        open_session(tmp_path / "a.onnx")


def test_a_folder_and_a_file_that_may_not_be_read_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder"):
        open_session(tmp_path)
    path = model(tmp_path / "a.onnx")
    path.chmod(0)
    if not os.access(path, os.R_OK):
        with pytest.raises(InputError, match="permission denied"):
            open_session(path)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 300), st.integers(0, 255))
def test_a_model_that_was_cut_off_is_refused(tmp_path_factory: pytest.TempPathFactory, size: int, last: int) -> None:
    folder = tmp_path_factory.mktemp("cut")
    path = model(folder / "a.onnx")
    path.write_bytes(path.read_bytes()[:size] + bytes([last]))
    with pytest.raises(InputError) as refused:
        open_session(path)
    assert str(path) in str(refused.value)
    path.unlink()


def test_a_provider_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    path = model(tmp_path / "a.onnx")
    with pytest.raises(InputError, match=r"cannot be run with NoSuchProvider – this .*CPUExecutionProvider"):
        open_session(path, ["NoSuchProvider", "CPUExecutionProvider"])
