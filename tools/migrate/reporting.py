"""A plan for people to read, and for programs."""

import difflib
from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from migrate.model import Certainty, Fate, Mention
from migrate.planning import Plan

SCHEMA = 1
_FEW = 12


def as_json(plan: Plan) -> dict[str, Any]:
    """The plan as JSON values; `schema` is raised when a key changes its meaning."""
    operations = plan.operations
    return {
        "schema": SCHEMA,
        "mapping": plan.mapping.origin,
        "files": [
            {
                "path": entry.path,
                "fate": str(entry.fate),
                "new_path": entry.new_path,
                "component": entry.component,
                "test": entry.is_test,
                "why": entry.reason,
                "copies": plan.placement.copies.get(entry.path, []),
            }
            for entry in plan.files.values()
        ],
        "edges": [
            {
                "from": edge.start,
                "to": edge.end,
                "places": [str(place) for place in edge.places],
                "tests_only": edge.tests_only,
                "allowed": edge.allowed,
                "by_allow_edges": edge.by_exception,
            }
            for edge in plan.edges
        ],
        "modules": dict(sorted(plan.renames.modules.items())),
        "two_names": {path: list(names) for path, names in plan.two_names.items()},
        "rewritten_strings": [_mention(mention) for mention in plan.rewritten_mentions],
        "strings": [_mention(mention) for mention in plan.mentions],
        "broken_before": [{"place": str(place), "what": what} for place, what in plan.broken],
        "not_in_any_requirements": {name: str(place) for name, place in sorted(plan.unknown.items())},
        "decisions": [
            {"what": decision.what, "places": [str(place) for place in decision.places], "toml": list(decision.toml)}
            for decision in plan.decisions
        ],
        "notes": plan.notes,
        "created": sorted(operations.creates),
    }


def _mention(mention: Mention) -> dict[str, str]:
    return {
        "place": str(mention.place),
        "text": mention.text,
        "new_text": mention.new_text,
        "certainty": str(mention.certainty),
        "why": mention.why,
    }


def print_plan(plan: Plan, console: Console, every: bool = False) -> None:
    """Prints a plan: what becomes of the files, edges, names, strings, and last what has to be decided."""
    _print_files(plan, console, every)
    _print_edges(plan, console)
    _print_names(plan, console, every)
    _print_mentions(plan, console, every)
    _print_broken(plan, console, every)
    for note in plan.notes:
        console.print(Text(f"note: {note}"))
    _print_decisions(plan, console)


def _print_files(plan: Plan, console: Console, every: bool) -> None:
    counts = Counter(entry.fate for entry in plan.files.values())
    total = sum(counts.values())
    console.print(
        Text(f"{total} files: " + ", ".join(f"{counts[fate]} {fate}" for fate in Fate if counts[fate]), style="bold")
    )
    rows: dict[str, list[int]] = {}
    for entry in plan.files.values():
        component = next((c for c in plan.mapping.components if c.name == entry.component), None)
        place = (
            f"{component.target} ({component.name})"
            if component
            else ("nowhere: dropped" if entry.fate is Fate.DROPPED else "stays")
        )
        row = rows.setdefault(place, [0, 0, 0])
        row[0] += 1
        row[1] += entry.fate is Fate.REWRITTEN
        row[2] += entry.is_test
    _print_rows(
        console,
        [("goes to", "files", "rewritten", "tests"), *((place, *map(str, row)) for place, row in sorted(rows.items()))],
    )
    if every:
        for entry in plan.files.values():
            arrow = f" -> {entry.new_path}" if entry.new_path and entry.new_path != entry.path else ""
            console.print(Text(f"  {entry.fate:9} {entry.path}{arrow}  ({entry.reason})"))
    if plan.operations.creates:
        console.print(
            Text(
                f"written anew: {len(plan.operations.creates)} files, "
                f"such as {', '.join(sorted(plan.operations.creates)[:3])}"
            )
        )


def _print_edges(plan: Plan, console: Console) -> None:
    if not plan.edges:
        return
    console.print(Text("\nimports between components", style="bold"))
    rows = []
    for edge in plan.edges:
        state = "no layout keeps it" if not edge.allowed else ("allowed by allow_edges" if edge.by_exception else "")
        example = f"{edge.places[0]}" + (f" and {len(edge.places) - 1} more" if len(edge.places) > 1 else "")
        rows.append((f"{edge.start} -> {edge.end}", "tests only" if edge.tests_only else "", example, state))
    _print_rows(console, rows)


def _print_rows(console: Console, rows: Sequence[tuple[str, ...]]) -> None:
    """Columns, as wide as they must be: lines stay whole when they go to a file."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        console.print(
            Text("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        )


def _print_names(plan: Plan, console: Console, every: bool) -> None:
    if not plan.two_names:
        return
    console.print(
        Text(f"\n{len(plan.two_names)} modules are known by several names, and become one module each", style="bold")
    )
    console.print("a patch of one name did not reach the other before; it does afterwards")
    entries = list(plan.two_names.items())
    for path, names in entries if every else entries[:_FEW]:
        console.print(Text(f"  {path}: {', '.join(names)}"))
    _more(console, len(entries), every)


def _print_mentions(plan: Plan, console: Console, every: bool) -> None:
    if plan.rewritten_mentions:
        kinds = Counter(mention.why for mention in plan.rewritten_mentions)
        console.print(Text(f"\n{len(plan.rewritten_mentions)} strings and paths are rewritten", style="bold"))
        console.print(Text("  " + ", ".join(f"{count} {why}" for why, count in kinds.most_common())))
    headings = {
        Certainty.LIKELY: "likely names: rewritten with --accept-likely",
        Certainty.ASK: "may name what moves: look at them; [strings] rewrite = […] or keep = […] decides",
        Certainty.STORED: "settings, loggers and names that are stored elsewhere: reported only",
    }
    for certainty, heading in headings.items():
        entries = [mention for mention in plan.mentions if mention.certainty is certainty]
        if not entries:
            continue
        console.print(Text(f"\n{len(entries)} {heading}", style="bold"))
        for mention in entries if every else entries[:_FEW]:
            arrow = f" -> {mention.new_text}" if mention.new_text else ""
            text = mention.text if len(mention.text) <= 70 else mention.text[:67] + "…"
            console.print(Text(f"  {mention.place}: {text}{arrow}  ({mention.why})"))
        _more(console, len(entries), every)


def _print_broken(plan: Plan, console: Console, every: bool) -> None:
    if plan.broken:
        console.print(Text(f"\n{len(plan.broken)} things are broken as it is, and stay so", style="bold"))
        for place, what in plan.broken if every else plan.broken[:_FEW]:
            console.print(Text(f"  {place}: {what}"))
        _more(console, len(plan.broken), every)


def _print_decisions(plan: Plan, console: Console) -> None:
    if not plan.decisions:
        console.print(Text("\nnothing needs a decision", style="bold"))
        return
    console.print(
        Text(
            f"\n{len(plan.decisions)} decisions are needed, each by one of the lines below it in {plan.mapping.origin}",
            style="bold",
        )
    )
    for decision in plan.decisions:
        console.print(Text(f"- {decision.what}"))
        for place in decision.places[:_FEW]:
            console.print(Text(f"    {place}"))
        if len(decision.places) > _FEW:
            console.print(Text(f"    and {len(decision.places) - _FEW} more"))
        for line in decision.toml:
            console.print(Text(f"    | {line}", style="green"))


def _more(console: Console, count: int, every: bool) -> None:
    if count > _FEW and not every:
        console.print(f"  and {count - _FEW} more: --all shows them")


def print_diff(plan: Plan, console: Console) -> None:
    """Prints what would change in the files that are rewritten, as unified diffs from the old path to the new one."""
    old_paths = {new: old for old, new in plan.operations.moves.items()}
    for new_path, contents in sorted(plan.operations.writes.items()):
        old_path = old_paths.get(new_path, new_path)
        before = plan.inventory.read(old_path).decode("utf-8", "backslashreplace").splitlines()
        after = contents.decode("utf-8", "backslashreplace").splitlines()
        for line in difflib.unified_diff(before, after, old_path, new_path, lineterm="", n=1):
            style = "green" if line.startswith("+") else "red" if line.startswith("-") else ""
            console.print(Text(line, style=style))
