"""Tokens of Python source, as far as a scan needs them, and the comments that speak to buildgen and Gazelle."""

import re

_WS = r"(?:[ \t\f]|\\\n)"
TOKEN = re.compile(
    r"\#[^\n]*"
    r'|"""[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*"""'
    r"|'''[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*'''"
    r'|"[^"\\\n]*(?:\\.[^"\\\n]*)*"'
    r"|'[^'\\\n]*(?:\\.[^'\\\n]*)*'"
    rf"|from(?P<source>(?:{_WS}|\.|\w)+?){_WS}*(?<!\w)import\b{_WS}*"
    r"(?:\((?P<group>[^)#]*(?:\#[^\n]*[^)#]*)*)\)|(?P<names>[^\n;#\\(]*(?:\\\n[^\n;#\\(]*)*))"
    rf"|import{_WS}+(?P<plain>[^\n;#\\]*(?:\\\n[^\n;#\\]*)*)",
    re.DOTALL,
)
COMMENT = re.compile(r"#[^\n]*")
_ANNOTATION = re.compile(r"#[# ]*(gazelle|buildgen):(\w+)(?:[ \t]+(.*))?")
MAIN_GUARD = re.compile(r"""^if[ (]+(?:__name__ *== *["']__main__["']|["']__main__["'] *== *__name__)[ )]*:""", re.M)
_TESTS = re.compile(r"^[ \t]*(?:async +)?def +test|^class +Test|^class +\w+\([\w., ]*TestCase|^pytestmark\b", re.M)
CODE = re.compile(r"^[^#\n]*[^\s#]", re.M)


def annotations_in(text: str) -> list[list[object]]:
    """The `# gazelle:` and `# buildgen:` comments of a file."""
    found: list[list[object]] = []
    if "gazelle:" in text or "buildgen:" in text:
        for token in TOKEN.finditer(text):
            if text[token.start()] not in "\"'":
                annotate_all(found, token[0], text.count("\n", 0, token.start()) + 1)
    return found


def has_tests(text: str) -> bool:
    """Whether pytest could collect something from a file."""
    return _TESTS.search(text) is not None


def annotate(annotations: list[list[object]], comment: str, line: int) -> None:
    if found := _ANNOTATION.match(comment):
        annotations.append([found[2], (found[3] or "").strip(), line])


def annotate_all(annotations: list[list[object]], text: str, line: int) -> None:
    for comment in COMMENT.finditer(text):
        annotate(annotations, comment[0], line + text.count("\n", 0, comment.start()))
