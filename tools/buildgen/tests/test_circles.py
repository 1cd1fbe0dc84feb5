"""Folders that import each other in a circle."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from buildgen.circles import _components
from buildgen.tests.workspaces import make, rule

GAZELLE = 'load("@gazelle//:def.bzl", "gazelle")\n\n# buildgen:handwritten\ngazelle(name = "gazelle")\n'


def test_folders_in_a_circle_become_one_target_at_their_common_ancestor_and_it_says_so(tmp_path: Path) -> None:
    files = {
        "lib/one/__init__.py": "import lib.two.deep.b\n",
        "lib/one/test_a.py": "import lib.one\ndef test_a(): ...\n",
        "lib/two/deep/b.py": "from lib.one import x\n",
        "lib/three/c.py": "import lib.one\n",
        "use/u.py": "import lib.two.deep.b\n",
    }
    workspace = make(tmp_path, files)
    assert workspace.run() == 0
    builds = workspace.builds()
    assert set(builds) == {"lib", "lib/three", "tools/build_defs", "use"}
    assert '"one/__init__.py",\n        "two/deep/b.py",' in rule(builds["lib"], "lib")
    assert 'srcs = ["one/test_a.py"]' in rule(builds["lib"], "one/test_a")
    assert 'deps = ["//lib"]' in builds["use"] and 'deps = ["//lib"]' in builds["lib/three"]
    assert workspace.result().notes == [
        "//lib: one target for folders that import each other in a circle: lib, lib/one, lib/two, lib/two/deep"
    ]
    assert workspace.run("--check") == 0


def test_a_circle_that_is_broken_gives_its_folders_their_own_targets_back(tmp_path: Path) -> None:
    workspace = make(
        tmp_path, {"BUILD.bazel": GAZELLE, "lib/one/a.py": "import lib.two.b\n", "lib/two/b.py": "import lib.one.a\n"}
    )
    assert workspace.run() == 0
    assert "# buildgen:circle\n# gazelle:python_generation_mode project\n" in workspace.builds()["lib"]
    workspace.write({"lib/two/b.py": ""})
    assert workspace.run() == 0
    assert "lib" not in workspace.builds()
    assert 'deps = ["//lib/two"]' in workspace.builds()["lib/one"]


def test_a_folder_in_a_circle_with_rules_by_hand_is_an_error(tmp_path: Path) -> None:
    files = {
        "lib/one/a.py": "import lib.two.b\n",
        "lib/one/BUILD.bazel": 'genrule(\n    name = "g",\n)\n',
        "lib/two/b.py": "import lib.one.a\n",
    }
    workspace = make(tmp_path, files)
    assert workspace.run() == 2
    assert "lib/one/BUILD.bazel: //lib/one imports in a circle" in workspace.problems()[0]
    assert "genrule" in workspace.builds()["lib/one"]


ACROSS = {
    "services/service-a/src/a/one.py": "import b.one\n",
    "services/service-a/src/a/two.py": "",
    "services/service-b/src/b/one.py": "",
    "services/service-b/src/b/two.py": "import a.two\n",
    "migration.toml": 'allow_edges = ["service-a -> service-b", "service-b -> service-a"]\n',
}


def test_a_circle_with_no_folder_in_common_becomes_a_target_per_file(tmp_path: Path) -> None:
    workspace = make(tmp_path, ACROSS)
    assert workspace.run() == 0
    assert 'deps = ["//services/service-b/src/b:one"]' in rule(workspace.builds()["services/service-a/src/a"], "one")
    assert 'deps = ["//services/service-a/src/a:two"]' in rule(workspace.builds()["services/service-b/src/b"], "two")


def test_such_targets_stay_and_go_with_the_circle(tmp_path: Path) -> None:
    workspace = make(tmp_path, ACROSS)
    assert workspace.run() == 0
    assert "# buildgen:circle\n" in workspace.builds()["services/service-a/src/a"]
    assert workspace.run("--check") == 0
    workspace.write({"services/service-b/src/b/two.py": ""})
    assert workspace.run() == 0
    text = workspace.builds()["services/service-a/src/a"]
    assert "buildgen:circle" not in text and text.count("py_library(") == 1


def test_files_of_one_folder_in_such_a_circle_stay_together(tmp_path: Path) -> None:
    files = {
        **ACROSS,
        "services/service-a/src/a/two.py": "import a.three\n",
        "services/service-a/src/a/three.py": "import a.two\n",
    }
    workspace = make(tmp_path, files)
    assert workspace.run() == 0
    assert '"three.py",\n        "two.py",' in rule(workspace.builds()["services/service-a/src/a"], "three")


def test_a_circle_that_no_target_can_hold_is_an_error_and_is_cut(tmp_path: Path) -> None:
    files = {**ACROSS, "services/service-b/src/b/one.py": "import a.one\n"}
    workspace = make(tmp_path, files)
    assert workspace.run() == 2
    errors = [problem for problem in workspace.problems() if problem.startswith("error")]
    assert len(errors) == 1 and "closes a circle between" in errors[0] and ".py:1:" in errors[0]
    assert workspace.run("--check") == 2


GRAPHS = st.dictionaries(
    st.integers(0, 7).map(str), st.lists(st.integers(0, 7).map(str), max_size=4), min_size=8, max_size=8
)


@given(GRAPHS)
def test_circles_are_the_sets_that_reach_each_other(edges: dict[str, list[str]]) -> None:
    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        pending = list(edges[start])
        while pending:
            node = pending.pop()
            if node not in seen:
                seen.add(node)
                pending += edges[node]
        return seen

    reach = {node: reached(node) for node in edges}
    expected = {frozenset(b for b in edges if b == a or (b in reach[a] and a in reach[b])) for a in edges}
    assert {frozenset(part) for part in _components(edges)} == {part for part in expected if len(part) > 1}
