"""JSON with comments and trailing commas, as VS Code writes its files."""

import json
import re
from typing import Any

# A string, or a comment, or a comma with only blanks and comments before the closing bracket.
_TOKEN = re.compile(
    r"""("(?:[^"\\]|\\.)*")|(//[^\n]*|/\*.*?\*/)|,(?=(?:\s|//[^\n]*|/\*.*?\*/)*[}\]])""",
    re.DOTALL,
)


def loads(text: str) -> Any:
    """The value. Raises json.JSONDecodeError, with the line as it stands in `text`."""
    return json.loads(_TOKEN.sub(_without, text.removeprefix("\ufeff")))


def _without(match: re.Match[str]) -> str:
    """A string stays; anything else becomes blanks of the same length, so that lines keep their numbers."""
    return match[1] or re.sub(r"[^\n]", " ", match[0])
