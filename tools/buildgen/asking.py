"""Which files a syntax tree is worth reading for. Apart from `deep`, which takes long to load and is seldom needed."""

import re

from buildgen.fixtures import FIXTURES

#: Substrings, since looking for these is many times faster than any pattern.
_WORDS = (
    *("__file__", "import_module", "__import__", "importorskip", "resources", "pkgutil", "pytest_plugins"),
    *("run_module", '"-m"', "'-m'", " -m "),
)
_CALLS = re.compile(r"\bpatch(?:\.\w+)?\(|\bpatch +as\b|\.(?:setattr|delattr)\(\s*[\"']|\bopen\(\s*[rb]?[\"']")
_CALL_WORDS = ("patch", "setattr", "delattr", "open(")
_FIXTURE_WORDS = sorted({name.removeprefix("mark:") for name in FIXTURES})


def is_pytest_file(file_name: str) -> bool:
    """Whether pytest reads a file of this name by itself."""
    return (
        file_name == "conftest.py"
        or (file_name.startswith("test_") and file_name.endswith(".py"))
        or (file_name.endswith("_test.py"))
    )


def asks_for_more(text: str, file_name: str) -> bool:
    """Whether a file holds a word that makes its syntax tree worth reading."""
    if any(word in text for word in _WORDS):
        return True
    if any(word in text for word in _CALL_WORDS) and _CALLS.search(text):
        return True
    return is_pytest_file(file_name) and any(word in text for word in _FIXTURE_WORDS)
