"""Prints what a Bazel run's tests came to; the last line is `N passed, M failed`.

    python -m testcases EVENTS.json --allowed-skips FILE [--failed-step COMMAND]...

Exit status: 0 when something ran, nothing failed and every skip is on the list; 1 otherwise; 2 when a file cannot be
used.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from testcases.allow_list import read_allowed_skips
from testcases.count import Count, count
from testcases.events import read_events
from testcases.junit import Case, Outcome
from testcases.problems import InputProblem


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        allowed = read_allowed_skips(_user_path(options.allowed_skips)) if options.allowed_skips else []
        result = count(read_events(_user_path(options.events)), allowed, options.failed_step)
    except InputProblem as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    # A case's name may hold characters that the terminal's encoding lacks.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    _print(result, options.allowed_skips)
    return 0 if result.succeeded else 1


def _print(result: Count, allow_list: str | None) -> None:
    skips = result.of(Outcome.SKIPPED)
    if skips:
        print("Skipped:")
        for reason, cases in _by_reason(skips):
            print(f"  {reason}")
            for case in cases:
                note = "" if case not in result.forbidden_skips else "  <- not allowed"
                print(f"    {case.address}{note}")
    for label in result.flaky:
        print(f"Flaky, passed at a later attempt: {label}")
    failures = result.of(Outcome.FAILED)
    if failures:
        print("Failed:")
        for case in failures:
            print(f"  {case.address}: {case.reason}")
    for line in result.unused_allowed_skips:
        print(f"warning: {allow_list}:{line.line}: covers no skip of this run: {line.glob}")
    if result.forbidden_skips:
        where = f"add it to {allow_list} with the reason" if allow_list else "name an allow-list with --allowed-skips"
        print(f"error: {len(result.forbidden_skips)} skipped without being allowed: make it run, or {where}.")
    if result.ran == 0:
        print("error: no test case ran.")
    print(result.summary, flush=True)


def _by_reason(skips: Sequence[Case]) -> list[tuple[str, list[Case]]]:
    reasons: dict[str, list[Case]] = {}
    for case in skips:
        reasons.setdefault(case.reason, []).append(case)
    return sorted(reasons.items())


def _user_path(path: str) -> Path:
    """Under `bazel run` the process stands in its runfiles; a relative path is meant from where the user stands."""
    return Path(os.environ.get("BUILD_WORKING_DIRECTORY", "")) / path


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="testcases", description="Counts the test cases of a Bazel run.")
    parser.add_argument("events", metavar="EVENTS.json", help="what --build_event_json_file wrote")
    parser.add_argument("--allowed-skips", metavar="FILE", help="the skips that are meant; without it, none is")
    parser.add_argument(
        "--failed-step",
        metavar="COMMAND",
        action="append",
        default=[],
        help="another command of the same run that failed: counts as one failed case; may be repeated",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
