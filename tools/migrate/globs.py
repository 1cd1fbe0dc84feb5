"""Globs over a repository's paths, as migration.toml writes them."""

import re
from functools import cache


@cache
def _pattern(glob: str) -> re.Pattern[str]:
    """`*` and `?` stay inside a folder, `**` crosses folders, `[abc]` is one of these; a folder means all below it."""
    text, result, i = glob.rstrip("/"), [], 0
    while i < len(text):
        if text.startswith("**/", i):
            result.append("(?:.*/)?")
            i += 3
        elif text.startswith("**", i):
            result.append(".*")
            i += 2
        elif text[i] == "*":
            result.append("[^/]*")
            i += 1
        elif text[i] == "?":
            result.append("[^/]")
            i += 1
        elif text[i] == "[" and "]" in text[i + 2 :]:
            end = text.index("]", i + (3 if text[i + 1] == "!" else 2))
            inside = re.sub(r"([\\\[\]^&~|])", r"\\\1", text[i + 1 : end].removeprefix("!"))
            result.append(("(?!/)[^" if text[i + 1] == "!" else "[") + inside + "]")
            i = end + 1
        else:
            result.append(re.escape(text[i]))
            i += 1
    return re.compile("".join(result) + ("(?:/.*)?" if not text.endswith("*") else "") + r"\Z", re.DOTALL)


def is_glob(glob: str) -> bool:
    """Whether a glob can be read: `[z-a]` cannot."""
    try:
        _pattern(glob)
    except (re.error, ValueError):
        return False
    return True


def matches(glob: str, path: str) -> bool:
    """Whether a path is what a glob means, or lies below a folder that it names."""
    return _pattern(glob).match(path) is not None


def fixed_beginning(glob: str) -> str:
    """The folder that a glob's first wildcard stands in: `src/track` of `src/track/**/*.py`; a plain path's folder.

    >>> fixed_beginning("src/track/**"), fixed_beginning("src/a_*.py"), fixed_beginning("src/main.py")
    ('src/track', 'src', 'src')
    """
    parts = glob.rstrip("/").split("/")
    for i, part in enumerate(parts):
        if any(character in part for character in "*?["):
            return "/".join(parts[:i])
    return "/".join(parts[:-1])
