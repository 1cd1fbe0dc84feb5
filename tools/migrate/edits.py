"""Replacing spans of a file's bytes; everything else stays as it is."""

from collections.abc import Iterable

from migrate.model import Edit


def apply_edits(contents: bytes, edits: Iterable[Edit]) -> bytes:
    """The contents after the edits.

    Args:
        contents: the bytes that the edits' offsets count.
        edits: in any order. An insertion (start equal to end) may stand at another edit's border.

    Raises:
        ValueError: two edits overlap, or one lies outside of the contents.
    """
    parts, done = [], 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        if edit.start < done or edit.end < edit.start or edit.end > len(contents):
            raise ValueError(
                f"edit of bytes {edit.start} to {edit.end} overlaps another one or lies outside of the file"
            )
        parts += [contents[done : edit.start], edit.replacement]
        done = edit.end
    return b"".join([*parts, contents[done:]])
