"""Paths as people type them.

`bazel run` starts a program inside its runfiles tree, not where the user stands; Bazel hands that place over in
`BUILD_WORKING_DIRECTORY`. Every command line passes its path arguments through `user_path`.
"""

import os
from pathlib import Path

WORKING_DIRECTORY_VARIABLE = "BUILD_WORKING_DIRECTORY"


def user_path(path: str | os.PathLike[str]) -> Path:
    """The file that the user means by `path`.

    A relative path is taken from the folder where the user stands: `BUILD_WORKING_DIRECTORY` under `bazel run`,
    the working directory otherwise. Nothing is resolved or checked, so `as_typed` can give back what was typed.
    """
    typed = Path(path)
    start = os.environ.get(WORKING_DIRECTORY_VARIABLE)
    if typed.is_absolute() or not start:
        return typed
    return Path(start) / typed


def as_typed(path: str | os.PathLike[str]) -> str:
    """The inverse of `user_path`, for messages: `path` relative to where the user stands, if it lies there."""
    shown = os.fspath(path)
    start = os.environ.get(WORKING_DIRECTORY_VARIABLE)
    if not start:
        return shown
    prefix = start.rstrip("/") + "/"
    return shown[len(prefix) :] if shown.startswith(prefix) and len(shown) > len(prefix) else shown
