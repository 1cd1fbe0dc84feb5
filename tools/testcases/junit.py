"""Reads test cases from a JUnit XML report: pytest's, or the one that Bazel makes up for a test that wrote none."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree


class Outcome(Enum):
    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Case:
    """A test case of a target; `reason` is the first line of why it failed or was skipped."""

    label: str
    name: str
    outcome: Outcome
    reason: str = ""

    @property
    def address(self) -> str:
        return f"{self.label}::{self.name}"


class UnreadableReport(Exception):
    """A report that the stream names cannot be read; str() says why."""


def read_report(uri: str, label: str) -> list[Case]:
    """The test cases of the report at a file: URI. Raises UnreadableReport."""
    path = path_of_uri(uri)
    try:
        root = ElementTree.parse(path).getroot()
    except OSError as error:
        raise UnreadableReport(f"its report {path} cannot be read: {error.strerror}") from error
    except ElementTree.ParseError as error:
        raise UnreadableReport(f"its report {path} is not XML: {error}") from error
    if root.tag not in ("testsuites", "testsuite"):
        raise UnreadableReport(f"its report {path} is not a JUnit report: it begins with <{root.tag}>")
    return [_case(element, label) for element in root.iter("testcase")]


def path_of_uri(uri: str) -> Path:
    """The file that a file: URI names. Raises UnreadableReport for any other URI."""
    try:
        parts = urlsplit(uri)
    except ValueError as error:
        raise UnreadableReport(f"its report has no readable address: {uri}") from error
    if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
        raise UnreadableReport(f"its report is not a file of this machine: {uri}")
    # A name with a bare '?' or '#' would not be a URI; what urlsplit took for a query or fragment is put back.
    rest = uri.split("://", 1)[-1] if "://" in uri else uri.split(":", 1)[-1]
    return Path(unquote("/" + rest.partition("/")[2]))


def _case(element: ElementTree.Element, label: str) -> Case:
    name = ".".join(filter(None, [element.get("classname"), element.get("name")])) or "(nameless)"
    # A test that was skipped and then failed in its teardown has both: it failed.
    for tag in ("failure", "error"):
        if (found := element.find(tag)) is not None:
            return Case(label, name, Outcome.FAILED, _reason(found))
    if (found := element.find("skipped")) is not None:
        prefix = "expected to fail: " if found.get("type") == "pytest.xfail" else ""
        return Case(label, name, Outcome.SKIPPED, prefix + _reason(found))
    return Case(label, name, Outcome.PASSED)


def _reason(element: ElementTree.Element) -> str:
    lines = (element.get("message") or element.text or "").strip().splitlines()
    return lines[0].strip() if lines else "no reason given"
