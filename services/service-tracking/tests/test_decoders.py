"""What models give is read as their families mean it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from shared_libs.common.errors import InputError
from tracking.detectors.decoders import RfDetrDecoder, YoloxDecoder, decoder_for, grid_of
from tracking.detectors.model_card import ModelCard, People

PATH = Path("model.onnx")
SIDES = st.integers(1, 12).map(lambda count: 32 * count)
ONE = People(np.array([0]), np.array([0], np.int16))


def cells_of(size: tuple[int, int], strides: tuple[int, ...]) -> list[tuple[int, int, int]]:
    """Column, row and stride of each of YOLOX's cells, in their order."""
    width, height = size
    return [(x, y, s) for s in strides for y in range(height // s) for x in range(width // s)]


@settings(deadline=None)
@given(SIDES, SIDES, st.sampled_from([(8, 16, 32), (8, 16, 32, 64)]))
def test_yolox_grids_lie_row_by_row_from_fine_to_coarse(width: int, height: int, strides: tuple[int, ...]) -> None:
    cells = cells_of((width, height), strides)
    corner, stride = grid_of((width, height), len(cells))
    assert np.concatenate([corner, stride], axis=1).tolist() == [list(cell) for cell in cells]


@pytest.mark.parametrize("count", [0, 1, 419, 421, 25200])
def test_another_number_of_cells_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match=f"for 160 by 128 pixels has 420 or 424 anchors, not {count}"):
        grid_of((160, 128), count)


def yolox_rows(numbers: np.random.Generator, size: tuple[int, int], classes: int) -> NDArray[np.float32]:
    """Raw rows as a trained model gives them: places within a few cells, likelihoods from 0 to 1."""
    count = len(cells_of(size, (8, 16, 32)))
    place, extent = numbers.uniform(-1.5, 2.5, (2, count, 2)), numbers.uniform(-1, 2, (2, count, 2))
    likely = numbers.uniform(0, 1, (2, count, 1 + classes))
    return np.concatenate([place, extent, likely], axis=2).astype(np.float32)


def in_pixels(rows: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    cells = np.array(cells_of(size, (8, 16, 32)), float)
    pixels = rows.copy()
    pixels[:, :, :2] = (rows[:, :, :2] + cells[:, :2]) * cells[:, 2:]
    pixels[:, :, 2:4] = np.exp(rows[:, :, 2:4]) * cells[:, 2:]
    return pixels


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(64, 64), (160, 128), (96, 256)]), st.integers(1, 80))
def test_a_yolox_model_is_read_alike_whether_its_graph_decodes_or_not(
    seed: int, size: tuple[int, int], classes: int
) -> None:
    rows = yolox_rows(np.random.default_rng(seed), size, classes)
    raw = decoder_for(PATH, ModelCard(), ["output"], [rows], size)
    decoded = decoder_for(PATH, ModelCard(), ["output"], [in_pixels(rows, size)], size)
    assert raw == YoloxDecoder(size, classes, is_decoded=False)
    assert decoded == YoloxDecoder(size, classes, is_decoded=True)
    for one, other in zip(raw.decode([rows], ONE, 0.3), decoded.decode([in_pixels(rows, size)], ONE, 0.3), strict=True):
        assert np.allclose(one.xyxy, other.xyxy, rtol=1e-4, atol=1e-3)
        assert one.score.tolist() == other.score.tolist()
        assert (one.score >= 0.3).all()
        assert (np.diff(one.score) <= 0).all()


def test_the_card_can_say_whether_a_yolox_graph_decodes() -> None:
    rows = yolox_rows(np.random.default_rng(0), (64, 64), 1)
    told = decoder_for(PATH, ModelCard(decoded=True), ["output"], [rows], (64, 64))
    assert told == YoloxDecoder((64, 64), 1, is_decoded=True)


def test_a_yolox_score_is_that_of_anything_times_that_of_the_class() -> None:
    rows = np.zeros((1, 84, 5 + 3), np.float32)
    rows[0, 9] = [0.25, 0.75, np.log(2), np.log(4), 0.5, 0.9, 0.2, 0.8]  # column 1, row 1 of cells of 8 pixels
    people = People(np.array([2, 1]), np.array([3, 1], np.int16))
    (boxes,) = YoloxDecoder((64, 64), 3, is_decoded=False).decode([rows], people, 0.1)
    assert np.allclose(boxes.xyxy, [[10 - 8, 14 - 16, 10 + 8, 14 + 16]])
    assert boxes.score.tolist() == [pytest.approx(0.4)]
    assert boxes.class_id.tolist() == [3]


def test_an_rfdetr_query_is_one_person_of_its_likeliest_class() -> None:
    dets = np.array([[[0.5, 0.25, 0.5, 0.5], [0.1, 0.1, 0.2, 0.2]]], np.float32)
    labels = np.array([[[5.0, 0.0, 1.0], [5.0, -9.0, -9.0]]], np.float32)
    people = People(np.array([1, 2]), np.array([1, 2], np.int16))
    (boxes,) = RfDetrDecoder((200, 100), 3).decode([dets, labels], people, 0.1)
    assert np.allclose(boxes.xyxy, [[50, 0, 150, 50]])
    assert boxes.score.tolist() == [pytest.approx(1 / (1 + np.exp(-1)))]
    assert boxes.class_id.tolist() == [2]


@settings(deadline=None)
@given(st.sampled_from([np.inf, -np.inf, np.nan, 1e30]), st.integers(0, 3), st.booleans())
def test_numbers_that_overflow_give_no_box(number: float, column: int, is_decoded: bool) -> None:
    rows = np.zeros((1, 84, 6), np.float32)
    rows[0, 5, 4:] = 1
    rows[0, 5, column] = number
    dets = np.full((1, 3, 4), 0.5, np.float32)
    dets[0, 1, column] = number
    found = [
        *YoloxDecoder((64, 64), 1, is_decoded).decode([rows], ONE, 0.5),
        *RfDetrDecoder((64, 64), 1).decode([dets, np.array([[[-9], [90], [-900]]], np.float32)], ONE, 0.5),
    ]
    for boxes in found:
        assert np.isfinite(boxes.xyxy).all()
        assert len(boxes) <= 1


def test_a_model_that_sees_people_everywhere_gives_the_surest_thousand() -> None:
    numbers = np.random.default_rng(4)
    dets = numbers.uniform(0.1, 0.9, (1, 3000, 4)).astype(np.float32)
    logits = numbers.uniform(0, 5, (1, 3000, 1)).astype(np.float32)
    (boxes,) = RfDetrDecoder((64, 64), 1).decode([dets, logits], ONE, 0.1)
    best = np.sort(1 / (1 + np.exp(-logits.ravel())))[::-1][:1000]
    assert np.allclose(boxes.score, best)


@pytest.mark.parametrize(
    "shapes",
    [
        {"output": (1, 84, 8400)},  # rows and columns the other way round
        {"output": (1, 8400, 5)},
        {"output": (8400, 85)},
        {"dets": (1, 100, 5), "labels": (1, 100)},
        {"dets": (1, 100, 4), "labels": (1, 99, 91)},
        {"dets": (1, 100, 4), "labels": (1, 100, 0)},
        {"boxes": (1, 100, 4), "scores": (1, 100, 4)},
        {"boxes": (1, 100, 4), "scores": (1, 100, 3), "labels": (1, 100, 1)},
        {},
    ],
)
def test_outputs_of_no_known_form_are_refused_by_name_and_shape(shapes: dict[str, tuple[int, ...]]) -> None:
    outputs = [np.zeros(shape, np.float32) for shape in shapes.values()]
    with pytest.raises(InputError, match=r"model.onnx: .* – expected were RF-DETR's dets") as refused:
        decoder_for(PATH, ModelCard(), [*shapes], outputs, (640, 640))
    for name, shape in shapes.items():
        assert f"{name} float32 {shape}" in str(refused.value)


def test_the_card_settles_which_family_it_is() -> None:
    rows = yolox_rows(np.random.default_rng(0), (64, 64), 1)
    with pytest.raises(InputError, match=r"no known form, and model.json says that the family is rfdetr"):
        decoder_for(PATH, ModelCard(family="rfdetr"), ["output"], [rows], (64, 64))
    assert decoder_for(PATH, ModelCard(family="yolox"), ["dets"], [rows], (64, 64)).family == "yolox"


def test_whole_numbers_under_the_name_of_labels_are_not_logits() -> None:
    outputs: list[NDArray[np.generic]] = [np.zeros((1, 9, 4), np.float32), np.zeros((1, 9, 2), np.int64)]
    with pytest.raises(InputError, match=r"labels int64 \(1, 9, 2\)"):
        decoder_for(PATH, ModelCard(), ["dets", "labels"], outputs, (64, 64))
