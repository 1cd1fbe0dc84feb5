"""What one Python file says about its dependencies, read fast.

Imports are found by a scanner that knows strings, comments and the keyword `import`, which is several times faster than
a syntax tree. The syntax is checked by the compiler's own parser. Only files that hold a word that asks for more (see
`deep.py`) and the few constructs that the scanner does not decide are read as a syntax tree.

A scan is made of plain lists, so that it can be kept in the cache as JSON.
"""

import _symtable  # type: ignore[import-not-found]
import codecs
import re
import unicodedata
from bisect import bisect_right

from buildgen.asking import asks_for_more
from buildgen.scanned import OPTIONAL, TYPE_CHECKING_ONLY, Import, Scan
from buildgen.tokens import CODE, COMMENT, MAIN_GUARD, TOKEN, annotate, annotate_all, has_tests

_HEADER = re.compile(r"(?:if|elif|else|try|except|finally|for|while|with|def|class|async|match|case)\b")
_TYPE_CHECKING = re.compile(r"if[ \t(]+(?:\w+\.)*TYPE_CHECKING[ \t)]*:")
_CATCHES = re.compile(
    r"except[ \t]*(?:\*[ \t]*)?(?::|.*\b(?:ImportError|ModuleNotFoundError|Exception|BaseException)\b)"
)
_SUPPRESSES = re.compile(r"with\b.*\bsuppress\([^)]*\b(?:ImportError|ModuleNotFoundError|Exception)\b")
_CODING = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")


class _Undecided(Exception):
    """The scanner cannot tell: read the syntax tree."""


def scan(source: bytes, file_name: str) -> Scan:
    """Reads one file. `file_name` is its last part, which says whether it is pytest's. Never raises."""
    try:
        text = decode(source)
    except (UnicodeDecodeError, LookupError) as error:
        return _failed(1, f"not readable as text: {error}")
    more = asks_for_more(text, file_name)
    try:
        if more:
            return _read_tree(text, file_name)
        _symtable.symtable(text, file_name, "exec")
        return _quick(text)
    except _Undecided:
        try:
            return _read_tree(text, file_name)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            return _syntax_error(error)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return _syntax_error(error)


def _read_tree(text: str, file_name: str) -> Scan:
    from buildgen.deep import read_tree  # it takes long to load, and few files ask for it

    return read_tree(text, file_name)


def decode(source: bytes) -> str:
    """Source text as Python decodes it (byte order mark, coding comment), with line feeds as the only line ends."""
    encoding = "utf-8"
    if source.startswith(codecs.BOM_UTF8):
        source = source[3:]
    elif not source.isascii():
        for line in source.split(b"\n", 2)[:2]:
            if found := _CODING.match(line):
                encoding = found[1].decode("ascii")
                break
            if line.strip() and not line.lstrip().startswith(b"#"):
                break
    text = source.decode(encoding)
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _failed(line: int, message: str) -> Scan:
    return Scan([], [], 0, False, True, [], [], [], [], [line, message])


def _syntax_error(error: BaseException) -> Scan:
    if isinstance(error, SyntaxError):
        return _failed(error.lineno or 1, f"syntax error: {error.msg}")
    if isinstance(error, ValueError):
        return _failed(1, f"not Python: {error}")
    return _failed(1, "too deeply nested to be read")


def _quick(text: str) -> Scan:
    """The scan of a file that is valid Python and holds nothing that `deep.py` looks for."""
    imports: list[Import] = []
    annotations: list[list[object]] = []
    spans: list[int] = []  # start and end of each token over several lines, in turn
    line = 1
    counted = 0
    for token in TOKEN.finditer(text):
        start = token.start()
        first = text[start]
        if first == "#":
            if "gazelle:" in token[0] or "buildgen:" in token[0]:
                annotate(annotations, token[0], text.count("\n", 0, start) + 1)
        elif first in "\"'":
            if "\n" in token[0]:
                spans += (start, token.end())
        else:
            if start and (text[start - 1].isalnum() or text[start - 1] in "_."):
                continue  # the end of a longer word
            line += text.count("\n", counted, start)
            counted = start
            spans += (start, token.end())
            _read_import(token, line, imports, _context(text, start, spans), annotations)
    main = next((m.start() for m in MAIN_GUARD.finditer(text) if not _inside(spans, m.start())), -1)
    return Scan(
        imports=imports,
        annotations=annotations,
        main=text.count("\n", 0, main) + 1 if main >= 0 else 0,
        has_tests=has_tests(text),
        has_code=CODE.search(text) is not None,
        modules=[],
        data=[],
        fixtures=[],
        defines=[],
        error=[],
    )


def _read_import(
    token: "re.Match[str]", line: int, imports: list[Import], flags: int, annotations: list[list[object]]
) -> None:
    plain = token["plain"]
    if plain is not None:
        for part in plain.replace("\\\n", " ").split(","):
            if name := _name(part):
                imports.append([0, name, "", line, flags])
        return
    source = "".join(token["source"].replace("\\\n", "").split())
    module = source.lstrip(".")
    dots = len(source) - len(module)
    if not module.isascii():
        module = unicodedata.normalize("NFKC", module)
    names = token["group"]
    if names is None:
        names = token["names"].replace("\\\n", " ")
    elif "#" in names:
        if "gazelle:" in names or "buildgen:" in names:
            annotate_all(annotations, token[0], line)
        names = COMMENT.sub("", names)
    for part in names.replace("\\\n", " ").split(","):
        if name := _name(part):
            imports.append([dots, module, name, line, flags])


def _name(part: str) -> str:
    """`a.b` of ` a . b as c `."""
    words = part.split()
    if not words:
        return ""
    name = words[0]
    if len(words) > 1 and words[1] != "as":
        name = "".join(part.partition(" as ")[0].split())
    return name if name.isascii() else unicodedata.normalize("NFKC", name)


def _inside(spans: list[int], position: int) -> bool:
    """Whether a position lies inside one of the tokens over several lines."""
    at = bisect_right(spans, position)
    return at % 2 == 1 and spans[at - 1] < position


def _context(text: str, start: int, spans: list[int]) -> int:
    """The flags of the import statement at `start`. Raises _Undecided where a syntax tree is needed."""
    begin = text.rfind("\n", 0, start) + 1
    if begin == start:
        if begin >= 2 and text[begin - 2] == "\\":
            raise _Undecided
        return 0
    indent = text[begin:start]
    if not indent.isspace() or (begin >= 2 and text[begin - 2] == "\\"):
        raise _Undecided
    width = len(indent.expandtabs(8))
    flags = 0
    while width and begin:
        end = begin - 1
        begin = text.rfind("\n", 0, end) + 1
        row = text[begin:end]
        code = row.lstrip()
        if not code or code[0] == "#":
            continue
        own = len(row[: len(row) - len(code)].expandtabs(8))
        if own >= width or _inside(spans, begin):
            continue
        if not _HEADER.match(code):
            continue  # the end of a statement over several lines
        bare = code.partition("#")[0].rstrip() if "#" in code else code.rstrip()
        if not bare.endswith(":") or (begin >= 2 and text[begin - 2] == "\\"):
            raise _Undecided
        width = own
        if bare.startswith(("def ", "def\t", "async def")):
            break
        if _TYPE_CHECKING.fullmatch(bare):
            flags |= TYPE_CHECKING_ONLY
        elif bare[:3] == "try":
            flags |= _optional(text, end, row[: len(row) - len(code)], spans)
        elif _CATCHES.match(bare) or _SUPPRESSES.match(bare):
            flags |= OPTIONAL
    return flags


def _optional(text: str, start: int, indent: str, spans: list[int]) -> int:
    """OPTIONAL where the `try:` before `start` catches a failing import. Only what follows it is read."""
    clause = re.compile(rf"^{re.escape(indent)}(except|else|finally)\b([^\n]*)", re.M)
    beyond = re.compile(rf"^(?!{re.escape(indent)}[ \t]|[ \t]*(?:#|$))", re.M)
    position = start
    while found := clause.search(text, position):
        position = found.end()
        if _in_string(text, start, found.start()):
            raise _Undecided
        if found[1] != "except":
            return 0
        row = found[0].strip()
        bare = row.partition("#")[0].rstrip()
        if not bare.endswith(":"):
            raise _Undecided
        if _CATCHES.match(bare):
            return OPTIONAL
        ending = beyond.search(text, position + 1)
        if ending is None:
            return 0
        position = ending.start()
        if not clause.match(text, position):
            raise _Undecided
    return 0


def _in_string(text: str, start: int, position: int) -> bool:
    for token in TOKEN.finditer(text, start):
        if token.start() > position:
            return False
        if token.end() > position and text[token.start()] in "\"'":
            return True
    return False
