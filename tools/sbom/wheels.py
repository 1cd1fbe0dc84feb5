"""The wheels that were merged into one folder, told apart again by what each left there about itself."""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from fnmatch import fnmatch
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from sbom.licences import Licence, all_of, known_expression, licence_of
from shared_libs.common.errors import InputError
from shared_libs.common.files import read_bytes

_METADATA = re.compile(r"([^/]+\.dist-info)/METADATA")
_IS_LICENCE_FILE = re.compile(
    r"(^|/)(licen[sc]es?|copying|copyright|notice|third.?party.?notices?)[^/]*$", re.IGNORECASE
)

# How numpy and scipy say what their wheels bundle.
_NOTICE = re.compile(
    r"^Name: (?P<name>.+)\nFiles: (?P<files>.+)\n(?:\w+: .*\n)*?License: (?P<licence>.+)$", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Notice:
    """A licence file's word about some of the wheel's own files (a glob, relative to site-packages)."""

    name: str
    files: str
    licence: Licence


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel as it was unpacked. Paths are relative to site-packages; `files` are those that the image holds."""

    name: str
    version: str
    licence: Licence
    licence_files: tuple[str, ...]
    notices: tuple[Notice, ...]
    requires: tuple[Requirement, ...]
    files: frozenset[str]
    sboms: tuple[str, ...]
    """CycloneDX documents that the wheel brings (PEP 770)."""

    def licence_of_file(self, path: str) -> Licence | None:
        """What the wheel's licence files say about one of its files: all that they say, at once."""
        # The globs end in `.so`, the files in `.so.5.0.0`.
        said = [notice.licence for notice in self.notices if fnmatch(path, notice.files + "*")]
        if not said:
            return None
        terms = [licence.expression for licence in said]
        basis = "; ".join(licence.basis for licence in said)
        return Licence(all_of(terms), basis)


def read_wheels(files: Mapping[str, Path]) -> list[Wheel]:
    """The wheels of a site-packages, sorted by name.

    files: {path in site-packages: file}. Raises InputError for a wheel that does not say its name and version, whose
    RECORD is missing or malformed, or that is there twice.
    """
    wheels: dict[str, Wheel] = {}
    for path in sorted(files):
        if match := _METADATA.fullmatch(path):
            wheel = _read_wheel(files, match[1])
            if wheel.name in wheels:
                both = f"{wheels[wheel.name].version} and {wheel.version}"
                raise InputError(files[path], f"{wheel.name} is in the image twice: {both}")
            wheels[wheel.name] = wheel
    return [wheels[name] for name in sorted(wheels)]


def _read_wheel(files: Mapping[str, Path], folder: str) -> Wheel:
    metadata = HeaderParser().parsestr(_text(files[f"{folder}/METADATA"]))
    if not metadata["Name"] or not metadata["Version"]:
        raise InputError(files[f"{folder}/METADATA"], "does not say the wheel's name and version")
    own = _recorded(files, folder)
    texts = {path: _text(files[path]) for path in sorted(own) if _is_licence_file(path, folder)}
    brought = tuple(path for path in sorted(own) if path.startswith(f"{folder}/sboms/") and path.endswith(".json"))
    return Wheel(
        name=canonicalize_name(metadata["Name"]),
        version=metadata["Version"],
        licence=licence_of(metadata, {path.rsplit("/", 1)[1]: text for path, text in texts.items()}),
        licence_files=tuple(texts),
        notices=tuple(notice for path, text in texts.items() for notice in _notices(path, text)),
        requires=tuple(_requirements(metadata, files[f"{folder}/METADATA"])),
        files=own,
        sboms=brought,
    )


def _recorded(files: Mapping[str, Path], folder: str) -> frozenset[str]:
    record = files.get(f"{folder}/RECORD")
    if record is None:
        raise InputError(
            files[f"{folder}/METADATA"], "the wheel has no RECORD", hint="was it unpacked by an installer?"
        )
    own = frozenset(row[0] for row in csv.reader(_text(record).splitlines()) if row) & files.keys()
    if f"{folder}/METADATA" not in own:
        raise InputError(record, "does not list the wheel's own files", hint="fetch the wheel again")
    return own


def _is_licence_file(path: str, folder: str) -> bool:
    if path.endswith((".py", ".pyc")):
        return False
    # Outside of .dist-info only at the top of a package: deeper down, they are those of test data and the like.
    return path.startswith(f"{folder}/licenses/") or (path.count("/") == 1 and bool(_IS_LICENCE_FILE.search(path)))


def _notices(path: str, text: str) -> list[Notice]:
    found = []
    for match in _NOTICE.finditer(text):
        expression = known_expression(match["licence"])
        found.append(Notice(match["name"], match["files"], Licence(expression, f"{path}: {match['licence']}")))
    return found


def _requirements(metadata: Message, path: Path) -> list[Requirement]:
    try:
        return [Requirement(row) for row in metadata.get_all("Requires-Dist") or []]
    except InvalidRequirement as error:
        raise InputError(path, f"a Requires-Dist is malformed: {error}") from error


def _text(path: Path) -> str:
    return read_bytes(path).decode("utf-8", errors="replace").replace("\r\n", "\n")
