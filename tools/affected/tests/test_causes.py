"""What changed files touch first: labels, packages, wheels, or everything."""

import pytest

from affected.causes import Causes, find_causes
from affected.changes import Change, Changes
from affected.module_file import read_module_file
from affected.tests.graphs import graph, package_group, rule, source

A, B = "a" * 64, "b" * 64
MODULE = """\
pip = use_extension("@rules_python//python/extensions:pip.bzl", "pip")
pip.parse(hub_name = "pypi_x", requirements_lock = "//requirements:x.txt")
tree = use_extension("//defs:tree.bzl", "tree")
use_repo(tree, "tree", "wood")
register_toolchains("//chains:all")
"""
FILES = {
    "MODULE.bazel": MODULE,
    "BUILD.bazel": 'alias(name = "x", actual = "//a")\n',
    ".bazelrc": "try-import %workspace%/defs/more.bazelrc\ntry-import %workspace%/user.bazelrc\n",
    "defs/more.bazelrc": "import %workspace%/.bazelrc\nimport %workspace%/defs/most.bazelrc\n",
    "a/BUILD.bazel": 'load("//defs:rules.bzl", "r")\nr(name = "a", srcs = ["a.txt"])\n',
    "b/BUILD.bazel": 'filegroup(name = "b", srcs = glob(["**"]))\n',
    "defs/BUILD.bazel": "",
    "defs/rules.bzl": "r = 1\n",
    "defs/tree.bzl": 'load(":walk.bzl", "walk")\n',
    "defs/walk.bzl": "walk = 1\n",
    "requirements/x.txt": f"numpy==2 --hash=sha256:{A}\n    # via -r x.in\n",
    "requirements/BUILD.bazel": "",
    "friends/BUILD.bazel": 'load("//defs:friends.bzl", "friends")\n',
}
GRAPH = graph(
    rule("//:x", "alias", ["//a:a"]),
    rule("//a:a", inputs=["//a:a.txt"]),
    rule("//b:b", "filegroup", ["//b:c/d.txt"]),
    source("//defs:BUILD.bazel"),
    source("//requirements:x.txt"),
    source("//chains:BUILD.bazel"),
    source("//friends:BUILD.bazel"),
    package_group("//friends:all"),
)


def causes(
    *files: str,
    kind: str = "modified",
    links: dict[str, str] | None = None,
    submodules: frozenset[str] = frozenset(),
    before: dict[str, str] | None = None,
) -> Causes:
    changes = Changes("0" * 40, "1" * 40, tuple(Change(path, kind) for path in files), False, links or {}, submodules)
    earlier = FILES if before is None else before
    return find_causes(changes, GRAPH, read_module_file(MODULE), FILES.get, earlier.get)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("MODULE.bazel", "which modules and wheels"),
        (".bazelrc", "hold for every target"),
        (".bazelversion", "another Bazel"),
        (".bazelignore", "which folders"),
        ("bazelw", "chooses Bazel"),
        ("WORKSPACE.bzlmod", "repositories"),
        ("defs/more.bazelrc", ".bazelrc imports it"),
        ("defs/most.bazelrc", ".bazelrc imports it"),
        ("tools/airgap/modules/tar.bzl/tar.bzl", "part of a module"),
        ("tools/airgap/provision/packages.txt", "the tools that actions run"),
        ("defs/tree.bzl", "MODULE.bazel is made up with it"),
        ("defs/walk.bzl", "MODULE.bazel is made up with it"),
        ("chains/BUILD.bazel", "MODULE.bazel names something in //chains"),
        ("friends/BUILD.bazel", "package_group"),
        ("defs/friends.bzl", "package_group"),
    ],
)
def test_what_says_how_everything_is_built_counts_for_everything(path: str, why: str) -> None:
    (reason,) = causes(path).everything
    assert reason.startswith(f"{path} was modified")
    assert why in reason


def test_a_package_group_that_is_gone_counts_for_everything() -> None:
    before = {"old/BUILD.bazel": 'package_group(name = "friends")\n'}
    (reason,) = causes("old/BUILD.bazel", kind="deleted", before=before).everything
    assert "package_group" in reason


@pytest.mark.parametrize("path", ["docs/MODULE.bazel", "a/bazelw", "defs/BUILD.bazel", "tools/airgap/README.md"])
def test_other_files_do_not(path: str) -> None:
    assert causes(path).everything == []


def test_a_submodule_counts_for_everything() -> None:
    assert causes("third_party", submodules=frozenset({"third_party"})).everything == [
        "third_party was modified: what is in a submodule is not looked into"
    ]


def test_a_file_is_the_label_of_its_package_and_so_is_every_folder_above_it_there() -> None:
    found = causes("b/c/e/f.txt", "top.txt")
    assert set(found.labels) >= {"//b:c/e/f.txt", "//b:c/e", "//b:c", "//:top.txt"}
    assert "//b:." not in found.labels
    assert found.packages == {}


def test_a_build_file_counts_for_its_package() -> None:
    assert causes("a/BUILD.bazel").packages == {"a": "a/BUILD.bazel was modified"}
    assert causes("BUILD").packages == {"": "BUILD was modified"}


@pytest.mark.parametrize("kind", ["added", "deleted"])
def test_a_package_that_comes_or_goes_takes_files_from_the_one_above_or_gives_them_back(kind: str) -> None:
    found = causes("b/new/BUILD.bazel", kind=kind).packages
    assert found["b/new"] == f"b/new/BUILD.bazel was {kind}"
    assert found["b"] == f"b/new/BUILD.bazel was {kind}, so that glob() finds other files in //b"
    # //a names its files, so nothing changes for it.
    assert causes("a/new/BUILD.bazel", kind=kind).packages.keys() == {"a/new"}


def test_a_bzl_file_counts_for_the_packages_that_load_it() -> None:
    assert causes("defs/rules.bzl").packages == {"a": "defs/rules.bzl was modified, which //a loads"}


@pytest.mark.parametrize("kind", ["added", "deleted"])
def test_a_file_that_comes_or_goes_counts_where_files_are_looked_for(kind: str) -> None:
    assert causes("b/c/x.txt", kind=kind).packages == {"b": f"b/c/x.txt was {kind}, and //b looks for files by glob()"}
    found = causes("a/x.txt", kind=kind)
    assert found.packages == {}
    assert found.labels["//a:x.txt"] == f"a/x.txt was {kind}"


def test_what_leads_to_a_changed_file_counts_as_that_file() -> None:
    links = {"a/page": "b/c", "a/one.txt": "b/c/d.txt", "b/again": "a/page"}
    found = causes("b/c/d.txt", links=links).labels
    assert found["//a:page/d.txt"] == "b/c/d.txt was modified, to which a/page/d.txt leads"
    assert {"//a:one.txt", "//b:again/d.txt", "//b:c/d.txt"} <= found.keys()


def test_links_in_a_circle_end() -> None:
    found = causes("b/c/d.txt", links={"b/c/back": "b", "b/loop": "b/loop"}).labels
    assert "//b:c/d.txt" in found


def test_a_lock_touches_the_wheels_whose_pins_differ_and_who_reads_it() -> None:
    before = {**FILES, "requirements/x.txt": FILES["requirements/x.txt"].replace(A, B)}
    found = causes("requirements/x.txt", before=before)
    assert found.wheels == {("pypi_x", "numpy"): "requirements/x.txt: numpy 2 has other files"}
    assert "//requirements:x.txt" in found.labels
    assert found.everything == []


def test_a_lock_that_cannot_be_read_touches_all_of_its_wheels() -> None:
    before = {**FILES, "requirements/x.txt": "<<<<<<<\n"}
    assert causes("requirements/x.txt", before=before).wheels == {
        ("pypi_x", ""): "requirements/x.txt was modified, and cannot be read pin by pin"
    }


def test_a_repository_made_of_the_workspace_s_files_is_touched() -> None:
    found = causes("a/a.txt")
    # Of @tree it is known that it has each file under its own path; of @wood nothing is known.
    assert found.repositories == {"wood": "a/a.txt was modified, and @wood is made of such files"}
    assert found.labels["@tree//:a/a.txt"] == "a/a.txt was modified"
    assert "@tree//:files.txt" not in found.labels
    assert "@tree//:files.txt" in causes("a/new.txt", kind="added").labels
    assert "tree" in causes("a/a.txt", kind="deleted").repositories
    assert "tree" in causes(".gitignore").repositories


def test_a_file_outside_of_all_packages_touches_nothing() -> None:
    alone = graph(rule("//a:a"))
    changes = Changes("0" * 40, "1" * 40, (Change("docs/x.md", "added"),), False, {}, frozenset())
    assert find_causes(changes, alone, read_module_file(""), FILES.get, FILES.get) == Causes()
