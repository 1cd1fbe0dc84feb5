"""What does not work in a repository as it is: it stays so, and is nobody's fault afterwards."""

import ast
import functools
import importlib.metadata
import posixpath
import re
import sys
from collections.abc import Iterable

from migrate.analysis import Analysis
from migrate.distributions import WELL_KNOWN
from migrate.inventory import Inventory
from migrate.model import Place


def broken_before(analysis: Analysis) -> tuple[list[tuple[Place, str]], dict[str, Place]]:
    """What does not parse or resolve, with its place; and third-party names that no requirements mention."""
    found: list[tuple[Place, str]] = []
    for path, error in sorted(analysis.syntax_errors.items()):
        found.append((Place(path, error.line), f"not valid Python 3, left as it is: {error.message}"))
    for place, name in analysis.unresolved:
        found.append((place, f"imports {name}, which the repository does not have"))
    for path, source in analysis.sources.items():
        found += _broken_all(path, source.tree, analysis)
    known = _known_names(analysis.inventory)
    found += _broken_entry_points(analysis)
    found += _broken_in_disguise(analysis, known)
    unknown: dict[str, Place] = {}
    for path, names in analysis.third_party.items():
        for name in sorted(names):
            first = name.split(".")[0]
            if first not in known and first not in sys.stdlib_module_names and first not in unknown:
                unknown[first] = Place(path, _line_of(analysis, path, name))
    return found, unknown


def _line_of(analysis: Analysis, path: str, name: str) -> int:
    for statement in analysis.imports[path]:
        if name in (statement.base, *(imported.alias.name for imported in statement.names)):
            return statement.line
    return 1


def _broken_all(path: str, tree: ast.Module, analysis: Analysis) -> Iterable[tuple[Place, str]]:
    defined = analysis.defined(path)
    if defined is None:
        return
    for statement in tree.body:
        if (
            isinstance(statement, ast.Assign)
            and [getattr(target, "id", "") for target in statement.targets] == ["__all__"]
            and isinstance(statement.value, ast.List | ast.Tuple)
        ):
            for item in statement.value.elts:
                if not isinstance(item, ast.Constant) or not isinstance(item.value, str) or item.value in defined:
                    continue
                folder = posixpath.dirname(path)
                if path.endswith("__init__.py") and analysis.inventory.exists(f"{folder}/{item.value}.py"):
                    continue
                if path.endswith("__init__.py") and f"{folder}/{item.value}" in analysis.inventory.folders:
                    continue
                yield (
                    Place(path, item.lineno),
                    f"__all__ names {item.value!r}, which the module does not have (a missing comma?)",
                )


def _broken_entry_points(analysis: Analysis) -> Iterable[tuple[Place, str]]:
    if not analysis.inventory.has_file("pyproject.toml"):
        return
    text = analysis.inventory.read("pyproject.toml").decode("utf-8", "replace")
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        if match := re.match(r"\s*\[([^\]]+)\]", line):
            section = match.group(1)
        elif section.endswith("scripts") and (match := re.match(r"""\s*[\w"'-]+\s*=\s*["']([\w.]+)\s*[:"']""", line)):
            module = match.group(1)
            if analysis.modules.is_ours(module) and analysis.modules.find(module) is None:
                yield (
                    Place("pyproject.toml", number),
                    f"an entry point names {module}, which the repository does not have",
                )


def _broken_in_disguise(analysis: Analysis, known: set[str]) -> Iterable[tuple[Place, str]]:
    """Imports of files that are Python under another name (`main.py old`): they are left alone, but looked at."""
    for path in analysis.inventory.files:
        if path in analysis.inventory.links or not re.search(r"\.py(?:[ ._~-][^/]*|~)$", path):
            continue
        try:
            tree = ast.parse(analysis.inventory.read(path))
        except (SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                names = [node.module]
            for name in names:
                assert isinstance(node, ast.Import | ast.ImportFrom)
                first = name.split(".")[0]
                ours = analysis.modules.is_ours(name)
                if analysis.modules.find(name) is None and (ours or first not in sys.stdlib_module_names | known):
                    what = f"imports {name}, which the repository does not have (no .py file: left alone)"
                    yield Place(path, node.lineno), what


def _known_names(inventory: Inventory) -> set[str]:
    """Import names that the repository's requirements or this interpreter's packages could give."""
    words: set[str] = set()
    for path in inventory.files:
        name = posixpath.basename(path).lower()
        packaging = ("pyproject.toml", "setup.py", "setup.cfg", "pipfile", "environment.yml")
        if "requirement" in path.lower() or name in packaging:
            text = inventory.read(path).decode("utf-8", "replace").lower()
            found = re.findall(r"[a-z0-9][a-z0-9._-]*", text)
            words |= {word.replace("-", "_").replace(".", "_") for word in found}
    known = set(_installed()) | words
    for name, distributions in WELL_KNOWN.items():
        if any(each.lower().replace("-", "_") in words for each in distributions):
            known.add(name.split(".")[0])
    return known


@functools.lru_cache(maxsize=1)
def _installed() -> frozenset[str]:
    return frozenset(importlib.metadata.packages_distributions())
