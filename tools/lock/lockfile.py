"""Reads requirements files: what was asked for (.in) and what was pinned (.txt)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from shared_libs.common.errors import InputError
from shared_libs.common.files import read_bytes

_HASH = re.compile(r"--hash=(\S+)")
_SHA256 = re.compile(r"sha256:[0-9a-f]{64}")
_COMMENT = re.compile(r"(^|\s)#.*$")


@dataclass(frozen=True, slots=True)
class Asked:
    """One requirement of an .in file, with the file and the line (1-based) that it stands on."""

    requirement: Requirement
    path: Path
    line: int

    @property
    def name(self) -> str:
        """The distribution's normalised name."""
        return canonicalize_name(self.requirement.name)

    @property
    def applies_here(self) -> bool:
        """Whether its marker is true for this interpreter and machine."""
        return self.requirement.marker is None or self.requirement.marker.evaluate()

    @property
    def exact_version(self) -> str | None:
        """The version, where the line says `==` and nothing else."""
        return _exact_version(self.requirement)


@dataclass(frozen=True, slots=True)
class Pin:
    """One pinned distribution of a lock. `hashes` are 64 hex digits of SHA-256, one per file that may be installed."""

    requirement: Requirement
    version: str
    hashes: frozenset[str]
    path: Path
    line: int

    @property
    def name(self) -> str:
        """The distribution's normalised name."""
        return canonicalize_name(self.requirement.name)

    @property
    def key(self) -> str:
        """`name==version`."""
        return f"{self.name}=={self.version}"

    @property
    def applies_here(self) -> bool:
        """Whether its marker is true for this interpreter and machine."""
        return self.requirement.marker is None or self.requirement.marker.evaluate()


@dataclass(frozen=True, slots=True)
class RequirementsFile:
    """What an .in file asks for, with the files that it includes, and its options (such as an index)."""

    asked: tuple[Asked, ...]
    options: tuple[tuple[str, str], ...]

    def option(self, name: str) -> list[str]:
        """The values of one option, in order: `option("--extra-index-url")`."""
        return [value for option, value in self.options if option == name]


def read_requirements(path: Path) -> RequirementsFile:
    """Reads an .in file and the files that it includes with `-r`.

    Raises InputError, with file and line, for what is not a requirement, for a file that includes itself, and for
    hashes (they belong in the lock).
    """
    asked: list[Asked] = []
    options: list[tuple[str, str]] = []
    _read_into(path, asked, options, ())
    return RequirementsFile(tuple(asked), tuple(options))


def _read_into(path: Path, asked: list[Asked], options: list[tuple[str, str]], above: tuple[Path, ...]) -> None:
    for number, line in logical_lines(path):
        if not line.startswith("-"):
            if "--hash" in line:
                raise InputError(path, "a hash in an .in file", line=number, hint="hashes belong in the lock")
            asked.append(Asked(_requirement(path, number, line), path, number))
            continue
        option, _, value = line.replace("=", " ", 1).partition(" ")
        value = value.strip()
        if not value:
            raise InputError(path, f"{option} without a value", line=number)
        if option not in ("-r", "--requirement"):
            options.append((option, value))
            continue
        included = path.parent / value
        if included in (*above, path):
            raise InputError(path, f"{value} includes itself", line=number, hint="take out one of the -r lines")
        if not included.is_file():
            raise InputError(path, f"there is no {value} to include", line=number, hint="check the name")
        _read_into(included, asked, options, (*above, path))


def read_lock(path: Path) -> list[Pin]:
    """Reads a lock, in the order of the file.

    Raises InputError, with file and line, for a line that is not an exact pin, has no hash or a malformed one, for
    a distribution that is pinned twice under the same marker, and for an option (a lock names no index).
    """
    remedy = "make it anew: bazel run //tools/lock"
    pins: list[Pin] = []
    seen: dict[tuple[str, str], int] = {}
    for number, line in logical_lines(path):
        if line.startswith("-"):
            raise InputError(path, f"a lock has no options, and this is one: {line}", line=number, hint=remedy)
        hashes = _HASH.findall(line)
        requirement = _requirement(path, number, _HASH.sub("", line).strip())
        version = _exact_version(requirement)
        if version is None:
            raise InputError(path, f"{requirement.name} is not pinned to one version", line=number, hint=remedy)
        if not hashes:
            raise InputError(path, f"{requirement.name} has no hash", line=number, hint=remedy)
        for digest in hashes:
            if not _SHA256.fullmatch(digest):
                raise InputError(path, f"{digest} is not a SHA-256 hash", line=number, hint=remedy)
        pin = Pin(requirement, version, frozenset(digest[7:] for digest in hashes), path, number)
        first = seen.setdefault((pin.name, str(requirement.marker)), number)
        if first != number:
            raise InputError(path, f"{pin.name} is pinned on line {first} already", line=number, hint=remedy)
        pins.append(pin)
    return pins


def logical_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yields (number of the first line, text) with continuation lines joined, and without comments and blank lines.

    Raises InputError where the file cannot be read, is not UTF-8, or ends in a continuation.
    """
    try:
        text = read_bytes(path).decode("utf-8")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise InputError(path, "not UTF-8 text", line=line, hint="is this a requirements file?") from error
    parts: list[str] = []
    start = 0
    for number, raw in enumerate(text.splitlines(), 1):
        if not parts:
            start = number
        row = _COMMENT.sub("", raw).rstrip()
        parts.append(row.removesuffix("\\").strip())
        if row.endswith("\\"):
            continue
        joined = " ".join(part for part in parts if part)
        parts = []
        if joined:
            yield start, joined
    if parts:
        raise InputError(path, "the file ends in the middle of a line (a backslash)", line=start, hint="is it cut off?")


def _requirement(path: Path, line: int, text: str) -> Requirement:
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        cause = str(error).splitlines()[0]
        raise InputError(path, f"not a requirement: {text} ({cause})", line=line) from error
    if requirement.url:
        raise InputError(path, f"{requirement.name} comes from an address", line=line, hint="name a released version")
    return requirement


def _exact_version(requirement: Requirement) -> str | None:
    specifiers = list(requirement.specifier)
    if len(specifiers) != 1 or specifiers[0].operator != "==" or specifiers[0].version.endswith("*"):
        return None
    return specifiers[0].version
