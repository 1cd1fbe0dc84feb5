"""What in the graph changed files touch first."""

import fnmatch
import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from affected.changes import Change, Changes
from affected.graph import Graph, package_of
from affected.loading import BUILD_FILES, Loads
from affected.module_file import ModuleFile
from affected.wheels import changed_packages

# Files that say how everything is built. `*` stands for no slash, `**` for anything.
_WHOLE_BUILD = {
    "MODULE.bazel": "it says which modules and wheels there are",
    "MODULE.bazel.lock": "it says which modules there are",
    "*.MODULE.bazel": "it is a part of MODULE.bazel",
    "WORKSPACE": "it says which repositories there are",
    "WORKSPACE.*": "it says which repositories there are",
    "REPO.bazel": "it holds for every package",
    ".bazelignore": "it says which folders have packages",
    ".bazelversion": "another Bazel builds differently",
    ".bazelrc": "its flags hold for every target",
    "bazelw": "it chooses Bazel, and the tools that actions run",
    "tools/airgap/airgap.bazelrc": "its flags hold for every target",
    "tools/airgap/modules/**": "it is a part of a module that targets are built with",
    "tools/airgap/registry/**": "it says which modules there are",
    "tools/airgap/provision/*": "it chooses Bazel, and the tools that actions run",
}
_OF_GROUPS = "no query tells which targets a package_group lets in"

# The repository of tools/build_defs/tree.bzl: each file under its own path, and files.txt, which names them all.
TREE = "tree"

Read = Callable[[str], str | None]

_IMPORT = re.compile(r"^\s*(?:try-)?import\s+%workspace%/(\S+)", re.MULTILINE)


@dataclass(slots=True)
class Causes:
    """Where an effect begins, each with its reason.

    Attributes:
        everything: reasons why every target counts.
        labels: of source files, or of folders that are the source of something.
        packages: all of whose targets count, and whoever names something in them.
        repositories: by name, all of whose labels count.
        wheels: {(hub, package as in @hub//package, or "" for all of the hub's): reason}.
    """

    everything: list[str] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)
    packages: dict[str, str] = field(default_factory=dict)
    repositories: dict[str, str] = field(default_factory=dict)
    wheels: dict[tuple[str, str], str] = field(default_factory=dict)


def find_causes(changes: Changes, graph: Graph, module: ModuleFile, read: Read, read_before: Read) -> Causes:
    """What the changes touch in a graph.

    Args:
        changes: the changed files.
        graph: of the workspace as it is now.
        module: what MODULE.bazel says.
        read: gives the text of a file as it is now; None where it is not there.
        read_before: the same, as it was.
    """
    finder = _Finder(changes, graph, module, read, read_before)
    for change in changes.files:
        finder.add(change)
    return finder.causes


class _Finder:
    def __init__(self, changes: Changes, graph: Graph, module: ModuleFile, read: Read, read_before: Read) -> None:
        self.causes = Causes()
        self._changes = changes
        self._graph = graph
        self._module = module
        self._read = read
        self._read_before = read_before
        self._loads = Loads(graph.packages, read, module.name)
        bzl_files, others = _named_in_workspace(module)
        self._module_bzl_files = self._loads.closure(bzl_files)
        self._module_packages = others
        self._rc_files = set(_imported_rc_files(read, ".bazelrc"))

    def add(self, change: Change) -> None:
        said = f"{change.path} was {change.kind}"
        if whole := self._why_everything(change.path):
            self.causes.everything.append(f"{said}: {whole}")
            return
        for path in self._seen_as(change.path):
            self._add_file(path, change.kind, said if path == change.path else f"{said}, to which {path} leads")
        if hubs := self._module.locks.get(change.path):
            self._add_wheels(change.path, hubs, said)
        for repository in self._module.own_repositories:
            self._add_to_repository(repository, change, said)

    def _why_everything(self, path: str) -> str | None:
        if path in self._changes.submodules:
            return "what is in a submodule is not looked into"
        for pattern, why in _WHOLE_BUILD.items():
            if _matches(path, pattern):
                return why
        if path in self._rc_files:
            return ".bazelrc imports it"
        if path in self._module_bzl_files:
            return "MODULE.bazel is made up with it"
        package = self._package_of(path)
        if package in self._module_packages and path not in self._module.locks:
            return f"MODULE.bazel names something in //{package}"
        if posixpath.basename(path) in BUILD_FILES and "package_group(" in (self._read_before(path) or ""):
            return _OF_GROUPS
        return None

    def _seen_as(self, path: str) -> Iterator[str]:
        """A path, and the paths that lead to it by symbolic links."""
        seen = {path}
        pending = [path]
        while pending:
            at = pending.pop(0)
            yield at
            for link, target in self._changes.links.items():
                if at == target or at.startswith(target + "/"):
                    other = link + at.removeprefix(target)
                    if other not in seen and not at.startswith(link + "/"):
                        seen.add(other)
                        pending.append(other)

    def _add_file(self, path: str, kind: str, said: str) -> None:
        name = posixpath.basename(path)
        package = self._package_of(path)
        if name in BUILD_FILES:
            folder = posixpath.dirname(path)
            self._add_package(folder, said)
            above = self._package_of(folder) if folder else None
            if kind != "modified" and above is not None and self._loads.may_glob(above):
                self._add_package(above, f"{said}, so that glob() finds other files in //{above}")
        elif name.endswith(".bzl"):
            for loading in self._loads.packages_that_load(path):
                self._add_package(loading, f"{said}, which //{loading} loads")
        if package is None:
            return
        if kind != "modified" and self._loads.may_glob(package):
            self._add_package(package, f"{said}, and //{package} looks for files by glob()")
        inside = path.removeprefix(package).lstrip("/") if package else path
        # A folder can be the source of something as a whole.
        while inside:
            self.causes.labels.setdefault(f"//{package}:{inside}", said)
            inside = posixpath.dirname(inside)

    def _add_to_repository(self, repository: str, change: Change, said: str) -> None:
        """What a changed file touches in a repository that is made of the workspace's files."""
        label = f"@{repository}//:{change.path}"
        if repository != TREE or change.path == ".gitignore" or change.kind == "deleted":
            self.causes.repositories.setdefault(repository, f"{said}, and @{repository} is made of such files")
            return
        self.causes.labels.setdefault(label, said)
        if change.kind == "added":
            self.causes.labels.setdefault(f"@{repository}//:files.txt", said)

    def _add_package(self, package: str, reason: str) -> None:
        if package in self._graph.groups:
            self.causes.everything.append(f"{reason}: {_OF_GROUPS}")
        self.causes.packages.setdefault(package, reason)

    def _add_wheels(self, path: str, hubs: frozenset[str], said: str) -> None:
        touched = changed_packages(self._read_before(path), self._read(path))
        for hub in sorted(hubs):
            if touched is None:
                self.causes.wheels[hub, ""] = f"{said}, and cannot be read pin by pin"
            for name, why in (touched or {}).items():
                self.causes.wheels[hub, name] = f"{path}: {why}"

    def _package_of(self, path: str) -> str | None:
        """The package that a path lies in; None where it lies in none."""
        folder = path
        while folder:
            folder = posixpath.dirname(folder)
            if folder in self._graph.packages:
                return folder
        return None


def _named_in_workspace(module: ModuleFile) -> tuple[list[str], set[str]]:
    """What MODULE.bazel names in the workspace: the paths of .bzl files, and the packages of everything else."""
    bzl = [label for label in sorted(module.labels) if label.endswith(".bzl")]
    paths = [label.removeprefix("//").replace(":", "/").lstrip("/") for label in bzl]
    return paths, {package_of(label) for label in module.labels.difference(bzl)}


def _imported_rc_files(read: Read, path: str, above: Sequence[str] = ()) -> Iterator[str]:
    for imported in _IMPORT.findall(read(path) or ""):
        if imported not in above:
            yield imported
            yield from _imported_rc_files(read, imported, (*above, imported))


def _matches(path: str, pattern: str) -> bool:
    if pattern.endswith("/**"):
        return path.startswith(pattern[:-2])
    return path.count("/") == pattern.count("/") and fnmatch.fnmatchcase(path, pattern)
