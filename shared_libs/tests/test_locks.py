"""The same library under several locks: the proof that its users may pin different versions of what it needs."""

import os
import re
from pathlib import Path

import numpy as np

from shared_libs.common.detections import Detections

REQUIREMENTS = Path(__file__).absolute().parents[2] / "requirements"


def pinned_numpy(lock: str) -> str:
    name = lock if lock == "shared_libs" else f"service_{lock}"
    found = re.search(r"^numpy==(\S+)", (REQUIREMENTS / f"{name}.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert found, f"the lock {name} pins no numpy"
    return found[1]


def test_the_library_works_with_the_numpy_of_the_lock_it_is_tested_under() -> None:
    # Set by pytest_test; a .venv of shared_libs is made from its own lock.
    assert np.__version__ == pinned_numpy(os.environ.get("LAXAI_LOCK", "shared_libs"))
    boxes = Detections.from_arrays([1, 0], [[0, 0, 2, 2], [1, 1, 3, 3]], [0.5, 0.9], [0, 0])
    assert boxes.frame.tolist() == [0, 1]


def test_the_locks_of_shared_libs_and_of_its_users_pin_different_versions() -> None:
    pins = {lock: pinned_numpy(lock) for lock in ("shared_libs", "tracking", "training", "cloud", "api")}
    assert len(set(pins.values())) > 1, f"one version everywhere proves nothing: {pins}"
