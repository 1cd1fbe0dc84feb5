"""The story of `train`: a data set in; checkpoints, their history and what they are worth out."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import lightning as L
import numpy as np
import torch
from lightning.fabric.utilities.rank_zero import rank_zero_only
from lightning.pytorch.callbacks import EarlyStopping
from pydantic import JsonValue
from torch import nn

from shared_libs.common.errors import InputError
from shared_libs.common.files import sha256_file
from shared_libs.common.run import Run, write_run
from training import __version__
from training.checkpoints import BEST, LAST, About, network_of
from training.dataset.crop_set import CropSet
from training.dataset.reading import read_crops
from training.evaluation.embedding import embed
from training.evaluation.measuring import measure
from training.evaluation.pairs import Pairs
from training.keeping import Bar, History, Keeper, Signals
from training.loading.sampling import PkSampler
from training.module import MONITORED, Recipe, ReidModule
from training.networks.network import make_network
from training.request import Request
from training.results_folder import RUN, prepare_folder
from training.trainer import check_machine, compile_network, make_trainer, quiet_lightning

_PROBLEMS_TOLD = 5
_PATIENCE = 20
_NO_LIMIT = 100_000
"""Epochs, where a budget decides."""


@dataclass(frozen=True, slots=True)
class Result:
    """run: what run.json says. notes: what should be told with it."""

    run: Run
    folder: Path


def fit(request: Request, say: Callable[[str], None]) -> Result | None:
    """Trains a network; leaves checkpoints, history, curves and run.json in `request.out`.

    None in processes other than the first of several. Raises InputError for a data set, checkpoint or choice that
    cannot be used, OutputError for a folder that cannot be written, `Interrupted` after a signal. What was saved before
    stays, and `request.resume` goes on from it.
    """
    began = time.monotonic()
    check_machine(request)
    train, validation = _read(request, say)
    _check_learnable(request, train)
    _check_measurable(request, validation)
    about = _about(request, train, validation)
    start = _start(request, about, say)
    L.seed_everything(request.seed, verbose=False)
    network = make_network(request.network, request.embedding_size)
    if request.base is not None:
        network.load_state_dict(_base(request.base, about).state_dict())
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    module = ReidModule(network, train, validation, recipe_of(request))
    signals, history = Signals(), History(request.out)
    keeper = Keeper(request.out, about, signals)
    stopping = [EarlyStopping(MONITORED, mode="max", patience=patience)] if (patience := _patience(request)) else []
    with quiet_lightning(), signals.noted():
        trainer = make_trainer(request, [history, *stopping, keeper, Bar(quiet=request.quiet)])
        compile_network(network, request, say)
        trainer.fit(module, ckpt_path=start, weights_only=True)
    if not trainer.is_global_zero:
        return None
    run = _run(request, about, module, validation, history, time.monotonic() - began)
    write_run(request.out / RUN, run)
    return Result(run, request.out)


def _read(request: Request, say: Callable[[str], None]) -> tuple[CropSet, CropSet]:
    """The crops to learn from and those to be measured on; pictures that had to be left out are told."""
    size = {"height": request.height, "width": request.width}
    train, problems = read_crops(request.dataset, "train", quiet=request.quiet, **size)
    validation, more = read_crops(request.dataset, "val", quiet=request.quiet, **size)
    problems += more
    for problem in problems[:_PROBLEMS_TOLD]:
        say(f"left out: {problem}")
    if len(problems) > _PROBLEMS_TOLD:
        say(f"left out: {len(problems) - _PROBLEMS_TOLD} more pictures")
    return train, validation


def _check_learnable(request: Request, train: CropSet) -> None:
    try:
        PkSampler(train.identity, train.different, request.shape, seed=request.seed)
    except ValueError as error:
        hint = "people have to be seen beside each other, more than once"
        raise InputError(request.dataset, f"cannot be learned from: {error}", hint=hint) from None


def _check_measurable(request: Request, validation: CropSet) -> None:
    if not Pairs.of(validation).has_queries():
        cause = "what is held back cannot be measured on: it shows nobody twice, a second apart, beside somebody else"
        raise InputError(request.dataset, cause, hint="build it from longer games, or from more of them")


def _patience(request: Request) -> int | None:
    """What is paid for is used: a budget is never cut short unasked."""
    return _PATIENCE if request.patience is None and request.budget is None else request.patience


def recipe_of(request: Request) -> Recipe:
    """What decides, beside the network, what is learned."""
    return Recipe(
        loss=request.loss,
        identity_weight=request.identity_weight,
        embedding_size=request.embedding_size,
        shape=request.shape,
        augment=request.augment,
        rate=request.rate,
        decay=request.decay,
        epochs=request.epochs if request.budget is None else _NO_LIMIT,
        budget=request.budget,
        seed=request.seed,
    )


def _about(request: Request, train: CropSet, validation: CropSet) -> About:
    """What the checkpoints are of: everything that decides the result."""
    command: dict[str, JsonValue] = {
        "program": __version__,
        "dataset": _digest(train, validation),
        "loss": request.loss,
        "identity weight": request.identity_weight,
        "batch": f"{request.shape.identities}x{request.shape.crops} in {request.shape.groups}",
        "augmentation": request.augment.model_dump(mode="json"),
        "rate": request.rate,
        "decay": request.decay,
        "epochs": request.epochs if request.budget is None else None,
        "budget": request.budget,
        "patience": _patience(request),
        "seed": request.seed,
        "base": sha256_file(request.base) if request.base is not None else None,
        "processes": request.devices * request.nodes,
    }
    data: dict[str, JsonValue] = {"name": request.dataset.resolve().name}
    for part, crops in (("train", train), ("validation", validation)):
        data[part] = {"crops": len(crops), "identities": len(crops.identities), "games": len(np.unique(crops.game))}
    return About(
        network=request.network,
        embedding_size=request.embedding_size,
        height=request.height,
        width=request.width,
        command=command,
        data=data,
    )


def _digest(*sets: CropSet) -> str:
    """Of everything that is learned from or measured on."""
    digest = hashlib.sha256()
    for crops in sets:
        digest.update(repr((crops.pictures.shape, crops.names, crops.identities)).encode())
        for array in (crops.pictures, crops.identity, crops.time, crops.game, crops.different):
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _start(request: Request, about: About, say: Callable[[str], None]) -> Path | None:
    """The checkpoint to go on from, if there is one."""
    if rank_zero_only.rank == 0:  # type: ignore[attr-defined]  # Lightning sets it
        return prepare_folder(request.out, about, resume=request.resume, fresh=request.fresh, say=say)
    # The first process has looked after the folder before it started this one.
    last = request.out / LAST
    return last if request.resume and last.exists() else None


def _base(path: Path, about: About) -> nn.Module:
    """The network to begin with. Raises InputError where it is of another kind."""
    network, base = network_of(path)
    if (base.network, base.embedding_size) != (about.network, about.embedding_size):
        cause = f"holds {base.network} with {base.embedding_size} values"
        raise InputError(path, cause, hint=f"pass --network {base.network} --embedding {base.embedding_size}")
    return network


def _run(
    request: Request, about: About, module: ReidModule, validation: CropSet, history: History, seconds: float
) -> Run:
    """What came out: the best epoch's network, measured once more in full."""
    network, _ = network_of(request.out / BEST)
    scores = measure(embed(network, validation, device=torch.device("cpu")), validation, quiet=True)
    best = max(history.rows, key=lambda row: row[MONITORED])
    images, spent = float(module.images), module.spent
    metrics = {f"val/{name}": value for name, value in scores.to_metrics().items()}
    metrics |= {"epochs": float(len(history.rows)), "best_epoch": best["epoch"], "images": images}
    return Run(
        service="service-training",
        created=datetime.now(UTC),
        code_version=__version__,
        settings=about.model_dump(mode="json"),
        metrics=metrics,
        timings={"total": seconds, "training": spent, "images_per_second": images / spent},
    )
