"""Files of one pattern a line: .gitignore, .dockerignore, .gcloudignore, CODEOWNERS."""

import re

from migrate.model import Certainty
from migrate.text_files.document import Document, document_form, lookup_form
from migrate.text_files.names import ROOT, Base, What, is_below, join, relative
from migrate.text_files.words import likely, split_pattern, words


def ignore_file(document: Document) -> None:
    """Notes the mentions of an ignore file; its patterns start from its own folder."""
    _patterns(document, document.own, anchored=document.path.rpartition("/")[2] != ".gitignore")


def owners_file(document: Document) -> None:
    """Notes the mentions of a CODEOWNERS file; its patterns start from the repository's root."""
    _patterns(document, ROOT, anchored=False)


def _patterns(document: Document, base: Base, anchored: bool) -> None:
    """`anchored`: a pattern without `/` in its middle means a name at the base, not at any depth."""
    text = document.text
    present = {_plain(text[first:last].split(" ")[0]) for first, last in document.lines()}
    for first, last in document.lines():
        line = text[first:last]
        if line.startswith("#"):
            words(document, first, last, likely("a comment", base))
            continue
        match = re.match(r"(!?)(/?)((?:\\.|[^\s\\])+)", line)
        if match is None or _is_elsewhere(match, anchored):
            continue
        start, end = first + match.start(3), first + match.end(3)
        token = match.group(3)
        tail = "/" if token.endswith("/") else ""
        found = document.names.resolve(lookup_form(token), (base,))
        if found is None:
            continue
        if found.what is not What.SCATTERED:
            if not is_below(found.new_path, base.new):
                document.add(
                    first,
                    last,
                    "",
                    Certainty.ASK,
                    f"a pattern: it goes to {found.new_path}, outside of this file's folder",
                )
                continue
            new = document_form(found.new)
            if "/" not in new.strip("/") and not match.group(2) and not anchored:
                new = f"/{new}"  # without it, it would mean that name at any depth
                document.add(start, end, new, Certainty.CERTAIN, f"a pattern: {found.what.value}")
                continue
            document.add(start, end, new, Certainty.CERTAIN, f"a pattern: {found.what.value}")
            continue
        news = _scattered(document, join(base.old, lookup_form(token)), base)
        fresh = [new for new in news if _plain(match.group(1) + new + tail) not in present]
        if not fresh:
            continue
        kept = join(base.old, lookup_form(token)) in {join(base.old, new) for new in news}
        lines = [f"{match.group(1)}{match.group(2)}{document_form(new)}{tail}{line[match.end() :]}" for new in fresh]
        if kept and line not in lines:
            lines.insert(0, line)
        sure = Certainty.CERTAIN if "**" in token or not re.search(r"[*?\[]", token) else Certainty.LIKELY
        document.add(
            first,
            last,
            document.newline.join(lines),
            sure,
            f"a pattern: one for each folder that takes files of {split_pattern(found.path)[0]}",
        )


def _plain(line: str) -> str:
    return line.strip().replace("!/", "!").lstrip("/").rstrip("/")


def _is_elsewhere(match: re.Match[str], anchored: bool) -> bool:
    """Whether a pattern means a name at any depth."""
    middle = match.group(3).rstrip("/")
    return "/" not in middle and not match.group(2) and not anchored


def _scattered(document: Document, pattern: str, base: Base) -> list[str]:
    """What a pattern below a folder whose files part becomes: the same below each folder that takes them."""
    names = document.names
    folder, tail = split_pattern(pattern)
    takers = names.takers(folder)
    if tail and not tail.startswith("/**"):
        # One level only: what was beside the packages is beside them now.
        takers = names.roots_for(folder) or takers
        takers = tuple(taker for taker in takers if taker) or takers
    return [relative(taker, base.new) + tail for taker in takers if is_below(taker, base.new)]
