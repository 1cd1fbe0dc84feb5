"""One text file while it is read: its text, and the mentions found in it so far.

The text is the bytes decoded as Latin-1, so that a place in it is a place in the bytes, whatever its encoding is.
"""

import bisect
import posixpath
import re
from collections.abc import Iterator, Sequence

from migrate.model import Certainty, Edit, Mention, Place
from migrate.text_files.names import Base, Names

_ORDER = [Certainty.CERTAIN, Certainty.LIKELY, Certainty.ASK]


def weaker(*certainties: Certainty) -> Certainty:
    """The least sure of several."""
    return max(certainties, key=_ORDER.index)


class Document:
    """A file of the repository.

    Attributes:
        path: where it stands, and `new_path` where it will.
        text: its bytes, as Latin-1.
        names: what is called differently afterwards.
        own: its folder, as the place that paths start from.
        limit: no mention is surer than that.
        variables: shell variables that hold folders, with these folders.
        prefixes: folders outside of the repository that show some of it (`/app` in an image), with what they show.
    """

    def __init__(self, path: str, contents: bytes, names: Names, limit: Certainty = Certainty.CERTAIN) -> None:
        self.path = path
        self.new_path = names.renames.files.get(path, path)
        self.text = contents.decode("latin-1")
        self.names = names
        self.own = Base(posixpath.dirname(path), posixpath.dirname(self.new_path))
        self.limit = limit
        self.variables: dict[str, Base] = {}
        self.prefixes: dict[str, Base] = {}
        self.mentions: list[Mention] = []
        self._claimed: list[tuple[int, int]] = []
        self._lines = [0, *(match.end() for match in re.finditer(r"\r\n|\r|\n", self.text))]
        found = re.search(r"\r\n|\r|\n", self.text)
        self.newline = found.group() if found else "\n"

    def line_of(self, offset: int) -> int:
        return bisect.bisect_right(self._lines, offset)

    def lines(self, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int]]:
        """The lines that begin in a span, without their line ends."""
        end = len(self.text) if end is None else end
        index = bisect.bisect_left(self._lines, start)
        while index < len(self._lines) and self._lines[index] < end:
            first = self._lines[index]
            last = self._lines[index + 1] if index + 1 < len(self._lines) else len(self.text)
            yield first, first + len(self.text[first:last].rstrip("\r\n"))
            index += 1

    def is_free(self, start: int, end: int) -> bool:
        """Whether no mention has been found in a span."""
        i = bisect.bisect_right(self._claimed, (start, end))
        before = i == 0 or self._claimed[i - 1][1] <= start
        return before and (i == len(self._claimed) or self._claimed[i][0] >= end)

    def claim(self, start: int, end: int) -> None:
        """Keeps a span from being looked at again."""
        bisect.insort(self._claimed, (start, end))

    def add(
        self,
        start: int,
        end: int,
        new: str,
        certainty: Certainty,
        why: str,
        edits: Sequence[tuple[int, int, str]] | None = None,
    ) -> None:
        """Notes a mention at a span.

        Args:
            start: where it begins, and `end` where it ends.
            new: what it becomes, "" where no single answer is right.
            certainty: how sure it is; not more than the file's limit is taken.
            why: in plain words.
            edits: smaller spans that change, if not all of it does.
        """
        if not self.is_free(start, end):
            return
        self.claim(start, end)
        if edits is None:
            edits = [(start, end, new)] if new else []
        if not new and not edits:
            certainty = Certainty.ASK
        certainty = weaker(certainty, self.limit)
        made = tuple(Edit(first, last, encoded(text)) for first, last, text in edits)
        place = Place(self.path, self.line_of(start))
        self.mentions.append(Mention(place, readable(self.text[start:end]), readable(new), certainty, why, made))


def lookup_form(text: str) -> str:
    """A piece of a document's text as paths and names are spelled: what is UTF-8 is decoded."""
    return text if text.isascii() else text.encode("latin-1").decode("utf-8", "surrogateescape")


def document_form(text: str) -> str:
    """The inverse of `lookup_form`."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("latin-1")


def encoded(text: str) -> bytes:
    """The bytes of a document's text."""
    return text.encode("latin-1")


def readable(text: str) -> str:
    """A piece of a document's text for people."""
    return text if text.isascii() else text.encode("latin-1").decode("utf-8", "replace")
