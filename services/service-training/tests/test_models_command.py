"""`models`: what people and programs are told of the models in storage."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from shared_libs.common.errors import InputError
from shared_libs.common.model_card import MeasuredFile, ModelCard, ModelEmbedding, ModelInput
from shared_libs.common.model_store import ModelStore
from shared_libs.utils.ids import new_id
from training.models_command import (
    list_models,
    list_models_json,
    promote_model,
    promote_model_json,
    show_model,
    show_model_json,
)

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty storage, which the settings do not name."""
    monkeypatch.delenv("LAXAI_CONFIG", raising=False)
    monkeypatch.setenv("LAXAI_STORAGE", str(tmp_path / "another"))
    monkeypatch.setenv("LAXAI_TENANT", "blues")
    return str(tmp_path / "storage")


def added(storage: str, hour: int = 0, **facts: Any) -> ModelCard:
    """A model of random bytes in the store of the reds."""
    path = Path(storage).with_name("model.onnx")
    path.write_bytes(os.urandom(1000))
    usual = {
        "kind": "reid",
        "created": NOON + timedelta(hours=hour),
        "embedding": ModelEmbedding(size=512),
        "network": "osnet",
    }
    card = ModelCard(
        model_id=new_id("model"),
        name="spring games",
        code_version="0.3",
        input=ModelInput(height=256, width=128, mean=(0.485, 0.456, 0.406), std=(0.2, 0.2, 0.2), colour="rgb"),
        opset=17,
        files={"model.onnx": MeasuredFile.of(path)},
        **(usual | facts),
    )
    ModelStore(storage, "reds").add({"model.onnx": path}, card)
    return card


def test_models_are_a_table_with_the_newest_first_and_a_mark_on_those_in_use(storage: str) -> None:
    assert list_models(storage, "reds") == f"no models in {storage}"
    old = added(storage, 1, metrics={"rank1": 0.912, "mAP": 0.8, "auc": 0.99})
    new = added(storage, 2, network="resnet18")
    finder = added(storage, 3, kind="detector", embedding=None, network="yolox")
    promote_model(old.model_id, storage, "reds")
    head, *rows = list_models(storage, "reds").splitlines()
    assert head.split() == ["model", "created", "(UTC)", "kind", "network", "rank1", "mAP", "in", "use"]
    assert rows[0].split() == [finder.model_id, "2026-05-01", "15:00", "detector", "yolox"]
    assert rows[1].split() == [new.model_id, "2026-05-01", "14:00", "reid", "resnet18"]
    assert rows[2].split()[:5] == [old.model_id, "2026-05-01", "13:00", "reid", "osnet"]
    assert rows[2].split()[5:] == ["91.2", "%", "80.0", "%", "yes"]
    assert rows[2].index("yes") == head.index("in use")
    assert rows[2].index("80.0 %") == head.index("mAP")


def test_times_are_shown_in_utc(storage: str) -> None:
    added(storage, created=datetime(2026, 5, 1, 1, 30, tzinfo=timezone(timedelta(hours=2))))
    assert "2026-04-30 23:30" in list_models(storage, "reds")


def test_programs_are_told_the_same_as_json(storage: str) -> None:
    empty = {"models": [], "promoted": {"reid": None, "detector": None}, "problems": []}
    assert list_models_json(storage, "reds") == empty
    card = added(storage)
    promoted = promote_model_json(card.model_id, storage, "reds")
    assert (promoted["schema"], promoted["reid"], promoted["detector"]) == ("laxai.promoted", card.model_id, None)
    told = json.loads(json.dumps(list_models_json(storage, "reds")))
    assert told["promoted"] == {"reid": card.model_id, "detector": None}
    assert told["models"] == [json.loads(json.dumps(show_model_json(card.model_id, storage, "reds")))]
    assert ModelCard.model_validate_json(json.dumps(told["models"][0])) == card


def test_what_cannot_be_read_is_told_below_the_others(storage: str) -> None:
    good, bad = added(storage, 2), added(storage, 1)
    models = Path(storage) / "reds" / "models"
    (models / bad.model_id / "model.json").write_text("{")
    (models / "promoted.json").write_text("[]")
    lines = list_models(storage, "reds").splitlines()
    assert [line.split()[0] for line in lines] == ["model", good.model_id, "cannot", "cannot"]
    assert lines[2].startswith(f"cannot be read: {models}/{bad.model_id}/model.json:1: the JSON breaks off")
    assert lines[3].startswith(f"cannot be read: {models}/promoted.json: is not a laxai.promoted document")
    told = list_models_json(storage, "reds")
    assert told["promoted"] == {"reid": None, "detector": None}
    assert told["problems"] == [line.removeprefix("cannot be read: ") for line in lines[2:]]


def test_a_model_is_shown_with_all_that_is_known_of_it(storage: str) -> None:
    card = added(
        storage,
        data={"name": "three games", "crops": 1200, "share": 0.2},
        training={"epochs": 60},
        metrics={"rank1": 0.9123456789},
        likeness_threshold=0.61,
        notes=("trained on one game alone",),
    )
    assert show_model(card.model_id, storage, "reds").splitlines() == [
        f"model       {card.model_id}",
        "name        spring games",
        "kind        re-identification",
        "network     osnet, ONNX opset 17",
        "created     2026-05-01 12:00 UTC by version 0.3",
        "takes       pictures of 256 by 128 pixels (height by width), RGB",
        "mean, std   0.485 0.456 0.406; 0.2 0.2 0.2",
        "gives       vectors of 512 values",
        "one person  from a likeness of 0.610 on",
        f"model.onnx  1,000 bytes, SHA-256 {card.files['model.onnx'].sha256}",
        "metrics     rank1: 0.912346",
        'data        name: "three games"',
        "            crops: 1200",
        "            share: 0.2",
        "training    epochs: 60",
        "note        trained on one game alone",
    ]
    promote_model(card.model_id, storage, "reds")
    assert show_model(card.model_id, storage, "reds").startswith(f"model       {card.model_id} (in use)\n")


def test_of_a_detector_only_what_it_has_is_shown(storage: str) -> None:
    finder = added(storage, kind="detector", embedding=None, network="yolox")
    shown = show_model(finder.model_id, storage, "reds")
    assert "kind        detector" in shown
    assert "gives" not in shown
    assert "one person" not in shown


def test_a_promotion_says_what_it_replaced(storage: str) -> None:
    first, second = added(storage), added(storage)
    finder = added(storage, kind="detector", embedding=None)
    said = promote_model(first.model_id, storage, "reds")
    assert said == f"{first.model_id} is in use now (re-identification)"
    assert promote_model(finder.model_id, storage, "reds") == f"{finder.model_id} is in use now (detector)"
    said = promote_model(second.model_id, storage, "reds")
    assert said == f"{second.model_id} is in use now (re-identification), in place of {first.model_id}"
    said = promote_model(second.model_id, storage, "reds")
    assert said == f"{second.model_id} is in use already (re-identification)"


@pytest.mark.parametrize("ask", [show_model, show_model_json, promote_model, promote_model_json])
def test_a_model_that_is_not_there_is_one_line(ask: Callable[[str, str, str], object], storage: str) -> None:
    for model_id, words in (("model_000000000000", "there is no model"), ("spring", "an id looks like")):
        with pytest.raises(InputError, match=words):
            ask(model_id, storage, "reds")


def test_where_nothing_is_said_the_settings_name_the_storage(storage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    card = added(storage)
    assert list_models().startswith("no models in ")
    monkeypatch.setenv("LAXAI_STORAGE", storage)
    monkeypatch.setenv("LAXAI_TENANT", "reds")
    assert card.model_id in list_models()
    assert list_models(tenant="blues") == f"no models in {storage}"
