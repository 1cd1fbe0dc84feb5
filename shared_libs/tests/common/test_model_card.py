import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared_libs.common.errors import InputError
from shared_libs.common.model_card import (
    MeasuredFile,
    ModelCard,
    ModelEmbedding,
    ModelInput,
    check_digest,
    read_model_card,
    write_model_card,
)
from shared_libs.tests.common.strategies import JSON

NAMES = st.text(min_size=1, max_size=10)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
SPREADS = st.floats(min_value=0, exclude_min=True, allow_infinity=False)
FILES = st.builds(MeasuredFile, size=st.integers(0, 2**50), sha256=st.from_regex(r"[0-9a-f]{64}", fullmatch=True))
CARDS = st.builds(
    ModelCard,
    model_id=st.from_regex(r"model_[0-9a-f]{12}", fullmatch=True),
    kind=st.just("reid"),
    name=NAMES,
    created=st.datetimes(timezones=st.just(UTC)),
    code_version=NAMES,
    input=st.builds(
        ModelInput,
        height=st.integers(8, 2048),
        width=st.integers(8, 2048),
        mean=st.tuples(NUMBERS, NUMBERS, NUMBERS),
        std=st.tuples(SPREADS, SPREADS, SPREADS),
        colour=st.sampled_from(["rgb", "bgr"]),
    ),
    embedding=st.builds(ModelEmbedding, size=st.integers(1, 4096)),
    network=NAMES,
    opset=st.integers(1, 30),
    files=st.fixed_dictionaries({"model.onnx": FILES}, optional={"checkpoint.ckpt": FILES}),
    data=st.dictionaries(NAMES, JSON, max_size=3),
    training=st.dictionaries(NAMES, JSON, max_size=3),
    metrics=st.dictionaries(NAMES, NUMBERS, max_size=3),
    likeness_threshold=st.none() | st.floats(-1, 1),
    notes=st.lists(NAMES, max_size=2).map(tuple),
)
MINIMAL: dict[str, Any] = {
    "schema": "laxai.model",
    "schema_version": 1,
    "model_id": "model_0123456789ab",
    "kind": "reid",
    "name": "spring games",
    "created": "2026-05-01T12:00:00Z",
    "code_version": "1",
    "input": {"height": 256, "width": 128, "mean": [0.5, 0.5, 0.5], "std": [0.2, 0.2, 0.2], "colour": "rgb"},
    "embedding": {"size": 512},
    "network": "osnet",
    "opset": 17,
    "files": {"model.onnx": {"size": 3, "sha256": "0" * 64}},
}


@given(CARDS)
def test_a_card_comes_back_as_it_was(tmp_path: Path, card: ModelCard) -> None:
    path = tmp_path / "model.json"
    write_model_card(path, card)
    assert read_model_card(path) == card


def test_what_need_not_be_said_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text(json.dumps(MINIMAL))
    card = read_model_card(tmp_path / "model.json")
    assert (card.data, card.training, card.metrics, card.likeness_threshold, card.notes) == ({}, {}, {}, None, ())
    assert card.created == datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema": "laxai.run"}, "is not a laxai.model document"),
        ({"schema_version": 2}, "has schema version 2, this program reads up to 1"),
        ({"model_id": "run_0123456789ab"}, "model_id: 'run_0123456789ab' is not the id of a model"),
        ({"kind": "pose"}, "kind: "),
        ({"network": ""}, "network: "),
        ({"created": "2026-05-01T12:00:00"}, "created: "),
        ({"input": MINIMAL["input"] | {"std": [0.2, 0, 0.2]}}, "input.std[1]: "),
        ({"input": MINIMAL["input"] | {"colour": "grey"}}, "input.colour: "),
        ({"input": {"height": 256, "width": 128}}, "input.mean: field required"),
        ({"embedding": None}, "a re-identification model has an embedding"),
        ({"kind": "detector"}, "a detector has none"),
        ({"files": {}}, "files must have model.onnx"),
        ({"files": {"model.pt": {"size": 3, "sha256": "0" * 64}}}, "files.model.pt"),
        ({"files": {"model.onnx": {"size": 3, "sha256": "0"}}}, "files.model.onnx.sha256: "),
        ({"metrics": {"rank1": float("nan")}}, "metrics.rank1: "),
        ({"likeness_threshold": 1.5}, "likeness_threshold: "),
        ({"likenes_threshold": 0.5}, "likenes_threshold: "),
    ],
)
def test_a_card_that_is_wrong_is_refused_in_one_line(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    (tmp_path / "model.json").write_text(json.dumps(MINIMAL | changes))
    with pytest.raises(InputError) as caught:
        read_model_card(tmp_path / "model.json")
    assert str(caught.value).startswith(f"{tmp_path}/model.json: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_card_that_breaks_off_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text(json.dumps(MINIMAL)[:-20])
    with pytest.raises(InputError, match="breaks off"):
        read_model_card(tmp_path / "model.json")


def test_a_detector_has_no_embedding() -> None:
    card = ModelCard.model_validate(MINIMAL | {"kind": "detector", "embedding": None})
    assert card.kind == "detector"
    with pytest.raises(ValidationError, match="frozen"):
        card.name = "other"  # type: ignore[misc]


def test_a_file_is_held_against_its_card(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"abc")
    measured = MeasuredFile.of(path)
    assert measured == MeasuredFile(size=3, sha256=hashlib.sha256(b"abc").hexdigest())
    card = ModelCard.model_validate(MINIMAL | {"files": {"model.onnx": measured}})
    check_digest(card, "model.onnx", path, measured.sha256)
    other = hashlib.sha256(b"abd").hexdigest()
    with pytest.raises(InputError, match=r"model\.onnx: is not the file that the card of model_0123456789ab describes"):
        check_digest(card, "model.onnx", path, other)
