"""What `train` can be asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from shared_libs.common.documents import explain
from shared_libs.common.errors import InputError
from shared_libs.common.files import read_bytes
from shared_libs.common.json_text import parse_json
from training.loading.augmenting import AugmentSettings
from training.loading.sampling import BatchShape
from training.losses import LossName
from training.networks.network import NetworkName

Precision = Literal["auto", "32", "bf16"]
Compile = Literal["auto", "on", "off"]
Accelerator = Literal["auto", "cpu", "cuda"]


@dataclass(frozen=True, slots=True)
class Request:
    """One training.

    dataset: a folder that `build-dataset` wrote, or one of `identity/….jpg`. out: the folder of results. height, width:
    of the crops as the network takes them, in pixels. identity_weight: of the identity loss beside `loss`. rate: the
    highest learning rate. decay: AdamW's. budget: seconds of training, to which the schedule is fitted; None where
    `epochs` decide. patience: epochs without a better score after which it ends early; None for 20, or for never where
    there is a budget. base: a checkpoint whose weights it begins with. resume: goes on in `out`; fresh: begins anew
    there. devices: on each of `nodes` machines. wandb: a project there, None for none.
    """

    dataset: Path
    out: Path
    network: NetworkName = "small"
    embedding_size: int = 256
    height: int = 128
    width: int = 64
    loss: LossName = "contrastive"
    identity_weight: float = 1.0
    shape: BatchShape = field(default_factory=BatchShape)
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    rate: float = 3e-3
    decay: float = 5e-4
    epochs: int = 60
    budget: float | None = None
    patience: int | None = None
    seed: int = 0
    base: Path | None = None
    resume: bool = False
    fresh: bool = False
    accelerator: Accelerator = "auto"
    devices: int = 1
    nodes: int = 1
    precision: Precision = "auto"
    compile: Compile = "auto"
    wandb: str | None = None
    quiet: bool = False


def read_augmentation(path: Path | None) -> AugmentSettings:
    """The settings in a JSON file; the defaults where there is none. Raises InputError."""
    if path is None:
        return AugmentSettings()
    document = parse_json(path, read_bytes(path))
    try:
        return AugmentSettings.model_validate(document)
    except ValidationError as error:
        raise InputError(path, explain(error), hint=f"there are: {', '.join(AugmentSettings.model_fields)}") from None
