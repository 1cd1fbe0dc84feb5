"""The import roots of a repository before the move: what its settings and its own code put on sys.path."""

import ast
import configparser
import json
import posixpath
import re
import tomllib
from dataclasses import dataclass

from migrate.inventory import Inventory
from migrate.locations import Locator
from migrate.source import Source


@dataclass(frozen=True)
class PathHack:
    """A statement that changes sys.path: `sys.path.insert(0, X)`, `sys.path.append(X)`.

    Attributes:
        call: the call.
        argument: X.
        folder: what X is, relative to the repository's root; None where that cannot be known or lies outside.
    """

    call: ast.Call
    argument: ast.expr
    folder: str | None


def path_hacks(source: Source, inventory: Inventory) -> list[PathHack]:
    """The statements of a file that change sys.path."""
    if b"sys.path" not in source.contents and b"path.insert" not in source.contents:
        return []
    locator = Locator(source, source.path)
    found = []
    for node in source.nodes:
        match node:
            case (
                ast.Call(
                    func=ast.Attribute(
                        attr="insert", value=ast.Attribute(attr="path", value=ast.Name(id="sys" | "_sys"))
                    ),
                    args=[_, argument],
                )
                | ast.Call(
                    func=ast.Attribute(
                        attr="append", value=ast.Attribute(attr="path", value=ast.Name(id="sys" | "_sys"))
                    ),
                    args=[argument],
                )
            ):
                location = locator.evaluate(argument)
                folder = None
                if location is not None and not location.path.startswith(("/", "..")):
                    folder = posixpath.normpath(location.path) if location.path else ""
                    folder = "" if folder == "." else folder
                found.append(PathHack(node, argument, folder))
    return found


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
