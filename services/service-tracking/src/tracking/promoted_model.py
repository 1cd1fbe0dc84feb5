"""The re-identification model that is in use in storage: for runs that name none."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from shared_libs.common.errors import InputError, UserError
from shared_libs.common.model_store import ModelStore


def promoted_reid_model() -> Path | None:
    """The file of the promoted model, its card beside it; None where there is no storage, or no model is promoted.

    LAXAI_STORAGE and LAXAI_TENANT say where. Raises InputError, with the way out, where that cannot be read, and where
    the model is missing or not as its card has it.
    """
    with way_out():
        store = ModelStore.configured()
        card = store.promoted("reid")
        return store.fetch(card.model_id, _cache_folder()) if card is not None else None


@contextlib.contextmanager
def way_out() -> Iterator[None]:
    """Errors of the block say how to do without a model that the command did not name."""
    try:
        yield
    except UserError as error:
        hint = "; ".join(filter(None, [error.hint, "or go on with jersey colours alone: --reid none"]))
        raise InputError(error.path, error.cause, line=error.line, hint=hint) from error


def _cache_folder() -> Path:
    """Where models from an object store are kept."""
    user = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(user, "laxai", "models")
