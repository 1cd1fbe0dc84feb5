"""Queries that look for what must not be there found nothing."""

import os
from pathlib import Path

import pytest


@pytest.mark.parametrize("result", os.environ["FORBIDDEN"].split())
def test_no_target_breaks_the_rule(result: str) -> None:
    found = Path(result).read_text(encoding="utf-8").split()
    assert not found, f"{os.environ['WHY']} Found: {', '.join(found)}"
