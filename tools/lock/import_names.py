"""Which import names each pinned distribution brings: requirements/import_names.json.

The record answers, with no network, what a lock alone cannot: whether two distributions of a lock overwrite each
other's files (opencv-python and opencv-python-headless are both `cv2`), and which distribution an import belongs to.
It is read from the wheel that pip would install on Linux x86_64, whose SHA-256 stands in the record: an entry counts
for a lock only while that hash is among the pin's hashes, so the record cannot go stale unnoticed.
"""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lock.lockfile import Pin
from shared_libs.common.errors import InputError
from shared_libs.common.files import read_bytes

RECORD = "import_names.json"

_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
_MODULE = re.compile(r"([A-Za-z_]\w*)(?:\.py|(?:\.[\w-]+)?\.so)")


@dataclass(frozen=True, slots=True)
class Imports:
    """What one wheel (`sha256`, 64 hex digits) can be imported as: dotted names, each the topmost regular package."""

    sha256: str
    names: tuple[str, ...]


def import_names(files: Iterable[str]) -> tuple[str, ...]:
    """The import names that the files of a wheel make: modules, and regular packages at their topmost.

    A folder without `__init__` is a namespace package, which many distributions may share; what stands in it is named
    instead: `google.auth`, not `google`.
    """
    folders: dict[str, set[str]] = {}
    for file in files:
        parts = PurePosixPath(file).parts
        if len(parts) > 2 and parts[0].endswith(".data") and parts[1] in ("purelib", "platlib"):
            parts = parts[2:]
        if parts[0].endswith((".data", ".dist-info")) or not all(map(_IDENTIFIER.fullmatch, parts[:-1])):
            continue
        module = _MODULE.fullmatch(parts[-1])
        if module:
            folders.setdefault(".".join(parts[:-1]), set()).add(module[1])
    regular = {folder for folder, modules in folders.items() if folder and "__init__" in modules}
    names = set(regular)
    for folder, modules in folders.items():
        names.update(f"{folder}.{module}".lstrip(".") for module in modules - {"__init__"})
    return tuple(sorted(name for name in names if not any(above in regular for above in _above(name))))


def clashes(imports: dict[str, tuple[str, ...]]) -> list[str]:
    """Says, per clash, which two distributions bring the same import name, or one inside the other's package.

    `imports` maps a distribution to its import names.
    """
    owners: dict[str, list[str]] = {}
    for distribution, names in imports.items():
        for name in names:
            owners.setdefault(name, []).append(distribution)
    found = []
    for name, distributions in sorted(owners.items()):
        if len(distributions) > 1:
            found.append(f"{' and '.join(sorted(distributions))} both bring '{name}'")
        for above in _above(name):
            for other in owners.get(above, []):
                if other not in distributions:
                    found.append(f"{' and '.join(sorted(distributions))} brings '{name}' into {other}'s '{above}'")
    return found


def read_record(path: Path) -> dict[str, Imports]:
    """The record, by `name==version`; empty where there is no file yet. Raises InputError where it is malformed."""
    if not path.exists():
        return {}
    remedy = "delete it and run: bazel run //tools/lock"
    try:
        data = json.loads(read_bytes(path))
    except ValueError as error:
        raise InputError(path, f"not JSON: {error}", hint=remedy) from error
    if not isinstance(data, dict):
        raise InputError(path, "not a JSON object", hint=remedy)
    record = {}
    for key, entry in data.items():
        match entry:
            case {"sha256": str(sha256), "imports": [*names]} if all(isinstance(name, str) for name in names):
                record[key] = Imports(sha256, tuple(names))
            case _:
                raise InputError(path, f"the entry of {key} is malformed", hint=remedy)
    return record


def record_text(record: dict[str, Imports]) -> str:
    """The record as it is written: one line per distribution, sorted."""
    lines = [
        f"  {json.dumps(key)}: " + json.dumps({"imports": list(entry.names), "sha256": entry.sha256})
        for key, entry in sorted(record.items())
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def update_record(
    record: dict[str, Imports], pins: Iterable[Pin], look_up: Callable[[Pin], Imports]
) -> dict[str, Imports]:
    """The record for `pins`, from what `record` holds already; `look_up` is asked for the others."""
    updated: dict[str, Imports] = {}
    for pin in pins:
        if not pin.applies_here:
            continue
        entry = updated.get(pin.key) or record.get(pin.key)
        if entry is None or entry.sha256 not in pin.hashes:
            entry = look_up(pin)
            if entry.sha256 not in pin.hashes:
                cause = f"the wheel for this machine has the hash {entry.sha256}, which the lock does not list"
                hint = f"lock it anew with --upgrade-package {pin.name}"
                raise InputError(pin.path, f"{pin.key}: {cause}", line=pin.line, hint=hint)
        updated[pin.key] = entry
    return updated


def _above(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]
