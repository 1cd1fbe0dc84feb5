"""`evaluate`: how well a model tells the people of a data set apart, beside what knows nothing of them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import onnxruntime
import torch
from torch import nn

from shared_libs.common.errors import InputError, OutputError
from shared_libs.common.files import atomic_write, sha256_file
from shared_libs.common.json_text import dump_json
from shared_libs.common.model_card import ModelInput, check_digest, read_model_card
from shared_libs.common.model_store import ModelStore
from shared_libs.common.storage import Split
from shared_libs.utils.paths import user_path
from training.checkpoints import network_of
from training.dataset.crop_set import CropSet
from training.dataset.reading import read_crops
from training.evaluation.baselines import colour_histogram
from training.evaluation.embedding import BATCH, embed
from training.evaluation.measuring import Scores, measure
from training.evaluation.report import ReportFacts, report_html
from training.exporting import CARD, find_checkpoint
from training.loading.crops import Pictures, normalise
from training.networks.network import make_network

REPORT: Final = "report.html"
SCORES: Final = "scores.json"

COLOURS: Final = "colour histogram"
RANDOM: Final = "the same network, random weights"

Vectors = npt.NDArray[np.float32]
Part = Split | Literal["all"]

_SETTLING_BATCHES = 8
_CPU = torch.device("cpu")


@dataclass(frozen=True, slots=True)
class Subject:
    """What is measured. look: crops of its size to vectors of unit length, float32 (n, d). untrained: the same without
    anything learned, where that can be had."""

    name: str
    height: int
    width: int
    look: Callable[[CropSet], Vectors]
    untrained: Callable[[CropSet], Vectors] | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """scores: of the model. baselines: of the others on the same crops, by name. problems: pictures left out."""

    subject: str
    scores: Scores
    baselines: dict[str, Scores]
    crops: CropSet
    problems: tuple[str, ...]


def evaluate_model(
    model: str, dataset: Path, *, part: Part = "val", storage: str | None, tenant: str | None, quiet: bool = False
) -> Evaluation:
    """Measures `model` on one part of a data set.

    model: a folder that `train` wrote, a checkpoint, an ONNX file with its card beside it, or the id of a stored model.
    Raises InputError where one of the two cannot be used, or where nobody can be told from anybody.
    """
    subject = open_subject(model, storage, tenant)
    split = None if part == "all" else part
    crops, problems = read_crops(dataset, split, height=subject.height, width=subject.width, quiet=quiet)
    scores = measure(_checked(subject, crops), crops, quiet=quiet)
    if not scores.ranking.queries:
        hint = "people have to be seen more than once, a second apart, and beside each other"
        raise InputError(dataset, "nobody in it can be told from anybody for certain", hint=hint)
    others: dict[str, Callable[[CropSet], Vectors]] = {COLOURS: lambda crops: colour_histogram(crops.pictures)}
    if subject.untrained is not None:
        others[RANDOM] = subject.untrained
    baselines = {name: measure(look(crops), crops, confusions=0, quiet=quiet) for name, look in others.items()}
    return Evaluation(subject.name, scores, baselines, crops, problems)


def open_subject(model: str, storage: str | None, tenant: str | None) -> Subject:
    """The model that is meant; see `evaluate_model`."""
    path = user_path(model)
    if model.startswith("model_") and not path.exists():
        store = ModelStore.configured(storage, tenant)
        with tempfile.TemporaryDirectory() as folder:
            return _onnx(store.fetch(model, Path(folder)), model)
    if path.suffix == ".onnx":
        return _onnx(path, path.name)
    checkpoint, _ = find_checkpoint(path)
    network, about = network_of(checkpoint)

    def untrained(crops: CropSet) -> Vectors:
        torch.manual_seed(0)
        return embed(_settled(make_network(about.network, about.embedding_size), crops), crops, device=_CPU)

    return Subject(path.name, about.height, about.width, lambda crops: embed(network, crops, device=_CPU), untrained)


def _settled(network: nn.Module, crops: CropSet) -> nn.Module:
    """A random network whose norms know the pictures' averages: without them it would have no chance at all."""
    pictures = Pictures(crops, _CPU)
    rows = torch.randperm(len(crops), generator=torch.Generator().manual_seed(0))
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = None  # the mean over all batches
    network.train()
    with torch.inference_mode():
        for batch in torch.split(rows, BATCH)[:_SETTLING_BATCHES]:
            network(normalise(pictures.batch(batch)))
    return network.eval()


def _onnx(path: Path, name: str) -> Subject:
    """A model in ONNX's format with its card, as service-tracking uses it."""
    digest = sha256_file(path)
    card_path = path.with_suffix(".json") if path.with_suffix(".json").exists() else path.with_name(CARD)
    card = read_model_card(card_path)
    check_digest(card, "model.onnx", path, digest)
    if card.kind != "reid":
        raise InputError(path, f"is a {card.kind}, not a re-identification model", hint="name another model")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own kinds share no other base
        raise InputError(path, f"cannot be run: {error}", hint="export the model again") from None
    return Subject(
        name, card.input.height, card.input.width, lambda crops: _run(session, card.input, crops, path), None
    )


def _run(session: onnxruntime.InferenceSession, taken: ModelInput, crops: CropSet, path: Path) -> Vectors:
    mean, std = np.array(taken.mean, np.float32), np.array(taken.std, np.float32)
    source = session.get_inputs()[0].name
    parts = []
    for first in range(0, len(crops), BATCH):
        pictures = (crops.pictures[first : first + BATCH].astype(np.float32) / 255 - mean) / std
        pictures = pictures[..., ::-1] if taken.colour == "bgr" else pictures
        try:
            vectors = session.run(None, {source: np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))})[0]
        except Exception as error:
            raise InputError(path, f"cannot be run: {error}", hint="its card may be of another model") from None
        parts.append(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(np.float32).tiny))
    return np.concatenate(parts).astype(np.float32)


def _checked(subject: Subject, crops: CropSet) -> Vectors:
    vectors = subject.look(crops)
    if not (np.abs(np.linalg.norm(vectors, axis=1) - 1) < 1e-3).all():  # nor where they are no numbers
        raise InputError(subject.name, "gives vectors without a direction", hint="it did not learn; train it anew")
    return vectors


def write_evaluation(folder: Path, evaluation: Evaluation, dataset: Path, part: Part) -> None:
    """Writes report.html, for people, and scores.json, for programs, into `folder`. Raises OutputError."""
    crops, scores = evaluation.crops, evaluation.scores
    facts = ReportFacts(
        title="Who is who",
        subtitle=f"{evaluation.subject} on {dataset.name}, {part}",
        name=evaluation.subject,
        data=(("data set", dataset.name), ("part", part), ("left out", f"{len(evaluation.problems):,} pictures")),
        baselines=tuple(evaluation.baselines.items()),
    )
    document = {
        "model": evaluation.subject,
        "dataset": dataset.name,
        "part": part,
        "scores": scores.to_metrics(),
        "baselines": {name: other.to_metrics() for name, other in evaluation.baselines.items()},
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError.from_os_error(folder, error) from error
    with atomic_write(folder / REPORT, "w") as page:
        page.write(report_html(scores, facts, crops))
    with atomic_write(folder / SCORES) as file:
        file.write(dump_json(document))
