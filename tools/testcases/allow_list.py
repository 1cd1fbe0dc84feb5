"""The committed list of skips that are known and meant.

One per line, in three parts; `#` begins a comment line:

    //services/service-training/...::*cuda* | no CUDA device | runs on machines with a GPU only

The first part is a glob over `<target>::<case>`, in which `*` stands for any text, `?` for one character and a
`/...` before the `::` for every target of that folder and those below it. The second is a regular expression that must
be found in the reason of the skip. The third says to the reader why the skip is right.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from testcases.junit import Case
from testcases.problems import InputProblem

_SEPARATOR = re.compile(r"\s\|\s")


@dataclass(frozen=True, slots=True)
class AllowedSkip:
    """One line of the list."""

    line: int
    glob: str
    why: str
    address: re.Pattern[str]
    reason: re.Pattern[str]

    def covers(self, case: Case) -> bool:
        return bool(self.address.fullmatch(case.address) and self.reason.search(case.reason))


def read_allowed_skips(path: Path) -> list[AllowedSkip]:
    """Reads the list. Raises InputProblem for a file that cannot be read and for a line that is not of the form."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InputProblem(path, f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputProblem(path, "cannot be read: it is not UTF-8 text") from error
    return [
        _allowed_skip(path, number, line)
        for number, line in enumerate(lines, start=1)
        if line.strip() and not line.lstrip().startswith("#")
    ]


def _allowed_skip(path: Path, number: int, line: str) -> AllowedSkip:
    separators = list(_SEPARATOR.finditer(line))
    # The expression in the middle may contain ` | ` itself.
    if len(separators) < 2:
        raise InputProblem(path, "expected `target::case | expression for the reason | why`", number)
    first, last = separators[0], separators[-1]
    glob, expression, why = line[: first.start()].strip(), line[first.end() : last.start()], line[last.end() :].strip()
    if not (glob and expression.strip() and why):
        raise InputProblem(path, "one of the three parts is empty", number)
    if "::" not in glob:
        raise InputProblem(path, f"`{glob}` names no case: write `target::case`, with `*` for any", number)
    try:
        reason = re.compile(expression.strip())
    except re.error as error:
        raise InputProblem(path, f"`{expression.strip()}` is not a regular expression: {error}", number) from error
    return AllowedSkip(number, glob, why, _glob_expression(glob), reason)


def _glob_expression(glob: str) -> re.Pattern[str]:
    target, _, case = glob.partition("::")
    below = ""
    if target.endswith("/..."):
        target = target.removesuffix("/...")
        below = r"(?:[/:][^\n]*)?" if target != "/" else r"/?[^\n]*"
    return re.compile(_translate(target) + below + "::" + _translate(case), re.DOTALL)


def _translate(glob: str) -> str:
    wild = {"*": ".*", "?": "."}
    return "".join(wild.get(character) or re.escape(character) for character in glob)
