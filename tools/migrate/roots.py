"""The import roots of a repository before the move: what its settings and its own code put on sys.path."""

import ast
import configparser
import json
import posixpath
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass

from migrate.inventory import Inventory
from migrate.locations import Locator
from migrate.source import Source


@dataclass(frozen=True)
class PathHack:
    """A statement that changes sys.path: `sys.path.insert(0, X)`, `sys.path += [X]`.

    Attributes:
        node: the call, or the statement.
        argument: X.
        folder: what X is, relative to the repository's root; None where that cannot be known or lies outside.
        plain: it is a call of insert or append, which does nothing else.
    """

    node: ast.expr | ast.stmt
    argument: ast.expr
    folder: str | None
    plain: bool = True


def path_hacks(source: Source, inventory: Inventory) -> list[PathHack]:
    """The statements of a file that change sys.path."""
    if b"sys" not in source.contents and b"addsitedir" not in source.contents:
        return []
    locator = Locator(source, source.path)
    found = []
    for node, arguments, plain in _changes_of_path(source):
        for argument in arguments:
            location = locator.evaluate(argument)
            folder = None
            if location is not None and not location.path.startswith(("/", "..")):
                folder = posixpath.normpath(location.path) if location.path else ""
                folder = "" if folder == "." else folder
            found.append(PathHack(node, argument, folder, plain))
    return found


def _changes_of_path(source: Source) -> Iterator[tuple[ast.expr | ast.stmt, list[ast.expr], bool]]:
    """What changes sys.path, with what is put there, and whether it is an insert or append."""
    for call in source.of_type(ast.Call):
        match call:
            case ast.Call(func=ast.Attribute(attr="insert", value=place), args=[_, argument]) if _is_path(
                source, place
            ):
                yield call, [argument], True
            case ast.Call(func=ast.Attribute(attr="append", value=place), args=[argument]) if _is_path(source, place):
                yield call, [argument], True
            case ast.Call(func=ast.Attribute(attr="extend", value=place), args=[several]) if _is_path(source, place):
                yield call, _elements(several), False
            case ast.Call(func=ast.Attribute(attr="addsitedir") | ast.Name(id="addsitedir"), args=[argument, *_]):
                yield call, [argument], False
    for added in source.of_type(ast.AugAssign):
        if _is_path(source, added.target):
            yield added, _elements(added.value), False
    for statement in source.of_type(ast.Assign):
        target = statement.targets[0]
        if _is_path(source, target) or (isinstance(target, ast.Subscript) and _is_path(source, target.value)):
            one = isinstance(target, ast.Subscript) and not isinstance(target.slice, ast.Slice)
            yield statement, [statement.value] if one else _elements(statement.value), False


def _elements(node: ast.expr) -> list[ast.expr]:
    """The elements of a list as it is written, or of lists that are added to another."""
    if isinstance(node, ast.List | ast.Tuple):
        return [item.value if isinstance(item, ast.Starred) else item for item in node.elts]
    if isinstance(node, ast.BinOp):
        return [*_elements(node.left), *_elements(node.right)]
    return []


def _is_path(source: Source, node: ast.expr) -> bool:
    """Whether an expression is sys.path, by whatever name."""
    if isinstance(node, ast.Name):
        return source.origins.get(node.id) == "sys.path"
    return (
        isinstance(node, ast.Attribute)
        and node.attr == "path"
        and isinstance(node.value, ast.Name)
        and source.origins.get(node.value.id, node.value.id) in ("sys", "_sys")
    )


def configured_roots(inventory: Inventory) -> list[str]:
    """The import roots that settings name, those of packaging and pytest before those of type checkers."""
    found: list[str] = []
    for path in ("pyproject.toml",):
        if inventory.has_file(path):
            found += _of_pyproject(inventory.read(path))
    for path, section in (("pytest.ini", "pytest"), ("setup.cfg", "tool:pytest"), ("tox.ini", "pytest")):
        if inventory.has_file(path):
            found += _option(inventory.read(path), section, "pythonpath").split()
    if inventory.has_file("setup.cfg"):
        text = inventory.read("setup.cfg")
        found += [line.partition("=")[2].strip() for line in _option(text, "options", "package_dir").splitlines()]
        found += _option(text, "options.packages.find", "where").split()
    if inventory.has_file("setup.py"):
        match = re.search(
            rb"""package_dir\s*=\s*(?:dict\()?\{?\s*["']{2}\s*:\s*["']([^"']+)["']""", inventory.read("setup.py")
        )
        found += [match.group(1).decode("utf-8", "replace")] if match else []
    if inventory.has_file("pyrightconfig.json"):
        text = re.sub(rb"(?m)(?<![:\"'\w])//[^\n]*", b"", inventory.read("pyrightconfig.json"))
        match = re.search(rb'"extraPaths"\s*:\s*\[([^\]]*)\]', text)
        found += re.findall(r'"([^"]*)"', match.group(1).decode("utf-8", "replace")) if match else []
    if inventory.has_file(".vscode/settings.json"):
        match = re.search(rb'"python.analysis.extraPaths"\s*:\s*\[([^\]]*)\]', inventory.read(".vscode/settings.json"))
        found += re.findall(r'"([^"]*)"', match.group(1).decode("utf-8", "replace")) if match else []
    roots = []
    for entry in found:
        entry = posixpath.normpath(
            entry.replace("${workspaceFolder}", ".").replace("%(here)s", ".").replace("$PWD", ".")
        )
        entry = "" if entry == "." else entry
        if not entry.startswith(("/", "..")) and entry in inventory.folders and entry not in roots:
            roots.append(entry)
    return roots


def _of_pyproject(contents: bytes) -> list[str]:
    try:
        document = tomllib.loads(contents.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        return []
    tool = document.get("tool", {})
    found: list[object] = []
    try:
        setuptools = tool.get("setuptools", {})
        found.append(setuptools.get("package-dir", {}).get("", "."))
        packages = setuptools.get("packages", {})
        if isinstance(packages, dict):
            found += packages.get("find", {}).get("where", [])
        found += [package.get("from", ".") for package in tool.get("poetry", {}).get("packages", [])]
        pythonpath = tool.get("pytest", {}).get("ini_options", {}).get("pythonpath", [])
        found += pythonpath.split() if isinstance(pythonpath, str) else pythonpath
        found += tool.get("pyright", {}).get("extraPaths", [])
        mypy_path = tool.get("mypy", {}).get("mypy_path", [])
        found += re.split(r"[:,]", mypy_path) if isinstance(mypy_path, str) else mypy_path
    except AttributeError:
        pass  # a table where a value should be, or the other way around: its own tool will say so
    return [entry for entry in found if isinstance(entry, str)]


def _option(contents: bytes, section: str, option: str) -> str:
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(contents.decode("utf-8", "replace"))
    except configparser.Error:
        return ""
    return parser.get(section, option, fallback="")


def import_roots(inventory: Inventory, hacks: dict[str, list[PathHack]], new_roots: tuple[str, ...]) -> tuple[str, ...]:
    """The folders that are on sys.path somewhere: the repository's root first, then by how many say so.

    `new_roots` are those of the layout that the migration makes; they count where they exist, so that a repository
    that has been migrated is read as it now is.
    """
    roots = [""] + [root for root in new_roots if root in inventory.folders and root]
    roots += [root for root in configured_roots(inventory) if root not in roots]
    counts: dict[str, int] = {}
    for found in hacks.values():
        for hack in found:
            if hack.folder is not None and hack.folder in inventory.folders:
                counts[hack.folder] = counts.get(hack.folder, 0) + 1
    roots += [root for root in sorted(counts, key=lambda r: (-counts[r], r)) if root not in roots]
    for usual in ("src", "lib", "python"):
        if usual in inventory.folders and usual not in roots and not inventory.has_file(f"{usual}/__init__.py"):
            roots.append(usual)
    return tuple(roots)


def own_roots(source: Source, hacks: list[PathHack], inventory: Inventory) -> tuple[str, ...]:
    """What a file has on sys.path besides the common roots: its own folder, when it is run or pytest imports it."""
    found = [hack.folder for hack in hacks if hack.folder is not None and hack.folder in inventory.folders]
    folder = posixpath.dirname(source.path)
    while inventory.has_file(f"{folder}/__init__.py"):
        folder = posixpath.dirname(folder)
    found.append(folder)  # pytest's "prepend": the first folder upwards that is no package
    if source.runs_as_program:
        found.append(posixpath.dirname(source.path))
    return tuple(dict.fromkeys(found))


def read_jsonc(contents: bytes) -> object:
    """JSON with comments and trailing commas, as editors write it; None where it is not even that."""
    text = contents.decode("utf-8-sig", "replace")
    text = re.sub(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', lambda m: m.group(1) or "", text, flags=re.DOTALL)
    text = re.sub(r'("(?:\\.|[^"\\])*")|,(\s*[\]}])', lambda m: m.group(1) or m.group(2), text)
    try:
        return json.loads(text)
    except ValueError:
        return None
