"""A library with a dependency from a lock and a data file beside it."""

from pathlib import Path

import numpy as np


def greeting() -> str:
    """The data file's text, repeated by numpy so that the dependency is used."""
    text = (Path(__file__).parent / "greeting.txt").read_text(encoding="utf-8").strip()
    return " ".join(np.repeat(np.array([text]), 2))
