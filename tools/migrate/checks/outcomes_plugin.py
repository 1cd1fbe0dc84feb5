"""A pytest plugin that writes what becomes of each test as JSON lines; loaded by `verify` with -p, under any pytest.

It is copied into a folder of its own and runs in the repository's environment: standard library only, no import of
this package, and nothing newer than Python 3.8. Lines are flushed one by one, so that a killed run keeps its lines.
"""

import json
import os
import re
from typing import Any

_path = os.environ.get("MIGRATE_VERIFY_OUTCOMES", "")
_is_worker = False
_rootdir = ""


def _write(event: str, **values: Any) -> None:
    if _path and not _is_worker:
        with open(_path, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(json.dumps(dict(values, event=event)) + "\n")


def pytest_configure(config: Any) -> None:
    global _is_worker, _rootdir
    _is_worker = hasattr(config, "workerinput")
    _rootdir = str(getattr(config, "rootpath", None) or config.rootdir)
    _write("configured", rootdir=_rootdir, inifile=str(getattr(config, "inipath", None) or ""))


def pytest_collection_finish(session: Any) -> None:
    for item in session.items:
        _write("collected", id=item.nodeid)


def pytest_collectreport(report: Any) -> None:
    if report.outcome == "failed":
        _write("uncollected", id=report.nodeid, error=_error(report))
    elif report.outcome == "skipped":
        _write("passed over", id=report.nodeid, error=_reason(report))


def pytest_runtest_logstart(nodeid: str, location: Any) -> None:
    _write("started", id=nodeid)


def pytest_runtest_logreport(report: Any) -> None:
    outcome = report.outcome
    if hasattr(report, "wasxfail"):
        outcome = {"skipped": "xfailed", "passed": "xpassed"}.get(outcome, outcome)
    elif outcome == "failed" and report.when != "call":
        outcome = "error"
    text = ""
    if outcome in ("failed", "error"):
        text = _error(report)
    elif outcome in ("skipped", "xfailed"):
        text = _reason(report)
    if report.when == "call" or outcome not in ("passed",):
        _write("outcome", id=report.nodeid, when=report.when, outcome=outcome, error=text)
    elif report.when == "teardown":
        _write("finished", id=report.nodeid)


def pytest_sessionfinish(session: Any, exitstatus: Any) -> None:
    _write("ended", status=int(exitstatus))


def _error(report: Any) -> str:
    """The error's first line: `ModuleNotFoundError: No module named 'x'`."""
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None and crash.message:
        return str(crash.message).splitlines()[0]
    text = str(report.longrepr or "")
    marked = [line[1:].strip() for line in text.splitlines() if re.match(r"E\s", line)]
    plain = [line.strip() for line in text.splitlines() if line.strip()]
    named = [line for line in marked if re.match(r"[\w.]*(Error|Exception|Warning|Interrupt|Exit)\b", line)]
    return (named or marked or plain or [""])[-1 if marked else 0]


def _reason(report: Any) -> str:
    if getattr(report, "wasxfail", ""):
        return str(report.wasxfail)
    longrepr = report.longrepr
    if isinstance(longrepr, tuple) and len(longrepr) == 3:
        return re.sub(r"^Skipped: ", "", str(longrepr[2]))
    return str(longrepr or "").splitlines()[-1] if longrepr else ""
