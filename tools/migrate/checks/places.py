"""What is where in a tree: its Python files, the modules they are, and the roots that a file's imports start from."""

import ast
import os
import posixpath
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from migrate.model import STATE_FOLDER, Component, Kind, Mapping, Record

_NATIVE = (".so", ".pyd", ".pyx")
_SKIPPED = {"node_modules", "__pycache__", "site-packages"}


@dataclass
class Tree:
    """The files of one copy. Paths are relative to its root, with `/`."""

    root: Path
    files: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        found = []
        for folder, names, files in os.walk(self.root):
            names[:] = [name for name in names if not (name.startswith(".") or name in _SKIPPED)]
            base = Path(folder).relative_to(self.root).as_posix()
            found += [posixpath.normpath(posixpath.join(base, file)) for file in files]
        self.files = frozenset(file for file in found if not file.startswith(f"{STATE_FOLDER}/"))

    @cached_property
    def python(self) -> list[str]:
        return sorted(path for path in self.files if path.endswith(".py"))

    @cached_property
    def modules(self) -> dict[str, str]:
        """Each module without its suffix -> its file: `src/a` -> `src/a.py` or `src/a/__init__.py`."""
        found: dict[str, str] = {}
        for path in sorted(self.files):
            stem, _, name = path.rpartition("/")
            prefix = f"{stem}/" if stem else ""
            if path.endswith(_NATIVE):
                found.setdefault(prefix + name.partition(".")[0], path)
        for path in self.python:
            folder, _, name = path.rpartition("/")
            found[folder if name == "__init__.py" else path.removesuffix(".py")] = path
        return found

    @cached_property
    def folders(self) -> frozenset[str]:
        """Every folder with a Python file in or below it: with or without `__init__.py`, it can be imported."""
        found = set()
        for path in self.modules.values():
            folder = posixpath.dirname(path)
            while folder and folder not in found:
                found.add(folder)
                folder = posixpath.dirname(folder)
        return frozenset(found)

    @cached_property
    def _names(self) -> dict[str, frozenset[str] | None]:
        return {}

    def find(self, dotted: str, roots: Iterable[str]) -> str | None:
        """The file of a module, or the folder of a package without `__init__.py`; None where no root has it."""
        paths = [_join(root, dotted.replace(".", "/")) for root in roots]
        for path in paths:
            if path in self.modules:
                return self.modules[path]
        return next((path for path in paths if path in self.folders), None)

    def defines(self, path: str, name: str) -> bool:
        """Whether a module may have this attribute; only what certainly has not, has not."""
        if not path.endswith(".py"):
            return path.endswith(_NATIVE)
        if path not in self._names:
            self._names[path] = _defined(self.root / path)
        names = self._names[path]
        return names is None or name in names or (name.startswith("__") and name.endswith("__"))


def _join(root: str, path: str) -> str:
    return f"{root}/{path}" if root else path


def _defined(file: Path) -> frozenset[str] | None:
    """Every name that a module could define, None where that cannot be known."""
    tree = parse(file)
    if tree is None:
        return None
    names: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                if name == "__getattr__":
                    return None
                names.add(name)
            case ast.Name(id=name, ctx=ast.Store()):
                names.add(name)
            case ast.Import(names=aliases):
                names.update(alias.asname or alias.name.partition(".")[0] for alias in aliases)
            case ast.ImportFrom(names=aliases):
                if any(alias.name == "*" for alias in aliases):
                    return None
                names.update(alias.asname or alias.name for alias in aliases)
            case ast.ExceptHandler(name=str(name)):
                names.add(name)
            case ast.Call(func=ast.Name(id="globals" | "exec" | "setattr")):
                return None
            case _:
                pass
    return frozenset(names)


def parse(file: Path) -> ast.Module | None:
    """A file's syntax tree, None for what this Python cannot parse."""
    try:
        return ast.parse(file.read_bytes())
    except (SyntaxError, ValueError, OSError, RecursionError):
        return None


@dataclass(frozen=True)
class Layout:
    """The new layout's components by path, and what the old layout's modules were called."""

    record: Record
    reach: dict[str, tuple[str, ...]]  # service -> the import roots of others that allow_edges gives it

    @property
    def mapping(self) -> Mapping:
        return self.record.mapping

    @cached_property
    def old_path(self) -> dict[str, str]:
        """New path -> old path, of what moved."""
        return {new: old for old, new in self.record.moved.items()}

    @cached_property
    def services(self) -> list[Component]:
        return [component for component in self.mapping.components if component.kind is Kind.SERVICE]

    def component_of(self, path: str) -> Component | None:
        """The component that a new path lies in, its tests included."""
        best: Component | None = None
        for component in self.mapping.components:
            if any(path.startswith(f"{folder}/") for folder in (component.target, component.tests_home)) and (
                best is None or len(component.target) > len(best.target)
            ):
                best = component
        return best

    def roots_of(self, component: Component | None) -> list[str]:
        """Where the imports of a component's files start; for what belongs to none, at every root."""
        if component is None:
            return ["", *(service.import_root for service in self.services)]
        own = [component.import_root] if component.import_root else []
        return [*own, *self.reach.get(component.name, ()), ""]

    def new_name(self, path: str) -> list[str]:
        """The dotted names that a new path can be imported by, the usual one first."""
        component = self.component_of(path)
        roots = [root for root in self.roots_of(component) if component is None or root == component.import_root]
        return dotted_names(path, [*roots, *(self.record.old_roots if component is None else ())])

    def old_names(self, path: str) -> list[str]:
        """The dotted names that an old path could be imported by, the shortest first."""
        return dotted_names(path, self.record.old_roots)


def make_layout(record: Record) -> Layout:
    """The layout, with what each component reaches by `allow_edges`, over several steps as well."""
    mapping = record.mapping
    reach: dict[str, tuple[str, ...]] = {}
    for component in mapping.components:
        found: list[str] = []
        waiting = [component.name]
        while waiting:
            here = waiting.pop()
            for source, target in mapping.allow_edges:
                if source == here and target not in found:
                    found.append(target)
                    waiting.append(target)
        # What a shared library is allowed to import, whoever uses that library has to be able to import as well.
        if component.kind is Kind.SERVICE:
            shared = {each.name for each in mapping.components if each.kind is Kind.SHARED}
            found += [target for source, target in mapping.allow_edges if source in shared and target not in found]
        roots = [mapping.component(name).import_root for name in found if name != component.name]
        reach[component.name] = tuple(dict.fromkeys(root for root in roots if root))
    return Layout(record, reach)


def dotted_names(path: str, roots: Sequence[str]) -> list[str]:
    """What a file is called as a module, from each root that it lies below: the longest root first. Empty for a file
    that no import statement can name."""
    found = []
    for root in sorted(set(roots), key=len, reverse=True):
        if root and not path.startswith(f"{root}/"):
            continue
        inside = path[len(root) + 1 :] if root else path
        parts = inside.removesuffix(".py").split("/")
        if parts[-1] == "__init__":
            parts.pop()
        if parts and all(part.isidentifier() for part in parts):
            found.append(".".join(parts))
    return found


class Translator:
    """Puts new names for old ones: module names and paths that moved."""

    def __init__(self, layout: Layout) -> None:
        self._modules: dict[str, str] = {}
        names = dict(layout.record.moved)
        for old, new in layout.record.moved.items():
            now = layout.new_name(new)
            if not (old.endswith(".py") and new.endswith(".py") and now):
                continue
            for name in layout.old_names(old):
                self._add(name, now[0])
                if "." in name:
                    names[name] = now[0]
        longest = sorted(names, key=len, reverse=True)
        self._names = names
        self._pattern = re.compile(r"(?<![\w./])(" + "|".join(map(re.escape, longest)) + r")(?![\w/])")

    def _add(self, old: str, new: str) -> None:
        """A module, and the packages above it for as long as they are called alike below."""
        self._modules[old] = new
        while "." in old and "." in new and old.rpartition(".")[2] == new.rpartition(".")[2]:
            old, new = old.rpartition(".")[0], new.rpartition(".")[0]
            self._modules.setdefault(old, new)

    def __call__(self, text: str) -> str:
        """A text with the new names, where a whole old name stands in it."""
        return self._pattern.sub(lambda match: self._names[match[1]], text) if self._names else text

    def module(self, name: str) -> str:
        """A dotted name with the new name of the longest module or package that it begins with."""
        parts = name.split(".")
        for count in range(len(parts), 0, -1):
            new = self._modules.get(".".join(parts[:count]))
            if new is not None:
                return ".".join([new, *parts[count:]])
        return name

    def error(self, text: str) -> str:
        """An error's message with the new names, of modules that are named in quotes as well."""
        text = self(text.replace("<root>/", ""))
        return re.sub(r"(?<=')[A-Za-z_][\w.]*(?=')", lambda match: self.module(match[0]), text)
