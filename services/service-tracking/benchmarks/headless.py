"""Which of the two OpenCV in the benchmarks' lock is imported.

The peers ask for opencv-python, which cannot be loaded without a window system's libraries; service-tracking ships with
opencv-python-headless. Both are `cv2`. All contestants use ours.
"""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, distribution


def prefer_headless_opencv() -> None:
    """Puts the headless build's folder in front, where each wheel has a folder of its own, as under Bazel. Where all
    share one, what was installed last has overwritten the other, and there is nothing to choose."""
    try:
        headless, other = (
            str(distribution(name).locate_file("")) for name in ("opencv-python-headless", "opencv-python")
        )
    except PackageNotFoundError:
        return
    if headless != other:
        sys.path.insert(0, headless)
