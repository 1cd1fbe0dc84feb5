"""One Python file as bytes, text and syntax tree, and where in the bytes a node stands."""

import ast
import bisect
import re
import tokenize
import warnings
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from typing import TypeVar

from migrate.model import MigrationError
from migrate.scopes import Scopes, scopes_of

_Node = TypeVar("_Node", bound=ast.AST)
_QUOTE = re.compile(rb"(?i)[rubf]*(\"\"\"|'''|\"|')")
_BETWEEN_PARTS = re.compile(rb"(?:[ \t\f\r\n]|\\\r?\n|#[^\r\n]*)+")
#: A stretch of a string that spells itself, or one escape (a backslash and a line's end spell nothing).
_PIECE = re.compile(
    rb"\\(?:\r\n|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|N\{[^}]*\}|[0-7]{1,3}|[\x00-\xff])|\r\n|[\r\n]|\w+|[\x80-\xff]+|[^\\]"
)
_RAW = re.compile(rb"\\(?:\r\n|[\x00-\xff])|\r\n|[\r\n]|\w+|[\x80-\xff]+|[^\\]")
_LINE_END = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True)
class Broken:
    """A file that Python 3 does not read: left as it is."""

    line: int
    message: str


class Source:
    """A Python file.

    Attributes:
        path: where it stands in the repository.
        contents: its bytes.
        tree: its syntax tree.
        encoding: of its text, by its cookie or BOM.
    """

    def __init__(self, path: str, contents: bytes) -> None:
        """Reads a file.

        Raises:
            SyntaxError: with the line; it is no Python that this interpreter reads, or not in the encoding it claims.
        """
        self.path = path
        self.contents = contents
        self.encoding, _ = tokenize.detect_encoding(BytesIO(contents).readline)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # invalid escapes in other people's strings
                _check_encoding(contents, self.encoding)
                self.tree = ast.parse(contents)
        except (
            LookupError,
            ValueError,
            RecursionError,
            MemoryError,
        ) as error:  # UnicodeDecodeError and null bytes among them
            raise SyntaxError(str(error) or type(error).__name__, (path, 1, 1, "")) from error
        self._bom = 3 if contents.startswith(b"\xef\xbb\xbf") else 0
        self._starts = [self._bom, *(match.end() for match in _LINE_END.finditer(contents))]
        self._plain = self.encoding in ("utf-8", "utf-8-sig") or contents.isascii()

    def offset(self, line: int, column: int) -> int:
        """The place in `contents` of a node's line (from 1) and column (in UTF-8 bytes, as `ast` counts)."""
        start = self._starts[line - 1]
        if self._plain:
            return start + column
        end = self._starts[line] if line < len(self._starts) else len(self.contents)
        text = self.contents[start:end].decode(self.encoding)
        return start + len(text.encode()[:column].decode().encode(self.encoding))

    def start(self, node: ast.expr | ast.stmt | ast.alias) -> int:
        return self.offset(node.lineno, node.col_offset)

    def end(self, node: ast.expr | ast.stmt | ast.alias) -> int:
        assert node.end_lineno is not None and node.end_col_offset is not None
        return self.offset(node.end_lineno, node.end_col_offset)

    def segment(self, node: ast.expr | ast.stmt | ast.alias) -> bytes:
        return self.contents[self.start(node) : self.end(node)]

    def line_of(self, offset: int) -> int:
        """The line, from 1, of a place in `contents`."""
        return bisect.bisect_right(self._starts, offset) if offset >= self._bom else 1

    def line_start(self, line: int) -> int:
        """Where a line begins; the line after the last begins at the end."""
        if line == 1:
            return self._bom
        return self._starts[line - 1] if line <= len(self._starts) else len(self.contents)

    @cached_property
    def newline(self) -> bytes:
        """The line ending that it uses first."""
        found = _LINE_END.search(self.contents)
        return found.group() if found else b"\n"

    def encode(self, text: str) -> bytes:
        """Text as this file spells it.

        Raises:
            MigrationError: the file's encoding has not all of its characters.
        """
        try:
            return text.encode("utf-8" if self.encoding == "utf-8-sig" else self.encoding)
        except UnicodeEncodeError as error:
            raise MigrationError(
                f"{self.path}: {text!r} cannot be written in its encoding, {self.encoding}; convert the file to UTF-8"
            ) from error

    def value_start(self, node: ast.Constant) -> int | None:
        """Where a string's value begins, if the source spells it as it is; None with escapes or in joined parts."""
        start, end = self.start(node), self.end(node)
        text = self.contents[start:end]
        match = _QUOTE.match(text)
        if match is None or len(text) < match.end() + len(match.group(1)):
            return None
        body = text[match.end() : len(text) - len(match.group(1))]
        try:
            return start + match.end() if body.decode(self.encoding) == node.value else None
        except UnicodeDecodeError:
            return None

    def value_span(self, node: ast.Constant, begin: int, end: int) -> tuple[int, int] | None:
        """The bytes that spell a part of a string's value letter by letter; None with escapes or quotes in it."""
        start = self.value_start(node)
        if start is not None:
            first = start + len(self.encode(str(node.value)[:begin]))
            return first, first + len(self.encode(str(node.value)[begin:end]))
        places = self._places_of_value(node)
        if places is None or begin >= end:
            return None
        first, last = places[begin], places[end - 1]
        wanted = str(node.value)[begin:end]
        try:
            span = first, first + len(self.encode(wanted))
            same = self.contents[slice(*span)].decode(self.encoding) == wanted
        except (MigrationError, UnicodeDecodeError):
            return None
        return span if same and last < span[1] else None

    def _places_of_value(self, node: ast.Constant) -> list[int] | None:
        """Where each character of a string's value stands, through escapes and joined parts; None if not sure."""
        position, end = self.start(node), self.end(node)
        places: list[int] = []
        value: list[str] = []
        while position < end:
            if (between := _BETWEEN_PARTS.match(self.contents, position, end)) is not None:
                position = between.end()
                continue
            match = _QUOTE.match(self.contents, position, end)
            if match is None:
                return None
            raw, quote = b"r" in match.group().lower(), match.group(1)
            position = match.end()
            while not self.contents.startswith(quote, position):
                piece = (_RAW if raw else _PIECE).match(self.contents, position, end)
                if piece is None:
                    return None
                try:
                    text = piece.group().decode(self.encoding)
                    if piece.group().startswith(b"\\") and not raw:
                        text = "" if text[1] in "\r\n" else str(ast.literal_eval(f'"{text}"'))
                    else:
                        text = text.replace("\r\n", "\n").replace("\r", "\n")
                except (ValueError, SyntaxError):
                    return None
                value += text
                places += [
                    position + len(self.encode(text[:i])) if len(text) > 1 else position for i in range(len(text))
                ]
                position = piece.end()
            position += len(quote)
        return places if "".join(value) == node.value else None

    def formatted_start(self, node: ast.JoinedStr) -> int | None:
        """Where the text of an f-string begins, after its first quote."""
        start = self.start(node)
        match = _QUOTE.match(self.contents, start)
        return match.end() if match is not None else None

    @cached_property
    def origins(self) -> dict[str, str]:
        """The full names of what imports bind, wherever they stand: {"files": "importlib.resources.files"}."""
        found: dict[str, str] = {}
        for statement in self.scopes.imports:
            for alias in statement.names:
                if isinstance(statement, ast.ImportFrom):
                    if statement.module and not statement.level:
                        found[alias.asname or alias.name] = f"{statement.module}.{alias.name}"
                elif alias.asname is not None:
                    found[alias.asname] = alias.name
        return found

    @cached_property
    def _walked(self) -> tuple[list[ast.AST], dict[ast.AST, ast.AST]]:
        nodes: list[ast.AST] = [self.tree]
        parents: dict[ast.AST, ast.AST] = {}
        for node in nodes:  # grows while it is read
            for name in node._fields:
                value = getattr(node, name, None)
                if isinstance(value, list):
                    for child in value:
                        if isinstance(child, ast.AST):
                            parents[child] = node
                            nodes.append(child)
                elif isinstance(value, ast.AST) and not isinstance(value, ast.expr_context | ast.operator):
                    parents[value] = node
                    nodes.append(value)
        return nodes, parents

    @property
    def nodes(self) -> list[ast.AST]:
        """Every node (but for contexts and operators), parents before children."""
        return self._walked[0]

    @cached_property
    def _by_type(self) -> dict[type[ast.AST], list[ast.AST]]:
        found: dict[type[ast.AST], list[ast.AST]] = {}
        for node in self.nodes:
            found.setdefault(type(node), []).append(node)
        return found

    def of_type(self, kind: type[_Node]) -> list[_Node]:
        """Every node of a type, parents before children."""
        return self._by_type.get(kind, [])  # type: ignore[return-value]

    @property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """Each node's parent."""
        return self._walked[1]

    @cached_property
    def scopes(self) -> Scopes:
        """Its scopes, and what each binds."""
        return scopes_of(self.tree)

    @cached_property
    def docstrings(self) -> set[ast.AST]:
        """The string nodes that are documentation: statements of their own."""
        return {node.value for node in self.of_type(ast.Expr) if isinstance(node.value, ast.Constant)}

    @cached_property
    def runs_as_program(self) -> bool:
        """Whether it has `if __name__ == "__main__"`."""
        return any(
            isinstance(statement, ast.If)
            and isinstance(statement.test, ast.Compare)
            and "__name__"
            in (getattr(statement.test.left, "id", ""), *(getattr(c, "id", "") for c in statement.test.comparators))
            for statement in self.tree.body
        )


def _check_encoding(contents: bytes, encoding: str) -> None:
    """Makes sure that lines can be read and written one by one, and ASCII as it stands.

    Raises:
        ValueError: the contents are not in the encoding, or it is none for source code (utf-7, unicode_escape).
        LookupError: it is none for text at all (rot13).
    """
    if encoding in ("utf-8", "utf-8-sig"):
        contents.decode(encoding)
        return
    ascii_bytes = bytes(range(128)) + b"\\n"
    if ascii_bytes.decode(encoding) != ascii_bytes.decode("ascii"):
        raise ValueError(f"{encoding} does not spell ASCII as it is")
    if not contents.isascii() and any(
        line.decode(encoding).encode(encoding) != line for line in contents.splitlines(keepends=True)
    ):
        raise ValueError(f"its lines are not what {encoding} would write")


def is_python(path: str, contents: bytes) -> bool:
    """Whether a file is Python by its name, or by its first line where it has no suffix."""
    name = path.rpartition("/")[2]
    if name.endswith((".py", ".pyw", ".pyi")):
        return True
    return "." not in name and re.match(rb"#!.*\bpython[0-9.]*\b", contents) is not None


def read_source(path: str, contents: bytes) -> Source | Broken:
    """Reads a Python file, or says what is wrong with it and where."""
    try:
        return Source(path, contents)
    except SyntaxError as error:
        return Broken(error.lineno or 1, error.msg)
