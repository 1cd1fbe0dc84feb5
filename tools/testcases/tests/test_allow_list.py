from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testcases.allow_list import AllowedSkip, read_allowed_skips
from testcases.junit import Case, Outcome
from testcases.problems import InputProblem


def one(tmp_path: Path, line: str) -> AllowedSkip:
    path = tmp_path / "allowed.txt"
    path.write_text(line + "\n", encoding="utf-8")
    (allowed,) = read_allowed_skips(path)
    return allowed


def skip(address: str, reason: str = "no CUDA device") -> Case:
    label, _, name = address.partition("::")
    return Case(label, name, Outcome.SKIPPED, reason)


@pytest.mark.parametrize(
    ("glob", "address", "covered"),
    [
        ("//a:b::*", "//a:b::test_x.test_y", True),
        ("//a:b::*", "//a:bc::test_x.test_y", False),
        ("//a:b*::*", "//a:bc::test_x.test_y", True),
        ("//a:b::*cuda*", "//a:b::test_x.test_cuda[0]", True),
        ("//a:b::*cuda*", "//a:b::test_x.test_cpu", False),
        # Brackets are part of pytest's names, not of the glob.
        ("//a:b::t[0]", "//a:b::t[0]", True),
        ("//a:b::t[0]", "//a:b::t0", False),
        ("//a:b::t?", "//a:b::t1", True),
        ("//a/...::*", "//a:b::t", True),
        ("//a/...::*", "//a/c/d:b::t", True),
        ("//a/...::*", "//ab:b::t", False),
        ("//...::*", "//a/c:b::t", True),
        ("//...::*", "//:b::t", True),
        # A dot is a dot.
        ("//a:b::t.u", "//a:b::tau", False),
    ],
)
def test_the_glob_covers_what_it_says(tmp_path: Path, glob: str, address: str, covered: bool) -> None:
    assert one(tmp_path, f"{glob} | CUDA | no GPU here").covers(skip(address)) is covered


def test_another_reason_is_not_covered(tmp_path: Path) -> None:
    allowed = one(tmp_path, "//a:b::* | no CUDA | no GPU here")

    assert allowed.covers(skip("//a:b::t", "there is no CUDA device"))
    assert not allowed.covers(skip("//a:b::t", "broken since Tuesday"))


def test_the_expression_may_have_alternatives(tmp_path: Path) -> None:
    allowed = one(tmp_path, "//a:b::* | no CUDA | no (MPS|ROCm) | no GPU here")

    assert allowed.why == "no GPU here"
    assert allowed.reason.pattern == "no CUDA | no (MPS|ROCm)"


def test_comments_and_empty_lines_are_passed_over_and_lines_keep_their_numbers(tmp_path: Path) -> None:
    assert one(tmp_path, "# a comment\n\n  # another\n//a:b::* | x | y").line == 4


@pytest.mark.parametrize(
    "line",
    ["//a:b::*", "//a:b::* | x", "//a:b::* | x | ", " | x | y", "//a:b | x | y", "//a:b::* | ( | y", "//a:b::* |  | y"],
)
def test_a_malformed_line_is_refused_by_its_number(tmp_path: Path, line: str) -> None:
    with pytest.raises(InputProblem, match=r"allowed\.txt:2: "):
        one(tmp_path, "# first\n" + line)


def test_a_missing_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputProblem, match="cannot be read"):
        read_allowed_skips(tmp_path / "none.txt")


@settings(deadline=None)
@given(text=st.text("ab*?|:/.# \t\r\n\u2028[(\\)é"))
def test_whatever_the_list_holds_it_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("any") / "allowed.txt"
    path.write_text(text, encoding="utf-8")
    try:
        lines = read_allowed_skips(path)
    except InputProblem as problem:
        assert len(str(problem).splitlines()) == 1
    else:
        assert all(allowed.why and allowed.glob for allowed in lines)
