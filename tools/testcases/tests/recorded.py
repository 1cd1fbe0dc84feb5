"""Makes build event streams in the form that Bazel 7.7 was seen to write, and the reports that they name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

Event = dict[str, Any]

CONFIGURATION = {"id": "83c080791e7ed807"}


class Recording:
    """A stream under construction, with its reports in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.events: list[Event] = [
            {"id": {"started": {}}, "children": [{"progress": {}}], "started": {"command": "test"}},
            {"id": {"progress": {}}, "progress": {"stderr": "Loading: \n"}},
        ]
        self._reports = 0

    def report(self, *cases: str, name: str = "test.xml") -> str:
        """Writes a report of ready-made <testcase> elements; its URI, percent-encoded as Bazel does it."""
        return self.file(f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>", name)

    def file(self, text: str, name: str = "test.xml") -> str:
        self._reports += 1
        path = self.folder / f"report {self._reports}" / name
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
        return path.as_uri()

    def result(
        self,
        label: str,
        uris: Sequence[str],
        status: str = "PASSED",
        *,
        run: int = 1,
        shard: int = 1,
        attempt: int = 1,
        configuration: str = CONFIGURATION["id"],
        **more: Any,
    ) -> None:
        outputs = [{"name": "test.log", "uri": "file:///out/test.log"}]
        outputs += [{"name": "test.xml", "uri": uri} for uri in uris]
        self.events.append(
            {
                "id": {"testResult": identity(label, configuration, run=run, shard=shard, attempt=attempt)},
                "testResult": {"testActionOutput": outputs, "status": status, **more},
            }
        )

    def summary(self, label: str, status: str = "PASSED", configuration: str = CONFIGURATION["id"]) -> None:
        summary = {"totalRunCount": 1, "overallStatus": status}
        self.events.append({"id": {"testSummary": identity(label, configuration)}, "testSummary": summary})

    def test(self, label: str, *cases: str, status: str = "PASSED", **more: Any) -> None:
        """A test target with one attempt and one report."""
        self.result(label, [self.report(*cases)], status, **more)
        self.summary(label, status, more.get("configuration", CONFIGURATION["id"]))

    def add(self, event: Event) -> None:
        self.events.append(event)

    def write(self, exit_code: int = 0, exit_name: str = "SUCCESS") -> Path:
        """Ends the stream as Bazel does: a code of zero is left out, and the last message comes after the end."""
        code: dict[str, Any] = {"name": exit_name} | ({"code": exit_code} if exit_code else {})
        self.add({"id": {"buildFinished": {}}, "finished": {"exitCode": code}})
        self.add({"id": {"progress": {"opaqueCount": 9}}, "progress": {}, "lastMessage": True})
        path = self.folder / "events.json"
        path.write_text("".join(json.dumps(event) + "\n" for event in self.events), encoding="utf-8")
        return path


def identity(label: str, configuration: str = CONFIGURATION["id"], **more: int) -> dict[str, Any]:
    return {"label": label, **more, "configuration": {"id": configuration}}


def passed(name: str = "test_it") -> str:
    return f'<testcase classname="test_file" name={quoteattr(name)} time="0.001" />'


def failed(name: str = "test_it", message: str = "assert 1 == 2") -> str:
    inside = f"<failure message={quoteattr(message)}>a traceback</failure>"
    return f'<testcase classname="test_file" name={quoteattr(name)}>{inside}</testcase>'


def error(name: str = "test_it") -> str:
    return f'<testcase classname="test_file" name={quoteattr(name)}><error message="fixture failed" /></testcase>'


def skipped(name: str = "test_it", message: str = "no CUDA device", kind: str = "pytest.skip") -> str:
    inside = f"<skipped type={quoteattr(kind)} message={quoteattr(message)}>test_file.py:3: {kind}</skipped>"
    return f'<testcase classname="test_file" name={quoteattr(name)}>{inside}</testcase>'
