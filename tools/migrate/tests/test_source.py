"""A Python file as bytes and tree: which bytes a node stands for, and what is no Python."""

# ruff: noqa: E501 – code before and after, each in one line

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrate.edits import apply_edits
from migrate.model import Edit, MigrationError
from migrate.source import Broken, Source, is_python, read_source


def names(contents: bytes) -> list[bytes]:
    source = Source("a.py", contents)
    return [source.segment(node) for node in source.of_type(ast.Name)]


@pytest.mark.parametrize(
    "contents",
    [
        b"x = '\xc3\xa4'; y\n", b"\xef\xbb\xbfx; y", b"# coding: latin-1\nx = '\xe4\xf6'; y\n", b"x\r\ny\r\n", b"x\ry", b"x\n\x0cy\n",
        b"# coding: cp1252\nx = '\x80\x93'; y", b"x = '''\r\n\xc3\xa4\r'''; y\r\n", b"# coding: shift_jis\nx = '\x95\\'; y\n",
        b"# coding: euc-jp\nx = '\xc6\xfc\xcb\xdc'; y\n", b"x = '\x1c\x0b\xe2\x80\xa8'; y\n", b"if x:\n\t\ty\n",
    ],
)  # fmt: skip
def test_a_node_stands_where_its_bytes_are(contents: bytes) -> None:
    assert names(contents) == [b"x", b"y"]


BROKEN = {
    b'print "x"\n': 1, b"x = 1\n\tif\n": 2, b"def f(:\n": 1, b"x = '\xff'\n": 1, b"# coding: nothing\n": 1, b"# coding: rot13\nx\n": 1,
    b"# coding: utf-7\nx\n": 1, b"# coding: unicode_escape\nx = '\\n'\n": 1, b"x\0\n": 1, b"\xef\xbb\xbf# coding: latin-1\n": 1,
    b"x = " + b"(" * 500 + b")" * 500: 1, b"# coding: ascii\nx = '\xc3\xa4'\n": 1, b"# coding: utf-16\nx\n": 1,
}  # fmt: skip


@pytest.mark.parametrize("contents", BROKEN)
def test_what_is_no_python_is_said_to_be_none_with_its_line(contents: bytes) -> None:
    found = read_source("a.py", contents)
    assert isinstance(found, Broken)
    assert found.line == BROKEN[contents]
    assert found.message


def test_files_are_python_by_name_or_by_their_first_line() -> None:
    assert is_python("a/b.py", b"") and is_python("b.pyi", b"") and is_python("run", b"#!/usr/bin/env python3\n")
    assert (
        not is_python("main.py old", b"")
        and not is_python("run", b"#!/bin/sh\n")
        and not is_python("run.sh", b"#!python\n")
    )
    assert not is_python("run", b"\n#!python\n")


STRINGS = ['"a.b"', "r'a.b'", "'''a.b'''", 'u"a.b"', '"a" ".b"', '("a"  # c\n  ".b")', '"a.\\x62"', '"a\\\n.b"', '"\\141.b"', '"""a.\\N{LATIN SMALL LETTER B}"""']  # fmt: skip


@pytest.mark.parametrize("text", STRINGS)
def test_a_part_of_a_string_is_found_where_it_is_spelled_letter_by_letter(text: str) -> None:
    source = Source("a.py", f"x = {text}\n".encode())
    [node] = [node for node in source.of_type(ast.Constant) if node.value == "a.b"]
    for begin, end in ((0, 1), (2, 3), (0, 3)):
        span = source.value_span(node, begin, end)
        if span is None:
            assert "\\" in text or text.count('"') + text.count("'") in (4,) or "#" in text
            continue
        changed = apply_edits(source.contents, [Edit(*span, b"new")])
        expected = "a.b"[:begin] + "new" + "a.b"[end:]
        assert expected in [node.value for node in ast.walk(ast.parse(changed)) if isinstance(node, ast.Constant)]
    assert source.value_span(node, 0, 1) is not None or text.startswith('"\\141')


@given(st.text(), st.sampled_from(["utf-8", "latin-1", "cp1252", "shift_jis"]), st.booleans())
def test_any_string_is_found_or_said_not_to_be(text: str, encoding: str, escaped: bool) -> None:
    literal = ascii(text) if escaped else repr(text)
    code = f"# coding: {encoding}\n_ = {literal}; x = {literal} 'end'\n"
    try:
        contents = code.encode(encoding)
        source = Source("a.py", contents)
    except (UnicodeEncodeError, SyntaxError):
        return
    node = source.of_type(ast.Constant)[1]
    assert node.value == f"{text}end"
    span = source.value_span(node, len(text), len(text) + 3)
    # The second byte of a Japanese letter may be an ASCII one: then it is not looked for any further.
    assert source.contents[slice(*span)] == b"end" if span is not None else encoding == "shift_jis"
    for i in range(len(text)):
        place = source.value_span(node, i, i + 1)
        if place is not None:
            assert source.contents[slice(*place)].decode(encoding) == text[i]


def test_text_that_the_encoding_has_not_is_refused_in_one_line() -> None:
    source = Source("a.py", b"# coding: latin-1\nx\n")
    with pytest.raises(MigrationError, match=r"^a\.py: 'λ' cannot be written in its encoding, iso-8859-1"):
        source.encode("λ")


def test_overlapping_edits_are_refused() -> None:
    assert apply_edits(b"abcd", [Edit(2, 3, b"X"), Edit(0, 1, b""), Edit(3, 3, b"Y")]) == b"bXYd"
    for edits in ([Edit(0, 2, b""), Edit(1, 3, b"")], [Edit(3, 2, b"")], [Edit(0, 9, b"")]):
        with pytest.raises(ValueError, match="edit of bytes"):
            apply_edits(b"abcd", edits)
