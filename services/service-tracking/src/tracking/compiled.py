"""Compiles functions with numba, and keeps what was compiled in the user's cache folder.

A root file system that is read-only, or a home that does not exist, is no trouble: the temporary folder serves then,
and where that cannot be written either, every process compiles anew. So it does where kept files are damaged.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core.caching import FunctionCache

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
            # Others' code is not run: it must be a folder of ours, and nobody else may put another in its place.
            checked = [folder] if chosen else [folder, folder.parent]
            if any(path.lstat().st_uid != os.getuid() for path in checked):
                continue
            with tempfile.TemporaryFile(dir=folder):
                return folder
        except OSError:
            continue
    return None


_FOLDER = cache_folder()
if _FOLDER is not None:
    numba.config.CACHE_DIR = str(_FOLDER)  # type: ignore[attr-defined]  # numba makes its settings at run time


class _Cache(FunctionCache):
    """numba's, but that damaged files are as good as none, and that it knows constants that were imported.

    numba notices by itself when a function's own file changes, and compiles anew.
    """

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # a damaged pickle may raise anything
            with contextlib.suppress(OSError):
                self.flush()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        with contextlib.suppress(OSError):  # a full disk
            super().save_overload(sig, data)

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        names = self._py_func.__globals__.items()
        constants = sorted((name, value) for name, value in names if isinstance(value, int | float))
        return (*super()._index_key(sig, codegen), repr(constants))


def compiled(function: Function) -> Function:
    """Compiles `function` at its first call, without the global interpreter lock; Python's arithmetic, not faster."""
    made: Any = numba.njit(nogil=True, error_model="numpy")(function)
    if _FOLDER is not None:
        made._cache = _Cache(function)
    kept: Function = made
    return kept
