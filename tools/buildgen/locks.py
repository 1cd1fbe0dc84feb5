"""The locks, and what can be imported under each.

A lock is a list of distributions with versions: requirements/NAME.txt (or, while it is not made, requirements/NAME.in),
or a service's own requirements files, which are then called like the service. What a distribution can be imported as is
read from requirements/import_names.json, which //tools/lock and `buildgen --update-manifests` write from
the wheels' own lists of files.
"""

import os
import re
from collections.abc import Callable, Iterable
from typing import Any

from buildgen.problems import Problems

REQUIREMENTS = "requirements"
RECORD = f"{REQUIREMENTS}/import_names.json"

_PIN = r"^([A-Za-z0-9][A-Za-z0-9._-]*)[ \t]*(?:\[[^\]]*\])?[ \t]*(?:==[ \t]*([^\s;\\,]+))?"
_INCLUDE = r"^(?:-r|--requirement)[ \t=]*(\S+)"


class Lock:
    """One lock: `name` (service_tracking), `path` of its file, `imports`: import name -> distribution's label name."""

    def __init__(self, name: str, path: str, input_path: str, distributions: set[str], imports: dict[str, str]) -> None:
        self.name = name
        self.path = path
        self.input_path = input_path
        self.distributions = distributions
        self.imports = imports

    @property
    def short_name(self) -> str:
        """As the build's macros call it: `tracking` of service_tracking."""
        return self.name.removeprefix("service_")

    def find(self, module: str) -> str | None:
        """The distribution that brings a dotted name or what it is in: the longest name that is known wins."""
        while module:
            if (distribution := self.imports.get(module)) is not None:
                return distribution
            module = module.rpartition(".")[0]
        return None


class Locks:
    """All locks of the workspace, by name."""

    def __init__(self, locks: Iterable[Lock]) -> None:
        self.by_name = {lock.name: lock for lock in locks}

    def get(self, name: str) -> Lock | None:
        """A lock by its full or short name, with dashes or underscores."""
        name = name.replace("-", "_")
        return self.by_name.get(name) or self.by_name.get(f"service_{name}")

    def of_folder(self, path: str, explicit: tuple[str, ...] = ()) -> list[Lock]:
        """The locks that a folder's programs and tests run under, from its place; see tools/build_defs/locks.bzl.

        Empty where none is known: what it imports is then looked for in all of them.
        """
        if explicit:
            return [lock for name in explicit if (lock := self.get(name))]
        parts = path.split("/")
        wanted = "tools"
        if "benchmarks" in parts and self.get("benchmarks"):
            wanted = "benchmarks"
        elif parts[0] == "services" and len(parts) > 1:
            wanted = parts[1]
        elif parts[0] == "shared_libs":
            wanted = "shared_libs"
        found = self.get(wanted)
        return [found] if found else []

    def services(self) -> list[Lock]:
        return [lock for lock in self.by_name.values() if lock.name.startswith("service_")]

    def holders(self, module: str) -> list[Lock]:
        """The locks that bring a module."""
        return [lock for lock in self.by_name.values() if lock.find(module)]


def normal(distribution: str) -> str:
    """A distribution's name as its label has it: lower case, underscores."""
    name = distribution.replace("-", "_").replace(".", "_").lower()
    while "__" in name:
        name = name.replace("__", "_")
    return name


def label_of(distribution: str, convention: str, normalization: str, hub: str = "pypi") -> str:
    """The label of a distribution, as Gazelle's directives say; `distribution` is normalised."""
    name = distribution.replace("_", "-") if normalization == "pep503" else distribution
    return f"@{hub}//{convention.replace('$distribution_name$', name)}"


def read_locks(
    root: str, services: Iterable[str], remembered: Callable[[str, bytes, Callable[[], Any]], Any], problems: Problems
) -> Locks:
    """Reads all locks. `services` are the services' folders; `remembered(path, data, read)` may skip reading."""
    record = _record(root, remembered, problems)
    places: dict[str, tuple[str, str]] = {}
    more: dict[str, list[str]] = {}
    folder = os.path.join(root, REQUIREMENTS)
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    for name in names:
        stem, extension = os.path.splitext(name)
        if extension in (".in", ".txt"):
            made, source = places.get(stem, ("", ""))
            path = f"{REQUIREMENTS}/{name}"
            places[stem] = (path, source) if extension == ".txt" else (made, path)
    for service in services:
        key = service.rpartition("/")[2].replace("-", "_")
        key = key if key.startswith("service_") else f"service_{key}"
        own = _own_files(root, service)
        if key not in places and own:
            made = next((path for path in own if path.endswith(".txt")), "")
            source = next((path for path in own if path.endswith(".in")), "")
            places[key] = (made, source)
            more[key] = [path for path in own if path not in (made, source)]
            if made and source:
                more[key] = [path for path in more[key] if path.endswith(".txt")]
    locks = []
    for name, (made, source) in places.items():
        pins = _pins(root, made or source, remembered, problems, ())
        for path in more.get(name, ()):
            pins += _pins(root, path, remembered, problems, ())
        imports: dict[str, str] = {}
        for distribution, version in pins:
            label = normal(distribution)
            for module in _names(record, label, version):
                imports.setdefault(module, label)
        # Where two bring the same name: the one that was asked for wins over one that came along, and before all the
        # one that is called so.
        asked = {normal(d) for d, _ in _pins(root, source, remembered, problems, ())} if source and made else set()
        for distribution, version in pins:
            if (label := normal(distribution)) in asked:
                for module in _names(record, label, version):
                    if imports[module] not in asked:
                        imports[module] = label
        for distribution, _ in pins:
            if normal(distribution) in imports:
                imports[normal(distribution)] = normal(distribution)
        locks.append(Lock(name, made or source, source or made, {normal(d) for d, _ in pins}, imports))
    return Locks(locks)


def _own_files(root: str, service: str) -> list[str]:
    """A service's own requirements files: requirements.txt, requirements-test.txt, requirements.in …"""
    try:
        names = sorted(os.listdir(os.path.join(root, service)))
    except OSError:
        return []
    found = [name for name in names if name.startswith("requirements") and name.endswith((".in", ".txt"))]
    return [f"{service}/{name}" for name in sorted(found, key=lambda name: (len(name), name))]


def _names(record: dict[tuple[str, str], tuple[str, ...]], label: str, version: str) -> tuple[str, ...]:
    """What a distribution can be imported as: by its version's wheel, by another version's, or by its own name."""
    return record.get((label, version)) or record.get((label, "")) or (label,)


def _parsed(data: bytes) -> Any:
    import json  # not at the top: what was read once is remembered

    return json.loads(data)


def _record(
    root: str, remembered: Callable[[str, bytes, Callable[[], Any]], Any], problems: Problems
) -> dict[tuple[str, str], tuple[str, ...]]:
    """Import names by (normalised distribution, version), and by (distribution, "") for any version.

    What the workspace's own record does not say is looked up in the one that comes with buildgen.
    """
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    with open(os.path.join(os.path.dirname(__file__), "import_names.json"), "rb") as file:
        shipped = file.read()
    for key, names in remembered("import_names.json", shipped, lambda: _parsed(shipped)).items():
        found[normal(key.partition("==")[0]), ""] = tuple(names)
    try:
        with open(os.path.join(root, RECORD), "rb") as file:
            data = file.read()
    except OSError:
        return found
    try:
        entries = remembered(RECORD, data, lambda: _parsed(data))
        for key, entry in entries.items():
            name, _, version = key.partition("==")
            found[normal(name), version] = found[normal(name), ""] = tuple(map(str, entry["imports"]))
        return found
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        problems.error(RECORD, 0, f"not a record of import names: {error}", "delete it and run: bazel run //tools/lock")
        return found


def _pins(
    root: str,
    path: str,
    remembered: Callable[[str, bytes, Callable[[], Any]], Any],
    problems: Problems,
    within: tuple[str, ...],
) -> list[tuple[str, str]]:
    """(distribution, version or "") of a requirements file and those that it includes."""
    if path in within:
        return []
    try:
        with open(os.path.join(root, path), "rb") as file:
            data = file.read()
    except OSError as error:
        problems.error(path, 0, f"cannot be read: {error.strerror}", "check the path in -r")
        return []

    def read() -> list[list[list[str]] | list[str]]:
        text = data.decode("utf-8", "replace")
        return [
            [[m[1], m[2] or ""] for m in re.finditer(_PIN, text, re.M)],
            [m[1] for m in re.finditer(_INCLUDE, text, re.M)],
        ]

    pins, includes = remembered(path, data, read)
    found = [(name, version) for name, version in pins]
    for include in includes:
        inner = os.path.normpath(os.path.join(os.path.dirname(path), include)).replace(os.sep, "/")
        found += _pins(root, inner, remembered, problems, (*within, path))
    return found
