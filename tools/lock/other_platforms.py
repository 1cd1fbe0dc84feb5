"""Keeps in a lock the pins that are for another platform.

pip-compile resolves for the machine that it runs on, and drops a line whose marker is false there. Such a line must
name one version (`torch==2.13.0 ; sys_platform == "darwin"`). Its pin is written here, with the hashes of the wheels
for the platforms that its marker names; what it requires in turn is taken to be what the line for here requires.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from lock.lockfile import Asked, Pin
from shared_libs.common.errors import InputError

PYTHON = (3, 11)

_LINUX = re.compile(r"(?:manylinux(?:1|2010|2014|_\d+_\d+)|musllinux_\d+_\d+|linux)_(.+)")
_MACOS = re.compile(r"macosx_\d+_\d+_(.+)")
_WINDOWS = re.compile(r"win(?:32|_(.+))")
_START_OF_PIN = re.compile(r"^(?=[A-Za-z0-9])", re.MULTILINE)


def fits(tag: str, marker: Marker) -> bool:
    """Whether a wheel with the tag `interpreter-abi-platform` is for our Python on a platform that `marker` allows."""
    interpreter, abi, platform = tag.split("-", 2)
    return _fits_python(interpreter, abi) and any(marker.evaluate(place) for place in _environments(platform))


def _fits_python(interpreter: str, abi: str) -> bool:
    ours = f"cp{PYTHON[0]}{PYTHON[1]}"
    if abi == "none":
        return interpreter in (ours, f"py{PYTHON[0]}", f"py{PYTHON[0]}{PYTHON[1]}")
    if abi == "abi3":
        lowest = re.fullmatch(r"cp3(\d+)", interpreter)
        return lowest is not None and int(lowest[1]) <= PYTHON[1]
    return interpreter == abi == ours


def _environments(platform: str) -> Iterator[dict[str, str]]:
    """The marker variables of the machines that a platform tag is for."""
    linux, macos, windows = (form.fullmatch(platform) for form in (_LINUX, _MACOS, _WINDOWS))
    version = ".".join(map(str, PYTHON))
    python = {"python_version": version, "python_full_version": f"{version}.0"}
    if linux or platform == "any":
        machines = [linux[1]] if linux else ["x86_64", "aarch64"]
        for machine in machines:
            place = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}
            yield {**python, **place, "platform_machine": machine}
    if macos or platform == "any":
        machines = [macos[1]] if macos and macos[1] != "universal2" else ["x86_64", "arm64"]
        for machine in machines:
            place = {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"}
            yield {**python, **place, "platform_machine": machine}
    if windows or platform == "any":
        machine = (windows[1] or "x86").upper() if windows else "AMD64"
        place = {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"}
        yield {**python, **place, "platform_machine": machine}


def without_other_platforms(text: str) -> str:
    """A lock's text with only the pins that apply here: what pip-compile may read as its earlier output."""
    kept = []
    for part in _START_OF_PIN.split(text):
        requirement = _requirement_of(part)
        if requirement is None or requirement.marker is None or requirement.marker.evaluate():
            kept.append(part)
    return "".join(kept)


def other_platform_pins(
    asked: Iterable[Asked], earlier: Iterable[Pin], wheels: Callable[[str, str], Iterable[tuple[str, Iterable[str]]]]
) -> list[tuple[Asked, list[str]]]:
    """Those lines of an .in file that are for another platform, with their hashes (64 hex digits each, sorted).

    Args:
        asked: the .in file's lines.
        earlier: the lock's pins as they are now; the hashes of the same pin are kept.
        wheels: for a name and a version, the (sha256, tags) of every wheel that an index offers.

    Raises InputError for a line that does not name one version, or one that has no wheel for its platform.
    """
    kept = {(pin.key, str(pin.requirement.marker)): pin.hashes for pin in earlier}
    found = []
    for line in asked:
        marker = line.requirement.marker
        if marker is None or line.applies_here:
            continue
        version = line.exact_version
        if version is None:
            hint = f"say which: {line.name}==<version> ; {marker}"
            cause = f"{line.name} is for another platform, so its version cannot be chosen here"
            raise InputError(line.path, cause, line=line.line, hint=hint)
        hashes = set(kept.get((f"{line.name}=={version}", str(marker)), ()))
        if not hashes:
            for sha256, tags in wheels(line.name, version):
                if any(fits(tag, marker) for tag in tags):
                    hashes.add(sha256)
        if not hashes:
            cause = f"no index offers a wheel of {line.name} {version} where {marker}"
            raise InputError(line.path, cause, line=line.line, hint="check the version, or take the line out")
        found.append((line, sorted(hashes)))
    return found


def with_other_platforms(text: str, pins: Iterable[tuple[Asked, list[str]]], root: Path) -> str:
    """A lock's text with the pins of other platforms put in, each after its neighbour of the same name."""
    header, *parts = _START_OF_PIN.split(text)
    for line, hashes in pins:
        rows = [
            f"{line.name}=={line.exact_version} ; {line.requirement.marker}",
            *(f"    --hash=sha256:{digest}" for digest in hashes),
        ]
        source = line.path.relative_to(root).as_posix()
        part = " \\\n".join(rows) + f"\n    # via -r {source}\n"
        # Right after its own name; not wherever the alphabet says, since pip and setuptools stand in a last section.
        same = [place for place, other in enumerate(parts) if _name_of(other) == line.name]
        later = [place for place, other in enumerate(parts) if _name_of(other) > line.name]
        parts.insert(same[-1] + 1 if same else later[0] if later else len(parts), part)
    return header + "".join(parts)


def _requirement_of(part: str) -> Requirement | None:
    first = part.splitlines()[0].removesuffix("\\") if part else ""
    try:
        return Requirement(first.strip())
    except InvalidRequirement:
        return None


def _name_of(part: str) -> str:
    requirement = _requirement_of(part)
    return canonicalize_name(requirement.name) if requirement else ""
