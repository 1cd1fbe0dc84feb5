"""The folder of a training: whose it is, and whether a training may begin or go on in it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from shared_libs.common.errors import InputError, OutputError
from training.checkpoints import BEST, LAST, About, about_of, read_checkpoint
from training.keeping import HISTORY

RUN: Final = "run.json"
TENSORBOARD: Final = "tensorboard"


def prepare_folder(folder: Path, about: About, *, resume: bool, fresh: bool, say: Callable[[str], None]) -> Path | None:
    """Makes `folder` ready; gives the checkpoint to go on from, None for a training from the beginning.

    Raises InputError where there is a training already and nothing was said about it, or where it is another one;
    OutputError where the folder cannot be made.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(folder, "is a file, not a folder", hint="name a folder for the results")
    last = folder / LAST
    if last.exists() and not fresh:
        if not resume:
            hint = "--resume goes on with it, --fresh begins anew"
            raise InputError(folder, "holds a training already", hint=hint)
        _check_same(about, about_of(read_checkpoint(last), last), last)
        return last
    if resume:
        say("nothing was saved there yet: a new training begins")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in (RUN, LAST, BEST, HISTORY):
            (folder / name).unlink(missing_ok=True)
        shutil.rmtree(folder / TENSORBOARD, ignore_errors=True)
    except OSError as error:
        raise OutputError.from_os_error(folder, error) from error
    return None


def _check_same(now: About, saved: About, path: Path) -> None:
    """Raises InputError, naming what differs, where a checkpoint is not of this very command."""
    here = now.model_dump(mode="json", exclude={"command", "data"}) | now.command
    there = saved.model_dump(mode="json", exclude={"command", "data"}) | saved.command
    differing = [name for name in here if here[name] != there.get(name)]
    if differing:
        shown = ", ".join(_difference(name, there.get(name), here[name]) for name in differing)
        cause = f"is of a training with another {shown}"
        raise InputError(path, cause, hint="give the same command again, or name another folder for --out")


def _difference(name: str, saved: object, now: object) -> str:
    """A digest or a table of settings says nothing to people."""
    is_short = all(isinstance(value, int | float | str) and len(str(value)) < 40 for value in (saved, now))
    return f"{name} ({saved}, not {now})" if is_short else name
