"""`evaluate`: any kind of model on any part of a data set, beside what knows nothing."""

from __future__ import annotations

import json
import os
import shutil
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from torch import nn

from shared_libs.common.errors import InputError, OutputError
from shared_libs.common.model_card import MeasuredFile, ModelCard, ModelEmbedding, ModelInput, write_model_card
from shared_libs.common.model_store import ModelStore
from training.checkpoints import BEST, About, DurableCheckpoints, mark
from training.dataset.crop_set import CropSet
from training.evaluating import COLOURS, RANDOM, Evaluation, evaluate_model, open_subject, write_evaluation
from training.exporting import export_model
from training.networks.network import make_network

MEAN, STD = (0.4, 0.5, 0.6), (0.1, 0.2, 0.3)


def evaluate(model: Path | str, dataset: Path, **options: Any) -> Evaluation:
    return evaluate_model(str(model), dataset, **({"storage": None, "tenant": None, "quiet": True} | options))


def save_best(folder: Path, spoil: float = 1.0) -> Path:
    """A folder as `train` leaves it: a network of random weights, those of its neck times `spoil`."""
    torch.manual_seed(1)
    network = make_network("small", 20)
    network(torch.randn(8, 3, 64, 32))
    state = network.state_dict(prefix="network.")
    state = {name: value * spoil if "neck.weight" in name else value for name, value in state.items()}
    saved: dict[str, Any] = {"state_dict": state}
    mark(saved, About(network="small", embedding_size=20, height=64, width=32, command={}))
    folder.mkdir(exist_ok=True)
    DurableCheckpoints().save_checkpoint(saved, folder / BEST)
    return folder


def average_colour(
    path: Path, *, colour: Literal["rgb", "bgr"] = "rgb", height: int = 8, kind: Literal["reid", "detector"] = "reid"
) -> Path:
    """A model of pictures of 8 by 8 pixels that gives the mean of each of its input's channels."""
    network = nn.Sequential(nn.AvgPool2d(8), nn.Flatten())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch's own: that it has another exporter, which needs another package
        torch.onnx.export(
            network, (torch.zeros(1, 3, 8, 8),), path, input_names=["x"], dynamic_axes={"x": {0: "batch"}}, dynamo=False
        )
    card = ModelCard(
        model_id="model_3f9a0c51d2e7",
        kind=kind,
        name="average colour",
        created=datetime.now(UTC),
        code_version="0.1",
        input=ModelInput(height=height, width=8, mean=MEAN, std=STD, colour=colour),
        embedding=ModelEmbedding(size=3) if kind == "reid" else None,
        network="average",
        opset=17,
        files={"model.onnx": MeasuredFile.of(path)},
    )
    write_model_card(path.with_suffix(".json"), card)
    return path


def coloured(count: int) -> CropSet:
    """Random crops of two people, of 8 by 8 pixels."""
    return CropSet(
        pictures=np.random.default_rng(3).integers(0, 256, (count, 8, 8, 3)).astype(np.uint8),
        identity=(np.arange(count) % 2).astype(np.int32),
        time=np.full(count, np.nan),
        names=tuple(f"{number}.png" for number in range(count)),
        identities=("a", "b"),
        game=np.zeros(2, np.int32),
        different=~np.eye(2, dtype=np.bool_),
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_best(tmp_path_factory.mktemp("runs") / "spring")


@pytest.fixture(scope="module")
def of_checkpoint(trained: Path, people: Path) -> Evaluation:
    return evaluate(trained, people)


def test_a_model_is_measured_beside_colours_and_itself_untrained(of_checkpoint: Evaluation) -> None:
    assert of_checkpoint.subject == "spring"
    assert (len(of_checkpoint.crops), of_checkpoint.scores.ranking.queries) == (30, 30)
    assert list(of_checkpoint.baselines) == [COLOURS, RANDOM]
    assert of_checkpoint.baselines[COLOURS].ranking.rank1 > 0.5
    assert of_checkpoint.problems == ()


def test_what_is_random_is_the_same_each_time(trained: Path, people: Path, of_checkpoint: Evaluation) -> None:
    torch.manual_seed(77)
    again = evaluate(trained / BEST, people)
    assert again.subject == BEST
    assert again.scores.to_metrics() == of_checkpoint.scores.to_metrics()
    assert again.baselines[RANDOM].to_metrics() == of_checkpoint.baselines[RANDOM].to_metrics()


def test_the_untrained_network_knows_the_averages_of_the_pictures(trained: Path, of_checkpoint: Evaluation) -> None:
    subject = open_subject(str(trained), None, None)
    assert subject.untrained is not None
    vectors = subject.untrained(of_checkpoint.crops)
    # Of one that does not know them, all vectors go nearly the same way.
    assert np.linalg.norm(vectors.mean(axis=0)) < 0.3


def test_as_onnx_and_from_storage_it_has_the_same_scores(
    trained: Path, people: Path, of_checkpoint: Evaluation, tmp_path: Path
) -> None:
    card = export_model(trained, tmp_path / "model").card
    storage = str(tmp_path / "storage")
    ModelStore(storage, "reds").add({part: tmp_path / "model" / part for part in card.files}, card)
    for model in (tmp_path / "model" / "model.onnx", card.model_id):
        found = evaluate(model, people, storage=storage, tenant="reds")
        assert found.subject == (card.model_id if model == card.model_id else "model.onnx")
        assert list(found.baselines) == [COLOURS]
        assert found.scores.to_metrics() == pytest.approx(of_checkpoint.scores.to_metrics(), abs=0.01)


@pytest.mark.parametrize(("part", "crops"), [("val", 30), ("train", 48), ("all", 78)])
def test_the_part_that_is_asked_for_is_measured(part: Any, crops: int, trained: Path, people: Path) -> None:
    assert len(evaluate(trained, people, part=part).crops) == crops


@pytest.mark.parametrize("colour", ["rgb", "bgr"])
def test_a_model_gets_pictures_as_its_card_says(colour: Literal["rgb", "bgr"], tmp_path: Path) -> None:
    subject = open_subject(str(average_colour(tmp_path / "other.onnx", colour=colour)), None, None)
    crops = coloured(150)  # more than at once
    means = ((crops.pictures / 255 - MEAN) / STD).mean(axis=(1, 2))
    expected = means / np.linalg.norm(means, axis=1, keepdims=True)
    vectors = subject.look(crops)
    assert vectors.dtype == np.float32
    assert (subject.height, subject.width, subject.untrained) == (8, 8, None)
    assert np.allclose(vectors, expected if colour == "rgb" else expected[:, ::-1], atol=1e-4)


def test_a_picture_that_cannot_be_read_is_left_out_and_told(trained: Path, people: Path, tmp_path: Path) -> None:
    shutil.copytree(people / "val", tmp_path / "val")
    (tmp_path / "val" / "val00" / "0.png").write_bytes(b"")
    found = evaluate(trained, tmp_path)
    assert len(found.crops) == 29
    assert len(found.problems) == 1
    assert found.problems[0].startswith("val/val00/0.png: ")


def test_nobody_can_be_told_apart_of_whom_there_is_one_look(trained: Path, people: Path, tmp_path: Path) -> None:
    for person in ("val00", "val01", "val02"):
        (tmp_path / "val" / person).mkdir(parents=True)
        shutil.copy(people / "val" / person / "0.png", tmp_path / "val" / person)
    with pytest.raises(InputError, match="nobody in it can be told from anybody for certain"):
        evaluate(trained, tmp_path)


@pytest.mark.parametrize("spoil", [0.0, float("nan")])
def test_a_network_that_gives_no_direction_is_refused(spoil: float, people: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="run: gives vectors without a direction – it did not learn"):
        evaluate(save_best(tmp_path / "run", spoil), people)


def test_a_model_that_cannot_be_used_is_one_line(people: Path, tmp_path: Path) -> None:
    def refused(model: str) -> str:
        with pytest.raises(InputError) as caught:
            evaluate(model, people, storage=str(tmp_path / "storage"))
        assert "\n" not in str(caught.value)
        return str(caught.value).replace(str(tmp_path), "")

    assert refused(f"{tmp_path}/none") == "/none: no such file – check the path"
    assert refused(f"{tmp_path}/none.onnx") == "/none.onnx: no such file – check the path"
    assert "there is no model model_000000000000" in refused("model_000000000000")
    assert "an id looks like" in refused("model_spring")
    path = average_colour(tmp_path / "other.onnx")
    with open(path, "ab") as file:
        file.write(b"\0")
    assert "is not the file that the card of model_3f9a0c51d2e7 describes" in refused(str(path))
    os.unlink(tmp_path / "other.json")
    assert refused(str(path)) == "/model.json: no such file – check the path"
    path = average_colour(tmp_path / "finder.onnx", kind="detector")
    assert refused(str(path)).startswith("/finder.onnx: is a detector, not a re-identification model")
    path = average_colour(tmp_path / "wide.onnx", height=16)
    assert refused(str(path)).startswith("/wide.onnx: cannot be run: ")
    path.write_bytes(b"no model")
    card = json.loads((tmp_path / "wide.json").read_text())
    card["files"]["model.onnx"] = MeasuredFile.of(path).model_dump()
    (tmp_path / "wide.json").write_text(json.dumps(card))
    assert refused(str(path)).startswith("/wide.onnx: cannot be run: ")


def test_an_evaluation_is_written_for_people_and_for_programs(of_checkpoint: Evaluation, tmp_path: Path) -> None:
    folder = tmp_path / "a" / "report"
    write_evaluation(folder, of_checkpoint, Path("games"), "val")
    assert sorted(os.listdir(folder)) == ["report.html", "scores.json"]
    document = json.loads((folder / "scores.json").read_text())
    assert (document["model"], document["dataset"], document["part"]) == ("spring", "games", "val")
    assert document["scores"] == of_checkpoint.scores.to_metrics()
    assert document["baselines"] == {name: found.to_metrics() for name, found in of_checkpoint.baselines.items()}
    page = (folder / "report.html").read_text()
    assert "spring on games, val" in page
    assert COLOURS in page


def test_a_report_that_cannot_be_written_is_one_line(of_checkpoint: Evaluation, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(OutputError, match="taken"):
        write_evaluation(tmp_path / "taken" / "report", of_checkpoint, Path("games"), "val")
