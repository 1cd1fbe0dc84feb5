"""Replaces directories in an mtree specification by what they contain.

    expand_mtree.py RAW_SPECIFICATION RESULT

Bazel knows a source directory by its name only, so a specification written while it analyses says
`type=file content=DIRECTORY` for it. Everything below such a directory gets a line of its own here, sorted by name;
symbolic links inside it stay links. Lines that are there twice are written once.
"""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

_ESCAPE = re.compile(rb"\\([0-7]{3})")
_PLAIN = frozenset(range(0x21, 0x7F)) - frozenset(b"\\#")


def decoded(text: bytes) -> bytes:
    return _ESCAPE.sub(lambda match: bytes([int(match[1], 8)]), text)


def encoded(name: bytes) -> bytes:
    """A name as mtree(5) writes it: everything but plain ASCII in octal."""
    return b"".join(bytes([byte]) if byte in _PLAIN else b"\\%03o" % byte for byte in name)


def entries(path: bytes, attributes: list[bytes], directory: bytes) -> Iterator[bytes]:
    """Lines for everything below a directory on disk; `path` is its encoded place in the archive."""

    def line(name: bytes, kind: bytes, *more: bytes) -> bytes:
        words = (b"type=" + kind if word.startswith(b"type=") else word for word in attributes)
        return b" ".join([name, *words, *more])

    yield line(path + b"/", b"dir")
    for entry in sorted(os.scandir(directory), key=lambda entry: entry.name):
        below = path + b"/" + encoded(entry.name)
        if entry.is_symlink():
            yield line(below, b"link", b"link=" + encoded(os.readlink(entry.path)))
        elif entry.is_dir():
            yield from entries(below, attributes, entry.path)
        else:
            yield line(below, b"file", b"content=" + encoded(entry.path))


def expanded(line: bytes) -> Iterator[bytes]:
    path, *words = line.split()
    path = encoded(decoded(path))
    attributes = [word for word in words if not word.startswith(b"content=")]
    content = next((decoded(word.removeprefix(b"content=")) for word in words if word.startswith(b"content=")), None)
    if content is None:
        yield b" ".join([path, *attributes])
    elif os.path.isdir(content):
        yield from entries(path, attributes, content)
    else:
        yield b" ".join([path, *attributes, b"content=" + encoded(content)])


def main() -> None:
    source, result = map(Path, sys.argv[1:])
    lines = {}
    for line in source.read_bytes().splitlines():
        if line.strip():
            lines.update(dict.fromkeys(expanded(line)))
    result.write_bytes(b"".join(line + b"\n" for line in lines))


main()
