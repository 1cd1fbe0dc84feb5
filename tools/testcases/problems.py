"""What the person who runs the count has to mend."""

from __future__ import annotations

from pathlib import Path


class InputProblem(Exception):
    """A file that cannot be used. str() is `<path>:<line>: <cause>`, on one line."""

    def __init__(self, path: Path, cause: str, line: int | None = None) -> None:
        place = f"{path}:{line}" if line is not None else str(path)
        super().__init__(f"{place}: {' '.join(cause.split())}")
