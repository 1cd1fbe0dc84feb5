"""The golden result of a small workspace that holds one of everything."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from buildgen.facts import read_workspace
from buildgen.resolving import Index, Resolver
from buildgen.targets import LIBRARY, Target
from buildgen.tests.golden_files import ALL
from buildgen.tests.workspaces import as_buildifier_prints, make

GOLDEN = Path(__file__).parent / "golden.txt"


def as_text(builds: dict[str, str]) -> str:
    return "".join(f"=== {path}\n{text}" for path, text in builds.items() if path != "tools/build_defs")


def test_the_golden_workspace_gives_the_golden_build_files(tmp_path: Path) -> None:
    workspace = make(tmp_path, ALL)
    assert workspace.run() == 0
    assert workspace.problems() == []
    # To accept a change that is meant: write `as_text(workspace.builds())` into golden.txt.
    assert as_text(workspace.builds()) == GOLDEN.read_text(encoding="utf-8")


def test_buildifier_would_change_none_of_the_golden_build_files(tmp_path: Path) -> None:
    workspace = make(tmp_path, ALL)
    assert workspace.run() == 0
    for text in workspace.builds().values():
        assert text == as_buildifier_prints(text)


ANYTHING = """\
__path__ = []

class Anything:
    def __getattr__(self, name):
        return Anything()

    def __call__(self, *arguments, **named):
        return Anything()

def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return Anything()
"""

#: What each distribution of the golden locks brings.
BROUGHT = {
    "numpy": ["numpy"],
    "pytest": ["pytest"],
    "pytest_mock": [],
    "google_cloud_storage": ["google.cloud.storage"],
}


def test_every_import_is_covered_by_a_direct_dependency(tmp_path: Path) -> None:
    """Each target's files are imported where nothing else is on the path than they, and stand-ins for direct deps."""
    workspace = make(tmp_path, ALL)
    read = read_workspace(str(workspace.root), cache_folder=str(workspace.cache))
    targets = workspace.result().targets
    by_label = {target.label: target for target in targets}
    roots = [root for root in read.settings.roots]
    checked = 0
    for number, target in enumerate(target for target in targets if target.srcs and not target.handwritten):
        place = tmp_path / str(number)
        for path in target.paths:
            copy(workspace.root / path, place / path)
        for dep in target.deps:
            if dep.startswith("@pypi//"):
                for module in BROUGHT[dep.removeprefix("@pypi//")]:
                    stand_in(place / f"{module.replace('.', '/')}.py")
            else:
                for path in by_label[dep].paths:
                    stand_in(place / path)
        for path in target.paths:
            checked += 1
            load(place, roots, path, target)
    assert checked > 20


def copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(source.read_bytes())


def stand_in(path: Path) -> None:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(ANYTHING if path.name != "__init__.py" else ANYTHING.replace("__path__ = []\n", ""))


def load(place: Path, roots: list[str], path: str, target: Target) -> None:
    """Imports a file by its name below its import root, in a process of its own."""
    root = max((r for r in roots if path.startswith(f"{r}/") or not r), key=len)
    name = path[len(root) :].strip("/").removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    by_path = f"import runpy; runpy.run_path({str(place / path)!r})"  # a service's tests have no name
    code = by_path if "-" in name else f"import {name}"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={"PYTHONPATH": os.pathsep.join(str(place / root) for root in roots), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=place,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{target.label}: {path}: {done.stderr}"


def test_a_dependency_that_is_left_out_is_noticed(tmp_path: Path) -> None:
    """The test above can fail: without the direct dependencies, the same files cannot be imported."""
    workspace = make(tmp_path, ALL)
    cli = next(target for target in workspace.result().targets if target.label == "//services/service-a/src/a")
    place = tmp_path / "alone"
    for path in cli.paths:
        copy(workspace.root / path, place / path)
    try:
        load(place, ["", "services/service-a/src"], "services/service-a/src/a/cli.py", cli)
    except AssertionError as error:
        assert "No module named" in str(error)
    else:
        raise AssertionError("it was imported without what it depends on")


def test_libraries_are_preferred_to_programs_that_hold_the_same_file(tmp_path: Path) -> None:
    workspace = make(tmp_path, ALL)
    read = read_workspace(str(workspace.root), cache_folder=str(workspace.cache))
    targets = workspace.result().targets
    resolver = Resolver(read, Index(read), targets, read.problems)
    assert resolver.owner["services/service-flat/src/engine.py"].kind == LIBRARY
