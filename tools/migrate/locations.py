"""Paths that code computes from its own place: `os.path.join(os.path.dirname(__file__), "..", "src")` and the like."""

import ast
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass

from migrate.scopes import Scope
from migrate.source import Source


@dataclass(frozen=True)
class Location:
    """What an expression means.

    Attributes:
        path: relative to the repository's root ("" is the root itself), or "../…" for what lies outside.
        is_path: it is a pathlib.Path, else a string.
        anchored: it is computed from `__file__`; else it is a plain string, relative to the working folder.
    """

    path: str
    is_path: bool
    anchored: bool


class Locator:
    """Evaluates expressions of one file that give paths.

    It understands `__file__`, strings, os.path's `join dirname abspath realpath normpath`, `os.pardir`, `os.curdir`,
    pathlib's `Path(…) / … .parent .parents[n] .resolve() .absolute() .joinpath() .as_posix()`, `str`, `os.fspath`,
    f-strings of these, and names that a module assigns once.
    """

    def __init__(self, source: Source, file: str, known: Mapping[str, Location] | None = None) -> None:
        """`file` is where the file stands (or will stand), seen from the repository's root; `known` what names mean."""
        self._file = file
        self._origins = source.origins
        self._given = known or {}
        self._assigned: dict[str, ast.expr] = {}
        self._busy: set[str] = set()
        twice: set[str] = set()
        for node in [*source.of_type(ast.Assign), *source.of_type(ast.AnnAssign)]:
            target: ast.expr | None = None
            if isinstance(node, ast.Assign) and len(node.targets) == 1:
                target, value = node.targets[0], node.value
            elif isinstance(node, ast.AnnAssign) and node.value is not None:
                target, value = node.target, node.value
            if isinstance(target, ast.Name):
                if target.id in self._assigned:
                    twice.add(target.id)
                self._assigned[target.id] = value
        for name in twice:
            del self._assigned[name]

    def names(self) -> dict[str, Location]:
        """What the names that are assigned once mean, where they mean a place that is computed from `__file__`."""
        found = {}
        for name in self._assigned:
            location = self.evaluate(ast.Name(name))
            if location is not None and location.anchored:
                found[name] = location
        return found

    def evaluate(self, node: ast.expr) -> Location | None:
        """What an expression means, None where that cannot be known."""
        try:
            return self._evaluate(node)
        except RecursionError:
            return None  # thousands of strings, added to each other

    def _evaluate(self, node: ast.expr) -> Location | None:
        match node:
            case ast.Constant(value=str(text)) if "\0" not in text:
                return Location(text, False, False)
            case ast.Name(id="__file__"):
                return Location(self._file, False, True)
            case ast.Name(id=name) if name in self._given:
                return self._given[name]
            case ast.Name(id=name) if name in self._assigned and name not in self._busy:
                self._busy.add(name)
                try:
                    return self.evaluate(self._assigned[name])
                finally:
                    self._busy.discard(name)
            case ast.Attribute(attr="parent", value=value):
                return self._parent(value, 1)
            case ast.Subscript(value=ast.Attribute(attr="parents", value=value), slice=ast.Constant(value=int(n))) if (
                n >= 0
            ):
                return self._parent(value, n + 1)
            case ast.Attribute(attr="pardir"):
                return Location("..", False, False)
            case ast.Attribute(attr="curdir"):
                return Location(".", False, False)
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                start, rest = self.evaluate(left), self.evaluate(right)
                if start is None or rest is None or not start.is_path:
                    return None
                return self._joined(start, [rest], True)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                start, rest = self.evaluate(left), self.evaluate(right)
                if (
                    start is None
                    or rest is None
                    or start.is_path
                    or not start.anchored
                    or not rest.path.startswith("/")
                ):
                    return None
                return self._joined(start, [Location(rest.path.lstrip("/"), False, False)], False)
            case ast.JoinedStr(values=values):
                return self._formatted(values)
            case ast.Call(func=function, args=arguments, keywords=[]):
                return self._call(function, arguments)
        return None

    def _parent(self, node: ast.expr, levels: int) -> Location | None:
        value = self.evaluate(node)
        if value is None or not value.is_path or not value.anchored:
            return None
        path = value.path
        for _ in range(levels):
            path = _up(path)
        return Location(path, True, True)

    def _formatted(self, values: list[ast.expr]) -> Location | None:
        if len(values) != 2 or not isinstance(values[0], ast.FormattedValue) or not isinstance(values[1], ast.Constant):
            return None
        start, rest = self.evaluate(values[0].value), str(values[1].value)
        if start is None or not start.anchored or not rest.startswith("/"):
            return None
        return self._joined(start, [Location(rest.lstrip("/"), False, False)], False)

    def _call(self, function: ast.expr, arguments: list[ast.expr]) -> Location | None:
        name = ast.unparse(function) if isinstance(function, ast.Name | ast.Attribute) else ""
        first, dot, rest = name.partition(".")
        name = self._origins.get(first, first) + dot + rest  # `from pathlib import Path as P`
        last = name.rpartition(".")[2]
        if isinstance(function, ast.Attribute) and last in (
            "resolve",
            "absolute",
            "as_posix",
            "joinpath",
            "expanduser",
            "with_name",
        ):
            value = self.evaluate(function.value)
            if value is None or not value.is_path:
                return None
            if last == "as_posix":
                return Location(value.path, False, value.anchored)
            if last in ("joinpath", "with_name"):
                parts = [self.evaluate(argument) for argument in arguments]
                if any(part is None for part in parts):
                    return None
                if last == "with_name":
                    value = Location(_up(value.path), True, value.anchored)
                return self._joined(value, [part for part in parts if part], True)
            return value
        parts = [self.evaluate(argument) for argument in arguments]
        if not parts or any(part is None for part in parts):
            return None
        known = [part for part in parts if part is not None]
        if last in ("Path", "PurePath", "PosixPath"):
            return self._joined(known[0], known[1:], True)
        if last == "join" and name.endswith("path.join"):
            return self._joined(known[0], known[1:], False)
        if len(known) != 1:
            return None
        if last == "dirname" and known[0].anchored:
            return Location(_up(known[0].path), False, True)
        if last in ("abspath", "realpath", "normpath", "fspath", "str"):
            return Location(known[0].path, False, known[0].anchored)
        return None

    @staticmethod
    def _joined(start: Location, rest: list[Location], is_path: bool) -> Location | None:
        path = start.path
        for part in rest:
            if part.anchored or part.path.startswith("/"):
                return None
            path = posixpath.join(path, part.path)
        if start.anchored:
            path = posixpath.normpath(path or ".")
            path = "" if path == "." else path
        return Location(path, is_path, start.anchored)


def _up(path: str) -> str:
    if path == "" or path.endswith(".."):
        return posixpath.join(path, "..") if path else ".."
    return posixpath.dirname(path)


@dataclass(frozen=True)
class Spelling:
    """How a file writes paths: what it calls `pathlib.Path` and `os.path`, "" where it has them not."""

    path: str
    os_path: str

    @staticmethod
    def of(source: Source, scope: Scope | None = None) -> "Spelling":
        """What is at hand in a scope (by default the module's): imported there, or around it."""
        path = os_path = ""
        at_hand = scope or source.scopes.module
        for node, imported_in in source.scopes.imports.items():
            if not at_hand.is_within(imported_in) or isinstance(imported_in.node, ast.ClassDef):
                continue
            if isinstance(node, ast.Import):
                for alias in node.names:
                    if alias.name == "pathlib":
                        path = path or f"{alias.asname or alias.name}.Path"
                    if alias.name == "os" or (alias.name == "os.path" and not alias.asname):
                        os_path = os_path or f"{alias.asname or 'os'}.path"
                    elif alias.name == "os.path":
                        os_path = os_path or str(alias.asname)
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    if node.module == "pathlib" and alias.name == "Path":
                        path = alias.asname or alias.name
                    if node.module == "os" and alias.name == "path":
                        os_path = os_path or alias.asname or alias.name
        return Spelling(path, os_path)

    def from_file(self, path: str, file: str, like: str, is_path: bool) -> str | None:
        """An expression for `path` (relative to the root) that starts at `__file__`; None where the file has no means.

        Args:
            path: what it shall mean.
            file: where the file that says it will stand.
            like: the text that it replaces, for its manner: pathlib or os.path, resolved or not.
            is_path: whether a Path or a string is asked for.
        """
        relative = posixpath.relpath(path or ".", posixpath.dirname(file) or ".")
        parts = [] if relative == "." else relative.split("/")
        ups = sum(part == ".." for part in parts)
        rest = parts[ups:]
        if self.path and (is_path or "Path(" in like or not self.os_path):
            resolved = ".resolve()" if ".resolve()" in like or ups else ""
            text = f"{self.path}(__file__){resolved}" + (f".parents[{ups}]" if ups else ".parent")
            text += "".join(f" / {_quoted(part)}" for part in rest)
            return text if is_path else f"str({text})"
        if not self.os_path:
            return None
        inner = (
            "__file__"
            if "abspath" not in like and "realpath" not in like and not ups
            else f"{self.os_path}.abspath(__file__)"
        )
        text = f"{self.os_path}.dirname({inner})"
        for _ in range(ups):
            text = f"{self.os_path}.dirname({text})"
        return f"{self.os_path}.join({text}, {', '.join(_quoted(part) for part in rest)})" if rest else text

    def from_name(self, name: str, base: str, path: str, is_path: bool) -> str | None:
        """An expression for `path` that starts at a name which means `base`; None where that would climb."""
        relative = posixpath.relpath(path or ".", base or ".")
        if relative.startswith(".."):
            return None
        parts = [] if relative == "." else relative.split("/")
        if is_path:
            return " / ".join([name, *(_quoted(part) for part in parts)])
        if not self.os_path:
            return None
        return f"{self.os_path}.join({', '.join([name, *(_quoted(part) for part in parts)])})" if parts else name


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
