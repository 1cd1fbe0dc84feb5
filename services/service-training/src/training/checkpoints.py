"""Checkpoints: files from which a training goes on, or from which its network is taken."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, Final

import torch
from lightning.fabric.plugins import CheckpointIO
from pydantic import Field, JsonValue, ValidationError
from torch import nn

from shared_libs.common.documents import Contract, explain
from shared_libs.common.errors import InputError, PathLike
from shared_libs.common.files import temporary_beside
from training.networks.network import NetworkName, make_network

LAST: Final = "last.ckpt"
"""Where the training is."""

BEST: Final = "best.ckpt"
"""Where it was when validation scored highest; what is exported."""

_ABOUT = "training.about"
_PREFIX = "network."


class About(Contract):
    """What a checkpoint is of. network, embedding_size, height and width (pixels) say what the weights are for;
    `command` holds everything else that decides the result, `data` what it is learned from, in numbers."""

    network: NetworkName
    embedding_size: int = Field(ge=1)
    height: int = Field(ge=1)
    width: int = Field(ge=1)
    command: dict[str, JsonValue]
    data: dict[str, JsonValue] = Field(default_factory=dict)


class DurableCheckpoints(CheckpointIO):
    """Files that are whole or absent: a full disk or a kill leaves the earlier one as it was."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: PathLike, storage_options: Any | None = None) -> None:
        """Raises OutputError where the file cannot be written."""
        with temporary_beside(path) as temporary, open(temporary, "wb") as file:
            try:
                torch.save(checkpoint, file)
            except RuntimeError as error:
                # What torch says of a write that failed hides why.
                raise error.__context__ if isinstance(error.__context__, OSError) else error from None

    def load_checkpoint(
        self, path: PathLike, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Raises InputError; see `read_checkpoint`."""
        return read_checkpoint(Path(path))

    def remove_checkpoint(self, path: PathLike) -> None:
        """Takes a file away."""
        Path(path).unlink(missing_ok=True)


def about_of(checkpoint: dict[str, Any], path: Path) -> About:
    """What a checkpoint is of. Raises InputError where it is none of ours."""
    if _ABOUT not in checkpoint:
        raise InputError(path, "is a checkpoint of another program", hint="name one that `train` wrote")
    try:
        return About.model_validate(checkpoint[_ABOUT])
    except ValidationError as error:
        raise InputError(path, explain(error), hint="it may be of a newer version of the program") from None


def mark(checkpoint: dict[str, Any], about: About) -> None:
    """Notes in a checkpoint what it is of."""
    checkpoint[_ABOUT] = about.model_dump(mode="json")


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A checkpoint, on the processor. No code in it is run.

    Raises InputError where the file is missing, damaged, or holds more than numbers and plain values.
    """
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise InputError.from_os_error(path, error) from error
    except pickle.UnpicklingError:
        raise InputError(path, "is not a checkpoint, or holds code", hint="name one that `train` wrote") from None
    except Exception:  # damaged bytes lead torch to almost any kind
        raise InputError(path, "is not a checkpoint, or not a whole one", hint="copy it again, or train anew") from None
    if not isinstance(checkpoint, dict):
        raise InputError(path, "is not a checkpoint", hint="name one that `train` wrote")
    return checkpoint


def network_of(path: Path) -> tuple[nn.Module, About]:
    """The network that a checkpoint holds, ready to be used (not trained). Raises InputError."""
    checkpoint = read_checkpoint(path)
    about = about_of(checkpoint, path)
    network = make_network(about.network, about.embedding_size)
    state = checkpoint.get("state_dict")
    everything = state if isinstance(state, dict) else {}
    weights = {
        str(name).removeprefix(_PREFIX): value for name, value in everything.items() if str(name).startswith(_PREFIX)
    }
    try:
        network.load_state_dict(weights)
    except RuntimeError:
        cause = f"its weights are not those of {about.network} with {about.embedding_size} values"
        raise InputError(path, cause, hint="it may be of another version of the program") from None
    return network.eval(), about
