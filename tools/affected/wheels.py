"""Which packages of a lock a change of its file touches."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

_HASH = re.compile(r"--hash=(\S+)")


@dataclass(frozen=True, slots=True)
class Pin:
    """One package of a lock: what is installed (requirement lines and hashes), in words, and what asked for it."""

    content: frozenset[str]
    versions: str
    asked_by: frozenset[str]


def changed_packages(before: str | None, after: str | None) -> dict[str, str] | None:
    """The packages of a lock that are not what they were, and those that depend on one: {hub's name: why}.

    What depends on what is read from pip-compile's `# via` comments, before and after. None where one of the texts
    cannot be understood, or a pin does not say what asked for it: then all of the lock counts.
    """
    old, new = read_pins(before or ""), read_pins(after or "")
    if old is None or new is None:
        return None
    why = {name: _difference(name, old.get(name), new.get(name)) for name in sorted(old.keys() | new.keys())}
    pending = [name for name, reason in why.items() if reason]
    touched = {name: why[name] for name in pending}
    while pending:
        name = pending.pop(0)
        for pins in (old, new):
            for above in sorted(pins[name].asked_by) if name in pins else ():
                if above not in touched:
                    touched[above] = f"{above} needs {name}: {touched[name]}"
                    pending.append(above)
    return {name.replace("-", "_"): reason for name, reason in touched.items()}


def read_pins(text: str) -> Mapping[str, Pin] | None:
    """The pins of a lock by normalised name; None where it is not as pip-compile writes one."""
    content: dict[str, set[str]] = {}
    versions: dict[str, list[str]] = {}
    asked_by: dict[str, set[str]] = {}
    for block in re.split(r"\n(?=[^\s#])", "\n" + re.sub(r"\\\r?\n", " ", text)):
        lines = block.strip("\r\n").splitlines()
        if not lines or lines[0].startswith("#"):
            continue
        try:
            requirement = Requirement(_HASH.sub("", lines[0]).strip())
        except InvalidRequirement:
            return None
        # What stands indented is the pin's own.
        parents = _via([line.strip() for line in lines[1:] if line[:1].isspace() and line.strip()])
        if parents is None:
            return None
        name = canonicalize_name(requirement.name)
        content.setdefault(name, set()).add(f"{requirement} {' '.join(sorted(_HASH.findall(lines[0])))}")
        versions.setdefault(name, []).append(str(requirement.specifier).removeprefix("=="))
        asked_by.setdefault(name, set()).update(parents)
    return {
        name: Pin(frozenset(lines), ", ".join(versions[name]), frozenset(asked_by[name]))
        for name, lines in content.items()
    }


def _via(lines: list[str]) -> set[str] | None:
    """The packages in a pin's `# via` comment; None where there is none, or something else stands there."""
    if not lines or not all(line.startswith("#") for line in lines):
        return None
    words = [line.removeprefix("#").strip() for line in lines]
    if words[0] != "via" and not words[0].startswith("via "):
        return None
    words[0] = words[0].removeprefix("via").strip()
    # `-r requirements/x.in` is what people asked for: nothing of the lock.
    named = [word for word in words if word and not word.startswith("-")]
    return {canonicalize_name(word.partition("[")[0]) for word in named}


def _difference(name: str, old: Pin | None, new: Pin | None) -> str:
    """How a pin changed, in words; empty where it did not. What asks for it does not matter."""
    if old is None or new is None:
        return f"{name} {new.versions} is new" if new else f"{name} is gone"
    if old.content == new.content:
        return ""
    if old.versions == new.versions:
        return f"{name} {new.versions} has other files"
    return f"{name} {old.versions} -> {new.versions}"
