"""Runs tests in one tree and tells what became of each."""

import json
import posixpath
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from migrate.checks.running import Runner
from migrate.pytest_ini import CONFIG_FILES, read_settings

_PLUGIN = Path(__file__).with_name("outcomes_plugin.py")
_PLUGIN_NAME = "migrate_verify_outcomes"

#: pytest's exit status for "no tests were collected".
_NONE_COLLECTED = 5


@dataclass(frozen=True)
class Outcome:
    """result: passed, failed, error, skipped, xfailed, xpassed, timed out, not run. text: the error's first line, or
    the reason of a skip."""

    result: str
    text: str = ""

    @property
    def is_good(self) -> bool:
        return self.result in ("passed", "skipped", "xfailed", "xpassed")


@dataclass
class FileRun:
    """What one process of pytest gave.

    tests: (path in the tree, id within the file) -> outcome. For a file that could not be collected the id is "".
    collected_none: pytest found no test in it. trouble: what pytest said, where it ended in an unforeseen way.
    """

    tests: dict[tuple[str, str], Outcome] = field(default_factory=dict)
    collected_none: bool = False
    trouble: str = ""


def run_tests(runner: Runner, tree: Path, paths: Sequence[str], timeout: float) -> FileRun:
    """Runs pytest on some test files of a tree, from the tree's root, with the tree's own configuration.

    paths: of test files, from the tree's root. timeout: for the whole process, in seconds.
    """
    plugin = runner.support / f"{_PLUGIN_NAME}.py"
    if not plugin.exists():
        shutil.copyfile(_PLUGIN, plugin)
    environment = runner.environment()
    lines = Path(environment["HOME"]) / "outcomes.jsonl"
    environment["MIGRATE_VERIFY_OUTCOMES"] = str(lines)
    arguments = ["-m", "pytest", "-p", _PLUGIN_NAME, "-p", "no:cacheprovider", "-q", "--color=no"]
    if not _is_configured(tree, paths):
        # Or pytest would look for a configuration in the folders above the copy.
        arguments += ["--rootdir", str(tree), "--confcutdir", str(tree)]
    done = runner.run([*arguments, "--", *paths], tree, environment, timeout)
    result = FileRun()
    events = _events(lines)
    shutil.rmtree(environment["HOME"], ignore_errors=True)
    ended = next((event["status"] for event in events if event["event"] == "ended"), None)
    root = next((event["rootdir"] for event in events if event["event"] == "configured"), str(tree))
    result.tests = _outcomes(events, tree, Path(root), paths, "timed out" if done.timed_out else "not run")
    if done.timed_out:
        result.trouble = f"timed out after {timeout:.0f} s"
        if not result.tests:
            result.tests = {(path, ""): Outcome("timed out", "before any test was collected") for path in paths}
    elif ended is None:
        text = _telling_line(done.output, tree)
        result.trouble = f"pytest ended without a result: {text}"
        if not result.tests:
            result.tests = {(path, ""): Outcome("error", text) for path in paths}
    elif ended == _NONE_COLLECTED and not result.tests:
        result.collected_none = True
    elif ended not in (0, 1, 2, _NONE_COLLECTED) and not result.tests:
        text = _telling_line(done.output, tree)
        result.tests = {(path, ""): Outcome("error", text) for path in paths}
    return result


def _is_configured(tree: Path, paths: Sequence[str]) -> bool:
    """Whether some folder of the tree, at or above the tests, holds a configuration for pytest."""
    folders = {""}
    for path in paths:
        folder = posixpath.dirname(path)
        while folder:
            folders.add(folder)
            folder = posixpath.dirname(folder)
    for folder in folders:
        for name in CONFIG_FILES:
            file = tree / folder / name
            if file.is_file() and read_settings(name, file.read_bytes()) is not None:
                return True
    return False


def _events(path: Path) -> list[dict[str, Any]]:
    try:
        rows = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    events = []
    for row in rows:
        try:
            events.append(json.loads(row))
        except ValueError:  # the last line of a killed process
            continue
    return events


def _outcomes(
    events: Sequence[dict[str, Any]], tree: Path, root: Path, paths: Sequence[str], unfinished: str
) -> dict[tuple[str, str], Outcome]:
    found: dict[tuple[str, str], Outcome] = {}
    started: set[tuple[str, str]] = set()
    for event in events:
        if "id" not in event:
            continue
        key = _key(event["id"], tree, root, paths)
        kind = event["event"]
        if kind == "collected":
            found.setdefault(key, Outcome("not run"))
        elif kind == "uncollected":
            found[key] = Outcome("error", _without_places(event["error"], tree))
        elif kind == "passed over":
            found[key] = Outcome("skipped", _without_places(event["error"], tree))
        elif kind == "started":
            started.add(key)
        elif kind == "outcome":
            started.discard(key)
            before = found.get(key)
            # An error while a test is torn down comes after its own outcome, and counts.
            if before is None or before.result == "not run" or event["outcome"] != "passed":
                found[key] = Outcome(event["outcome"], _without_places(event["error"], tree))
    for key in started:
        if found.get(key, Outcome("not run")).result == "not run":
            found[key] = Outcome(unfinished)
    return found


def _key(node_id: str, tree: Path, root: Path, paths: Sequence[str]) -> tuple[str, str]:
    """A test's file, from the tree's root, and its id within the file."""
    file, _, inside = node_id.partition("::")
    path = posixpath.normpath(posixpath.join(root.resolve().as_posix(), file))
    base = tree.resolve().as_posix() + "/"
    relative = path[len(base) :] if path.startswith(base) else file
    if not file and len(paths) == 1:
        relative = paths[0]
    return relative, _without_places(inside, tree)


def _telling_line(output: str, tree: Path) -> str:
    """The line of pytest's output that says why it gave up."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    marked = [line[1:].strip() for line in lines if re.match(r"E\s", line)]
    named = [line for line in lines if re.search(r"\b\w*(Error|Exception|Exit)\b", line)]
    plain = [line for line in lines if not re.search(r"\bin \d+\.\d+s\b", line)]
    return _without_places((marked or named or plain or [""])[-1], tree)


_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}\b")


def _without_places(text: str, tree: Path) -> str:
    """A text without what differs between two runs of the same thing: the tree's place and addresses in memory."""
    for place in {str(tree), str(tree.resolve())}:
        text = text.replace(place, "<root>")
    text = re.sub(r"/\S*/home-\w+", "<home>", text)
    return _ADDRESS.sub("0x…", text)
