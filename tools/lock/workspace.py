"""Where the workspace is, and which locks it has."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from shared_libs.common.errors import InputError

MARK = "MODULE.bazel"
REQUIREMENTS = "requirements"
SHARED_LIBS = "shared_libs"


def workspace_root() -> Path:
    """The workspace whose files are to be edited.

    `bazel run` names it in BUILD_WORKSPACE_DIRECTORY; otherwise it is the nearest folder above the working directory
    that holds MODULE.bazel. Raises InputError where there is none.
    """
    named = os.environ.get("BUILD_WORKSPACE_DIRECTORY")
    if named:
        return Path(named)
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / MARK).is_file():
            return folder
    raise InputError(here, f"no {MARK} here or in a folder above", hint="run this from inside the workspace")


def lock_names(root: Path) -> list[str]:
    """The names of all locks: the stems of requirements/*.in, sorted. Raises InputError where there are none."""
    folder = root / REQUIREMENTS
    names = sorted(path.stem for path in folder.glob("*.in"))
    if not names:
        raise InputError(folder, "no .in files here", hint="is this the right workspace?")
    return names


def service_lock_names(names: Iterable[str]) -> list[str]:
    """Those locks of `names` that belong to a service."""
    return [name for name in names if name.startswith("service_")]


def choose(asked: Sequence[str], available: Sequence[str], what: str) -> list[str]:
    """The members of `available` that were asked for, in the order of `available`; all, if none was.

    A name may be typed with dashes or underscores, and a service's without its `service_`.
    Raises InputError for a name that is not there.
    """
    known = {spelling(name): name for name in available}
    chosen = set()
    for typed in asked:
        name = known.get(spelling(typed))
        if name is None:
            raise InputError(typed, f"there is no such {what}", hint=f"there are: {', '.join(available)}")
        chosen.add(name)
    return [name for name in available if not asked or name in chosen]


def spelling(name: str) -> str:
    """`name` with what people type differently made the same."""
    return name.replace("-", "_").removeprefix("service_").lower()
