"""Editing and printing BUILD files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildgen.build_file import BuildFile, Entry, sort_key
from buildgen.tests.workspaces import as_buildifier_prints

FILE = '''\
"""What this is."""

load("@other//:x.bzl", "x")
load("//tools/build_defs:python.bzl", "py_library", "pytest_test")

# Everything here is odd.
x(
  name="hand",   odd = 1)

# About a.
py_library(
    name = "a",
    srcs = glob(["*.py"]),
    # Because.
    tags = ["manual"],
    visibility = ["//visibility:public"],  # all
    deps = [
        ":b",
        "//gone",
        "//kept",  # keep
        "//why",  # keep: it is loaded by name
        "//ours",  # keep: buildgen x.py:3
        "@pypi//numpy",
    ],
)

pytest_test(
    name = "test_a",
    srcs = ["test_a.py"],
)
'''


def edited(*entries: Entry, text: str = FILE) -> str:
    build = BuildFile(text)
    found = build.rule("a")
    assert found is not None
    assert found.merge("deps", entries, replace=True)
    return build.text()


def test_what_is_not_edited_stays_byte_for_byte() -> None:
    assert BuildFile(FILE).text() == FILE
    before, after = FILE.split("# About a."), edited(Entry("//new")).split("# About a.")
    assert before[0] == after[0]
    assert FILE[FILE.index("pytest_test(\n") :] == after[1][after[1].index("pytest_test(\n") :]


def test_dependencies_are_replaced_but_for_those_kept_by_hand() -> None:
    text = edited(Entry(":b"), Entry("//new", "y.py:7"))
    deps = text[text.index("    deps = [") : text.index("    ],\n)")].split("\n")[1:-1]
    assert deps == [
        '        ":b",',
        '        "//kept",  # keep',
        '        "//new",  # keep: buildgen y.py:7',
        '        "//why",  # keep: it is loaded by name',
    ]


def test_comments_of_a_rule_that_is_edited_stay() -> None:
    text = edited(Entry(":b"))
    assert "# About a.\npy_library(" in text
    assert '    # Because.\n    tags = ["manual"],\n    visibility = ["//visibility:public"],  # all\n' in text


def test_a_mark_of_our_own_goes_when_an_import_shows_the_dependency_too() -> None:
    assert '        "//ours",\n' in edited(Entry("//ours"))
    assert '        "//ours",  # keep: buildgen x.py:9\n' in edited(Entry("//ours", "x.py:9"))


def test_an_expression_that_cannot_be_edited_is_left_alone() -> None:
    build = BuildFile('py_library(\n    name = "a",\n    deps = DEPS,\n)\n')
    found = build.rule("a")
    assert found is not None
    assert not found.merge("deps", [Entry("//b")], replace=True)
    assert build.text() == build.original


def test_a_list_in_a_sum_is_edited_and_its_other_parts_stay() -> None:
    text = edited(
        Entry("//b"),
        text='py_library(\n    name = "a",\n    deps = ["//c"] + select({\n        "//d": [],\n    }),\n)\n',
    )
    assert '    deps = ["//b"] + select({\n        "//d": [],\n    }),\n' in text


def test_a_list_that_says_do_not_sort_keeps_its_order() -> None:
    text = edited(
        Entry("//b"),
        Entry("//a"),
        text='f(\n    name = "a",\n    deps = [\n        # do not sort\n        "//b",\n    ],\n)\n',
    )
    assert '        # do not sort\n        "//b",\n        "//a",\n' in text


def test_a_load_gains_a_symbol_and_loses_one_that_nothing_uses() -> None:
    build = BuildFile(FILE)
    build.need("//tools/build_defs:python.bzl", "py_binary")
    build.need("//tools/build_defs:service.bzl", "laxai_service")
    test = build.rule("test_a")
    assert test is not None
    test.removed = True
    build.unload_unused({"py_library", "pytest_test"})
    assert (
        'load("@other//:x.bzl", "x")\n'
        'load("//tools/build_defs:python.bzl", "py_binary", "py_library")\n'
        'load("//tools/build_defs:service.bzl", "laxai_service")\n'
    ) in build.text()


def test_a_new_file_is_loads_then_rules() -> None:
    build = BuildFile("")
    found = build.add("py_library", "a", None)
    found.merge("srcs", [Entry("b.py"), Entry("a.py")], replace=True)
    build.need("//tools/build_defs:python.bzl", "py_library")
    build.add_header("# gazelle:python_root")
    assert build.text() == (
        '# gazelle:python_root\n\nload("//tools/build_defs:python.bzl", "py_library")\n\n'
        'py_library(\n    name = "a",\n    srcs = [\n        "a.py",\n        "b.py",\n    ],\n)\n'
    )


def test_a_kept_rule_is_known() -> None:
    build = BuildFile(
        '# keep\na(name = "b")\n\nc(\n    name = "d",\n)  # keep\n\n# keep this in mind?\ne(name = "f")\n'
    )
    assert [rule.kept for rule in build.rules] == [True, True, True]


LABELS = st.sampled_from(
    [*("x.py", "a/x.py", "A.py", ":a", ":b.c", "//a", "//a:b", "//a/b", "//a.b", "//b", "@pypi//a", "@pypi//a_b")]
)


@given(st.lists(LABELS, unique=True))
def test_lists_are_sorted_as_buildifier_sorts_them(labels: list[str]) -> None:
    # build/rewrite.go: local files, then ":", "//" and "@", each compared in the parts between "." and ":".
    ordered = sorted(labels, key=sort_key)
    phases = [0 if label[0] not in ":/@" else ":/@".index(label[0]) + 1 for label in ordered]
    assert phases == sorted(phases)
    assert sorted(ordered, key=sort_key) == ordered


@pytest.mark.parametrize("size", [0, 1, 2])
@pytest.mark.parametrize("mark", ["", "x.py:1"])
def test_what_is_printed_is_what_buildifier_prints(size: int, mark: str) -> None:
    entries = [Entry(value, mark) for value in ("//b:c", ":a", "@pypi//x", "x.py", "//b")[: size * 2]]
    build = BuildFile(FILE.replace('  name="hand",   odd = 1)', '    name = "hand",\n    odd = 1,\n)'))
    for name in ("a", "new"):
        found = build.rule(name) or build.add("py_library", name, build.rule("test_a"))
        for attribute in ("srcs", "deps", "data", "visibility", "pyi_deps"):
            found.merge(attribute, entries, replace=True, globs=["d/**", "c/**"] if attribute == "data" else ())
        found.set("main", '"x.py"')
        found.set("testonly", "True")
    build.need("//tools/build_defs:service.bzl", "laxai_service")
    build.need("@rules_python//python:py_library.bzl", "other")
    build.add_header("# gazelle:python_root")
    text = build.text()
    assert text == as_buildifier_prints(text)
