"""Which packages load a .bzl file, and which look for files."""

from pathlib import Path

import pytest

from affected.loading import Loads, reader

TREE = {
    "BUILD.bazel": 'load("//defs:outer.bzl", "outer")\nouter(name = "x")\n',
    "a/BUILD": 'load("@rules_python//python:py_test.bzl", "py_test")\nload(":own.bzl", own = "mine")\n',
    "a/own.bzl": 'load("@@//defs:inner.bzl", "inner")\n\ndef mine(name):\n    inner(name)\n',
    "b/BUILD.bazel": 'filegroup(name = "all", srcs = glob(["**"]))\n',
    "b/BUILD": 'load("//a:own.bzl", "mine")\n',  # BUILD.bazel is taken instead
    "defs/BUILD.bazel": "",
    "defs/outer.bzl": 'load("inner.bzl", "inner")\n\ndef outer(name):\n    inner(name)\n',
    "defs/inner.bzl": 'def inner(name):\n    if name:\n        native.filegroup(srcs = native.glob(["x"]))\n',
    "defs/sub/deep.bzl": "",
    "c/BUILD.bazel": 'load("//defs:sub/deep.bzl", "deep")\nload("@ours//gone:gone.bzl", "x")\nx("globe(x)")\n',
}
PACKAGES = ["", "a", "b", "c", "defs"]


@pytest.mark.parametrize(
    ("path", "packages"),
    [
        ("defs/inner.bzl", ["", "a"]),
        ("defs/outer.bzl", [""]),
        ("a/own.bzl", ["a"]),
        ("defs/sub/deep.bzl", ["c"]),
        ("gone/gone.bzl", ["c"]),
        ("defs/unused.bzl", []),
    ],
)
def test_a_bzl_file_is_loaded_through_others(path: str, packages: list[str]) -> None:
    assert Loads(PACKAGES, TREE.get, "ours").packages_that_load(path) == packages


def test_a_package_with_something_that_cannot_be_understood_may_load_everything() -> None:
    tree = {**TREE, "a/own.bzl": "def broken(:\n    [\n", "defs/outer.bzl": "load(NAME, 'x')\n"}
    assert Loads(PACKAGES, tree.get, "ours").packages_that_load("defs/unused.bzl") == ["", "a"]


def test_files_are_looked_for_by_glob_in_the_build_file_or_in_what_it_loads() -> None:
    loads = Loads(PACKAGES, TREE.get, "ours")
    assert {package for package in PACKAGES if loads.may_glob(package)} == {"", "a", "b"}
    assert Loads(["c"], {"c/BUILD": "subpackages(include = ['*'])"}.get).may_glob("c")
    assert Loads(["c"], {"c/BUILD": "x = [\n"}.get).may_glob("c")


def test_files_that_load_each_other_end() -> None:
    tree = {"BUILD": 'load(":a.bzl", "a")', "a.bzl": 'load(":b.bzl", "b")', "b.bzl": 'load(":a.bzl", "a")'}
    assert Loads([""], tree.get).packages_that_load("b.bzl") == [""]


def test_files_are_read_once_from_below_the_root(tmp_path: Path) -> None:
    (tmp_path / "x.bzl").write_text("a")
    read = reader(tmp_path)
    assert (read("x.bzl"), read("none.bzl"), read(".")) == ("a", None, None)
    (tmp_path / "x.bzl").write_text("b")
    assert read("x.bzl") == "a"
