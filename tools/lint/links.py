"""Links in Markdown files: those to files and headings of the tree lead somewhere."""

import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.token import Token

_PARSER = MarkdownIt("commonmark").enable("table")
_HAS_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
# What links and what can be linked to, in HTML within Markdown.
_HTML_LINK = re.compile(r"""<(?:a|img|source)\b[^>]*?\s(?:href|src)=["']([^"']+)["']""", re.IGNORECASE)
_HTML_ANCHOR = re.compile(r"""<\w+\b[^>]*?\s(?:id|name)=["']([^"']+)["']""", re.IGNORECASE)


class Document(NamedTuple):
    """What counts in a Markdown file: links as (line, target), and the anchors that can be linked to."""

    links: list[tuple[int, str]]
    anchors: set[str]


def read_document(text: str) -> Document:
    """The links and anchors of a Markdown text; code holds none. Lines are counted from 1."""
    document = Document([], set())
    seen: Counter[str] = Counter()
    line = 1
    tokens = _PARSER.parse(text)
    for number, token in enumerate(tokens):
        # Cells of a table know no line: theirs is that of the row.
        line = token.map[0] + 1 if token.map else line
        if token.type == "heading_open":
            slug = heading_anchor(_words(tokens[number + 1].children or ()))
            document.anchors.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
            seen[slug] += 1
        for part in [token, *(token.children or ())]:
            document.links.extend((line, target) for target in _targets(part))
            if part.type.startswith("html_"):
                document.anchors.update(_HTML_ANCHOR.findall(part.content))
    return document


def heading_anchor(heading: str) -> str:
    """The anchor that a heading gets on GitHub."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def broken_links(root: Path, documents: Iterable[str], files: Iterable[str]) -> list[str]:
    """Links that lead nowhere, one line each: `README.md:3: docs/x.md is not there`.

    root: the folder that the paths start at. documents: the Markdown files that are looked at. files: all that there
    are; what is not among them cannot be linked to, even if it lies there. Addresses of the network are passed over.
    """
    known = set(files)
    places = known | {folder for path in known for folder in _folders(path)}
    read: dict[str, Document] = {}

    def read_once(path: str) -> Document:
        if path not in read:
            read[path] = read_document((root / path).read_text(encoding="utf-8"))
        return read[path]

    found = []
    for document in documents:
        for line, target in read_once(document).links:
            if _HAS_SCHEME.match(target):
                continue
            address, _, anchor = target.partition("#")
            path = _resolved(document, unquote(address))
            if path not in places:
                found.append(f"{document}:{line}: {address} is not there")
            elif anchor and path.endswith(".md") and unquote(anchor) not in read_once(path).anchors:
                found.append(f"{document}:{line}: {path} has no heading for #{anchor}")
    return found


def _words(parts: Sequence[Token]) -> str:
    return "".join(part.content for part in parts if part.type in ("text", "code_inline"))


def _targets(token: Token) -> Iterator[str]:
    if token.type == "link_open":
        yield str(token.attrs["href"])
    elif token.type == "image":
        yield str(token.attrs["src"])
    elif token.type.startswith("html_"):
        yield from _HTML_LINK.findall(token.content)


def _folders(path: str) -> Iterator[str]:
    """The folders that a path lies in; the root is ''."""
    while path:
        path = path.rpartition("/")[0]
        yield path


def _resolved(document: str, address: str) -> str:
    """A link's path from the root; one that begins with a slash is from there already."""
    if not address:
        return document
    path = address.lstrip("/") if address.startswith("/") else posixpath.join(posixpath.dirname(document), address)
    normal = posixpath.normpath(path)
    return "" if normal == "." else normal
