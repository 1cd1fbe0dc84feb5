"""Prints the requirements of pip-tools locks as JSON, leaving out those whose marker is false on this machine.

    read_locks.py HUB=LOCK...

Runs with pip's own folder on the path, for the packaging library that pip carries.
"""

import hashlib
import json
import re
import sys
from pathlib import Path

from pip._vendor.packaging.requirements import InvalidRequirement, Requirement
from pip._vendor.packaging.utils import canonicalize_name

# Nothing can be built while a lock cannot be read, tools/lock neither.
MEND = "restore the lock (git checkout -- FILE), then 'bazel run //tools/lock' makes it anew"


def logical_lines(text: str):
    """Yields (line number, line) with continuations joined and comments dropped."""
    parts: list[str] = []
    start = 0
    for number, line in enumerate(text.splitlines(), 1):
        if not parts:
            start = number
        line = re.sub(r"(^|\s)#.*$", "", line).rstrip()
        if line.endswith("\\"):
            parts.append(line[:-1].strip())
            continue
        parts.append(line.strip())
        joined = " ".join(part for part in parts if part)
        parts = []
        if joined:
            yield start, joined
    if parts:
        raise ValueError(f"line {start}: the file ends in the middle of a requirement")


def read_lock(path: Path) -> list[dict[str, object]]:
    found: dict[str, dict[str, object]] = {}
    try:
        lines = list(logical_lines(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        sys.exit(f"{path}: {error}: {MEND}")
    for number, line in lines:
        if line.startswith("-"):
            continue
        hashes = sorted(set(re.findall(r"--hash=(sha256:[0-9a-f]{64})", line)))
        text = line.split("--hash=")[0].strip()
        try:
            requirement = Requirement(text)
        except InvalidRequirement as error:
            sys.exit(f"{path}:{number}: {error}: {MEND}")
        if requirement.marker and not requirement.marker.evaluate():
            continue
        pins = [s.version for s in requirement.specifier if s.operator in ("==", "===")]
        if len(pins) != 1 or len(requirement.specifier) != 1 or "*" in pins[0] or not hashes:
            sys.exit(f"{path}:{number}: {text} is not pinned with ==, or has no hashes: {MEND}")
        name = canonicalize_name(requirement.name).replace("-", "_")
        if name in found:
            sys.exit(f"{path}:{number}: {name} is pinned twice")
        line = f"{requirement.name}=={pins[0]} " + " ".join(f"--hash={value}" for value in hashes)
        found[name] = {
            "name": name,
            "extras": sorted(requirement.extras),
            "line": line,
            "key": hashlib.sha256(line.encode()).hexdigest()[:12],
        }
    return list(found.values())


print(json.dumps({hub: read_lock(Path(lock)) for hub, _, lock in (a.partition("=") for a in sys.argv[1:])}))
