"""Random trees: the BUILD files can be read, a second run changes nothing, and cleaning brings the tree back."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from buildgen.build_file import BuildFile
from buildgen.facts import read_workspace
from buildgen.generate import generate
from buildgen.tests.workspaces import Workspace, as_buildifier_prints, buildifier, make

FOLDERS = [
    "lib",
    "lib/a",
    "lib/a/b",
    "lib/tests",
    "services/service-x/src/x",
    "services/service-y/src",
    "shared_libs/c",
]
NAMES = ["__init__.py", "__main__.py", "conftest.py", "m.py", "n.py", "test_m.py", "data.yaml"]
MODULES = [
    "lib",
    "lib.a",
    "lib.a.m",
    "lib.a.b.n",
    "lib.m",
    "x.m",
    "m",
    "shared_libs.c.m",
    "os.path",
    "numpy",
    "nowhere",
]
LINES = st.one_of(
    st.builds("import {}".format, st.sampled_from(MODULES)),
    st.builds("from {} import m, q".format, st.sampled_from(MODULES)),
    st.builds("from {} import m".format, st.sampled_from([".", "..", ".a", "..m"])),
    st.builds('patch("{}.z")'.format, st.sampled_from(MODULES)),
    st.just('X = open("data.yaml")'),
    st.just('Y = Path(__file__).parent / "data.yaml"'),
    st.just("if TYPE_CHECKING:\n    import lib.a.m"),
    st.just("try:\n    import gone\nexcept ImportError:\n    pass"),
    st.just("def test_x(mocker): ..."),
    st.just('if __name__ == "__main__":\n    pass'),
    st.just("def broken(:"),
    st.just("# gazelle:ignore numpy"),
)
SOURCES = st.lists(LINES, max_size=4).map(lambda rows: "\n".join([*rows, ""]))
BUILDS = st.sampled_from(
    [
        "# gazelle:python_generation_mode file\n",
        "# gazelle:python_generation_mode project\n",
        "# buildgen:handwritten\n",
        '# By hand.\nx(name="y")\n',
        'py_library(\n    name = "mine",\n    srcs = glob(["*.py"]),\n    tags = ["a"],  # b\n)\n',
        'py_library(\n    name = "one",\n    srcs = ["m.py"],\n)\n\n'
        'py_library(\n    name = "two",\n    srcs = ["n.py"],\n)\n',
        'py_library(\n    name = "broken"\n',
        'load("//tools/build_defs:python.bzl", "pytest_test")\n\n'
        'pytest_test(\n    name = "test_m",\n    size = "small",\n'
        '    srcs = ["conftest.py", "test_m.py"],\n    deps = DEPS,\n)\n',
    ]
)
TREES = st.dictionaries(
    st.tuples(st.sampled_from(FOLDERS), st.sampled_from(NAMES)).map("/".join), SOURCES, min_size=1, max_size=12
)
WITH_BUILDS = st.builds(
    lambda tree, builds: {**tree, **{f"{folder}/BUILD.bazel": text for folder, text in builds.items()}},
    TREES,
    st.dictionaries(st.sampled_from(FOLDERS), BUILDS, max_size=3),
)
ROOT = {
    "BUILD.bazel": 'load("@gazelle//:def.bzl", "gazelle")\n\n# buildgen:handwritten\ngazelle(name = "gazelle")\n',
    "requirements/tools.txt": "numpy==2\npytest-mock==3\n",
    "migration.toml": 'allow_edges = ["lib -> service-x", "shared_libs -> lib"]\n',
}


def written(workspace: Workspace, *, cleaning: bool = False) -> dict[str, str | None]:
    """Writes what a run gives; returns the texts of the run after it."""

    def texts() -> dict[str, str | None]:
        read = read_workspace(str(workspace.root), cache_folder=str(workspace.cache), processes=1)
        found = generate(read, cleaning=cleaning)
        read.cache.save()
        for path, text in found.changed.items():
            full = workspace.root / path
            if text is None:
                full.unlink(missing_ok=True)
            else:
                full.write_text(text)
        return found.changed

    texts()
    return texts()


@given(WITH_BUILDS)
@settings(max_examples=60, deadline=None)
def test_a_second_run_changes_nothing_and_the_files_can_be_read(tree: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        workspace = make(Path(folder), {**ROOT, **tree})
        assert written(workspace) == {}
        for path, text in workspace.builds().items():
            if tree.get(f"{path}/BUILD.bazel") != text:
                BuildFile(text)


@given(TREES)
@settings(max_examples=40, deadline=None)
def test_cleaning_brings_the_tree_back_and_a_run_the_files(tree: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        workspace = make(Path(folder), {**ROOT, **tree})
        before = workspace.builds()
        written(workspace)
        after = workspace.builds()
        written(workspace, cleaning=True)
        assert workspace.builds() == before
        written(workspace)
        assert workspace.builds() == after


@given(st.lists(TREES, min_size=6, max_size=6))
@settings(max_examples=4, deadline=None)
def test_buildifier_would_change_nothing(trees: list[dict[str, str]]) -> None:
    buildifier()
    for tree in trees:
        with tempfile.TemporaryDirectory() as folder:
            workspace = make(Path(folder), tree)
            written(workspace)
            for path, text in workspace.builds().items():
                if path != "tools/build_defs":
                    assert text == as_buildifier_prints(text)
