"""The fast scanner against the syntax tree, which is its oracle."""

from __future__ import annotations

import ast
import sysconfig
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildgen.deep import imports_of, read_tree
from buildgen.scan import _quick, _Undecided, decode, scan
from buildgen.scanned import OPTIONAL, TYPE_CHECKING_ONLY

STANDARD_LIBRARY = Path(sysconfig.get_path("stdlib"))


def sources() -> list[Path]:
    found = sorted(
        p for p in STANDARD_LIBRARY.rglob("*.py") if "site-packages" not in p.parts and "test" not in p.parts
    )
    assert len(found) > 400
    return found


def quick_or_tree(text: str) -> list[list[object]]:
    """What `scan` finds: quickly, or by the tree where the scanner says that it cannot tell."""
    try:
        return _quick(text).imports
    except _Undecided:
        return imports_of(text)


def test_the_scanner_finds_in_the_whole_standard_library_what_its_syntax_trees_hold() -> None:
    undecided = 0
    for path in sources():
        try:
            text = decode(path.read_bytes())
            expected = imports_of(text)
        except (SyntaxError, UnicodeDecodeError, ValueError):
            continue  # samples of broken files
        try:
            found = _quick(text).imports
        except _Undecided:
            undecided += 1
            continue
        assert sorted(map(str, found)) == sorted(map(str, expected)), path
    assert undecided < 80


def test_the_scanner_finds_in_the_standard_library_the_main_guards_of_its_syntax_trees() -> None:
    for path in sources():
        data = path.read_bytes()
        found = scan(data, path.name)
        if found.error:
            continue
        assert found.main == read_tree(decode(data), path.name).main, path


NAMES = st.sampled_from(["os", "a.b", "typing", "x_1", "λ"])
STRINGS = st.sampled_from(
    [
        "'import no'",
        '"""\nimport no\nfrom a import b\n"""',
        "'''# import'''",
        "r'\\'",
        "b'x'",
        "'it''s'",
        "f'{1}'",
        '"\\""',
    ]
)
PLAIN = st.one_of(
    st.builds("import {}".format, NAMES),
    st.builds("import {} as y, {}".format, NAMES, NAMES),
    st.builds("from {} import a, b as c".format, NAMES),
    st.builds("from . import {}".format, st.sampled_from(["q", "q as r"])),
    st.builds("from ..{} import (a,  # import no)\n    b,\n)".format, NAMES),
    st.builds("from {} import \\\n    a".format, NAMES),
    st.builds("x = {}".format, STRINGS),
    st.builds("x = f({}, [\n  {},\n# import no\n])".format, STRINGS, STRINGS),
    st.just("imported = importer.from_ = 1"),
    st.just("raise ValueError from error"),
    st.just("x = 1; import z"),
    st.just("# import no"),
    st.just("from a import *"),
    st.just(""),
)


def block(statements: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    inner = st.lists(statements, min_size=1, max_size=3).map(lambda rows: "\n".join([*rows, "pass"]))
    indented = st.builds(
        lambda text, by: "\n".join(by + row for row in text.split("\n")), inner, st.sampled_from(["    ", "\t", " "])
    )
    headers = st.sampled_from(
        [
            "if TYPE_CHECKING:\n{}",
            "if typing.TYPE_CHECKING:  # why\n{}\nelse:\n{}",
            "if not TYPE_CHECKING:\n{}",
            "try:\n{}\nexcept ImportError:\n{}",
            "try:\n{}\nexcept (ValueError, ModuleNotFoundError) as e:\n{}",
            "try:\n{}\nexcept ValueError:\n{}\nfinally:\n{}",
            "try:\n{}\nexcept:\n{}",
            "try:\n{}\nfinally:\n{}",
            "def f():\n{}",
            "async def f(a,\n      b):\n{}",
            "class C(\n  D):\n{}",
            "with suppress(ImportError):\n{}",
            "for x in y:\n{}\nelse:\n{}",
            "while (a and\n b):\n{}",
            "match x:\n case 1:\n  import inner\n",
        ]
    )
    return st.builds(lambda header, *parts: header.format(*parts), headers, indented, indented, indented)


def parses(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return False
    return True


MODULES = st.lists(st.recursive(PLAIN, block, max_leaves=8), max_size=6).map("\n".join)


@given(MODULES)
def test_the_scanner_finds_what_the_syntax_tree_holds(text: str) -> None:
    # Strings over several lines lose their shape when a block is indented: some texts are no Python.
    if not parses(text):
        return
    assert sorted(map(str, quick_or_tree(text))) == sorted(map(str, imports_of(text)))


@given(st.text(alphabet="import from a.b,*()\n\t '\"#\\:;=x", max_size=80))
def test_any_text_is_scanned_without_an_exception_and_right_where_it_is_python(text: str) -> None:
    found = scan(text.encode(), "x.py")
    if not found.error:
        assert sorted(map(str, found.imports)) == sorted(map(str, imports_of(decode(text.encode()))))


@given(st.binary(max_size=60))
def test_any_bytes_are_scanned_without_an_exception(data: bytes) -> None:
    assert scan(data, "x.py") is not None


def test_a_syntax_error_has_its_line() -> None:
    found = scan(b"import os\n\ndef f(:\n    pass\n", "x.py")
    assert found.error[0] == 3
    assert "syntax error" in str(found.error[1])


def test_a_file_in_another_encoding_is_read_by_its_coding_comment() -> None:
    assert scan("# -*- coding: latin-1 -*-\nimport a  # é\n".encode("latin-1"), "x.py").imports == [[0, "a", "", 2, 0]]


def test_bytes_that_are_no_text_are_an_error() -> None:
    assert "not readable" in str(scan(b"import a  # \xff\n", "x.py").error[1])


def test_a_byte_order_mark_and_windows_line_ends_change_no_line_number() -> None:
    assert scan(b"\xef\xbb\xbf# x\r\nimport a\r\n", "x.py").imports == [[0, "a", "", 2, 0]]


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        ("if TYPE_CHECKING:\n    import a\n", TYPE_CHECKING_ONLY),
        ("if t.TYPE_CHECKING:\n    x = 1\n\n    import a\n", TYPE_CHECKING_ONLY),
        ("if TYPE_CHECKING:\n    pass\nelse:\n    import a\n", 0),
        ("try:\n    import a\nexcept ImportError:\n    a = None\n", OPTIONAL),
        ("try:\n    pass\nexcept ImportError:\n    import a\n", OPTIONAL),
        ("try:\n    import a\nexcept KeyError:\n    pass\n", 0),
        ("try:\n    import a\nexcept KeyError:\n    pass\nexcept ImportError:\n    pass\n", OPTIONAL),
        ("with suppress(ImportError):\n    import a\n", OPTIONAL),
        ("try:\n    def f():\n        import a\nexcept ImportError:\n    pass\n", 0),
        ("if TYPE_CHECKING: import a\n", TYPE_CHECKING_ONLY),
    ],
)
def test_imports_know_whether_they_are_for_types_only_or_may_fail(text: str, flags: int) -> None:
    assert scan(text.encode(), "x.py").imports[0][4] == flags


def test_annotations_are_read_wherever_a_comment_may_stand_and_not_in_strings() -> None:
    text = """\
    # gazelle:ignore a,b
    from x import (  # gazelle:include_dep //a:b
        y,
    )
    z = "# gazelle:ignore c"
    """
    found = scan("\n".join(row.strip() for row in text.splitlines()).encode(), "x.py")
    assert found.annotations == [["ignore", "a,b", 1], ["include_dep", "//a:b", 2]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("def test_a():\n    pass\n", True),
        ("class TestA:\n    pass\n", True),
        ("class A(unittest.TestCase):\n    pass\n", True),
        ("def check():\n    pass\n", False),
        ("", False),
    ],
)
def test_a_file_knows_whether_pytest_could_collect_something(text: str, expected: bool) -> None:
    assert scan(text.encode(), "test_x.py").has_tests is expected
