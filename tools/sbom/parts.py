"""The parts of an image as a tree: wheels, the libraries in them, the interpreter, the base's packages, our code."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Final, Literal

from packageurl import PackageURL
from packaging.utils import canonicalize_name

from lock.lockfile import Asked, Pin
from sbom.base import Base
from sbom.licences import Licence
from sbom.natives import Native, find_natives
from sbom.reviewed import Library, Reviewed
from sbom.told import read_told
from sbom.wheels import Wheel, read_wheels
from shared_libs.common.errors import InputError
from shared_libs.common.files import read_bytes

Kind = Literal["code", "interpreter", "library", "package", "system", "wheel"]

SITE_PACKAGES: Final = "opt/site-packages/"
INTERPRETER: Final = "opt/python/"

# What the markers of requirements are decided for: every image is this.
_ENVIRONMENT: Final[Mapping[str, str]] = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_version": "3.11",
    "sys_platform": "linux",
}

_REVIEWED = "libraries.toml"


@dataclass(slots=True)
class Part:
    """A part of an image, with the parts that are inside it.

    ref: unique in its document. hashes: SHA-256 of the archives that may have been installed. files: {place in the
    image: SHA-256}. needs: refs of parts that it needs. notes: what else is known, by name.
    """

    kind: Kind
    ref: str
    name: str
    version: str | None
    licence: Licence
    purl: PackageURL | None = None
    hashes: tuple[str, ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    parts: list["Part"] = field(default_factory=list)
    needs: set[str] = field(default_factory=set)
    notes: list[tuple[str, str]] = field(default_factory=list)


def wheel_parts(files: Mapping[str, Path], pins: Sequence[Pin], lock: Path, reviewed: Reviewed) -> list[Part]:
    """A part per wheel in /opt/site-packages, by name, with the libraries inside and the edges between wheels.

    files: {place in the image: file}. Raises InputError for a wheel that the lock does not pin at its version, and for
    machine code that belongs to no wheel.
    """
    own = {place.removeprefix(SITE_PACKAGES): path for place, path in files.items() if place.startswith(SITE_PACKAGES)}
    wheels = read_wheels(own)
    natives = find_natives(own, reviewed.libraries)
    owners = {path: wheel.name for wheel in wheels for path in wheel.files}
    for native in natives:
        if native.path not in owners:
            raise InputError(own[native.path], f"/{SITE_PACKAGES}{native.path} belongs to no wheel")
    parts = []
    for wheel in wheels:
        pin = _pin_of(wheel, pins, lock)
        part = _wheel_part(wheel, pin, reviewed)
        part.needs = {_wheel_ref(name) for name in _needed(wheel, pin)} & {_wheel_ref(each.name) for each in wheels}
        part.needs.discard(part.ref)
        part.parts = _libraries_in(part, wheel, [n for n in natives if owners[n.path] == wheel.name], own, reviewed)
        parts.append(part)
    return parts


def interpreter_part(files: Mapping[str, Path], reviewed: Reviewed) -> Part:
    """The interpreter in /opt/python. Raises InputError where there is none.

    Its version is the release that its machine code or configuration names, else that of its name, such as 3.11.
    """
    own = {place: path for place, path in files.items() if place.startswith(INTERPRETER)}
    programs = ((place, path) for place, path in sorted(own.items()) if re.search(r"/bin/python3\.\d+$", place))
    place, program = next(programs, ("", None))
    if program is None:
        raise InputError(INTERPRETER, "no interpreter is in the image", hint="name its layer's specification too")
    minor = place.rpartition("/python")[2]
    telling = [
        program,
        *(path for place, path in sorted(own.items()) if re.search("/libpython3|/_sysconfigdata", place)),
    ]
    version = _release(telling, minor) or minor
    part = Part("interpreter", "interpreter", "cpython", version, Licence("Python-2.0", "python.org", declared=False))
    part.purl = PackageURL("generic", name="cpython", version=version)
    linked: dict[str, Part] = {}
    for native in find_natives(own, reviewed.libraries):
        _add_linked(linked, "interpreter", part.name, native, f"/{native.path}")
    part.parts = _finished(linked)
    return part


def code_part(
    files: Mapping[str, Path], name: str, version: str, asked: Sequence[Asked], wheels: Iterable[Part]
) -> Part:
    """Our own code in /app. asked: the requirements that it states, of which it needs those that are in the image."""
    if not any(place.startswith("app/") for place in files):
        raise InputError("app/", "no code is in the image", hint="name its layer's specification too")
    part = Part("code", "code", name, version, Licence("Apache-2.0", "LICENSE"))
    part.needs = {_wheel_ref(each.name) for each in asked} & {wheel.ref for wheel in wheels}
    part.needs.add("interpreter")
    return part


def base_part(base: Base, reviewed: Reviewed) -> Part:
    """The base image's distribution, with its packages."""
    system = Part("system", "base", base.distribution, base.release or None, Licence(None, "see its packages"))
    for package in base.packages:
        known = reviewed.of_base(package.name)
        licence = Licence(known.licence, _REVIEWED, declared=False) if known else Licence(None, "not reviewed")
        part = Part("package", f"base/{package.name}", package.name, package.version, licence)
        qualifiers = {"arch": package.architecture, "distro": f"{base.distribution}-{base.release}"}
        part.purl = PackageURL("deb", base.distribution, package.name, package.version, qualifiers)
        if package.copyright:
            part.notes.append(("licence-file", package.copyright))
        system.parts.append(part)
    return system


def _release(files: Iterable[Path], minor: str) -> str | None:
    """The release of Python `minor` that files name: as a string of its own, else in a folder's name."""
    contents = [read_bytes(path) for path in files]
    release = rb"(%s\.\d+)\+?" % re.escape(minor.encode())
    for pattern in (rb"\x00" + release + rb"\x00", rb"\bPython-" + release + rb"(?![\d.])"):
        for content in contents:
            if match := re.search(pattern, content):
                return match[1].decode()
    return None


def _wheel_ref(name: str) -> str:
    return f"wheel/{name}"


def _pin_of(wheel: Wheel, pins: Sequence[Pin], lock: Path) -> Pin:
    named = [pin for pin in pins if pin.name == wheel.name]
    if not named:
        raise InputError(lock, f"does not pin {wheel.name}, which is in the image", hint="is it this image's lock?")
    pin = next((pin for pin in named if pin.version == wheel.version), None)
    if pin is None:
        versions = " or ".join(sorted({each.version for each in named}))
        raise InputError(lock, f"pins {wheel.name} {versions}, and the image holds {wheel.version}")
    return pin


def _needed(wheel: Wheel, pin: Pin) -> set[str]:
    """The names of what a wheel requires, on its own and for the extras that the lock asks for."""
    needed: set[str] = set()
    for requirement in wheel.requires:
        marker = requirement.marker
        if marker is None or any(marker.evaluate({**_ENVIRONMENT, "extra": e}) for e in ["", *pin.requirement.extras]):
            needed.add(canonicalize_name(requirement.name))
    return needed


def _wheel_part(wheel: Wheel, pin: Pin, reviewed: Reviewed) -> Part:
    licence = wheel.licence
    if wheel.name in reviewed.wheels:
        licence = Licence(reviewed.wheels[wheel.name], f"{_REVIEWED}; the wheel: {licence.basis}", declared=False)
    part = Part("wheel", _wheel_ref(wheel.name), wheel.name, wheel.version, licence)
    part.purl = PackageURL("pypi", name=wheel.name, version=wheel.version)
    part.hashes = tuple(sorted(pin.hashes))
    part.notes = [("licence-file", f"/{SITE_PACKAGES}{path}") for path in wheel.licence_files]
    return part


def _libraries_in(
    part: Part, wheel: Wheel, natives: Sequence[Native], files: Mapping[str, Path], reviewed: Reviewed
) -> list[Part]:
    """The libraries inside a wheel: its files, what it says itself (PEP 770), and what is linked into its files.

    The wheel's own files that are libraries are noted at `part`. Modules are nothing of their own: they are the wheel.
    """
    inside: dict[str, Part] = {}
    for native in natives:
        if native.is_extension_module:
            continue
        known = reviewed.of_file(wheel.name, native.stem)
        place = f"/{SITE_PACKAGES}{native.path}"
        if known is None and reviewed.is_own(wheel.name, native.path):
            part.files[place] = native.sha256
            continue
        said = wheel.licence_of_file(native.path)
        found = _library(inside, part.ref, known.name if known else native.stem, known, said)
        found.files[place] = native.sha256
        found.version = next((trace.version for trace in native.traces if trace.library == known), found.version)
        if native.version and known and known.release_in_name:
            found.version = native.version
        elif native.version:
            found.notes.append(("version-of-interface", native.version))
    for path in wheel.sboms:
        for told in read_told(files[path], wheel.name):
            # A crate may be called like the library that it binds.
            known = None if told.is_crate else reviewed.of_package(told.name)
            name = known.name if known else told.name
            if told.is_optional and name not in inside:
                part.notes.append(("may-hold", f"{told.name} {told.version or ''}".strip()))
                continue
            key = name if name in inside or known else f"{told.name}@{told.version}"
            found = _library(inside, part.ref, key, known, told.licence)
            found.name = name
            found.version = found.version or told.version
            if told.purl:
                found.purl = found.purl or PackageURL.from_string(told.purl)
            found.notes.append(("told-by", f"/{SITE_PACKAGES}{path}"))
    for native in natives:
        _add_linked(inside, part.ref, wheel.name, native, f"/{SITE_PACKAGES}{native.path}")
    return _finished(inside)


def _library(inside: dict[str, Part], above: str, key: str, known: Library | None, said: Licence | None) -> Part:
    """The library `key` among those inside a part, put there if it is new."""
    if key not in inside:
        inside[key] = Part("library", f"{above}/{key}", known.name if known else key, None, _licence(known, said))
        inside[key].notes = [("source", known.source)] if known and known.source else []
    return inside[key]


def _add_linked(inside: dict[str, Part], above: str, name: str, native: Native, place: str) -> None:
    """Adds what is linked into a file. A library that is a file of the wheel's own may leave traces in others too."""
    for trace in native.traces:
        library = trace.library
        if library.name == name or not any(fnmatch(name, glob) for glob in library.linked_into):
            continue
        found = _library(inside, above, library.name, library, None)
        if not found.files:
            found.version = found.version or trace.version
            found.notes.append(("linked-into", place))


def _finished(inside: Mapping[str, Part]) -> list[Part]:
    """Libraries by name, each with a purl."""
    for found in inside.values():
        found.purl = found.purl or PackageURL("generic", name=found.name.lower(), version=found.version)
        found.notes = sorted(set(found.notes))
    return [inside[name] for name in sorted(inside)]


def _licence(known: Library | None, said: Licence | None) -> Licence:
    """What the wheel says of a library counts before what was reviewed."""
    if said and said.expression:
        return said
    if known:
        return Licence(known.licence, _REVIEWED, declared=False)
    return said or Licence(None, "the wheel says nothing of it")
