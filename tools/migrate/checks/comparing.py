"""Check 4: the same tests have the same outcomes as before the move."""

import posixpath
import re
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from migrate.checks.outcomes import FileRun, Outcome, run_tests
from migrate.checks.places import Layout, Translator
from migrate.checks.report import Check, Finding
from migrate.checks.running import Runner

Key = tuple[str, str]  # (new path of the test file, the id within the file)

ABSENT = Outcome("not there")


class Together(StrEnum):
    """Which test files one process of pytest runs."""

    FILE = "file"  # each its own
    DIRECTORY = "directory"
    ALL = "all"  # before: all at once; now: each service's, and the rest


@dataclass
class Side:
    """What one tree's tests came to."""

    tests: dict[Key, Outcome] = field(default_factory=dict)
    without_tests: set[str] = field(default_factory=set)  # new paths
    troubles: dict[str, str] = field(default_factory=dict)  # new path -> what went wrong with the whole file


@dataclass
class Comparison:
    """Tests by what became of them; `differing` holds (key, before, now)."""

    same: list[Key] = field(default_factory=list)
    differing: list[tuple[Key, Outcome, Outcome]] = field(default_factory=list)


def groups(paths: Sequence[str], together: Together, unit: Callable[[str], str]) -> list[list[str]]:
    """The test files of each process. unit: what runs at once under Together.ALL: a service, or the rest."""
    if together is Together.FILE:
        return [[path] for path in paths]
    found: dict[str, list[str]] = {}
    for path in paths:
        found.setdefault(posixpath.dirname(path) if together is Together.DIRECTORY else unit(path), []).append(path)
    return list(found.values())


def run_side(
    runner: Runner,
    tree: Path,
    processes: Sequence[Sequence[str]],
    new_path: Callable[[str], str],
    python_of: Callable[[str], Path | None],
    timeout: float,
    done: Callable[[int], None],
) -> Side:
    """Runs the test files of one tree. new_path: what the keys call a file of this tree."""
    side = Side()
    for paths in processes:
        python = python_of(paths[0])
        using = runner if python is None else Runner(python, runner.stubs, runner.work)
        result: FileRun = run_tests(using, tree, paths, timeout * len(paths))
        for (path, inside), outcome in result.tests.items():
            side.tests[(new_path(path), inside)] = outcome
        reported = {path for path, _ in result.tests}
        for path in paths:
            if path not in reported:
                side.without_tests.add(new_path(path))
            if result.trouble:
                side.troubles[new_path(path)] = result.trouble
        done(len(paths))
    return side


def compare(before: Side, after: Side, translate: Translator) -> Comparison:
    """Puts the tests of both sides beside each other."""
    renamed = {}
    for key in before.tests:
        new = (key[0], translate(key[1]))
        # A parameter that is a module's name or a path is called differently now.
        renamed[key if key in after.tests or new not in after.tests else new] = before.tests[key]
    result = Comparison()
    for key in sorted({*renamed, *after.tests}):
        was, now = renamed.get(key, ABSENT), after.tests.get(key, ABSENT)
        if was.result == now.result and not _worse(was, now, translate):
            result.same.append(key)
        else:
            result.differing.append((key, was, now))
    return result


_IMPORT_ERROR = re.compile(r"\b(ModuleNotFoundError|ImportError|FileNotFoundError)\b")


def _worse(was: Outcome, now: Outcome, translate: Translator) -> bool:
    """Whether a test that fails as before now fails for what a move breaks: an import or a path."""
    if now.result not in ("failed", "error") or translate.error(was.text) == translate.error(now.text):
        return False
    return bool(_IMPORT_ERROR.search(now.text)) and not _IMPORT_ERROR.search(was.text)


def settle(
    differing: Sequence[tuple[Key, Outcome, Outcome]], reruns: Sequence[tuple[Side, Side]], translate: Translator
) -> tuple[list[tuple[Key, Outcome, Outcome]], list[tuple[Key, str, str]]]:
    """The differences that every rerun confirms, and the tests that differ from run to run (with all results seen)."""
    stable, flaky = [], []
    compared = [{key: (was, now) for key, was, now in compare(*pair, translate).differing} for pair in reruns]
    for key, was, now in differing:
        befores, afters = {was.result}, {now.result}
        confirmed = True
        for (before, after), found in zip(reruns, compared, strict=True):
            confirmed &= key in found
            befores.add(before.tests.get(key, ABSENT).result)
            afters.add(after.tests.get(key, ABSENT).result)
        if confirmed and (befores.isdisjoint(afters) or (len(befores) == 1 and befores == afters)):
            stable.append((key, was, now))
        else:
            flaky.append((key, ", ".join(sorted(befores)), ", ".join(sorted(afters))))
    return stable, flaky


@dataclass
class TestRun:
    """How check 4 runs the tests. fresh: makes a fresh (before, after) pair of trees for a rerun."""

    __test__ = False  # pytest: no test class

    runner: Runner
    before: Path
    after: Path
    together: Together
    timeout: float
    jobs: int
    reruns: int
    fresh: Callable[[], tuple[Path, Path]]
    done: Callable[[int], None]
    say: Callable[[str], None]


def check_tests(layout: Layout, run: TestRun, translate: Translator, tops: set[str], pythons: dict[str, Path]) -> Check:
    """Check 4: tests pass for each service, where they passed before. tops: top-level names that are the project's."""
    check = Check("tests", "Tests pass for each service")
    tests = layout.record.tests
    old = sorted(path for path in tests if (run.before / path).is_file())
    new = sorted(path for path in set(tests.values()) if (run.after / path).is_file())
    for path, target in sorted(tests.items()):
        if path in old and target not in new:
            check.differences.append(Finding(path, "a test file", f"{target} is not there"))
    before, after = _both(layout, run, old, new, pythons, run.before, run.after, run.jobs)
    result = compare(before, after, translate)
    differing = result.differing
    flaky: list[tuple[Key, str, str]] = []
    if differing and run.reruns:
        again = sorted({key[0] for key, _, _ in differing})
        run.say(f"{len(differing)} tests differ: their files run {run.reruns} times more, alone, on fresh copies")
        pairs = []
        back = {target: path for path, target in tests.items()}
        for _ in range(run.reruns):
            trees = run.fresh()
            olds = [back[path] for path in again if back.get(path) in old]
            pairs.append(_both(layout, run, olds, [path for path in again if path in new], pythons, *trees, 1))
        differing, flaky = settle(differing, pairs, translate)
    better = [entry for entry in differing if entry[1].result in ("failed", "error") and entry[2].result == "passed"]
    for key, was, now in differing:
        if (key, was, now) in better:
            note = "better than before: it patches a module that was known by two names, or a path leads somewhere now"
            check.remarks.append(Finding(_shown(key), _told(was), _told(now), note))
        else:
            check.differences.append(Finding(_shown(key), _told(was), _told(now)))
    for key, befores, afters in flaky:
        check.remarks.append(Finding(_shown(key), befores, afters, "differs from run to run: not counted"))
    _list_rest(check, result, before, after, translate)
    check.table = _table(before, after)
    check.unproven = _unproven(before, after, tops)
    if not any(outcome.is_good for outcome in after.tests.values()) and not check.unproven:
        check.unproven = "no test passes, neither before nor now" if after.tests else "there are no tests"
    counts = _counts(after)
    check.summary = (
        f"{len(result.same)} tests have the outcome that they had before, {len(differing) - len(better)} have another"
        f"{f', {len(better)} that failed pass' if better else ''} (now {_sum(counts)}; before {_sum(_counts(before))})"
    )
    process = {"file": "each test file", "directory": "each folder's tests", "all": "each service's tests"}
    check.evidence.append(f"{process[run.together]} in a process of pytest of its own, from the tree's root")
    if run.reruns:
        check.evidence.append(
            f"a difference counts where {run.reruns} further runs, each on fresh copies of both trees, confirm it"
        )
    return check


def _both(
    layout: Layout,
    run: TestRun,
    old: Sequence[str],
    new: Sequence[str],
    pythons: dict[str, Path],
    before: Path,
    after: Path,
    jobs: int,
) -> tuple[Side, Side]:
    """Both sides, at the same time where two processes are allowed: never two in one tree."""

    def python_of(path: str) -> Path | None:
        component = layout.component_of(path)
        return pythons.get(component.name) if component else None

    def unit(path: str) -> str:
        component = layout.component_of(path)
        return component.target if component and component.import_root else ""

    tests = layout.record.tests
    old_groups = groups(old, run.together, lambda path: "")
    new_groups = groups(new, run.together, unit)
    with ThreadPoolExecutor(max_workers=2 if jobs > 1 else 1) as pool:
        first = pool.submit(
            run_side,
            run.runner,
            before,
            old_groups,
            lambda path: tests.get(path, path),
            lambda path: None,
            run.timeout,
            run.done,
        )
        second = pool.submit(
            run_side, run.runner, after, new_groups, lambda path: path, python_of, run.timeout, run.done
        )
        return first.result(), second.result()


def _list_rest(check: Check, result: Comparison, before: Side, after: Side, translate: Translator) -> None:
    """What failed before and fails now, what holds no tests, and what ended badly."""
    for key in result.same:
        now = after.tests[key]
        if now.is_good:
            continue
        was = before.tests.get(key) or next(
            (outcome for (path, inside), outcome in before.tests.items() if (path, translate(inside)) == key), now
        )
        note = "" if translate.error(was.text) == translate.error(now.text) else "with another error now"
        check.broken_before.append(Finding(_shown(key), _told(was), _told(now), note))
    for path in sorted(before.without_tests | after.without_tests):
        was_none, is_none = path in before.without_tests, path in after.without_tests
        if was_none and is_none:
            check.remarks.append(Finding(path, "no test", "no test", "pytest collects nothing from it, as before"))
    for path in sorted({*before.troubles, *after.troubles}):
        told, telling = before.troubles.get(path, ""), after.troubles.get(path, "")
        # What has no more to it than its one error is listed already.
        if translate.error(told) != translate.error(telling) or (path, "") not in after.tests:
            check.remarks.append(Finding(path, told, telling))


_NOT_INSTALLED = re.compile(r"No module named '([\w.]+)'")


def _unproven(before: Side, after: Side, tops: set[str]) -> str:
    """How many test files could not be collected on either side for want of what; "" where all could."""
    files: set[str] = set()
    names: set[str] = set()
    for (path, inside), now in after.tests.items():
        was = before.tests.get((path, inside), ABSENT)
        found = [match[1].partition(".")[0] for match in map(_NOT_INSTALLED.search, (was.text, now.text)) if match]
        missing = [name for name in found if name not in tops]
        if not inside and now.result == "error" and missing:
            files.add(path)
            names.update(missing)
    if not files:
        return ""
    listed = ", ".join(sorted(names))
    return f"{len(files)} test files cannot be run, as these are not installed for --python: {listed}"


def _shown(key: Key) -> str:
    return f"{key[0]}::{key[1]}" if key[1] else key[0]


def _told(outcome: Outcome) -> str:
    return f"{outcome.result}: {outcome.text}" if outcome.text else outcome.result


def _counts(side: Side) -> Counter[str]:
    return Counter(outcome.result for outcome in side.tests.values())


def _sum(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {result}" for result, count in sorted(counts.items())) or "none"


def _table(before: Side, after: Side) -> list[list[str]]:
    """Per folder of the new layout: how many tests of each outcome, before and now."""
    rows = [["Tests in", "Before", "Now"]]
    for folder in sorted({posixpath.dirname(path) for path, _ in [*before.tests, *after.tests]}):
        parts = [
            _sum(
                Counter(
                    outcome.result for (path, _), outcome in side.tests.items() if posixpath.dirname(path) == folder
                )
            )
            for side in (before, after)
        ]
        rows.append([folder or "the root", *parts])
    return rows
