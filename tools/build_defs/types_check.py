"""mypy finds nothing in folders of the workspace, under the lock that this test runs with."""

import os
import re
import subprocess
import sys
from pathlib import Path

# Links to the workspace's files, and to no others than the test's inputs.
ROOT = Path(os.environ["PYPROJECT"]).parent


def test_types_are_right() -> None:
    command = [sys.executable, "-m", "mypy", "--cache-dir", os.devnull, "--no-color-output"]
    for folder in os.environ["EXCLUDED"].split():
        command += ["--exclude", f"^{re.escape(folder)}/"]
    command += os.environ["CHECKED"].split()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    said = f"mypy, under the lock of {os.environ['LAXAI_LOCK']}:\n{done.stdout}{done.stderr}"
    if "[import-not-found]" in done.stdout:
        said += "What cannot be found is missing in this target's `deps`, or in the lock.\n"
    assert done.returncode == 0, said
