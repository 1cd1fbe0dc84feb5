"""Re-identification models from anywhere: what they take is read from them, what they give is checked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from onnx import TensorProto, helper

from shared_libs.common.errors import InputError
from shared_libs.common.files import sha256_file
from shared_libs.common.model_card import MeasuredFile, ModelCard, ModelEmbedding, ModelInput, write_model_card
from tracking.reid_model import ReidModel, open_reid_model

Image = npt.NDArray[np.uint8]
MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
PLAIN = {"mean": [0.0, 0.0, 0.0], "std": [1.0, 1.0, 1.0]}


def write_model(
    path: Path,
    shape: Sequence[int | str] = ("batch", 3, 32, 16),
    *,
    nodes: Sequence[Any] | None = None,
    outputs: Sequence[tuple[str, Sequence[int | str] | None]] = (("embedding", ("batch", 3)),),
    dtype: int = TensorProto.FLOAT,
) -> Path:
    """By default a model whose vector is the mean of each of the three colours, as it got them."""
    axes = [2, 3] if shape[1] == 3 else [1, 2]
    means = helper.make_node("ReduceMean", ["images"], ["embedding"], axes=axes, keepdims=0)
    graph = helper.make_graph(
        list(nodes) if nodes is not None else [means],
        "reid",
        [helper.make_tensor_value_info("images", dtype, list(shape))],
        [helper.make_tensor_value_info(name, dtype, None if sizes is None else list(sizes)) for name, sizes in outputs],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def write_card(model: Path, **card: object) -> None:
    model.with_suffix(".json").write_text(json.dumps(card))


def plain(colour: tuple[int, int, int], size: tuple[int, int] = (64, 48)) -> Image:
    return np.full((*size, 3), colour, np.uint8)


def vector(model: ReidModel, picture: Image, box: Sequence[float] = (0, 0, 48, 64)) -> npt.NDArray[np.float32]:
    crop = model.cut(picture, np.array(box, np.float32))
    assert crop is not None
    result: npt.NDArray[np.float32] = model.embed([crop])[0]
    return result


def unit(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(values / np.linalg.norm(values))


COLOUR = (200, 90, 30)


@pytest.mark.parametrize("shape", [("batch", 3, 32, 16), ("batch", 32, 16, 3), (1, 3, 32, 16), (4, 3, "h", "w")])
def test_size_layout_and_batch_are_read_from_the_model_and_colours_are_normalised_as_on_imagenet(
    tmp_path: Path, shape: tuple[int | str, ...]
) -> None:
    model = open_reid_model(write_model(tmp_path / "reid.onnx", shape))
    assert (model.height, model.width) == ((256, 128) if "h" in shape else (32, 16))
    assert model.batch == (shape[0] if isinstance(shape[0], int) else 16)
    assert (model.name, model.size) == ("reid.onnx", 3)
    expected = unit((np.array(COLOUR) / 255 - MEAN) / STD)
    assert vector(model, plain(COLOUR)) == pytest.approx(expected, abs=1e-5)


def test_the_card_says_size_colours_and_their_scale(tmp_path: Path) -> None:
    path = write_model(tmp_path / "reid.onnx", ("batch", 3, "h", "w"))
    mean, std = [0.1, 0.2, 0.3], [0.5, 0.25, 0.2]
    write_card(
        path,
        input={"height": 64, "width": 32, "mean": mean, "std": std, "colour": "bgr"},
        embedding={"size": 3},
        made_by="training",
    )
    model = open_reid_model(path)
    assert (model.height, model.width) == (64, 32)
    expected = unit((np.array(COLOUR) / 255 - mean) / std)[::-1]
    assert vector(model, plain(COLOUR)) == pytest.approx(expected, abs=1e-5)


def test_a_model_of_half_precision_runs(tmp_path: Path) -> None:
    path = write_model(tmp_path / "reid.onnx", dtype=TensorProto.FLOAT16)
    found = vector(open_reid_model(path), plain(COLOUR))
    assert found.dtype == np.float32
    assert found == pytest.approx(unit((np.array(COLOUR) / 255 - MEAN) / STD), abs=2e-3)


def test_a_crop_shows_what_is_in_the_box_and_in_the_picture(tmp_path: Path) -> None:
    path = write_model(tmp_path / "reid.onnx")
    write_card(path, input=PLAIN)
    model = open_reid_model(path)
    picture = plain((0, 0, 250))
    picture[10:40, 5:25] = (250, 0, 0)
    assert vector(model, picture, (5, 10, 25, 40)) == pytest.approx([1, 0, 0], abs=1e-6)
    assert vector(model, picture, (30, 10, 90, 200)) == pytest.approx([0, 0, 1], abs=1e-6)
    for outside in ((48, 0, 60, 30), (-20, 0, 0, 30), (0, -30, 20, 0), (5, 10, 5, 40)):
        assert model.cut(picture, np.array(outside, np.float32)) is None


def test_a_vector_does_not_depend_on_those_beside_it(tmp_path: Path) -> None:
    model = open_reid_model(write_model(tmp_path / "reid.onnx"))
    random = np.random.default_rng(1)
    crops = list(random.integers(0, 256, (37, 32, 16, 3), np.uint8))
    together = model.embed(crops)
    assert together.shape == (37, 3)
    assert np.linalg.norm(together, axis=1) == pytest.approx(np.ones(37), abs=1e-6)
    for place in (0, 15, 16, 36):
        assert np.array_equal(together[place], model.embed([crops[place]])[0])
    assert model.embed([]).shape == (0, 3)


def test_of_several_outputs_the_one_called_embedding_counts(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("ReduceMax", ["images"], ["logits"], axes=[2, 3], keepdims=0),
        helper.make_node("ReduceMean", ["images"], ["embedding"], axes=[2, 3], keepdims=0),
    ]
    outputs = [("logits", ("batch", 3)), ("embedding", ("batch", 3))]
    path = write_model(tmp_path / "reid.onnx", nodes=nodes, outputs=outputs)
    picture = plain((255, 255, 0))
    picture[:32] = 0
    write_card(path, input=PLAIN)
    found = vector(open_reid_model(path), picture, (0, 0, 48, 64))
    assert found == pytest.approx(unit(np.array([1.0, 1.0, 0.0])), abs=1e-3)


def test_a_card_of_the_training_service_is_read(tmp_path: Path) -> None:
    path = write_model(tmp_path / "model.onnx", ("batch", 3, "h", "w"))
    mean, std = (0.1, 0.2, 0.3), (0.5, 0.25, 0.2)
    card = ModelCard(
        model_id="model_3f9a0c51d2e7",
        kind="reid",
        name="spring games",
        created=datetime(2026, 5, 1, tzinfo=UTC),
        code_version="1",
        input=ModelInput(height=64, width=32, mean=mean, std=std, colour="bgr"),
        embedding=ModelEmbedding(size=3),
        network="means",
        opset=13,
        files={"model.onnx": MeasuredFile.of(path), "checkpoint.ckpt": MeasuredFile(size=3, sha256="0" * 64)},
        metrics={"rank1": 0.9},
        likeness_threshold=0.6,
    )
    write_model_card(tmp_path / "model.json", card)
    model = open_reid_model(path)
    assert (model.name, model.height, model.width, model.size) == ("model_3f9a0c51d2e7", 64, 32, 3)
    expected = unit((np.array(COLOUR) / 255 - mean) / std)[::-1]
    assert vector(model, plain(COLOUR)) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("called", ["reid.onnx", "model.onnx"])
def test_a_file_that_is_not_the_one_of_the_card_is_refused(called: str, tmp_path: Path) -> None:
    path = write_model(tmp_path / "reid.onnx")
    digest = sha256_file(path)
    write_card(path, files={called: {"sha256": digest, "size": path.stat().st_size}})
    assert open_reid_model(path).name == "reid.onnx"
    write_model(path, ("batch", 32, 16, 3))
    with pytest.raises(InputError) as caught:
        open_reid_model(path)
    assert str(caught.value).startswith(f"{path}: is not the file that reid.json describes (SHA-256)")
    assert "copy or export both again" in str(caught.value)


def test_of_several_files_on_a_card_the_one_of_this_name_counts(tmp_path: Path) -> None:
    path = write_model(tmp_path / "reid.onnx")
    write_card(path, files={"model.onnx": {"sha256": "0" * 64}, "reid.onnx": {"sha256": sha256_file(path)}})
    assert open_reid_model(path).size == 3
    write_card(path, files={"other.onnx": {"sha256": "0" * 64}})
    assert open_reid_model(path).size == 3


def test_the_digest_is_that_of_model_and_card(tmp_path: Path) -> None:
    path = write_model(tmp_path / "reid.onnx")
    before = open_reid_model(path).digest
    assert open_reid_model(path).digest == before
    write_card(path, input=PLAIN)
    assert open_reid_model(path).digest != before


def reduce(axes: list[int], keepdims: int = 0) -> list[Any]:
    return [helper.make_node("ReduceMean", ["images"], ["embedding"], axes=axes, keepdims=keepdims)]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"nodes": reduce([1]), "outputs": [("embedding", ("b", 32, 16))]}, "gives embedding float (?, 32, 16)"),
        ({"nodes": reduce([0], 1), "outputs": [("embedding", None)]}, "gives embedding float (1, 3, 32, 16)"),
        ({"nodes": reduce([0, 2]), "outputs": [("embedding", ("b", "d"))]}, "for 16 pictures"),
        ({"shape": ("b", 1, 32, 16), "nodes": reduce([1, 2])}, "takes images float (?, 1, 32, 16)"),
        ({"shape": ("b", 96), "nodes": reduce([1], 1)}, "takes images float (?, 96)"),
        ({"dtype": TensorProto.DOUBLE}, "takes images double"),
        (
            {
                "nodes": [*reduce([2, 3]), helper.make_node("Identity", ["images"], ["rest"])],
                "outputs": [("vector", ("b", 3)), ("rest", ("b", 3, 32, 16))],
            },
            "gives vector",
        ),
    ],
)
def test_what_is_no_such_model_is_refused_in_one_line(tmp_path: Path, given: dict[str, Any], message: str) -> None:
    if any(name == "vector" for name, _ in given.get("outputs", ())):
        given["nodes"][0] = helper.make_node("ReduceMean", ["images"], ["vector"], axes=[2, 3], keepdims=0)
    path = write_model(tmp_path / "reid.onnx", **given)
    with pytest.raises(InputError) as caught:
        open_reid_model(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_vector_without_length_is_refused(tmp_path: Path) -> None:
    path = write_model(tmp_path / "reid.onnx")
    write_card(path, input=PLAIN)
    with pytest.raises(InputError, match="zero or not finite"):
        vector(open_reid_model(path), plain((0, 0, 0)))


@pytest.mark.parametrize(
    ("card", "message"),
    [
        ("[1]", "a JSON object was expected"),
        ("{", "breaks off"),
        ('{"input": {"heigth": 3}}', "input.heigth"),
        ('{"input": {"mean": [1, 2]}}', "input.mean"),
        ('{"input": {"std": [1, 0, 1]}}', "input.std"),
        ('{"input": {"colour": "red"}}', "input.colour"),
        ('{"input": {"height": 64}}', "the model takes 32"),
        ('{"embedding": {"size": 512}}', "says 512"),
        ('{"files": {"model.onnx": {"sha256": "abc"}}}', "files.model.onnx.sha256"),
    ],
)
def test_a_card_that_is_wrong_is_refused_in_one_line(tmp_path: Path, card: str, message: str) -> None:
    path = write_model(tmp_path / "reid.onnx")
    path.with_suffix(".json").write_text(card)
    with pytest.raises(InputError, match="reid") as caught:
        open_reid_model(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_missing_or_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        open_reid_model(tmp_path / "reid.onnx")
    (tmp_path / "reid.onnx").write_bytes(b"not a model")
    with pytest.raises(InputError, match="not an ONNX model"):
        open_reid_model(tmp_path / "reid.onnx")
