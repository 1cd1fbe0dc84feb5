"""Documentation, requirements, Terraform and other text."""

import re

from migrate.model import Certainty
from migrate.text_files.document import Document
from migrate.text_files.names import ROOT, Base
from migrate.text_files.shell import script
from migrate.text_files.words import Policy, likely, machine_paths, modules, python_paths, token, words

_LINK = re.compile(r"\]\(\s*<?([^)\s>#]+)(?:#[^)\s>]*)?>?[^)]*\)|^\s*\[[^\]]+\]:\s*(\S+)", re.MULTILINE)
_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
_FENCE = re.compile(r"(?m)^[ \t>]*(```+|~~~+)[^\r\n]*\r?\n(?P<code>.*?)^[ \t>]*\1[ \t]*\r?$", re.DOTALL)
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
    for match in _FENCE.finditer(text):
        script(document, *match.span("code"), Policy("code in a text", root_first))
    for match in _SPAN.finditer(text):
        span = match.span(2)
        python_paths(document, *span, likely("code in a text"))
        _module(document, *span)
        if not token(document, *span, likely("code in a text", *root_first, scattered=True)):
            words(document, *span, likely("code in a text", *root_first))
    python_paths(document, 0, len(text), likely("a text"))
    modules(document, 0, len(text), likely("a text"))
    words(document, 0, len(text), likely("a text", *root_first))


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
