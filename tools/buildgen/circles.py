"""Folders that import each other in a circle: they can only be built as one target."""

import os
from collections.abc import Iterable, Sequence

from buildgen.problems import Problems
from buildgen.targets import LIBRARY, Reason, Target
from buildgen.tree import is_below, parent


def circles(targets: Sequence[Target]) -> list[list[Target]]:
    """The sets of libraries that depend on each other in a circle, each sorted by label."""
    libraries = {target.label: target for target in targets if target.kind == LIBRARY}
    edges = {
        name: [dep for dep in (*target.deps, *target.type_deps) if dep in libraries and dep != name]
        for name, target in libraries.items()
    }
    return [sorted((libraries[name] for name in part), key=lambda t: t.label) for part in _components(edges)]


def _components(edges: dict[str, list[str]]) -> list[list[str]]:
    """Strongly connected components of more than one member (Tarjan's algorithm, without recursion)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    on_stack: set[str] = set()
    stack: list[str] = []
    found: list[list[str]] = []
    for start in edges:
        if start in index:
            continue
        work = [(start, iter(edges[start]))]
        index[start] = low[start] = len(index)
        stack.append(start)
        on_stack.add(start)
        while work:
            node, following = work[-1]
            for other in following:
                if other not in index:
                    index[other] = low[other] = len(index)
                    stack.append(other)
                    on_stack.add(other)
                    work.append((other, iter(edges[other])))
                    break
                if other in on_stack:
                    low[node] = min(low[node], index[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    part = []
                    while True:
                        member = stack.pop()
                        on_stack.discard(member)
                        part.append(member)
                        if member == node:
                            break
                    if len(part) > 1:
                        found.append(part)
    return found


def merged(packages: Iterable[str], folders: Iterable[str]) -> tuple[str, list[str]] | None:
    """(common ancestor, all folders that one target there takes in), or None where no folder can hold them all.

    A package between the ancestor and a member would cut the member off, so everything on the way is taken in too.
    """
    members = set(packages)
    head = os.path.commonpath([f"/{path}" for path in members])[1:]
    if head in ("", "services"):
        return None
    taken = {head}
    for path in members:
        while path != head:
            taken.add(path)
            path = parent(path)
    return head, [path for path in folders if path in taken]


def join(circles_now: dict[str, list[str]], head: str, members: list[str], folders: Iterable[str]) -> None:
    """Adds a circle to those that are known, taking in any that it touches."""
    taken = {head, *members}
    for other in list(circles_now):
        theirs = circles_now[other]
        if taken & set(theirs) or is_below(other, head):
            taken |= set(theirs) if taken & set(theirs) else set()
            if taken & set(theirs):
                del circles_now[other]
    top = os.path.commonpath([f"/{path}" for path in taken])[1:]
    full = set(taken) | {top}
    for path in taken:
        while path != top:
            full.add(path)
            path = parent(path)
    circles_now[top] = [path for path in folders if path in full]


def describe(part: Sequence[Target]) -> tuple[Reason, str]:
    """One place where the circle can be seen, and the way round it in words."""
    labels = {target.label for target in part}
    steps = []
    first: Reason | None = None
    for target in part:
        for dep, reasons in (*target.deps.items(), *target.type_deps.items()):
            if dep in labels and reasons:
                first = first or reasons[0]
                steps.append(f"{target.label} -> {dep} ({reasons[0].path}:{reasons[0].line})")
    return first or Reason("", 0, ""), ", ".join(steps[:6]) + (", …" if len(steps) > 6 else "")


def cut(part: Sequence[Target], problems: Problems) -> None:
    """Takes out the edges that close a circle which no one target can hold, those with the fewest reasons first."""
    members = {target.label: target for target in part}
    while True:
        edges = {n: [d for d in (*t.deps, *t.type_deps) if d in members] for n, t in members.items()}
        parts = _components(edges)
        if not parts:
            return
        inside = set(parts[0])
        candidates = [
            (len(reasons), name, dep, table)
            for name in parts[0]
            for table in (members[name].deps, members[name].type_deps)
            for dep, reasons in table.items()
            if dep in inside
        ]
        _, name, dep, table = min(candidates, key=lambda row: row[:3])
        for reason in table.pop(dep):
            problems.error(
                reason.path,
                reason.line,
                f"{reason.what}: closes a circle between {name} and {dep}, which have no folder in common",
                "left out: move what both need to shared_libs",
            )
