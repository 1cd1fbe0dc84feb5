"""Which packages load which .bzl file, read from the load() statements: Bazel allows them nothing but plain strings."""

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from affected.graph import package_of, plain
from buildgen.starlark import StarlarkError, parse

_LOOKS_FOR_FILES = re.compile(r"\b(?:glob|subpackages)\(")

BUILD_FILES = ("BUILD.bazel", "BUILD")


class Loads:
    """What the BUILD files of a workspace load, directly and indirectly."""

    def __init__(self, packages: Iterable[str], read: Callable[[str], str | None], name: str = "") -> None:
        """`read` gives the text of a file of the workspace, by its path from the root; None where it is not there.

        `name` is the workspace's module's.
        """
        self._read = read
        self._name = name
        self._packages = sorted(packages)
        self._direct: dict[str, list[str] | None] = {}

    def packages_that_load(self, path: str) -> list[str]:
        """The packages whose BUILD file loads the .bzl file at `path`.

        A package with a file on the way that cannot be understood counts as well.
        """
        return [package for package in self._packages if self._reaches(package, path)]

    def may_glob(self, package: str) -> bool:
        """Whether a package's targets may depend on which files there are, beyond those that they name.

        The macros of other modules are taken to look for no files by themselves.
        """
        files = self.closure([self._build_file(package)])
        return any(_LOOKS_FOR_FILES.search(self._read(path) or "") or self._loaded_by(path) is None for path in files)

    def closure(self, starts: Iterable[str]) -> set[str]:
        """The paths of files and of what they load."""
        found = set(starts)
        pending = list(found)
        while pending:
            for path in self._loaded_by(pending.pop()) or ():
                if path not in found:
                    found.add(path)
                    pending.append(path)
        return found

    def _reaches(self, package: str, path: str) -> bool:
        closure = self.closure([self._build_file(package)])
        return path in closure or any(self._loaded_by(one) is None for one in closure)

    def _build_file(self, package: str) -> str:
        paths = [f"{package}/{name}".lstrip("/") for name in BUILD_FILES]
        return next((path for path in paths if self._read(path) is not None), paths[0])

    def _loaded_by(self, path: str) -> list[str] | None:
        """The files of the workspace that one file loads itself; None where it cannot be understood."""
        if path not in self._direct:
            text = self._read(path)
            # A file that is not there is Bazel's to complain about.
            self._direct[path] = [] if text is None else _loads_of(text, os.path.dirname(path), self._name)
        return self._direct[path]


def reader(root: Path) -> Callable[[str], str | None]:
    """Reads files below `root`, each once. One that cannot be read is None."""
    known: dict[str, str | None] = {}

    def read(path: str) -> str | None:
        if path not in known:
            try:
                known[path] = (root / path).read_text(encoding="utf-8", errors="surrogateescape")
            except OSError:
                known[path] = None
        return known[path]

    return read


def _loads_of(text: str, package: str, name: str) -> list[str] | None:
    try:
        calls = [statement.call for statement in parse(text) if statement.call is not None]
    except StarlarkError:
        return None
    labels = [call.arguments[0].value for call in calls if call.name == "load" and call.arguments]
    if any(label.kind != "string" for label in labels):
        return None
    ours = f"@{name}//"
    written = [
        "//" + label.value.removeprefix(ours) if label.value.startswith(ours) else label.value for label in labels
    ]
    return [path for path in (_path_of(label, package) for label in written) if path is not None]


def _path_of(label: str, package: str) -> str | None:
    """The path of a .bzl file's label as it stands in a file of `package`; None where it is of another module."""
    whole = plain(label if "//" in label else f"//{package}:{label.removeprefix(':')}")
    if not whole.startswith("//"):
        return None
    return f"{package_of(whole)}/{whole.partition(':')[2]}".lstrip("/")
