"""Detectors in ONNX's format, on small models made here, which see a colour and only if pictures come as they should.

Each of them finds the pixels of some colours by their distance in the numbers that its family is fed, and gives the
box around them in its family's form. Colours in the wrong order, another scale or mean, a picture in the wrong place:
nothing is found, or elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from shared_libs.common.errors import InputError
from shared_libs.common.video import FrameWriter
from tracking.checkpoint import Checkpoint, Watcher
from tracking.detectors.detector import CLASSES, Boxes, Picture
from tracking.detectors.detector_stage import detect_film
from tracking.detectors.named import detector_named
from tracking.detectors.onnx_detector import OnnxDetector
from tracking.detectors.tiling import NO_TILES, Grid

ORANGE, BLUE = (230, 120, 20), (30, 60, 220)
GRASS = (60, 110, 60)
MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
OPSET, IR = 17, 10


class Graph:
    """An ONNX graph in the making: `add` puts an operation on it and returns the name of what it gives."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, values: Any, dtype: Any = np.float32) -> str:
        name = f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def add(self, kind: str, *inputs: str, name: str | None = None, **attributes: Any) -> str:
        output = name or f"step{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, [*inputs], [output], **attributes))
        return output

    def save(
        self,
        path: Path,
        taken: Sequence[int | str | None],
        given: dict[str, Sequence[int | str | None]],
        notes: dict[str, str] | None = None,
        element: int = TensorProto.FLOAT,
    ) -> Path:
        inputs = [helper.make_tensor_value_info("images", element, [*taken])]
        outputs = [helper.make_tensor_value_info(name, element, [*shape]) for name, shape in given.items()]
        graph = helper.make_graph(self.nodes, "toy", inputs, outputs, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
        helper.set_model_props(model, notes or {})
        onnx.checker.check_model(model)
        onnx.save(model, path)
        return path


def colour_boxes(graph: Graph, colours: NDArray[np.float64], tolerance: float, size: tuple[int, int]) -> list[str]:
    """Left, top, right, bottom, each (batch, colours), of the pixels nearer than `tolerance` to each colour; and
    whether there are any, 1 or 0. colours (k, 3): in the numbers and the order of the input."""
    width, height = size
    each = graph.add("Unsqueeze", "images", graph.constant([1], np.int64))
    apart = graph.add("Sub", each, graph.constant(colours[:, :, None, None]))
    distance = graph.add("ReduceSum", graph.add("Mul", apart, apart), graph.constant([2], np.int64), keepdims=0)
    is_near = graph.add("Less", distance, graph.constant(tolerance**2))
    near = graph.add("Cast", is_near, to=TensorProto.FLOAT)
    edges: dict[str, str] = {}
    for low, high, across, length in (("left", "right", 2, width), ("top", "bottom", 3, height)):
        line = graph.add("ReduceMax", near, axes=[across], keepdims=0)
        is_on = graph.add("Greater", line, graph.constant(0.5))
        ramp = np.arange(length)
        first = graph.add("Where", is_on, graph.constant(ramp), graph.constant(length))
        last = graph.add("Where", is_on, graph.constant(ramp + 1), graph.constant(0))
        edges[low] = graph.add("ReduceMin", first, axes=[2], keepdims=0)
        edges[high] = graph.add("ReduceMax", last, axes=[2], keepdims=0)
    found = graph.add("ReduceMax", near, axes=[2, 3], keepdims=0)
    return [edges["left"], edges["top"], edges["right"], edges["bottom"], found]


def centre_and_size(graph: Graph, edges: Sequence[str], axis: int) -> list[str]:
    """cx, cy, w, h, each (batch, colours, 1)."""
    left, top, right, bottom = (graph.add("Unsqueeze", edge, graph.constant([axis], np.int64)) for edge in edges)
    half = graph.constant(0.5)
    return [
        graph.add("Mul", graph.add("Add", left, right), half),
        graph.add("Mul", graph.add("Add", top, bottom), half),
        graph.add("Sub", right, left),
        graph.add("Sub", bottom, top),
    ]


def rfdetr(
    path: Path,
    size: tuple[int, int] = (160, 160),
    columns: Sequence[int] = (1, 3),
    count: int = 91,
    batch: int | str | None = "batch",
    names: tuple[str, str] = ("dets", "labels"),
    free_size: bool = False,
    **options: Any,
) -> Path:
    """A model in RF-DETR's form: a query for orange and one for blue, of the classes `columns` of `count`."""
    graph = Graph()
    colours = (np.array([ORANGE, BLUE]) / 255 - MEAN) / STD
    *edges, found = colour_boxes(graph, colours, 0.35, size)
    parts = centre_and_size(graph, edges, 2)
    boxes = graph.add("Concat", *parts, axis=2)
    graph.add("Div", boxes, graph.constant([*size, *size]), name=names[0])
    classes = np.full((2, count), -1.0)
    classes[[0, 1], columns] = 1
    sign = graph.add("Mul", graph.add("Unsqueeze", found, graph.constant([2], np.int64)), graph.constant(classes))
    # 3 for the class of a colour that is there, -9 for everything else.
    graph.add("Sub", graph.add("Mul", graph.add("Relu", sign), graph.constant(12)), graph.constant(9), name=names[1])
    taken = [batch, 3, None, None] if free_size else [batch, 3, size[1], size[0]]
    return graph.save(path, taken, {names[0]: [batch, 2, 4], names[1]: [batch, 2, count]}, **options)


def yolox(
    path: Path,
    size: tuple[int, int] = (160, 128),
    count: int = 80,
    decoded: bool = False,
    batch: int | str | None = "batch",
    strides: Sequence[int] = (8, 16, 32),
    likelihood: float = 1.0,
    offset: float = 0.0,
) -> Path:
    """A model in YOLOX's form: cells near something orange give its box, of class 0, cells near something blue its box,
    of the last class; all of it only where the picture's lower right corner is padded with 114."""
    width, height = size
    cells = [np.divmod(np.arange((height // s) * (width // s)), width // s)[::-1] for s in strides]
    corner = np.concatenate([np.stack(cell, axis=1) for cell in cells]).T.astype(float)
    stride = np.repeat(strides, [len(cell[0]) for cell in cells])[None].astype(float)
    middle = (corner + 0.5) * stride

    graph = Graph()
    *edges, found = colour_boxes(graph, np.array([ORANGE, BLUE], float)[:, ::-1], 60, size)
    box = centre_and_size(graph, edges, 2)
    # How near each cell is to each thing, in its own sides: (batch, 2, cells).
    apart = [graph.add("Abs", graph.add("Sub", at, graph.constant(middle[axis]))) for axis, at in enumerate(box[:2])]
    sides_apart = graph.add("Div", graph.add("Max", *apart), graph.constant(stride))
    near = graph.add("Relu", graph.add("Sub", graph.constant(0.95), graph.add("Mul", sides_apart, graph.constant(0.3))))
    near = graph.add("Mul", near, graph.add("Unsqueeze", found, graph.constant([2], np.int64)))
    near = graph.add("Mul", near, is_padded(graph, size))
    orange, blue = (graph.add("Gather", near, graph.constant(thing, np.int64), axis=1) for thing in (0, 1))
    is_orange = graph.add("GreaterOrEqual", orange, blue)
    objectness = graph.add("Max", orange, blue)
    columns = []
    for values, own in zip(box, [middle[0], middle[1], stride[0], stride[0]], strict=True):
        first, second = (graph.add("Gather", values, graph.constant(thing, np.int64), axis=1) for thing in (0, 1))
        either = graph.add("Where", is_orange, first, second)
        is_something = graph.add("Greater", objectness, graph.constant(0))
        columns.append(graph.add("Where", is_something, either, graph.constant(own)))  # the cell, where nothing is
    if not decoded:
        units = [graph.add("Div", column, graph.constant(stride)) for column in columns]
        places = [graph.add("Sub", unit, graph.constant(corner[axis])) for axis, unit in enumerate(units[:2])]
        columns = [*places, *(graph.add("Log", unit) for unit in units[2:])]
    first = graph.add("Cast", is_orange, to=TensorProto.FLOAT)
    second = graph.add("Sub", graph.constant(1), first)
    nothing = graph.add("Mul", first, graph.constant(0))
    classes = [first, *[nothing] * (count - 2), second][:count]
    objectness = graph.add("Add", graph.add("Mul", objectness, graph.constant(likelihood)), graph.constant(offset))
    rows = [
        graph.add("Unsqueeze", column, graph.constant([2], np.int64)) for column in (*columns, objectness, *classes)
    ]
    graph.add("Concat", *rows, axis=2, name="output")
    return graph.save(path, [batch, 3, height, width], {"output": [batch, corner.shape[1], 5 + count]})


def is_padded(graph: Graph, size: tuple[int, int]) -> str:
    """1 or 0, (batch, 1, 1): whether the lower right pixel is grey 114."""
    row = graph.add("Gather", "images", graph.constant(size[1] - 1, np.int64), axis=2)
    pixel = graph.add("Gather", row, graph.constant(size[0] - 1, np.int64), axis=2)
    off = graph.add("Abs", graph.add("Sub", pixel, graph.constant(114)))
    is_grey = graph.add("Less", graph.add("ReduceMax", off, axes=[1]), graph.constant(0.5))
    return graph.add("Unsqueeze", graph.add("Cast", is_grey, to=TensorProto.FLOAT), graph.constant([2], np.int64))


def picture_of(size: tuple[int, int], *things: tuple[tuple[int, int, int, int], tuple[int, int, int]]) -> Picture:
    """Grass of `size` (width, height), with boxes of a colour on it."""
    picture = np.full((size[1], size[0], 3), GRASS, np.uint8)
    for (left, top, right, bottom), colour in things:
        picture[top:bottom, left:right] = colour
    return picture


def near(boxes: Boxes, *expected: tuple[int, int, int, int], within: float = 2.5) -> bool:
    """Whether the boxes are the expected ones, in any order."""
    if len(boxes) != len(expected):
        return False
    order = np.lexsort(boxes.xyxy.T[::-1])
    return bool(np.abs(boxes.xyxy[order] - np.array(sorted(expected)).reshape(-1, 4)).max(initial=0) <= within)


PERSON = (100, 40, 130, 90)
WIDE, TALL = (320, 180), (180, 320)


@pytest.mark.parametrize(
    "make",
    [rfdetr, yolox, lambda path: yolox(path, decoded=True), lambda path: yolox(path, strides=(8, 16, 32, 64))],
    ids=["rfdetr", "yolox", "yolox decoded", "yolox p6"],
)
def test_a_model_of_each_family_finds_the_person_where_it_is(make: Any, tmp_path: Path) -> None:
    detector = OnnxDetector(make(tmp_path / "a.onnx"), NO_TILES)
    elsewhere = (20, 100, 60, 170)
    seen = detector.detect(
        [picture_of(WIDE, (PERSON, ORANGE)), picture_of(WIDE), picture_of(WIDE, (elsewhere, ORANGE))]
    )
    assert near(seen[0], PERSON)
    assert len(seen[1]) == 0
    assert near(seen[2], elsewhere)
    assert seen[0].class_id.tolist() == [CLASSES.index("person")]
    assert 0.5 < seen[0].score[0] <= 1
    assert detector.name == "a.onnx"


def test_a_picture_of_any_shape_is_fitted(tmp_path: Path) -> None:
    detector = OnnxDetector(rfdetr(tmp_path / "a.onnx", size=(160, 224)), NO_TILES)
    for size in (TALL, WIDE, (1000, 600), (40, 40)):
        box = (size[0] // 4, size[1] // 5, size[0] // 2, size[1] * 4 // 5)
        (seen,) = detector.detect([picture_of(size, (box, ORANGE))])
        assert near(seen, box, within=1 + max(size) / 100), size
    # Padding lies to the right of a tall picture.
    (seen,) = OnnxDetector(yolox(tmp_path / "b.onnx"), NO_TILES).detect([picture_of(TALL, ((50, 60, 90, 200), ORANGE))])
    assert near(seen, (50, 60, 90, 200))


@pytest.mark.parametrize("make", [rfdetr, yolox])
def test_colours_in_another_order_would_not_be_found(make: Any, tmp_path: Path) -> None:
    detector = OnnxDetector(make(tmp_path / "a.onnx"), NO_TILES)
    picture = picture_of(WIDE, (PERSON, ORANGE))
    assert len(detector.detect([picture])[0]) == 1
    assert len(detector.detect([np.ascontiguousarray(picture[:, :, ::-1])])[0]) == 0


@pytest.mark.parametrize("batch", ["batch", 1, 3])
@pytest.mark.parametrize("make", [rfdetr, yolox])
def test_any_number_of_pictures_is_looked_at_whatever_the_model_takes_at_once(
    make: Any, batch: int | str, tmp_path: Path
) -> None:
    detector = OnnxDetector(make(tmp_path / "a.onnx", batch=batch), NO_TILES)
    assert detector.batch == (4 if batch == "batch" else batch)
    boxes = [(20 + 30 * place, 30, 50 + 30 * place, 90) for place in range(5)]
    seen = detector.detect([picture_of(WIDE, (box, ORANGE)) for box in boxes])
    assert [near(part, box) for part, box in zip(seen, boxes, strict=True)] == [True] * 5
    assert detector.detect([]) == []
    again = detector.detect([picture_of(WIDE, (box, ORANGE)) for box in boxes])
    assert [part.xyxy.tobytes() + part.score.tobytes() for part in seen] == [
        part.xyxy.tobytes() + part.score.tobytes() for part in again
    ]


BOTH = picture_of(WIDE, (PERSON, ORANGE), ((200, 60, 240, 130), BLUE))


def test_what_is_not_a_person_is_left_out_and_people_get_the_class_that_the_card_says(tmp_path: Path) -> None:
    for make, last in ((rfdetr, 3), (yolox, 79)):
        path = make(tmp_path / f"{last}.onnx")
        (seen,) = OnnxDetector(path, NO_TILES).detect([BOTH])
        assert near(seen, PERSON)
        path.with_suffix(".json").write_text(json.dumps({"classes": {"referee": [last]}}))
        (seen,) = OnnxDetector(path, NO_TILES).detect([BOTH])
        assert near(seen, (200, 60, 240, 130))
        assert [CLASSES[kind] for kind in seen.class_id] == ["referee"]


def test_two_kinds_of_people_in_one_place_are_one_person(tmp_path: Path) -> None:
    path = yolox(tmp_path / "a.onnx", count=2)
    path.with_suffix(".json").write_text('{"classes": {"player": [0], "goalkeeper": [1]}}')
    corners = ((100, 40, 104, 44), ORANGE), ((126, 86, 130, 90), ORANGE)
    (seen,) = OnnxDetector(path, NO_TILES).detect([picture_of(WIDE, (PERSON, BLUE), *corners)])
    assert near(seen, PERSON)
    (seen,) = OnnxDetector(path, NO_TILES).detect([picture_of(WIDE, (PERSON, BLUE))])
    assert [CLASSES[kind] for kind in seen.class_id] == ["goalkeeper"]


def test_a_model_of_16_bit_numbers_gets_them(tmp_path: Path) -> None:
    path = rfdetr(tmp_path / "a.onnx")
    model = onnx.load(path)
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT16
    for node in model.graph.node:
        node.input[:] = ["wide" if name == "images" else name for name in node.input]
    model.graph.node.insert(0, helper.make_node("Cast", ["images"], ["wide"], to=TensorProto.FLOAT))
    onnx.save(model, path)
    assert near(OnnxDetector(path, NO_TILES).detect([BOTH])[0], PERSON)


def test_one_class_needs_no_card(tmp_path: Path) -> None:
    for model in (
        yolox(tmp_path / "a.onnx", count=1),
        rfdetr(tmp_path / "b.onnx", columns=(0, 1), count=2),
        rfdetr(tmp_path / "c.onnx", columns=(0, 0), count=1),
    ):
        (seen,) = OnnxDetector(model, NO_TILES).detect([picture_of(WIDE, (PERSON, ORANGE))])
        assert near(seen, PERSON)


def test_what_rfdetr_leaves_in_its_export_is_understood(tmp_path: Path) -> None:
    notes = {"class_id_to_name": {"0": "ball", "1": "Goalie", "2": "player"}, "means": [*MEAN], "stds": [*STD]}
    path = rfdetr(tmp_path / "a.onnx", columns=(1, 0), count=4, notes={"rfdetr_inference": json.dumps(notes)})
    (seen,) = OnnxDetector(path, NO_TILES).detect([BOTH])
    assert near(seen, PERSON)
    assert [CLASSES[kind] for kind in seen.class_id] == ["goalkeeper"]
    wrong = json.dumps(notes | {"means": [0, 0, 0]})
    path = rfdetr(tmp_path / "b.onnx", columns=(1, 0), count=4, notes={"rfdetr_inference": wrong})
    assert len(OnnxDetector(path, NO_TILES).detect([BOTH])[0]) == 0
    # The card counts more than the model's own notes.
    path.with_suffix(".json").write_text(json.dumps({"input": {"mean": [*MEAN], "std": [*STD]}}))
    assert near(OnnxDetector(path, NO_TILES).detect([BOTH])[0], PERSON)


@pytest.mark.parametrize("text", ["no JSON", '{"class_id_to_name": 3}', '{"means": ["a"]}', "[]"])
def test_notes_of_another_form_are_passed_over(text: str, tmp_path: Path) -> None:
    path = rfdetr(tmp_path / "a.onnx", notes={"rfdetr_inference": text})
    assert near(OnnxDetector(path, NO_TILES).detect([BOTH])[0], PERSON)


def test_names_of_outputs_count_where_three_classes_make_both_alike(tmp_path: Path) -> None:
    path = rfdetr(tmp_path / "a.onnx", columns=(0, 1), count=4)
    model = onnx.load(path)
    model.graph.output.reverse()
    onnx.save(model, path)
    path.with_suffix(".json").write_text('{"classes": {"player": [0]}}')
    assert near(OnnxDetector(path, NO_TILES).detect([BOTH])[0], PERSON)


def test_outputs_that_somebody_renamed_are_told_apart_by_their_shapes(tmp_path: Path) -> None:
    path = rfdetr(tmp_path / "a.onnx", names=("first", "second"))
    assert near(OnnxDetector(path, NO_TILES).detect([BOTH])[0], PERSON)


def test_a_model_that_leaves_its_size_open_takes_the_cards(tmp_path: Path) -> None:
    path = rfdetr(tmp_path / "a.onnx", free_size=True)
    with pytest.raises(InputError, match=r'a.onnx: leaves the size.*write a.json beside it, as \{"input"'):
        OnnxDetector(path)
    path.with_suffix(".json").write_text('{"input": {"width": 160, "height": 160}}')
    assert near(OnnxDetector(path, NO_TILES).detect([BOTH])[0], PERSON)


def test_people_too_small_for_the_whole_picture_are_found_in_tiles(tmp_path: Path) -> None:
    """A person of 5 pixels is less than one of the model's when all of the picture is looked at."""
    size = (1280, 720)
    small = (812, 300, 817, 318)
    path = rfdetr(tmp_path / "a.onnx", size=(160, 160))
    picture = picture_of(size, (small, ORANGE))
    (whole,) = OnnxDetector(path, NO_TILES).detect([picture])
    assert not near(whole, small)
    for grid in (None, Grid(8, 5)):
        (tiled,) = OnnxDetector(path, grid).detect([picture])
        assert near(tiled, small), grid


def test_a_person_whom_tiles_cut_is_found_once_and_whole(tmp_path: Path) -> None:
    size = (1000, 600)
    detector = OnnxDetector(rfdetr(tmp_path / "a.onnx"), Grid(3, 2))
    for box in (
        (300, 200, 420, 420),
        (20, 20, 60, 90),
        (100, 100, 900, 500),
        (480, 250, 520, 330),
        (940, 520, 1000, 600),
    ):
        (seen,) = detector.detect([picture_of(size, (box, ORANGE))])
        assert near(seen, box, within=6), box


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"count": 7}, r"a.onnx: has 7 classes, and nothing says which of them are people – write a.json beside"),
        (
            {"names": ("labels", "dets")},
            r"the outputs \(labels float32 \(1, 2, 4\), dets float32 .* expected were RF-DETR",
        ),
        ({"size": (160, 160), "free_size": True, "card": {"input": {"height": 96, "width": 96}}}, "fails when run on"),
        ({"card": {"family": "yolox"}}, r"of no known form, and a.json says that the family is yolox"),
        ({"card": {"input": {"height": 96, "width": 160}}}, r"a.json: input.height is 96, but the model takes 160"),
        (
            {"card": {"classes": {"player": [91]}}},
            r"a.json: classes.player: the model has no class 91, it has 91 – give",
        ),
        ({"batch": 100}, r"takes 100 pictures at once"),
    ],
)
def test_a_model_that_is_not_understood_is_refused_with_what_to_do(
    change: dict[str, Any], complaint: str, tmp_path: Path
) -> None:
    card = change.pop("card", None)
    if "count" in change:
        change["columns"] = (1, 3)
    path = rfdetr(tmp_path / "a.onnx", **change)
    if card is not None:
        path.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(InputError, match=complaint) as refused:
        OnnxDetector(path, NO_TILES)
    assert len(str(refused.value).splitlines()) == 1


def plain(path: Path, taken: Sequence[int | str | None], element: int, *kinds: str) -> Path:
    """A model that does one operation after another to its input."""
    graph, given = Graph(), "images"
    for kind in kinds:
        given = graph.add(kind, given)
    return graph.save(path, taken, {given: taken}, element=element)


@pytest.mark.parametrize(
    ("taken", "element", "complaint"),
    [
        ((1, 1, 64, 64), TensorProto.FLOAT, r"takes images float \(1, 1, 64, 64\) – expected were pictures \(batch, 3"),
        ((1, 64, 64, 3), TensorProto.FLOAT, r"expected were pictures \(batch, 3, height, width\)"),
        ((1, 3), TensorProto.FLOAT, "expected were pictures"),
        ((1, 3, 64, 64), TensorProto.INT32, "takes images int32 .* expected were numbers of type float or float16"),
        ((1, 3, 64, 64), TensorProto.FLOAT, r"outputs \(step0 float32 \(1, 3, 64, 64\)\) are of no known form"),
        ((1, 3, 64, 64), TensorProto.FLOAT16, r"outputs \(step0 float16"),
    ],
)
def test_what_is_no_detector_is_refused(taken: Sequence[int], element: int, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=complaint):
        OnnxDetector(plain(tmp_path / "a.onnx", taken, element, "Abs"))


def test_a_model_that_forgets_all_but_the_first_picture_is_refused(tmp_path: Path) -> None:
    """As where a batch of one was written into the graph, and the sizes were called free afterwards."""
    path = rfdetr(tmp_path / "a.onnx")
    model = onnx.load(path)
    for name in ("dets", "labels"):
        (maker,) = (node for node in model.graph.node if name in node.output)
        maker.output[0] = f"all {name}"
        model.graph.node.append(helper.make_node("Gather", [f"all {name}", "first"], [name], axis=0))
    model.graph.initializer.append(numpy_helper.from_array(np.array([0], np.int64), "first"))
    onnx.save(model, path)
    detector = OnnxDetector(path, NO_TILES)
    assert near(detector.detect([BOTH])[0], PERSON)
    with pytest.raises(InputError, match=r"a.onnx: gives results for 1 pictures, where it was given 2 – export it for"):
        detector.detect([BOTH, BOTH])


def test_a_model_that_gives_nothing_but_nan_is_refused(tmp_path: Path) -> None:
    graph = Graph()
    graph.add("Log", graph.add("Neg", graph.add("Abs", "images")))
    path = graph.save(tmp_path / "a.onnx", (1, 3, 64, 64), {"step2": (1, 3, 64, 64)})
    with pytest.raises(InputError, match=r"a.onnx: gives nothing but NaN – export it anew"):
        OnnxDetector(path)


def test_a_model_with_another_count_of_anchors_or_with_logits_is_not_taken_for_yolox(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"for 160 by 128 pixels has 420 or 424 anchors, not 400"):
        OnnxDetector(yolox(tmp_path / "a.onnx", strides=(8, 16)))
    with pytest.raises(InputError, match=r"likelihoods from 0 to 1 stand from the fifth column on"):
        OnnxDetector(yolox(tmp_path / "b.onnx", offset=-5))


def test_the_digest_tells_models_cards_and_tiles_apart(tmp_path: Path) -> None:
    path = rfdetr(tmp_path / "a.onnx")
    digests = {OnnxDetector(path).digest, OnnxDetector(path, NO_TILES).digest}
    path = path.rename(tmp_path / "b.onnx")
    digests.add(OnnxDetector(path).digest)  # where it lies does not count
    path.with_suffix(".json").write_text('{"score": 0.3}')
    digests |= {OnnxDetector(path).digest, OnnxDetector(path).digest}
    path.with_name("b.onnx.data").write_bytes(b"weights")
    digests.add(OnnxDetector(path).digest)
    digests.add(OnnxDetector(rfdetr(path, columns=(1, 4))).digest)
    assert len(digests) == 5


def test_a_low_score_counts_from_where_the_card_says(tmp_path: Path) -> None:
    path = yolox(tmp_path / "a.onnx", likelihood=0.15)
    (seen,) = OnnxDetector(path, NO_TILES).detect([BOTH])
    assert near(seen, PERSON)
    assert 0.1 <= seen.score[0] <= 0.15
    path.with_suffix(".json").write_text('{"score": 0.2}')
    assert len(OnnxDetector(path, NO_TILES).detect([BOTH])[0]) == 0


def test_detectors_are_called_by_name(tmp_path: Path) -> None:
    path = rfdetr(tmp_path / "a.onnx")
    for text in (f"onnx:{path}", str(path)):
        (seen,) = detector_named(text, tiles="off").detect([BOTH])
        assert near(seen, PERSON)
    for text, complaint in (
        ("yolo", r"--detector: there is no detector 'yolo' – say motion, or onnx:MODEL.onnx"),
        ("onnx:", r"--detector: 'onnx:' names no model"),
        (f"onnx:{tmp_path / 'b.onnx'}", r"b.onnx: no such file"),
    ):
        with pytest.raises(InputError, match=complaint):
            detector_named(text)
    with pytest.raises(InputError, match=r"--tiles: 'many' is not a grid of tiles – say auto, off, or columns"):
        detector_named(str(path), tiles="many")


def test_a_film_is_looked_at_frame_by_frame(tmp_path: Path) -> None:
    boxes = [(20 + 8 * frame, 40, 50 + 8 * frame, 100) for frame in range(11)]
    with FrameWriter(tmp_path / "a.mp4", fps=25) as writer:
        for box in boxes:
            writer.write(picture_of(WIDE, (box, ORANGE)))
    (tmp_path / "work").mkdir()
    detector = OnnxDetector(rfdetr(tmp_path / "a.onnx"), NO_TILES)
    found = detect_film(tmp_path / "a.mp4", detector, Checkpoint(tmp_path / "work", {}), Watcher())
    assert found.frame.tolist() == list(range(11))
    assert found.frame_count == 11
    assert np.abs(found.xyxy - np.array(boxes)).max() < 3
