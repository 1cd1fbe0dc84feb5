"""Reads what a Bazel run did from its build event stream, written by --build_event_json_file.

The stream is one JSON object per line; the names used here are those of Bazel's build_event_stream.proto. Fields at
their default value are left out of the JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from testcases.problems import InputProblem

PASSED_STATUSES = frozenset({"PASSED", "FLAKY"})
"""Statuses of a test target that did not fail; FLAKY means that its last attempt passed."""


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """A target as configured: the same label in two configurations is two targets."""

    label: str
    configuration: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at one shard of one run of a test target (each counted from 1)."""

    target: Target
    run: int
    shard: int
    number: int
    status: str
    reports: tuple[str, ...]
    """URIs of the test.xml files of this attempt."""


@dataclass(slots=True)
class Stream:
    """What the stream says, in the order in which it says it."""

    attempts: list[Attempt] = field(default_factory=list)
    statuses: dict[Target, str] = field(default_factory=dict)
    """Each test target's overall status."""
    unbuilt: dict[Target, str] = field(default_factory=dict)
    """Targets that could not be built, with the cause."""
    unfit: dict[Target, str] = field(default_factory=dict)
    """Targets that Bazel left out because they do not fit this platform, with the cause."""
    exit_code: int = 0
    exit_name: str = "SUCCESS"

    def last_attempts(self) -> list[Attempt]:
        """Of each run's each shard the last attempt: what a flaky test did before it passed does not count."""
        last: dict[tuple[Target, int, int], Attempt] = {}
        for attempt in self.attempts:
            key = (attempt.target, attempt.run, attempt.shard)
            if key not in last or attempt.number >= last[key].number:
                last[key] = attempt
        return list(last.values())


def read_events(path: Path) -> Stream:
    """Reads a build event stream.

    Raises InputProblem when the file is missing, is not such a stream, or ends before Bazel's last message, which
    means that Bazel was killed or its disk was full: a count of it would be too small.
    """
    stream = Stream()
    complete = False
    finished = False
    for line, event in _events(path):
        try:
            finished |= _take(stream, event)
        except (TypeError, AttributeError, ValueError, KeyError) as error:
            raise InputProblem(path, f"not a build event as Bazel writes it ({error})", line) from error
        complete |= event.get("lastMessage") is True
    if not complete:
        raise InputProblem(path, "the build event stream ends before Bazel's last message: was Bazel killed?")
    if not finished:
        raise InputProblem(path, "Bazel gave up before it looked at any target: its own messages say why")
    return stream


def _events(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                try:
                    event = json.loads(line)
                except json.JSONDecodeError as error:
                    raise InputProblem(
                        path, f"not JSON ({error.msg}, column {error.colno}): is the file cut off?", number
                    ) from error
                except RecursionError as error:
                    raise InputProblem(path, "not a build event: nested too deeply", number) from error
                if not isinstance(event, dict):
                    raise InputProblem(path, "not a build event: a JSON object is expected", number)
                yield number, event
    except OSError as error:
        raise InputProblem(path, f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputProblem(path, "not a build event stream in JSON: it is not UTF-8 text") from error


def _take(stream: Stream, event: dict[str, Any]) -> bool:
    """Adds one event; True for the one that says how the run ended."""
    identity: dict[str, Any] = event.get("id") or {}
    if "testResult" in identity:
        # Without a result (the event is `aborted`), the test was announced and never ran.
        stream.attempts.append(_attempt(identity["testResult"], event.get("testResult") or {}))
    elif "testSummary" in identity:
        summary = event.get("testSummary") or {}
        stream.statuses[_target(identity["testSummary"])] = str(summary.get("overallStatus", "NO_STATUS"))
    elif "targetCompleted" in identity:
        _take_completed(stream, _target(identity["targetCompleted"]), event)
    elif "targetConfigured" in identity and "aborted" in event:
        _take_completed(stream, _target(identity["targetConfigured"]), event)
    elif "finished" in event:
        code = event["finished"].get("exitCode") or {}
        stream.exit_code = int(code.get("code", 0))
        stream.exit_name = str(code.get("name", "SUCCESS"))
        return True
    return False


def _take_completed(stream: Stream, target: Target, event: dict[str, Any]) -> None:
    if "aborted" in event:
        reason = str(event["aborted"].get("reason", "UNKNOWN"))
        cause = _sentence(reason, str(event["aborted"].get("description", "")))
        (stream.unfit if reason == "SKIPPED" else stream.unbuilt)[target] = cause
    elif "completed" in event and not event["completed"].get("success", False):
        detail = (event["completed"].get("failureDetail") or {}).get("message", "")
        stream.unbuilt[target] = _sentence("it could not be built", str(detail))


def _sentence(beginning: str, detail: str) -> str:
    """Only the first line of Bazel's details: the rest stands in the run's output."""
    first_line = detail.strip().partition("\n")[0].strip()
    return f"{beginning}: {first_line}" if first_line else beginning


def _attempt(identity: dict[str, Any], result: dict[str, Any]) -> Attempt:
    return Attempt(
        target=_target(identity),
        run=int(identity.get("run", 1)),
        shard=int(identity.get("shard", 1)),
        number=int(identity.get("attempt", 1)),
        status=str(result.get("status", "NO_STATUS")),
        reports=tuple(
            str(output.get("uri", ""))
            for output in result.get("testActionOutput", [])
            if output.get("name") == "test.xml"
        ),
    )


def _target(identity: dict[str, Any]) -> Target:
    label = identity["label"]
    if not isinstance(label, str):
        raise TypeError(f"a label is text, not {label!r}")
    return Target(label, str((identity.get("configuration") or {}).get("id", "")))
