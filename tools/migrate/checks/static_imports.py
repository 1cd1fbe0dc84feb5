"""Reads every import of a tree and tells those of project modules that nothing answers."""

import ast
import posixpath
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from migrate.checks.places import Tree, parse


@dataclass(frozen=True)
class Unresolved:
    """An import of a project module that finds none. name: as it stands, dots of relative imports included."""

    path: str
    line: int
    name: str


@dataclass
class Scan:
    """What a tree's imports came to.

    third_party: per file, the dotted names that are neither the project's nor Python's -> whether the code goes on
    without (it is imported inside a `try`).
    imported: file -> the files that it imports.
    """

    resolved: int
    unresolved: list[Unresolved]
    unparsed: list[str]
    third_party: dict[str, dict[str, bool]]
    imported: dict[str, set[str]]


def scan(
    tree: Tree,
    roots_of: Callable[[str], Sequence[str]],
    project: Iterable[str],
) -> Scan:
    """Resolves every import.

    roots_of: a file's path -> the import roots that count for it. project: top-level names that are the project's,
    whether or not they (still) exist.
    """
    tops = set(project)
    found = Scan(0, [], [], {}, {})
    for path in tree.python:
        syntax = parse(tree.root / path)
        if syntax is None:
            found.unparsed.append(path)
            continue
        roots = [*_own_roots(tree, path), *roots_of(path)]
        optional = _inside_try(syntax)
        for node in ast.walk(syntax):
            if not isinstance(node, ast.Import | ast.ImportFrom):
                continue
            for name, is_there, target in _names(tree, path, node, roots):
                top = name.partition(".")[0]
                if is_there:
                    found.resolved += 1
                    if target.endswith(".py"):
                        found.imported.setdefault(path, set()).add(target)
                elif not top or (top in tops and top not in sys.stdlib_module_names):
                    found.unresolved.append(Unresolved(path, node.lineno, name))
                elif top not in sys.stdlib_module_names and top != "__future__":
                    names = found.third_party.setdefault(path, {})
                    names[name] = names.get(name, True) and id(node) in optional
    return found


def top_names(tree: Tree, roots: Iterable[str]) -> set[str]:
    """The top-level names that the tree's own modules have under these roots."""
    found = set()
    for root in roots:
        prefix = f"{root}/" if root else ""
        for path in [*tree.modules, *tree.folders]:
            if path.startswith(prefix) and path != root:
                found.add(path[len(prefix) :].partition("/")[0])
    return {name for name in found if name.isidentifier()}


def _own_roots(tree: Tree, path: str) -> Iterator[str]:
    """The folders that Python or pytest put on sys.path for this file: its own, and for it and for each conftest.py
    that applies to it the one above the topmost package."""
    folder = posixpath.dirname(path)
    yield folder
    here = folder
    while True:
        if here == folder or posixpath.join(here, "conftest.py") in tree.files:
            top = here
            while top and f"{top}/__init__.py" in tree.files:
                top = posixpath.dirname(top)
            yield top
        if not here:
            return
        here = posixpath.dirname(here)


def _inside_try(syntax: ast.Module) -> set[int]:
    """The nodes inside a `try` that catches something."""
    return {
        id(inner)
        for node in ast.walk(syntax)
        if isinstance(node, ast.Try) and node.handlers
        for statement in node.body
        for inner in ast.walk(statement)
    }


def _names(
    tree: Tree, path: str, node: ast.Import | ast.ImportFrom, roots: Sequence[str]
) -> Iterator[tuple[str, bool, str]]:
    """Each thing that an import statement asks for, whether it is there, and the file that it is in."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            file = tree.find(alias.name, roots)
            yield alias.name, file is not None, file or ""
        return
    if node.level:
        folder = posixpath.dirname(path)
        for _ in range(node.level - 1):
            if not folder:
                yield "." * node.level + (node.module or ""), False, ""
                return
            folder = posixpath.dirname(folder)
        base = posixpath.join(folder, (node.module or "").replace(".", "/")).rstrip("/")
        target = tree.modules.get(base) or (base if base in tree.folders or not base else None)
        shown = "." * node.level + (node.module or "")
        within: Callable[[str], str | None] = lambda name: _at(tree, posixpath.join(base, name))  # noqa: E731
    else:
        shown = node.module or ""
        target = tree.find(shown, roots)
        within = lambda name: tree.find(f"{shown}.{name}", roots)  # noqa: E731
    if target is None:
        # Named to its end: what it is from a package that many distributions share shows there only.
        for alias in node.names:
            yield shown if node.level or alias.name == "*" else f"{shown}.{alias.name}", False, ""
        return
    for alias in node.names:
        inner = within(alias.name)
        there = alias.name == "*" or inner is not None or tree.defines(target, alias.name)
        separator = "" if shown.endswith(".") else "."
        yield f"{shown}{separator}{alias.name}", there, inner or target


def _at(tree: Tree, path: str) -> str | None:
    return tree.modules.get(path) or (path if path in tree.folders else None)
