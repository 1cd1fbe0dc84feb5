"""Clean clones of this workspace, in which a test starts Bazel with an output base of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REMOTE_HIT = "remote cache hit"
"""What Bazel says of an action that it got from a remote cache."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one Bazel command came to.

    Attributes:
        exit_code: Bazel's.
        words: what it said.
        tests: {label: how its result was come by}, which is REMOTE_HIT or a strategy such as linux-sandbox.
        hits: how many actions came from a remote cache.
        executed: how many were executed, those that Bazel does within itself not counted.
    """

    exit_code: int
    words: str
    tests: dict[str, str]
    hits: int
    executed: int


@dataclass(frozen=True, slots=True)
class Clone:
    """A copy of the workspace that never built anything."""

    folder: Path
    output_base: Path
    environment: dict[str, str]

    def fetch(self, targets: Sequence[str]) -> None:
        """Brings what the targets need from outside (wheels, the interpreter), and analyses them."""
        self._bazel("build", "--nobuild", *targets, check=True)

    def test(self, targets: Sequence[str], *flags: str) -> Outcome:
        """Runs `bazel test` with the flags, among which is the configuration."""
        events = self.output_base.with_name(f"{self.output_base.name}.events.json")
        events.unlink(missing_ok=True)
        done = self._bazel("test", *flags, f"--build_event_json_file={events}", *targets)
        return _outcome(done, [json.loads(line) for line in events.read_text().splitlines()])

    def clean(self) -> None:
        """Forgets what was built, not what was fetched."""
        self._bazel("clean", check=True)

    def _bazel(self, command: str, *arguments: str, check: bool = False) -> subprocess.CompletedProcess[str]:
        words = [str(self.folder / "bazelw"), f"--output_base={self.output_base}", command, *arguments]
        done = subprocess.run(
            words,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert not check or done.returncode == 0, done.stdout
        return done


@contextmanager
def place_for_clones() -> Iterator[Path]:
    """A new folder that is not below pytest's in /tmp.

    A sandbox has a /tmp of its own, with the ways to the clone in it: tests in there could not make theirs beside them.
    """
    with tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR") or Path.home()) as folder:
        yield Path(folder)


@contextmanager
def clone(folder: Path, output_base: Path, environment: Mapping[str, str] | None = None) -> Iterator[Clone]:
    """Copies what git tracks or would track, as it is now, into `folder`; in the end its Bazel is stopped.

    Args:
        folder: where to; it must not exist.
        output_base: a folder that does not exist.
        environment: variables to set differently from this process's.
    """
    workspace = _workspace()
    listing = ("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = subprocess.run(
        ["git", "-c", "safe.directory=*", *listing], cwd=workspace, check=True, capture_output=True, text=True
    ).stdout
    for name in filter(None, names.split("\0")):
        if (workspace / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(workspace / name, folder / name)
    made = Clone(folder, output_base, _environment() | dict(environment or {}))
    try:
        yield made
    finally:
        made._bazel("shutdown")
        # Outputs are read-only.
        subprocess.run(["chmod", "-R", "u+w", output_base], check=False)
        shutil.rmtree(output_base, ignore_errors=True)


def _workspace() -> Path:
    """The real one: this test runs outside of any sandbox, and its runfiles are links."""
    here = Path(__file__).absolute()
    return next(folder for folder in here.parents if (folder / "bazelw").exists()).joinpath("bazelw").resolve().parent


def _environment() -> dict[str, str]:
    """This process's, without what Bazel told it as a test."""
    told = ("BAZEL_", "BUILD_", "JAVA_RUNFILES", "LAXAI_AIRGAP_", "PYTHON", "RUNFILES_", "RUN_UNDER_", "TEST_", "XML_")
    return {name: value for name, value in os.environ.items() if not name.startswith(told)}


def _outcome(done: subprocess.CompletedProcess[str], events: Sequence[dict[str, Any]]) -> Outcome:
    tests = {}
    counts = {}
    for event in events:
        if "testResult" in event:
            tests[event["id"]["testResult"]["label"]] = event["testResult"]["executionInfo"]["strategy"]
        if "buildMetrics" in event:
            counts = {one["name"]: one["count"] for one in event["buildMetrics"]["actionSummary"]["runnerCount"]}
    hits = counts.pop(REMOTE_HIT, 0)
    executed = sum(count for name, count in counts.items() if name not in ("total", "internal"))
    return Outcome(done.returncode, done.stdout, tests, hits, executed)
