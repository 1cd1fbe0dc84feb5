"""What a dependency_rule_test finds."""

import os
from pathlib import Path

FOUND = Path(os.environ["FOUND"]).read_text(encoding="utf-8").splitlines()


def test_a_dependency_by_a_detour_is_found_and_an_allowed_one_is_not() -> None:
    # The detour itself is below tools too, and allowed; so is its source file.
    assert FOUND == ["//tools/build_defs:pytest_main.py"]
