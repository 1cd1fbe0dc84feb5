"""Where the strings of a TOML or JSON file stand (JSON with comments and trailing commas, too)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Item:
    """A string.

    Attributes:
        path: the keys that lead to it; the places of a list are not among them.
        start: where its opening quote stands, and `end` behind its closing one.
        inner: where its text begins, and `inner_end` where that ends.
        is_key: whether it is a key itself; then `path` ends with it.
        group: the list that it is in, None if in none.
    """

    path: tuple[str, ...]
    start: int
    end: int
    inner: int
    inner_end: int
    is_key: bool = False
    group: "Group | None" = None


@dataclass
class Group:
    """A list with its strings, in order."""

    path: tuple[str, ...]
    start: int
    end: int = 0
    items: list[Item] = field(default_factory=list)


class Unreadable(ValueError):
    """The text is not what its file's name says."""


_BARE = re.compile(r"[A-Za-z0-9_-]+")
_OTHER = re.compile(r"[^\s,\]}#]+")
_DEEPEST = 200  # lists and tables in each other: no settings are that deep
_BLANKS = re.compile(r"[ \t]*")
_BLANKS_AND_LINES = re.compile(r"[ \t\r\n]*")
_LINE_END = re.compile(r"[\r\n]")
#: What is between a string's quotes.
_INSIDE = {'"': re.compile(r'(?:[^"\\\n]++|\\.)*+', re.DOTALL), "'": re.compile(r"[^'\n]*+")}


class _Scanner:
    def __init__(self, text: str, toml: bool) -> None:
        self.text = text
        self.at = 3 if text.startswith("\xef\xbb\xbf") else 0
        self.toml = toml
        self.items: list[Item] = []
        self.depth = 0

    def skip(self, lines: bool = True) -> None:
        """Goes past blanks and comments, and line ends if so asked."""
        text, n = self.text, len(self.text)
        blanks = _BLANKS_AND_LINES if lines else _BLANKS
        while self.at < n:
            c = text[self.at]
            if c in " \t" or (lines and c in "\r\n"):
                self.at = blanks.match(text, self.at).end()  # type: ignore[union-attr]  # it may match nothing
            elif (self.toml and c == "#") or (not self.toml and text.startswith("//", self.at)):
                end_of_line = _LINE_END.search(text, self.at)
                self.at = end_of_line.start() if end_of_line else n
            elif not self.toml and text.startswith("/*", self.at):
                end = text.find("*/", self.at)
                self.at = n if end < 0 else end + 2
            else:
                return

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def string(self) -> tuple[int, int, int, int]:
        """Reads a string; gives where it and its text begin and end."""
        text, start = self.text, self.at
        quote = text[start]
        if self.toml and text.startswith(quote * 3, start):
            end = text.find(quote * 3, start + 3)
            if end < 0:
                raise Unreadable("a string does not end")
            self.at = end + 3
            while text[self.at : self.at + 1] == quote:
                self.at += 1
            return start, self.at, start + 3, self.at - 3
        inside = _INSIDE[quote].match(text, start + 1)
        at = inside.end() if inside else start + 1
        if text[at : at + 1] != quote:
            raise Unreadable("a string does not end")
        self.at = at + 1
        return start, at + 1, start + 1, at

    def key(self, path: tuple[str, ...]) -> tuple[str, ...]:
        """Reads a key, of several parts in TOML."""
        while True:
            self.skip(lines=False)
            if self.peek() in ('"', "'"):
                start, end, inner, inner_end = self.string()
                path = (*path, self.text[inner:inner_end])
                self.items.append(Item(path, start, end, inner, inner_end, is_key=True))
            else:
                match = _BARE.match(self.text, self.at) if self.toml else None
                if match is None:
                    raise Unreadable("a key is missing")
                self.at = match.end()
                path = (*path, match.group())
            self.skip(lines=False)
            if not (self.toml and self.peek() == "."):
                return path
            self.at += 1

    def value(self, path: tuple[str, ...], group: Group | None = None) -> None:
        """Reads a value."""
        self.depth += 1
        if self.depth > _DEEPEST:
            raise Unreadable("lists in lists without end")
        self.skip(lines=not self.toml or group is not None)
        c = self.peek()
        if c in ('"', "'"):
            item = Item(path, *self.string(), group=group)
            self.items.append(item)
            if group is not None:
                group.items.append(item)
        elif c == "[":
            inner = Group(path, self.at)
            self.at += 1
            while True:
                self.skip()
                if self.peek() == "]":
                    break
                self.value(path, inner)
                self.skip()
                if self.peek() == ",":
                    self.at += 1
                elif self.peek() != "]":
                    raise Unreadable("a list does not end")
            self.at += 1
            inner.end = self.at
        elif c == "{":
            self.at += 1
            while True:
                self.skip()
                if self.peek() == "}":
                    break
                inner_path = self.key(path)
                self.skip()
                if self.peek() != ("=" if self.toml else ":"):
                    raise Unreadable("a key without a value")
                self.at += 1
                self.skip()
                self.value(inner_path)
                self.skip()
                if self.peek() == ",":
                    self.at += 1
                elif self.peek() != "}":
                    raise Unreadable("a table does not end")
            self.at += 1
        else:
            match = _OTHER.match(self.text, self.at)
            if match is None:
                raise Unreadable("a value is missing")
            self.at = match.end()
        self.depth -= 1

    def document(self) -> Iterator[None]:
        """Reads a TOML file, statement by statement."""
        table: tuple[str, ...] = ()
        while True:
            self.skip()
            if self.at >= len(self.text):
                return
            if self.peek() == "[":
                double = self.text.startswith("[[", self.at)
                self.at += 1 + double
                table = self.key(())
                if not self.text.startswith("]" * (1 + double), self.at):
                    raise Unreadable("a table's name does not end")
                self.at += 1 + double
            else:
                path = self.key(table)
                if self.peek() != "=":
                    raise Unreadable("a key without a value")
                self.at += 1
                self.value(path)
            yield


def read_toml(text: str) -> list[Item]:
    """The strings of a TOML file.

    Raises:
        Unreadable: it is not TOML.
    """
    scanner = _Scanner(text, toml=True)
    for _ in scanner.document():
        pass
    return scanner.items


def read_json(text: str) -> list[Item]:
    """The strings of a JSON file, which may have comments.

    Raises:
        Unreadable: it is not JSON.
    """
    scanner = _Scanner(text, toml=False)
    scanner.value(())
    scanner.skip()
    if scanner.at < len(text):
        raise Unreadable("something follows the value")
    return scanner.items
