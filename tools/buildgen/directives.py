"""Comments in BUILD files that steer buildgen and Gazelle."""

import re
from typing import NamedTuple

_DIRECTIVE = r"^#[ \t]*(gazelle|buildgen):(\w+)(?:[ \t]+(.*?))?[ \t]*$"


class Directive(NamedTuple):
    """`# gazelle:key value` or `# buildgen:key value`."""

    tool: str
    key: str
    value: str
    line: int


def directives_in(text: str) -> list[Directive]:
    """The directives of a BUILD file, in order; it need not be readable otherwise."""
    if "gazelle:" not in text and "buildgen:" not in text:
        return []
    return [
        Directive(found[1], found[2], found[3] or "", text.count("\n", 0, found.start()) + 1)
        for found in re.finditer(_DIRECTIVE, text, re.M)
    ]
