"""Which rules a folder gets."""

from __future__ import annotations

from pathlib import Path

from buildgen.tests.workspaces import make, rule


def test_a_folder_is_one_library_with_its_files_listed(tmp_path: Path) -> None:
    workspace = make(tmp_path, {"lib/a.py": "import lib.b\n", "lib/b.py": "", "lib/notes.txt": ""})
    assert workspace.run() == 0
    assert workspace.builds()["lib"] == (
        'load("//tools/build_defs:python.bzl", "py_library")\n\n'
        'py_library(\n    name = "lib",\n    srcs = [\n        "a.py",\n        "b.py",\n    ],\n'
        '    visibility = ["//:__subpackages__"],\n)\n'
    )


def test_each_test_file_is_a_test_with_the_conftest_files_that_apply(tmp_path: Path) -> None:
    workspace = make(
        tmp_path,
        {
            "conftest.py": "",
            "lib/a.py": "",
            "lib/tests/conftest.py": "import lib.a\n",
            "lib/tests/deep/test_one.py": "def test_x(): ...\n",
            "lib/tests/deep/test_two.py": "# gazelle:include_pytest_conftest false\ndef test_x(): ...\n",
            "lib/tests/helpers.py": "",
        },
    )
    assert workspace.run() == 0
    builds = workspace.builds()
    assert '    deps = [\n        "//:conftest",\n        "//lib/tests:conftest",\n    ],' in rule(
        builds["lib/tests/deep"], "test_one"
    )
    assert "deps" not in rule(builds["lib/tests/deep"], "test_two")
    conftest = rule(builds["lib/tests"], "conftest")
    assert "testonly = True" in conftest and '"//lib"' in conftest
    assert rule(builds["lib/tests"], "tests").count("helpers.py") == 1
    assert "testonly = True" in rule(builds["lib/tests"], "tests")


def test_a_file_called_like_a_test_that_holds_none_is_a_test_only_in_a_folder_of_tests(tmp_path: Path) -> None:
    workspace = make(
        tmp_path,
        {"src/test_upload.py": "print(1)\n", "tests/test_empty.py": "", "tests/test_odd.py": "print(1)\n"},
    )
    assert workspace.run() == 0
    assert "py_library(" in workspace.builds()["src"]
    assert workspace.builds()["tests"].count("pytest_test(") == 2


def test_a_package_with_main_is_a_program_and_each_file_with_a_guard_is_one_where_there_is_none(tmp_path: Path) -> None:
    guard = 'if __name__ == "__main__":\n    pass\n'
    workspace = make(
        tmp_path,
        {"one/__main__.py": "import one.a\n", "one/a.py": guard, "two/a.py": guard, "two/b.py": ""},
    )
    assert workspace.run() == 0
    one = rule(workspace.builds()["one"], "one_bin")
    assert 'main = "__main__.py"' in one and 'deps = [":one"]' in one
    assert "py_binary" not in rule(workspace.builds()["one"], "one")
    assert 'srcs = ["a.py"]' in rule(workspace.builds()["two"], "a")


def test_a_service_is_started_by_the_macro_and_its_main_is_in_the_library(tmp_path: Path) -> None:
    workspace = make(tmp_path, {"services/service-a/src/a/__main__.py": "", "services/service-a/src/a/__init__.py": ""})
    assert workspace.run() == 0
    service = workspace.builds()["services/service-a"]
    assert 'load("//tools/build_defs:service.bzl", "laxai_service")' in service
    assert 'package = "a"' in service and 'deps = ["//services/service-a/src/a"]' in service
    library = workspace.builds()["services/service-a/src/a"]
    assert '        "__main__.py",  # keep: buildgen __main__.py:1\n' in library
    assert 'imports = [".."]' in library
    assert 'visibility = ["//services/service-a:__subpackages__"]' in library
    assert "py_binary" not in library


def test_per_file_targets_by_directive(tmp_path: Path) -> None:
    workspace = make(
        tmp_path,
        {
            "lib/BUILD.bazel": "# gazelle:python_generation_mode file\n",
            "lib/__init__.py": "",
            "lib/a.py": "from lib import b\n",
            "lib/b.py": "",
        },
    )
    assert workspace.run() == 0
    assert 'deps = [":b"]' in rule(workspace.builds()["lib"], "a")
    assert workspace.builds()["lib"].count("py_library(") == 2


def test_a_project_is_one_library_over_its_folders(tmp_path: Path) -> None:
    workspace = make(
        tmp_path,
        {
            "lib/BUILD.bazel": "# gazelle:python_generation_mode project\n",
            "lib/a.py": "import lib.inner.b\n",
            "lib/inner/b.py": "",
            "lib/own/BUILD.bazel": "",
            "lib/own/c.py": "",
        },
    )
    assert workspace.run() == 0
    assert '"inner/b.py"' in rule(workspace.builds()["lib"], "lib")
    assert "lib/inner" not in workspace.builds()
    assert "c.py" in workspace.builds()["lib/own"]


def test_libraries_divided_by_hand_stay_divided_and_a_new_file_joins_the_folders_own(tmp_path: Path) -> None:
    build = """\
    load("//tools/build_defs:python.bzl", "py_library")

    py_library(
        name = "fast",
        srcs = ["a.py"],
    )

    py_library(
        name = "slow",
        srcs = ["b.py"],
        deps = [":fast"],
    )
    """
    workspace = make(
        tmp_path, {"lib/BUILD.bazel": build, "lib/a.py": "", "lib/b.py": "import lib.a\n", "lib/c.py": "import lib.b\n"}
    )
    assert workspace.run() == 0
    assert 'srcs = ["a.py"]' in rule(workspace.builds()["lib"], "fast")
    assert 'deps = [":fast"]' in rule(workspace.builds()["lib"], "slow")
    assert 'srcs = ["c.py"]' in rule(workspace.builds()["lib"], "lib")
    assert 'deps = [":slow"]' in rule(workspace.builds()["lib"], "lib")


def test_a_library_keeps_a_name_given_by_hand(tmp_path: Path) -> None:
    build = 'py_library(\n    name = "mine",\n    srcs = ["a.py"],\n)\n'
    workspace = make(tmp_path, {"lib/BUILD.bazel": build, "lib/a.py": "", "lib/b.py": "", "use/u.py": "import lib.b\n"})
    assert workspace.run() == 0
    assert '"b.py"' in rule(workspace.builds()["lib"], "mine")
    assert 'deps = ["//lib:mine"]' in workspace.builds()["use"]


def test_a_rule_whose_files_are_gone_goes_and_one_that_was_kept_stays(tmp_path: Path) -> None:
    build = """\
    py_library(
        name = "lib",
        srcs = ["gone.py"],
    )

    # keep
    py_library(
        name = "other",
        srcs = ["gone.py"],
    )

    genrule(
        name = "third",
        srcs = ["gone.py"],
    )
    """
    workspace = make(tmp_path, {"lib/BUILD.bazel": build})
    assert workspace.run() == 0
    text = workspace.builds()["lib"]
    assert 'name = "lib"' not in text and 'name = "other"' in text and 'name = "third"' in text


def test_what_is_written_by_hand_is_left_alone_and_known(tmp_path: Path) -> None:
    hand = '# buildgen:handwritten tree\npy_library(name="odd",srcs=["a.py"])\n'
    workspace = make(
        tmp_path,
        {"hand/BUILD.bazel": hand, "hand/a.py": "import os\n", "hand/inner/b.py": "", "use/u.py": "import hand.a\n"},
    )
    assert workspace.run() == 0
    assert workspace.builds()["hand"] == hand
    assert "hand/inner" not in workspace.builds()
    assert 'deps = ["//hand:odd"]' in workspace.builds()["use"]
    assert workspace.result().handwritten == ["hand", "tools/build_defs"]


def test_excluded_and_ignored_files_are_not_there(tmp_path: Path) -> None:
    workspace = make(
        tmp_path,
        {
            "BUILD.bazel": "# gazelle:exclude old\n# gazelle:exclude **/*_pb2.py\n",
            "old/a.py": "import nothing\n",
            "lib/BUILD.bazel": "# gazelle:python_ignore_files skip.py\n",
            "lib/skip.py": "import nothing\n",
            "lib/x_pb2.py": "import nothing\n",
            "lib/a.py": "",
        },
    )
    assert workspace.run() == 0
    assert 'srcs = ["a.py"]' in workspace.builds()["lib"]
    assert "old" not in workspace.builds()


def test_rules_are_called_as_map_kind_says(tmp_path: Path) -> None:
    directives = (
        "# gazelle:map_kind py_library my_library //x:defs.bzl\n# gazelle:map_kind py_test my_test //x:defs.bzl\n"
    )
    workspace = make(tmp_path, {"BUILD.bazel": directives, "lib/a.py": "", "lib/test_a.py": "def test_a(): ...\n"})
    assert workspace.run() == 0
    assert workspace.builds()["lib"].startswith('load("//x:defs.bzl", "my_library", "my_test")\n\nmy_library(')


def test_stubs_beside_the_code_are_for_type_checkers(tmp_path: Path) -> None:
    workspace = make(tmp_path, {"lib/a.py": "", "lib/a.pyi": "", "lib/b.pyi": ""})
    assert workspace.run() == 0
    assert 'pyi_srcs = ["a.pyi"]' in workspace.builds()["lib"]


def test_a_program_that_a_rule_elsewhere_starts_gets_none_of_its_own(tmp_path: Path) -> None:
    hand = 'exports_files(["a.py"])\n'
    other = '# buildgen:handwritten\npy_binary(name = "start", srcs = ["//lib:a.py"])\n'
    guard = 'if __name__ == "__main__":\n    pass\n'
    workspace = make(tmp_path, {"lib/BUILD.bazel": hand, "lib/a.py": guard, "other/BUILD.bazel": other})
    assert workspace.run() == 0
    assert "py_binary" not in workspace.builds()["lib"]


def test_a_name_that_something_else_has_is_an_error_with_the_way_out(tmp_path: Path) -> None:
    workspace = make(tmp_path, {"lib/BUILD.bazel": 'genrule(\n    name = "lib",\n)\n', "lib/a.py": "", "ok/b.py": ""})
    assert workspace.run() == 2
    (problem,) = workspace.problems()
    assert problem.startswith("error: lib/BUILD.bazel:1: a genrule is called lib") and "naming_convention" in problem
    assert "ok" in workspace.builds()


def test_users_beyond_a_folders_own_may_see_it(tmp_path: Path) -> None:
    workspace = make(
        tmp_path,
        {
            "tools/x/a.py": "",
            "deploy/local/b.py": "import x.a\n",
            "tools/y/BUILD.bazel": (
                'py_library(\n    name = "y",\n    srcs = ["c.py"],\n    visibility = ["//z:__pkg__"],\n)\n'
            ),
            "tools/y/c.py": "",
            "tools/x/d.py": "import y.c\n",
        },
    )
    assert workspace.run() == 0
    assert '"//deploy/local:__pkg__",\n        "//tools:__subpackages__",' in workspace.builds()["tools/x"]
    assert '"//tools/x:__pkg__",\n        "//z:__pkg__",' in workspace.builds()["tools/y"]
