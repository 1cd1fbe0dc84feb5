"""Every script of the shell can be parsed by its shell."""

import os
from pathlib import Path

import pytest

from lint.scripts import shell_of, syntax_error

# Links to the workspace's files: to pyproject.toml, and to all that may be scripts.
ROOT = Path(os.environ["PYPROJECT"]).parent
SCRIPTS = {
    str(path.relative_to(ROOT)): shell
    for path in sorted(ROOT.rglob("*"))
    if path.is_file() and (shell := shell_of(path))
}


@pytest.mark.parametrize("path", SCRIPTS)
def test_a_script_can_be_parsed(path: str) -> None:
    assert syntax_error(ROOT / path, SCRIPTS[path]) is None


def test_the_scripts_that_people_call_are_among_them() -> None:
    assert {"bazelw": "bash", ".ci/run": "bash"}.items() <= SCRIPTS.items()
