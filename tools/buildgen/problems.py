"""What is said to the user: errors, warnings and notes, each with its place and the way out."""

from typing import NamedTuple


class Problem(NamedTuple):
    """`path:line: cause – way out`. `line` is 0 where there is none. A warning does not change the exit status."""

    path: str
    line: int
    cause: str
    way_out: str
    is_error: bool = True

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else self.path
        kind = "error" if self.is_error else "warning"
        return f"{kind}: {place}: {self.cause}" + (f" – {self.way_out}" if self.way_out else "")


class Problems:
    """Collects problems, each once."""

    def __init__(self) -> None:
        self._found: dict[Problem, None] = {}

    def error(self, path: str, line: int, cause: str, way_out: str) -> None:
        self._found.setdefault(Problem(path, line, cause, way_out))

    def warn(self, path: str, line: int, cause: str, way_out: str = "") -> None:
        self._found.setdefault(Problem(path, line, cause, way_out, is_error=False))

    def sorted(self) -> list[Problem]:
        return sorted(self._found)

    @property
    def has_errors(self) -> bool:
        return any(problem.is_error for problem in self._found)
