"""Compiles functions with numba, and keeps what was compiled in the user's cache folder.

A root file system that is read-only, or a home that does not exist, is no trouble: the temporary folder serves then,
and where that cannot be written either, every process compiles anew.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def cache_folder() -> Path | None:
    """The first folder of these that can be written: $NUMBA_CACHE_DIR, the user's cache folder, the temporary one."""
    user = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    mine = f"laxai-{os.getuid()}"
    candidates = [chosen] if chosen else [os.path.join(user, "laxai"), os.path.join(tempfile.gettempdir(), mine)]
    for candidate in candidates:
        folder = Path(candidate) / "compiled"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # Others' code is not run: it must be a folder of ours.
            if folder.stat().st_uid != os.getuid():
                continue
            with tempfile.TemporaryFile(dir=folder):
                return folder
        except OSError:
            continue
    return None


_FOLDER = cache_folder()
if _FOLDER is not None:
    numba.config.CACHE_DIR = str(_FOLDER)


def compiled(function: Function) -> Function:
    """Compiles `function` at its first call, without the global interpreter lock; Python's arithmetic, not faster."""
    made: Function = numba.njit(cache=_FOLDER is not None, nogil=True, error_model="numpy")(function)
    return made
