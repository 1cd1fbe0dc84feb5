"""A trained network as ONNX with its card."""

from __future__ import annotations

import hashlib
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

import training.exporting
from shared_libs.common.errors import InputError, OutputError
from shared_libs.common.model_card import read_model_card
from shared_libs.common.run import Run, write_run
from training import __version__
from training.checkpoints import BEST, About, DurableCheckpoints, mark, network_of
from training.exporting import export_model, find_checkpoint
from training.loading.crops import IMAGENET_MEAN, IMAGENET_STD
from training.networks.network import make_network
from training.results_folder import RUN

HEIGHT, WIDTH, SIZE = 64, 32, 20
PARTS = ["checkpoint.ckpt", "model.json", "model.onnx"]
COMMAND = {"loss": "triplet", "rate": 3e-3, "budget": None}
DATA = {"name": "three games", "train": {"crops": 48}}


def save_best(folder: Path, seed: int = 0) -> Path:
    """A checkpoint of random weights whose norms have seen something."""
    torch.manual_seed(seed)
    network = make_network("small", SIZE)
    network(torch.randn(8, 3, HEIGHT, WIDTH))
    saved: dict[str, Any] = {"state_dict": network.state_dict(prefix="network.")}
    about = About(network="small", embedding_size=SIZE, height=HEIGHT, width=WIDTH, command=COMMAND, data=DATA)
    mark(saved, about)
    folder.mkdir(exist_ok=True)
    DurableCheckpoints().save_checkpoint(saved, folder / BEST)
    return folder / BEST


def measured(folder: Path) -> None:
    """What `train` says of a run, beside its checkpoint."""
    metrics = {"val/rank1": 0.9, "val/mAP": 0.8, "val/eer_threshold": 0.61, "epochs": 12.0}
    write_run(
        folder / RUN,
        Run(service="service-training", created=datetime.now(UTC), code_version="0.1", metrics=metrics),
    )


def run(model: Path, pictures: torch.Tensor) -> np.ndarray[Any, np.dtype[np.float32]]:
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    [vectors] = session.run(None, {session.get_inputs()[0].name: pictures.numpy()})
    return np.asarray(vectors, np.float32)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as `train` leaves it."""
    folder = tmp_path_factory.mktemp("trained") / "spring 1.5"
    save_best(folder)
    measured(folder)
    return folder


@pytest.fixture(scope="module")
def exported(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model."""
    folder = tmp_path_factory.mktemp("exported")
    export_model(trained, folder, model_id="model_3f9a0c51d2e7")
    return folder


@pytest.mark.parametrize("count", [1, 2, 5, 33])
def test_onnx_gives_what_torch_gives_for_any_number_of_pictures(count: int, trained: Path, exported: Path) -> None:
    network, _ = network_of(trained / BEST)
    pictures = torch.randn(count, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(count))
    with torch.inference_mode():
        expected = network(pictures).numpy()
    vectors = run(exported / "model.onnx", pictures)
    assert vectors.shape == (count, SIZE)
    assert vectors.dtype == np.float32
    assert np.allclose(vectors, expected, rtol=1e-3, atol=1e-4)


def test_a_model_takes_any_batch_of_pictures_of_one_size(exported: Path) -> None:
    session = onnxruntime.InferenceSession(str(exported / "model.onnx"), providers=["CPUExecutionProvider"])
    [source], [target] = session.get_inputs(), session.get_outputs()
    assert (source.name, source.shape, source.type) == ("pictures", ["batch", 3, HEIGHT, WIDTH], "tensor(float)")
    assert (target.name, target.shape) == ("embedding", ["batch", SIZE])


def test_the_card_says_what_it_is_and_what_it_was_made_from(exported: Path) -> None:
    card = read_model_card(exported / "model.json")
    assert (card.model_id, card.kind, card.name) == ("model_3f9a0c51d2e7", "reid", "spring 1.5")
    assert (card.code_version, card.network, card.opset) == (__version__, "small", 17)
    assert (card.training, card.data) == (COMMAND, DATA)
    assert card.metrics == {"rank1": 0.9, "mAP": 0.8, "eer_threshold": 0.61}
    assert card.likeness_threshold == 0.61
    assert card.notes == ()


def test_the_card_says_what_service_tracking_needs(exported: Path) -> None:
    document = json.loads((exported / "model.json").read_text())
    assert document["input"] == {
        "height": HEIGHT,
        "width": WIDTH,
        "mean": list(IMAGENET_MEAN),
        "std": list(IMAGENET_STD),
        "colour": "rgb",
    }
    assert document["embedding"] == {"size": SIZE}
    assert document["model_id"] == "model_3f9a0c51d2e7"


def test_the_card_measures_the_other_files(trained: Path, exported: Path) -> None:
    assert sorted(os.listdir(exported)) == PARTS
    files = json.loads((exported / "model.json").read_text())["files"]
    assert sorted(files) == ["checkpoint.ckpt", "model.onnx"]
    for name, file in files.items():
        content = (exported / name).read_bytes()
        assert file == {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    assert (exported / "checkpoint.ckpt").read_bytes() == (trained / BEST).read_bytes()


def test_a_second_export_has_the_same_bytes_and_another_id(trained: Path, exported: Path, tmp_path: Path) -> None:
    again = export_model(trained, tmp_path)
    assert (tmp_path / "model.onnx").read_bytes() == (exported / "model.onnx").read_bytes()
    assert again.card.model_id != "model_3f9a0c51d2e7"


def test_how_far_onnx_is_from_torch_is_told(trained: Path, tmp_path: Path) -> None:
    assert 0 <= export_model(trained, tmp_path).difference < 1e-4


def test_a_model_that_differs_from_torch_is_not_written(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training.exporting, "LARGEST_DIFFERENCE", -1.0)
    with pytest.raises(InputError, match=r"best\.ckpt: ONNX gives vectors that differ by .* from torch's"):
        export_model(trained, tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_checkpoint_by_itself_is_named_after_its_file_and_noted_as_not_measured(tmp_path: Path) -> None:
    save_best(tmp_path / "a").rename(tmp_path / "spring.ckpt")
    card = export_model(tmp_path / "spring.ckpt", tmp_path / "model").card
    assert (card.name, card.metrics, card.likeness_threshold) == ("spring", {}, None)
    assert card.notes == ("not measured: there was no run.json that is about the checkpoint",)
    assert export_model(tmp_path / "spring.ckpt", tmp_path / "model", name="Games of spring").card.name == (
        "Games of spring"
    )


def test_the_scores_of_the_best_epoch_are_not_given_to_another(trained: Path, tmp_path: Path) -> None:
    save_best(tmp_path).rename(tmp_path / "last.ckpt")
    measured(tmp_path)
    assert find_checkpoint(tmp_path / "last.ckpt") == (tmp_path / "last.ckpt", None)
    assert find_checkpoint(trained / BEST) == find_checkpoint(trained)
    assert find_checkpoint(trained)[1] is not None


def test_missing_folders_are_made_and_an_earlier_model_is_replaced(trained: Path, tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    first = export_model(trained, folder).card
    (tmp_path / "other").mkdir()
    second = export_model(save_best(tmp_path / "other", seed=1), folder).card
    assert sorted(os.listdir(folder)) == PARTS
    assert read_model_card(folder / "model.json") == second
    assert first.files["model.onnx"] != second.files["model.onnx"]


def test_where_a_card_stands_the_rest_belongs_to_it(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_model(trained, tmp_path)

    def killed(path: Path) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(training.exporting, "read_bytes", killed)  # between the model and its checkpoint
    with pytest.raises(KeyboardInterrupt):
        export_model(save_best(tmp_path / "other", seed=1), tmp_path)
    assert not (tmp_path / "model.json").exists()


@pytest.mark.parametrize("place", ["taken", "taken/model"])
def test_a_folder_that_cannot_be_is_one_line(place: str, trained: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(OutputError, match=r"taken.*: .*is a file, not a folder"):
        export_model(trained, tmp_path / place)
    assert (tmp_path / "taken").read_text() == "a file"


def test_a_source_that_cannot_be_used_is_one_line_and_leaves_no_folder(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.ckpt").write_text("no checkpoint")
    for source, cause in (
        ("empty", r"empty: holds no best\.ckpt – name a folder that `train` wrote"),
        ("text.ckpt", "is not a checkpoint"),
        ("none", "no such file"),
    ):
        with pytest.raises(InputError, match=cause):
            export_model(tmp_path / source, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_a_run_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    save_best(tmp_path)
    (tmp_path / RUN).write_text("{")
    with pytest.raises(InputError, match=r"run\.json:1: "):
        find_checkpoint(tmp_path)
