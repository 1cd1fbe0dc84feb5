"""Which command starts each part. The BUILD file hands the commands over in the environment: nothing is imported."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from shared_libs.common.errors import InputError

SAMPLE = "LAXAI_SAMPLE_COMMAND"
TRACKING = "LAXAI_TRACKING_COMMAND"
TRAINING = "LAXAI_TRAINING_COMMAND"
CLOUD = "LAXAI_CLOUD_COMMAND"
API = "LAXAI_API_COMMAND"

_START_WITH_BAZEL = "start this program with `./bazelw run`, which sets it"


def command(variable: str, environment: Mapping[str, str] = os.environ) -> list[str]:
    """The command in an environment variable, as words of a shell; the first becomes an absolute path.

    A program that is named with a folder is looked for from the working directory (under Bazel, the root of the
    runfiles), one without on the PATH. Raises InputError when the variable is unset or names no program.
    """
    try:
        words = shlex.split(environment.get(variable, ""))
    except ValueError as error:
        raise InputError(variable, f"is not a command: {error}") from error
    if not words:
        raise InputError(variable, "is not set", hint=_START_WITH_BAZEL)
    program = words[0]
    found = shutil.which(program if "/" not in program else str(Path.cwd() / program))
    if found is None:
        raise InputError(variable, f"names no program that can be started: {program}", hint=_START_WITH_BAZEL)
    return [found, *words[1:]]


def environment_of_child(environment: Mapping[str, str]) -> dict[str, str]:
    """`environment` without its import path: each part brings the libraries of its own lock."""
    return {name: value for name, value in environment.items() if name != "PYTHONPATH"}


def not_startable(words: Sequence[str], error: OSError) -> InputError:
    """What the user is told of a command that the system refused to start."""
    return InputError(words[0], f"cannot be started: {error.strerror or error}")
