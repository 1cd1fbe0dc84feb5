"""Reads BUILD files: their statements, calls, arguments and lists, each with its place in the text.

Only as much of Starlark is understood as buildgen edits. Everything else – macros, comprehensions, conditions – is kept
as text. Nothing is evaluated.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"(?P<space>[ \t\r]+|\\\r?\n)"
    r"|(?P<comment>\#[^\n]*)"
    r"|(?P<newline>\n)"
    r'|(?P<string>[rRbB]{0,2}(?:"""(?:[^"\\]|\\.|"(?!""))*"""|\'\'\'(?:[^\'\\]|\\.|\'(?!\'\'))*\'\'\''
    r'|"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'))'
    r"|(?P<name>[^\W\d]\w*)"
    r"|(?P<number>\d[\w.]*)"
    r"|(?P<open>[(\[{])"
    r"|(?P<close>[)\]}])"
    r"|(?P<operator>==|!=|<=|>=|\*\*|//=?|\+=|-=|\*=|%=|->|<<|>>|[-+*/%=<>.,:;|&^~@])",
    re.DOTALL,
)
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"', "\n": ""}


class StarlarkError(ValueError):
    """A BUILD file that cannot be read: `line` and the message."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


@dataclass(slots=True)
class Token:
    kind: str
    text: str
    start: int
    end: int


@dataclass(slots=True)
class Expression:
    """A part of a BUILD file: text[start:end].

    kind: "string" (value: what it says), "list" (items), "call" (name: what is called, arguments), "sum" (items: what
    is added up), "name" (name), or "other".
    """

    kind: str
    start: int
    end: int
    value: str = ""
    name: str = ""
    items: list["Item"] = field(default_factory=list)
    arguments: list["Item"] = field(default_factory=list)
    trailing: list[str] = field(default_factory=list)  # comments before the closing bracket


@dataclass(slots=True)
class Item:
    """A member of a list, or an argument of a call, with the comments that belong to it.

    `name` is an argument's name, "" for a positional one. `before` are whole-line comments above; `suffix` is the
    comment at the end of its line.
    """

    value: Expression
    start: int
    end: int
    name: str = ""
    before: list[str] = field(default_factory=list)
    suffix: str = ""


@dataclass(slots=True)
class Statement:
    """A top-level statement: text[start:end], without its comments.

    `above` is where the comments begin that stand directly above it (= start where there are none); `end` is the end of
    its last line's code, and `suffix` a comment on that line. `call` is set where it is a call and nothing else.
    """

    start: int
    end: int
    above: int
    line: int
    call: Expression | None = None
    suffix: str = ""


def parse(text: str) -> list[Statement]:
    """The statements of a BUILD file. Raises StarlarkError with the line."""
    tokens = list(_tokens(text))
    statements = []
    at = 0
    lines = _Lines(text)
    while at < len(tokens):
        kind = tokens[at].kind
        if kind in ("space", "newline", "comment"):
            at += 1
            continue
        begin = at
        at = _end_of_statement(tokens, at, lines)
        statements.append(_statement(text, tokens, begin, at, lines))
    return statements


class _Lines:
    def __init__(self, text: str) -> None:
        self.text = text

    def at(self, position: int) -> int:
        return self.text.count("\n", 0, position) + 1


def _tokens(text: str) -> Iterator[Token]:
    position = 0
    match = _TOKEN.match
    size = len(text)
    while position < size:
        found = match(text, position)
        if found is None or found.end() == position:
            line = text.count("\n", 0, position) + 1
            quoted = text[position] in "\"'"
            raise StarlarkError(line, "a string is not closed" if quoted else f"unexpected {text[position]!r}")
        yield Token(found.lastgroup or "", found[0], position, found.end())
        position = found.end()


def _end_of_statement(tokens: list[Token], at: int, lines: _Lines) -> int:
    """The index after the last token of the statement that begins at `at`, block included."""
    open_brackets: list[Token] = []
    block = False
    last = at
    while at < len(tokens):
        token = tokens[at]
        if token.kind == "open":
            open_brackets.append(token)
        elif token.kind == "close":
            if not open_brackets or _CLOSING[open_brackets[-1].text] != token.text:
                raise StarlarkError(lines.at(token.start), f"{token.text!r} closes nothing")
            open_brackets.pop()
        elif token.kind == "newline" and not open_brackets:
            if last < at and tokens[last].text == ":":
                block = True
            following = _next_line(tokens, at)
            # A block goes on with lines that are indented, and with else.
            if not (block and following is not None and _goes_on(tokens, following)):
                return last + 1
        elif token.text == ";" and not open_brackets:
            return at + 1
        if token.kind not in ("space", "newline", "comment"):
            last = at
        at += 1
    if open_brackets:
        raise StarlarkError(lines.at(open_brackets[-1].start), f"{open_brackets[-1].text!r} is not closed")
    return last + 1


def _next_line(tokens: list[Token], at: int) -> int | None:
    """The index of the first token of the next line that holds code."""
    begin = at + 1
    for index in range(at + 1, len(tokens)):
        kind = tokens[index].kind
        if kind == "newline":
            begin = index + 1
        elif kind not in ("space", "comment"):
            return begin
    return None


def _goes_on(tokens: list[Token], at: int) -> bool:
    return tokens[at].kind == "space" or tokens[at].text in ("else", "elif")


def _statement(text: str, tokens: list[Token], begin: int, end: int, lines: _Lines) -> Statement:
    start, stop = tokens[begin].start, tokens[end - 1].end
    code = [token for token in tokens[begin:end] if token.kind != "space"]
    call = None
    reader = _Reader(text, code)
    expression = reader.expression()
    if expression is not None and expression.kind == "call" and reader.at_end():
        call = expression
    suffix = ""
    for token in tokens[end:]:
        if token.kind == "comment":
            suffix = token.text
        if token.kind != "space":
            break
    return Statement(start, stop, _above(text, start), lines.at(start), call, suffix)


def _above(text: str, start: int) -> int:
    """Where the comment lines begin that stand directly above a statement."""
    begin = text.rfind("\n", 0, start) + 1
    if begin != start:
        return start
    while begin:
        previous = text.rfind("\n", 0, begin - 1) + 1
        if not text[previous:begin].startswith("#"):
            break
        begin = previous
    return begin


class _Reader:
    """Reads expressions from the tokens of one statement."""

    def __init__(self, text: str, tokens: list[Token]) -> None:
        self.text = text
        self.tokens = tokens
        self.position = 0

    def at_end(self) -> bool:
        self._skip()
        return self.position >= len(self.tokens)

    def _skip(self) -> None:
        while self.position < len(self.tokens) and self.tokens[self.position].kind in ("newline", "comment"):
            self.position += 1

    def _peek(self) -> Token | None:
        self._skip()
        return self.tokens[self.position] if self.position < len(self.tokens) else None

    def expression(self) -> Expression | None:
        """What stands up to the next comma, closing bracket or end."""
        begin = self.position
        first = self._term()
        parts = [first] if first else []
        simple = first is not None
        while (token := self._peek()) is not None and token.kind != "close" and token.text != ",":
            if token.text == "+" and simple:
                self.position += 1
                term = self._term()
                if term is None:
                    simple = False
                else:
                    parts.append(term)
            else:
                simple = False
                self._pass_over()
        used = [t for t in self.tokens[begin : self.position] if t.kind not in ("newline", "comment")]
        if not used:
            return None
        if not simple:
            return Expression("other", used[0].start, used[-1].end)
        if len(parts) == 1:
            return parts[0]
        items = [Item(part, part.start, part.end) for part in parts]
        return Expression("sum", used[0].start, used[-1].end, items=items)

    def _pass_over(self) -> None:
        """Steps over one token, or over everything in brackets."""
        token = self.tokens[self.position]
        self.position += 1
        if token.kind != "open":
            return
        depth = 1
        while depth:
            kind = self.tokens[self.position].kind
            depth += (kind == "open") - (kind == "close")
            self.position += 1

    def _term(self) -> Expression | None:
        token = self._peek()
        if token is None:
            return None
        if token.kind == "string":
            self.position += 1
            following = self._peek()
            if following is not None and following.kind == "string":
                return None  # strings side by side: left as they are
            value = _string_value(token.text)
            if following is not None and following.text == ".":
                return self._chain(token)
            return Expression("string" if value is not None else "other", token.start, token.end, value=value or "")
        if token.kind == "name":
            self.position += 1
            return self._chain(token)
        if token.text == "[":
            return self._list(token)
        if token.text in "({":
            self._pass_over()
            return Expression("other", token.start, self.tokens[self.position - 1].end)
        if token.kind == "number" or token.text == "-":
            self.position += 1
            return Expression("other", token.start, token.end)
        return None

    def _chain(self, first: Token) -> Expression:
        """`name`, `name.attribute`, `name(…)`, and what follows them."""
        result = Expression("name" if first.kind == "name" else "other", first.start, first.end, name=first.text)
        while (token := self._peek()) is not None:
            if token.text == ".":
                self.position += 1
                attribute = self._peek()
                if attribute is None:
                    break
                self.position += 1
                result = Expression("name", first.start, attribute.end, name=f"{result.name}.{attribute.text}")
            elif token.text == "(":
                name = result.name if result.kind == "name" else ""
                result = self._call(first.start, name)
            elif token.text == "[":
                self._pass_over()
                result = Expression("other", first.start, self.tokens[self.position - 1].end)
            else:
                break
        return result

    def _list(self, opening: Token) -> Expression:
        items, trailing, end = self._members()
        if items is None:
            return Expression("other", opening.start, end)
        return Expression("list", opening.start, end, items=items, trailing=trailing)

    def _call(self, start: int, name: str) -> Expression:
        arguments, trailing, end = self._members()
        if arguments is None:
            return Expression("other", start, end)
        return Expression("call", start, end, name=name, arguments=arguments, trailing=trailing)

    def _members(self) -> tuple[list[Item] | None, list[str], int]:
        """Reads from an opening bracket to its closing one. None where it holds more than members (comprehensions)."""
        self.position += 1
        items: list[Item] = []
        comments: list[str] = []
        good = True
        while True:
            token = self.tokens[self.position]
            if token.kind == "newline":
                self.position += 1
                continue
            if token.kind == "comment":
                comments.append(token.text)
                self.position += 1
                continue
            if token.kind == "close":
                self.position += 1
                return (items if good else None), comments, token.end
            item = self._member()
            if item is None:
                good = False
                continue
            item.before = comments
            comments = []
            following = self.tokens[self.position]
            if following.text == ",":
                self.position += 1
                following = self.tokens[self.position]
            elif following.kind not in ("close", "newline", "comment"):
                good = False
            if following.kind == "comment":
                item.suffix = following.text
                self.position += 1
            items.append(item)

    def _member(self) -> Item | None:
        begin = self.position
        token = self.tokens[begin]
        name = ""
        if token.kind == "name":
            ahead = begin + 1
            if ahead < len(self.tokens) and self.tokens[ahead].text == "=":
                name = token.text
                self.position = ahead + 1
        held = self.position
        value = self.expression()
        if value is None:
            # Nothing usable: step over it, so that reading goes on.
            self.position = held
            if self.tokens[self.position].kind != "close":
                self._pass_over()
            return None
        # expression() may have stepped over line ends and a comment to look ahead; those belong to the caller.
        while self.position > begin and self.tokens[self.position - 1].kind in ("newline", "comment"):
            self.position -= 1
        return Item(value, token.start, value.end, name=name)


def _string_value(text: str) -> str | None:
    """What a string literal says; None for prefixes and escapes that are not understood."""
    if text[0] not in "\"'":
        return None
    quote = 3 if text[:3] in ('"""', "'''") else 1
    inner = text[quote:-quote]
    if "\\" not in inner:
        return inner
    parts = re.split(r"\\(.)", inner, flags=re.DOTALL)
    for index in range(1, len(parts), 2):
        if parts[index] not in _ESCAPES:
            return None
        parts[index] = _ESCAPES[parts[index]]
    return "".join(parts)
