"""Small workspaces for the tests: made from a few lines, run, and looked at."""

import os
import shutil
import subprocess
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from buildgen.cli import main
from buildgen.facts import read_workspace
from buildgen.generate import Result, generate

MACROS = """\
SHARED_LIBS_LOCKS = ["shared_libs", "a", "b"]
"""


@dataclass
class Workspace:
    """A workspace in a temporary folder."""

    root: Path
    cache: Path

    def write(self, files: Mapping[str, str]) -> "Workspace":
        for path, text in files.items():
            full = self.root / path
            full.parent.mkdir(parents=True, exist_ok=True)
            full.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
        return self

    def read(self, path: str) -> str:
        return (self.root / path).read_text(encoding="utf-8")

    def builds(self) -> dict[str, str]:
        """All BUILD files by the path of their folder."""
        found = sorted(self.root.rglob("BUILD.bazel"))
        return {path.parent.relative_to(self.root).as_posix(): path.read_text(encoding="utf-8") for path in found}

    def result(self) -> Result:
        """What a run would do, without doing it."""
        return generate(read_workspace(str(self.root), cache_folder=str(self.cache), processes=1))

    def run(self, *arguments: str) -> int:
        """The command line on this workspace; the exit status."""
        return main([*arguments, "--root", str(self.root)])

    def problems(self) -> list[str]:
        return [str(problem) for problem in self.result().problems.sorted()]


def make(tmp_path: Path, files: Mapping[str, str], *, macros: bool = True) -> Workspace:
    """A workspace with `files`, and with macros as the real one has them."""
    root = tmp_path / "workspace"
    root.mkdir()
    workspace = Workspace(root, tmp_path / "cache")
    workspace.write({"MODULE.bazel": 'module(name = "small")\n'})
    if macros:
        workspace.write(
            {
                "tools/build_defs/BUILD.bazel": "# buildgen:handwritten\n",
                "tools/build_defs/python.bzl": MACROS,
                "tools/build_defs/service.bzl": "def laxai_service(name, package, deps):\n    pass\n",
            }
        )
    return workspace.write(files)


def buildifier() -> str:
    """The buildifier binary; skips the test where there is none.

    It is looked for as $BUILDIFIER and on the PATH. npm carries it: `npm pack @bazel/buildifier`.
    """
    found = os.environ.get("BUILDIFIER") or shutil.which("buildifier")
    if not found or not os.access(found, os.X_OK):
        pytest.skip("no buildifier at hand: name it in $BUILDIFIER (npm's package @bazel/buildifier carries it)")
    return found


def as_buildifier_prints(text: str) -> str:
    """A BUILD file's text as the buildifier binary prints it."""
    command = [buildifier(), "-type=build", "-mode=fix", "-lint=off"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


def rule(text: str, name: str) -> str:
    """The text of one rule of a BUILD file."""
    blocks = [block for block in text.split("\n\n") if f'name = "{name}"' in block]
    assert len(blocks) == 1, f"{name} is {len(blocks)} times in:\n{text}"
    return blocks[0].strip("\n")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's cache."""
    monkeypatch.setenv("LAXAI_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("BUILD_WORKSPACE_DIRECTORY", raising=False)
    monkeypatch.delenv("BUILD_WORKING_DIRECTORY", raising=False)
