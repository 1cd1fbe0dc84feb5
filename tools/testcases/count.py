"""Puts a run's stream, its reports and the allow-list together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from testcases.allow_list import AllowedSkip
from testcases.events import PASSED_STATUSES, Attempt, Stream, Target
from testcases.junit import Case, Outcome, UnreadableReport, read_report

THE_RUN = "the run"
"""Stands in a case's label for what belongs to no target."""


@dataclass(slots=True)
class Count:
    """Every test case of a run, and what the allow-list says to its skips."""

    cases: list[Case] = field(default_factory=list)
    flaky: list[str] = field(default_factory=list)
    """Labels of tests that passed at a later attempt only."""
    forbidden_skips: list[Case] = field(default_factory=list)
    """Skips that no line of the allow-list covers."""
    unused_allowed_skips: list[AllowedSkip] = field(default_factory=list)

    def of(self, outcome: Outcome) -> list[Case]:
        return [case for case in self.cases if case.outcome is outcome]

    @property
    def ran(self) -> int:
        return len(self.cases) - len(self.of(Outcome.SKIPPED))

    @property
    def succeeded(self) -> bool:
        """Something ran, nothing failed, and every skip is meant."""
        return self.ran > 0 and not self.of(Outcome.FAILED) and not self.forbidden_skips

    @property
    def summary(self) -> str:
        """The line that ends a run: `N passed, M failed`, with `, K skipped` where there are skips."""
        skipped = len(self.of(Outcome.SKIPPED))
        line = f"{len(self.of(Outcome.PASSED))} passed, {len(self.of(Outcome.FAILED))} failed"
        return f"{line}, {skipped} skipped" if skipped else line


def count(stream: Stream, allowed: Sequence[AllowedSkip] = (), failed_steps: Sequence[str] = ()) -> Count:
    """Counts a run's test cases.

    Of each shard of each run the last attempt counts, cached results like fresh ones. A target that failed without
    saying so in a report (it could not be built, ran out of time, crashed after its last test) is one failed case,
    and so is each of `failed_steps`, which are other commands of the run, and a Bazel that failed for a reason that
    belongs to no target.
    """
    result = Count()
    attempts: dict[Target, list[Attempt]] = {}
    for attempt in stream.last_attempts():
        attempts.setdefault(attempt.target, []).append(attempt)
    for target in sorted({*attempts, *stream.statuses, *stream.unbuilt}):
        result.cases += _target_cases(target, attempts.get(target, []), stream)
    result.cases += [
        Case(target.label, "(whole target)", Outcome.SKIPPED, cause) for target, cause in sorted(stream.unfit.items())
    ]
    result.cases += [Case(THE_RUN, step, Outcome.FAILED, "the command failed") for step in failed_steps]
    if stream.exit_code != 0 and not result.of(Outcome.FAILED):
        reason = f"it ended with {stream.exit_code} ({stream.exit_name})"
        result.cases.append(Case(THE_RUN, "bazel", Outcome.FAILED, reason))

    result.flaky = sorted({target.label for target, status in stream.statuses.items() if status == "FLAKY"})
    skips = result.of(Outcome.SKIPPED)
    result.forbidden_skips = [case for case in skips if not any(line.covers(case) for line in allowed)]
    result.unused_allowed_skips = [line for line in allowed if not any(line.covers(case) for case in skips)]
    return result


def _target_cases(target: Target, attempts: list[Attempt], stream: Stream) -> list[Case]:
    cases: list[Case] = []
    for attempt in sorted(attempts, key=lambda attempt: (attempt.run, attempt.shard)):
        cases += _attempt_cases(attempt)
    if any(case.outcome is Outcome.FAILED for case in cases):
        return cases
    if (cause := stream.unbuilt.get(target)) is not None:
        cases.append(_whole(target, cause))
    elif (status := stream.statuses.get(target, "PASSED")) not in PASSED_STATUSES:
        cases.append(_whole(target, _meaning(status)))
    elif not attempts:
        cases.append(_whole(target, "no result of it was reported"))
    return cases


def _attempt_cases(attempt: Attempt) -> list[Case]:
    cases: list[Case] = []
    try:
        if not attempt.reports and attempt.status == "PASSED":
            raise UnreadableReport("it passed, but left no report of its test cases")
        for uri in attempt.reports:
            cases += read_report(uri, attempt.target.label)
        if attempt.status == "TIMEOUT":
            cases = [_out_of_time(case) for case in cases]
    except UnreadableReport as error:
        return [*cases, _part(attempt, str(error))]
    if attempt.status != "PASSED" and not any(case.outcome is Outcome.FAILED for case in cases):
        cases.append(_part(attempt, _meaning(attempt.status)))
    return cases


_MEANINGS = {
    "TIMEOUT": "it ran out of time",
    "FAILED": "it failed without a failed case in its report",
    "INCOMPLETE": "it was interrupted",
    "REMOTE_FAILURE": "the machine that ran it failed",
    "FAILED_TO_BUILD": "it could not be built",
    "NO_STATUS": "it did not run",
    "TOOL_HALTED_BEFORE_TESTING": "Bazel stopped before it ran",
}


def _meaning(status: str) -> str:
    return f"{_MEANINGS.get(status, 'it did not pass')} ({status})"


def _out_of_time(case: Case) -> Case:
    """Bazel's own report of a test that it stopped names only the exit code."""
    return replace(case, reason=f"it ran out of time: {case.reason}") if case.outcome is Outcome.FAILED else case


def _part(attempt: Attempt, cause: str) -> Case:
    name = "(whole target)" if attempt.run == attempt.shard == 1 else f"(run {attempt.run}, shard {attempt.shard})"
    return Case(attempt.target.label, name, Outcome.FAILED, cause)


def _whole(target: Target, cause: str) -> Case:
    return Case(target.label, "(whole target)", Outcome.FAILED, cause)
