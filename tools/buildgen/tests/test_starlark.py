"""Reading BUILD files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildgen.starlark import StarlarkError, parse


def test_arguments_lists_and_comments_keep_their_places() -> None:
    text = """\
# above
py_library(
    name = "a",  # why
    srcs = [
        # first
        "x.py",
        "y.py",  # second
        # last
    ],
    deps = ["//b"] + select({"//c": []}) + glob(["*.d"], exclude = ["e"]),
)
"""
    (statement,) = parse(text)
    assert (statement.line, text[statement.above : statement.start]) == (2, "# above\n")
    call = statement.call
    assert call is not None and call.name == "py_library"
    name, srcs, deps = call.arguments
    assert (name.value.value, name.suffix) == ("a", "# why")
    assert [(i.value.value, i.before, i.suffix) for i in srcs.value.items] == [
        ("x.py", ["# first"], ""),
        ("y.py", [], "# second"),
    ]
    assert srcs.value.trailing == ["# last"]
    assert [part.value.kind for part in deps.value.items] == ["list", "call", "call"]


def test_everything_else_is_one_statement_each() -> None:
    function = "def f(x):\n    if x:\n        return [y for y in x]\n\n    return 1\n"
    text = '"""doc"""\nA = ["x"]\n\n' + function + "\n[g(name = n) for n in A]\nh.i(j = 1)\n"
    found = [text[s.start : s.end] for s in parse(text)]
    assert [row.split("\n")[0] for row in found] == [
        '"""doc"""',
        'A = ["x"]',
        "def f(x):",
        "[g(name = n) for n in A]",
        "h.i(j = 1)",
    ]
    assert found[2].endswith("return 1")


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ('a(\n    b = [\n        "c",\n', 2, "'[' is not closed"),
        ('a()\nb = "c\n', 2, "a string is not closed"),
        ("a()\n)\n", 2, "')' closes nothing"),
        ("a(b]\n", 1, "']' closes nothing"),
        ("a()\n?\n", 2, "unexpected '?'"),
    ],
)
def test_a_broken_file_is_refused_with_its_line(text: str, line: int, message: str) -> None:
    with pytest.raises(StarlarkError) as caught:
        parse(text)
    assert (caught.value.line, str(caught.value)) == (line, message)


@given(st.text(alphabet="ab([{}])\"',=#\n \\+.:", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        statements = parse(text)
    except StarlarkError as error:
        assert 1 <= error.line <= text.count("\n") + 1
        return
    ends = [0] + [statement.end for statement in statements]
    assert all(end <= statement.start for end, statement in zip(ends, statements, strict=False))
