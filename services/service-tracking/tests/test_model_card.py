"""Which of a model's classes are people: as its card says, as its names say, or as is usual."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shared_libs.common.errors import InputError
from tracking.detectors.detector import CLASSES
from tracking.detectors.model_card import Family, ModelCard, people_among, read_card

MODEL = Path("model.onnx")


def chosen(
    card: ModelCard, count: int, family: Family = "yolox", names: dict[int, str] | None = None
) -> dict[int, str]:
    people = people_among(MODEL, card, family, count, names or {})
    return {int(column): CLASSES[kind] for column, kind in zip(people.column, people.class_id, strict=True)}


def test_usual_models_need_no_card() -> None:
    assert chosen(ModelCard(), 80) == {0: "person"}
    assert chosen(ModelCard(), 91, "rfdetr") == {1: "person"}
    assert chosen(ModelCard(), 1) == {0: "person"}
    assert chosen(ModelCard(), 2, "rfdetr") == {0: "person", 1: "person"}


@pytest.mark.parametrize(("family", "count"), [("yolox", 2), ("yolox", 91), ("rfdetr", 80), ("rfdetr", 5)])
def test_where_nothing_says_who_is_a_person_the_way_out_is_said(family: Family, count: int) -> None:
    with pytest.raises(
        InputError, match=rf'model.onnx: has {count} classes, and .* write model.json .*"player": \[0\]'
    ):
        chosen(ModelCard(), count, family)


def test_names_say_who_is_who() -> None:
    names = {0: "Ball", 1: "Goalkeeper", 2: "PLAYER", 3: "umpire", 4: "stick", 9: "player"}
    expected = {1: "goalkeeper", 2: "player", 3: "referee"}
    assert chosen(ModelCard(), 5, names=names) == expected
    assert chosen(ModelCard(names=("Ball", "Goalkeeper", "PLAYER", "umpire")), 5, names={0: "person"}) == expected
    with pytest.raises(InputError, match=r"has 2 classes \(ball, stick\), and nothing says"):
        chosen(ModelCard(), 2, names={0: "ball", 1: "stick"})
    # Names are believed before the number of classes is.
    with pytest.raises(InputError, match="nothing says"):
        chosen(ModelCard(), 1, names={0: "ball"})


def test_the_card_says_it_by_number_or_name() -> None:
    card = ModelCard(names=("ball", "keeper", "attack", "defence"), classes={"player": ("attack", 3), "referee": (0,)})
    assert chosen(card, 4) == {2: "player", 3: "player", 0: "referee"}


@pytest.mark.parametrize(
    ("classes", "complaint"),
    [
        ({"player": (4,)}, r"model.json: classes.player: the model has no class 4, it has 4 – give 0 to 3"),
        ({"player": (-1,)}, "has no class -1"),
        ({"player": ("midfield",)}, "class 'midfield' is not known – known are: ball, attack"),
        ({"player": (1,), "referee": ("attack",)}, "classes.referee: the model's class 'attack' is named twice"),
        ({"player": ()}, "classes: names not one class"),
        ({}, "classes: names not one class"),
    ],
)
def test_a_card_that_contradicts_the_model_is_refused(classes: dict[str, tuple[int, ...]], complaint: str) -> None:
    card = ModelCard.model_validate({"names": ("ball", "attack"), "classes": classes})
    with pytest.raises(InputError, match=complaint):
        chosen(card, 4)


def test_a_name_needs_names() -> None:
    card = ModelCard(classes={"player": ("attack",)})
    with pytest.raises(InputError, match="class 'attack' is not known – give numbers, or the \"names\" of all"):
        chosen(card, 4)


def test_a_card_lies_beside_its_model(tmp_path: Path) -> None:
    model = tmp_path / "model.onnx"
    assert read_card(model) == ModelCard()
    (tmp_path / "model.json").write_text(
        json.dumps({"family": "yolox", "classes": {"player": [0, "keeper"]}, "score": 0.25, "decoded": False})
    )
    card = read_card(model)
    assert (card.family, card.score, card.decoded) == ("yolox", 0.25, False)
    assert card.classes == {"player": (0, "keeper")}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "the JSON breaks off"),
        ("[1]", r"is not a model's card: a JSON object was expected – write model.json beside the model, as"),
        ('{"clases": {}}', "clases: extra inputs are not permitted"),
        ('{"classes": {"coach": [1]}}', "classes.coach"),
        ('{"classes": {"player": [true]}}', r"classes.player\[0\]"),
        ('{"score": 1.5}', "score: input should be less than or equal to 1"),
        ('{"score": NaN}', "score: input should be"),
        ('{"family": "yolov9"}', "family: input should be 'rfdetr' or 'yolox'"),
        ('{"input": {"mean": [0, 0, 0]}}', "input: mean and std go together"),
        ('{"input": {"mean": [0, 0, 0], "std": [0, 1, 1]}}', r"input.std\[0\]: input should be greater than 0"),
        ('{"input": {"width": 640}}', "input: height and width go together"),
        ('{"input": {"width": 640, "height": 1000000}}', "input.height: input should be less"),
    ],
)
def test_a_card_that_is_wrong_is_refused_with_the_place(text: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text(text)
    with pytest.raises(InputError, match=rf"model.json(:1)?: ({complaint})"):
        read_card(tmp_path / "model.onnx")
