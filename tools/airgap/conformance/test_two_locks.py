"""One program under two locks: two versions of one package in one build."""

import os
import re
import subprocess
from pathlib import Path


def printed_by(variable: str) -> str:
    return subprocess.run([os.environ[variable]], check=True, capture_output=True, text=True).stdout.strip()


def pinned_numpy(lock_file: str) -> str:
    found = re.search(r"^numpy==(\S+)", Path("requirements", lock_file).read_text(encoding="utf-8"), re.MULTILINE)
    assert found
    return found[1]


def test_each_program_runs_with_its_own_locks_numpy() -> None:
    assert printed_by("NUMPY_VERSION") == pinned_numpy("shared_libs.txt")
    assert printed_by("NUMPY_VERSION_TRACKING") == pinned_numpy("service_tracking.txt")


def test_the_two_locks_pin_different_versions() -> None:
    assert printed_by("NUMPY_VERSION") != printed_by("NUMPY_VERSION_TRACKING")


def test_a_program_can_be_started_through_links_to_it(tmp_path: Path) -> None:
    (tmp_path / "absolute").symlink_to(Path(os.environ["NUMPY_VERSION"]).absolute())
    (tmp_path / "relative").symlink_to("absolute")
    without_help = {name: value for name, value in os.environ.items() if name not in ("RUNFILES_DIR", "TEST_SRCDIR")}
    printed = subprocess.run(
        [tmp_path / "relative"], env=without_help, cwd=tmp_path, check=True, capture_output=True, text=True
    ).stdout
    assert printed.strip() == pinned_numpy("shared_libs.txt")
