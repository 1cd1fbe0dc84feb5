"""Lightning's trainer, as a request wants it."""

from __future__ import annotations

import importlib.util
import logging
import shutil
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger, TensorBoardLogger
from torch import nn

from shared_libs.common.errors import InputError
from training.checkpoints import DurableCheckpoints
from training.request import Request
from training.results_folder import TENSORBOARD

_COMPILERS = ("c++", "g++", "clang++")
_LOGGERS = ("lightning.pytorch", "lightning.fabric", "lightning.fabric.utilities.distributed")
_KNOWN_WARNINGS = (
    ".*does not have many workers.*",
    ".*is not a DataLoader.*",
    ".*isinstance.treespec, LeafSpec.*",
    ".*sync_dist=True.*",  # what is logged is of all processes already
    ".*your dataloader is not resumable.*",  # it is, by the number of steps
)


def check_machine(request: Request) -> None:
    """Raises InputError where something is asked for that this machine or this installation does not have."""
    if request.accelerator == "cuda" and not torch.cuda.is_available():
        cause = "no GPU is seen" if torch.version.cuda else "this build of torch has no CUDA"
        hint = "with Bazel: --//tools/build_defs:accelerator=cuda; or train with --accelerator cpu"
        raise InputError("--accelerator", cause, hint=hint)
    if uses_gpu(request) and request.devices > torch.cuda.device_count():
        there = torch.cuda.device_count()
        raise InputError("--devices", f"asks for {request.devices} GPUs, this machine has {there}")
    if request.compile == "on" and not _has_compiler():
        raise InputError("--compile", "there is no C++ compiler here", hint="install g++, or leave it out")
    if request.wandb is not None and importlib.util.find_spec("wandb") is None:
        raise InputError("--wandb", "the package wandb is not installed", hint="pip install wandb, or leave it out")


def uses_gpu(request: Request) -> bool:
    """Whether the training runs on GPUs."""
    return request.accelerator != "cpu" and torch.cuda.is_available()


def make_trainer(request: Request, callbacks: Sequence[Callback]) -> L.Trainer:
    """A trainer that saves through the callbacks alone, and logs to TensorBoard and, if asked for, to W&B."""
    loggers: list[Logger] = [TensorBoardLogger(request.out, name=TENSORBOARD, version="")]
    if request.wandb is not None:
        from lightning.pytorch.loggers import WandbLogger

        loggers.append(WandbLogger(project=request.wandb, save_dir=request.out))
    several = request.devices * request.nodes > 1
    return L.Trainer(
        accelerator="cuda" if uses_gpu(request) else "cpu",
        devices=request.devices,
        num_nodes=request.nodes,
        strategy="ddp" if several else "auto",
        precision=_precision(request),
        max_epochs=request.epochs if request.budget is None else -1,
        callbacks=list(callbacks),
        logger=loggers,
        plugins=[DurableCheckpoints()],
        # Not on GPUs: their exact kernels are slower, and atomics in them make no difference that matters.
        deterministic=not uses_gpu(request),
        benchmark=uses_gpu(request),
        sync_batchnorm=several and uses_gpu(request),
        num_sanity_val_steps=0,
        log_every_n_steps=1,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        default_root_dir=request.out,
    )


def compile_network(network: nn.Module, request: Request, say: Callable[[str], None]) -> None:
    """Compiles the network in place where that is asked for, or likely to pay: on a GPU.

    Where there is no compiler, it stays as it is, and `say` is told.
    """
    if request.compile == "off" or (request.compile == "auto" and not uses_gpu(request)):
        return
    if _has_compiler():
        network.compile()
    else:
        say("not compiled, since there is no C++ compiler here: slower, with the same results")


def _has_compiler() -> bool:
    return any(shutil.which(name) for name in _COMPILERS)


def _precision(request: Request) -> Literal["32-true", "bf16-mixed"]:
    is_mixed = request.precision == "bf16"
    if request.precision == "auto":
        is_mixed = uses_gpu(request) and torch.cuda.is_bf16_supported()
    return "bf16-mixed" if is_mixed else "32-true"


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Keeps what Lightning says of itself off the terminal; what is wrong still comes through."""
    before = {logger: logger.level for logger in map(logging.getLogger, _LOGGERS)}
    for logger in before:
        logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            for words in _KNOWN_WARNINGS:
                warnings.filterwarnings("ignore", message=words)
            yield
    finally:
        for logger, level in before.items():
            logger.setLevel(level)
