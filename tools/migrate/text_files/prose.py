"""Documentation, requirements, Terraform and other text."""

import re
from collections.abc import Iterator

from migrate.model import Certainty
from migrate.text_files.document import Document
from migrate.text_files.names import ROOT, Base
from migrate.text_files.shell import script
from migrate.text_files.words import Policy, likely, machine_paths, modules, python_paths, token, words

_LINK = re.compile(
    r"\]\([ \t]*<?([^)\s>#]{1,500}+)(?:#[^)\s>]{0,500}+)?+>?[^)\n]{0,500}+\)"
    r"|^[ \t]*\[[^\]\n]{1,500}\]:[ \t]*(?:\r?\n[ \t]*)?(\S+)",
    re.MULTILINE,
)
_TICKS = re.compile(r"`+")
_FENCE = re.compile(r"[ \t>]*(?P<fence>`{3,}|~{3,})(?P<rest>.*)", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+\Z")


def documentation(document: Document) -> None:
    """Notes the mentions of a Markdown or reStructuredText file: code, links, and exact paths in the text."""
    text = document.text
    machine_paths(document, 0, len(text), programs=False)
    root_first = (ROOT, document.own)
    for match in _LINK.finditer(text):
        group = 1 if match.group(1) else 2
        if "://" not in match.group(group):
            # A link's path starts at the page's folder, and nowhere else.
            token(document, *match.span(group), likely("a link", document.own, bare=True, scattered=True))
    for span in _fenced(document):
        script(document, *span, Policy("code in a text", root_first))
    for span in _code_spans(document):
        python_paths(document, *span, likely("code in a text"))
        _module(document, *span)
        if not token(document, *span, likely("code in a text", *root_first, scattered=True)):
            words(document, *span, likely("code in a text", *root_first))
    python_paths(document, 0, len(text), likely("a text"))
    modules(document, 0, len(text), likely("a text"))
    words(document, 0, len(text), likely("a text", *root_first))


def _fenced(document: Document) -> Iterator[tuple[int, int]]:
    """The blocks of code between fences. A fence that never ends is none."""
    text, lines = document.text, list(document.lines())
    fences = [
        (i, match["fence"], match["rest"].strip(" \t"))
        for i, span in enumerate(lines)
        if (match := _FENCE.match(text, *span))
    ]
    endless: dict[str, int] = {}  # by the fence's character: from here on none of that length ends
    at = 0
    while at < len(fences):
        line, fence, _ = fences[at]
        at += 1
        if len(fence) >= endless.get(fence[0], len(text)):
            continue
        for end in range(at, len(fences)):
            _, other, rest = fences[end]
            if other[0] == fence[0] and len(other) >= len(fence) and not rest:
                yield lines[line + 1][0], lines[fences[end][0]][0]
                at = end + 1
                break
        else:
            endless[fence[0]] = len(fence)


def _code_spans(document: Document) -> Iterator[tuple[int, int]]:
    """What stands between backticks in one line: as many of them before as behind."""
    text = document.text
    for first, last in document.lines():
        if text.find("`", first, last) < 0:
            continue
        runs = [match.span() for match in _TICKS.finditer(text, first, last)]
        following: dict[int, int] = {}
        closing = [-1] * len(runs)
        for i in range(len(runs) - 1, -1, -1):
            size = runs[i][1] - runs[i][0]
            closing[i] = following.get(size, -1)
            following[size] = i
        i = 0
        while i < len(runs):
            if closing[i] < 0:
                i += 1
                continue
            yield runs[i][1], runs[closing[i]][0]
            i = closing[i] + 1


def _module(document: Document, start: int, end: int) -> None:
    """A code span that is a module's name, or that of something in it."""
    text = document.text[start:end].removesuffix("()")
    found = document.names.longest_module(text) if _NAME.match(text) else None
    if found is not None and "." in found[0]:
        document.add(start, start + len(found[0]), found[1], Certainty.LIKELY, "code in a text: a module")


_OPTION = re.compile(r"[ \t]*(?:-r|-c|-e|--requirement|--constraint|--editable)(?:[ \t]+|=)(?P<path>[^\s#;\[]+)")


def requirements(document: Document) -> None:
    """Notes the mentions of a requirements file; its options' paths start from its own folder."""
    for first, last in document.lines():
        match = _OPTION.match(document.text, first, last)
        if match:
            token(document, *match.span("path"), Policy("a requirements file", (document.own,), bare=True))
        elif document.text[first:last].lstrip().startswith("#"):
            words(document, first, last, likely("a comment", ROOT, document.own))
        else:
            words(document, first, last, likely("a path", document.own))


def terraform(document: Document) -> None:
    """Notes the mentions of a Terraform file; `path.module` is its own folder."""
    _text(document, (document.own, ROOT), scattered=True)


def other_text(document: Document) -> None:
    """Notes the mentions of a text of no known format."""
    _text(document, (ROOT, document.own), scattered=False)


def _text(document: Document, bases: tuple[Base, ...], scattered: bool) -> None:
    end = len(document.text)
    machine_paths(document, 0, end)
    python_paths(document, 0, end, likely("a text", *bases))
    modules(document, 0, end, likely("a text", *bases))
    words(document, 0, end, likely("a text", *bases, scattered=scattered))
