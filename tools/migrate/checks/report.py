"""The result of `verify`: six checks with their evidence, as data, as JSON and as a page for people."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

#: Raised when what the JSON says changes its meaning.
SCHEMA = 1


class Status(StrEnum):
    """What became of a check."""

    PASSED = "passed"
    FAILED = "failed"  # a difference that the migration made
    STATIC = "passed, read only"  # nothing was built or run for it; the summary says why
    UNPROVEN = "not proven"  # nothing speaks against it, but what would prove it could not be run here


@dataclass(frozen=True)
class Finding:
    """One thing that a check came upon.

    where: a path (with a line), a module or a test id, in the new layout.
    before, after: what it was and what it is, in few words.
    """

    where: str
    before: str
    after: str
    note: str = ""


@dataclass
class Check:
    """One line of the guide's checklist.

    differences: what the migration broke; any one of them makes the check fail.
    broken_before: what was broken before the move in the same way; listed, not counted.
    remarks: what a reader should know: what was repaired, what could not be judged.
    """

    key: str
    title: str
    summary: str = ""
    evidence: list[str] = field(default_factory=list)
    differences: list[Finding] = field(default_factory=list)
    broken_before: list[Finding] = field(default_factory=list)
    remarks: list[Finding] = field(default_factory=list)
    read_only: bool = False
    unproven: str = ""  # why what was found proves nothing, or not all
    table: list[list[str]] = field(default_factory=list)  # the first row is its head

    @property
    def status(self) -> Status:
        if self.differences:
            return Status.FAILED
        if self.unproven:
            return Status.UNPROVEN
        return Status.STATIC if self.read_only else Status.PASSED


@dataclass
class Report:
    """Everything that `verify` found. `circumstances`: with which interpreter, stand-ins, time-outs."""

    repository: str
    circumstances: list[str]
    checks: list[Check]
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        return not any(check.differences for check in self.checks)

    def json_text(self) -> str:
        data: dict[str, Any] = {
            "schema": SCHEMA,
            "repository": self.repository,
            "passed": self.passed,
            "seconds": round(self.seconds, 1),
            "circumstances": self.circumstances,
            "checks": [{"status": str(check.status), **asdict(check)} for check in self.checks],
        }
        return json.dumps(data, indent=1, ensure_ascii=False) + "\n"

    def markdown(self) -> str:
        outcome = "no difference was found" if self.passed else "**differences were found**"
        if self.passed and any(check.status is Status.UNPROVEN for check in self.checks):
            outcome += ", **but not everything could be shown here**"
        lines = [f"# {_cell(self.repository)}: the migration, verified", "", f"In {self.seconds:.0f} s, {outcome}.", ""]
        for check in self.checks:
            box = "x" if check.status in (Status.PASSED, Status.STATIC) else " "
            lines.append(f"- [{box}] **{check.title}** – {check.status}: {check.summary}")
            if check.unproven:
                lines[-1] += f" – {check.unproven}"
        lines += ["", "How it was verified:", ""]
        lines += [f"- {text}" for text in self.circumstances]
        for number, check in enumerate(self.checks, 1):
            lines += ["", f"## {number}. {check.title}", "", f"{str(check.status).capitalize()}: {check.summary}"]
            if check.unproven:
                lines += ["", f"What could not be shown here: {check.unproven}."]
            if check.evidence:
                lines += ["", *(f"- {text}" for text in check.evidence)]
            if check.table:
                lines += ["", *_table(check.table)]
            for heading, findings in (
                ("Differences", check.differences),
                ("Broken before the move, and the same now", check.broken_before),
                ("Remarks", check.remarks),
            ):
                lines += _findings(heading, findings)
        return "\n".join(lines) + "\n"


#: How many findings of a kind the page shows; the JSON holds all of them.
_SHOWN = 200


def _findings(heading: str, findings: Sequence[Finding]) -> list[str]:
    if not findings:
        return []
    rows = [["Where", "Before", "Now", "Note"]]
    rows += [[f"`{each.where}`", each.before, each.after, each.note] for each in findings[:_SHOWN]]
    for column in (3, 2, 1):  # a column that says nothing is left out
        if not any(row[column] for row in rows[1:]):
            rows = [row[:column] + row[column + 1 :] for row in rows]
    lines = ["", f"### {heading} ({len(findings)})", "", *_table(rows)]
    if len(findings) > _SHOWN:
        lines += ["", f"… and {len(findings) - _SHOWN} more, in report.json."]
    return lines


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    head, *rest = rows
    return [_row(head), _row(["---"] * len(head)), *map(_row, rest)]


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(map(_cell, cells)) + " |"


def _cell(text: str) -> str:
    clean = " ".join(text.split()).replace("|", "\\|")
    return clean if len(clean) <= 300 else clean[:299] + "…"
