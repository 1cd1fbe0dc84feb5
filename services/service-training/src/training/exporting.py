"""`export`: a checkpoint's network as ONNX, held against torch, with its card; service-tracking loads it as it is."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
import torch
from pydantic import JsonValue
from torch import nn

from shared_libs.common.errors import InputError, OutputError
from shared_libs.common.files import atomic_write, read_bytes, temporary_beside
from shared_libs.common.model_card import MeasuredFile, ModelCard, ModelEmbedding, ModelInput, write_model_card
from shared_libs.common.run import Run, read_run
from shared_libs.utils.ids import new_id
from training import __version__
from training.checkpoints import BEST, About, network_of
from training.loading.crops import IMAGENET_MEAN, IMAGENET_STD
from training.results_folder import RUN

OPSET: Final = 17
"""Read by every onnxruntime since 1.12."""

MODEL, CHECKPOINT, CARD = "model.onnx", "checkpoint.ckpt", "model.json"
INPUT, OUTPUT = "pictures", "embedding"

LARGEST_DIFFERENCE: Final = 1e-3
"""Between the two in a vector of unit length; more is a fault, not rounding."""

_BATCHES = (1, 3, 16)
_SCORES = "val/"


@dataclass(frozen=True, slots=True)
class Exported:
    """difference: the largest between torch and ONNX, in any value of vectors of unit length."""

    card: ModelCard
    difference: float


def find_checkpoint(path: Path) -> tuple[Path, Run | None]:
    """The checkpoint that `path` names – a folder that `train` wrote, or the file – and the run that measured it.

    That is what run.json beside BEST says; of other checkpoints nothing is known. Raises InputError where there is no
    checkpoint.
    """
    if path.is_dir():
        if not (path / BEST).exists():
            raise InputError(path, f"holds no {BEST}", hint="name a folder that `train` wrote, or a checkpoint")
        path = path / BEST
    run = path.with_name(RUN)
    return path, read_run(run) if path.name == BEST and run.exists() else None


def export_model(source: Path, folder: Path, *, name: str | None = None, model_id: str | None = None) -> Exported:
    """Writes model.onnx, checkpoint.ckpt and, last, model.json into `folder`, which is made if needed.

    source: a folder that `train` wrote, or a checkpoint. name: for people; by default the source's. Raises InputError
    where the source cannot be used or ONNX gives something else than torch, OutputError where `folder` cannot be
    written.
    """
    checkpoint, run = find_checkpoint(source)
    network, about = network_of(checkpoint)
    _make(folder)
    with temporary_beside(folder / MODEL) as temporary:
        _write_onnx(network, about, temporary)
        difference = _largest_difference(network, about, temporary)
        if not difference <= LARGEST_DIFFERENCE:
            raise InputError(checkpoint, f"ONNX gives vectors that differ by {difference:.2g} from torch's")
        (folder / CARD).unlink(missing_ok=True)  # of an earlier export: where a card stands, the rest belongs to it
    with atomic_write(folder / CHECKPOINT) as file:
        file.write(read_bytes(checkpoint))
    card = _card(about, run, folder, name or _name(source), model_id or new_id("model"))
    write_model_card(folder / CARD, card)
    return Exported(card, difference)


def _name(source: Path) -> str:
    """A folder's name may have dots; of a file's the last part says only what kind it is."""
    path = source.resolve()
    return path.name if path.is_dir() else path.stem


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise OutputError(folder, "is a file, not a folder", hint="name a folder for the model") from None
    except OSError as error:
        raise OutputError.from_os_error(folder, error) from error


def _write_onnx(network: nn.Module, about: About, path: Path) -> None:
    example = torch.zeros(2, 3, about.height, about.width)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch's own: that it has another exporter, which needs another package
        torch.onnx.export(
            network,
            (example,),
            path,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_axes={INPUT: {0: "batch"}, OUTPUT: {0: "batch"}},
            opset_version=OPSET,
            dynamo=False,
        )


def _largest_difference(network: nn.Module, about: About, path: Path) -> float:
    """Over batches of several sizes, of random pictures."""
    random = torch.Generator().manual_seed(0)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    differences = []
    for count in _BATCHES:
        pictures = torch.randn(count, 3, about.height, about.width, generator=random)
        with torch.inference_mode():
            expected = nn.functional.normalize(network(pictures)).numpy()
        [got] = session.run([OUTPUT], {INPUT: pictures.numpy()})
        differences.append(np.abs(got / np.linalg.norm(got, axis=1, keepdims=True) - expected).max())
    return float(np.max(differences))


def _card(about: About, run: Run | None, folder: Path, name: str, model_id: str) -> ModelCard:
    metrics = {} if run is None else run.metrics
    scores = {key.removeprefix(_SCORES): value for key, value in metrics.items() if key.startswith(_SCORES)}
    training: Mapping[str, JsonValue] = about.command
    notes = () if scores else ("not measured: there was no run.json that is about the checkpoint",)
    return ModelCard(
        model_id=model_id,
        kind="reid",
        name=name,
        created=datetime.now(UTC),
        code_version=__version__,
        input=ModelInput(height=about.height, width=about.width, mean=IMAGENET_MEAN, std=IMAGENET_STD, colour="rgb"),
        embedding=ModelEmbedding(size=about.embedding_size),
        network=about.network,
        opset=OPSET,
        files={part: MeasuredFile.of(folder / part) for part in (MODEL, CHECKPOINT)},
        data=about.data,
        training=dict(training),
        metrics=scores,
        likeness_threshold=scores.get("eer_threshold"),
        notes=notes,
    )
