"""`buildgen explain TARGET [DEP]`: which line of which file asks for each dependency."""

import os
import sys
from collections.abc import Sequence

from buildgen.facts import read_workspace
from buildgen.generate import generate
from buildgen.targets import Reason, Target, absolute


def explain(root: str, here: str, words: Sequence[str]) -> int:
    """Prints the reasons. Returns 0, or 2 where the target or dependency is not there."""
    if len(words) not in (1, 2):
        print(
            "error: explain takes a target, and perhaps one of its dependencies – explain //a/b:c @pypi//d",
            file=sys.stderr,
        )
        return 2
    workspace = read_workspace(root)
    result = generate(workspace)
    workspace.cache.save()
    package = os.path.relpath(here, root).replace(os.sep, "/")
    package = "" if package == "." or package.startswith("..") else package
    wanted = absolute(words[0].rstrip("/"), package)
    target = next((target for target in result.targets if target.label == wanted), None)
    if target is None:
        near = sorted(t.label for t in result.targets if t.package == wanted[2:].partition(":")[0])
        way_out = f"there are {', '.join(near)}" if near else "name one that buildgen writes, as //package:name"
        print(f"error: {wanted}: no such target – {way_out}", file=sys.stderr)
        return 2
    if target.handwritten:
        print(f"error: {wanted}: written by hand – its BUILD file is the only place that says why", file=sys.stderr)
        return 2
    rows = reasons(target)
    if len(words) == 2:
        dep = absolute(words[1], package) if not words[1].startswith(":") else absolute(words[1], target.package)
        rows = {name: found for name, found in rows.items() if name in (dep, words[1])}
        if not rows:
            print(f"error: {wanted} has no dependency {words[1]} – without it, explain lists them all", file=sys.stderr)
            return 2
    print("\n".join(lines(rows)))
    return 0


def reasons(target: Target) -> dict[str, list[Reason]]:
    """Everything that a target needs, with the places that ask for it, in the order of a BUILD file."""
    rows: dict[str, list[Reason]] = {src: [reason] for src, reason in sorted(target.hidden.items())}
    for table in (target.data, target.globs, target.type_deps, target.deps):
        for name, found in sorted(table.items()):
            rows.setdefault(name, []).extend(found)
    return rows


def lines(rows: dict[str, list[Reason]]) -> list[str]:
    """The table as it is printed."""
    found = []
    for name, places in rows.items():
        found.append(name)
        seen = dict.fromkeys(f"    {place.path}:{place.line}: {place.what}" for place in places)
        found += seen
    return found or ["nothing: it imports only the standard library and itself"]
