"""The Debian packages of a base image, from what scanners of images read: /var/lib/dpkg/status.d."""

import json
import tarfile
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

from shared_libs.common.errors import InputError
from shared_libs.common.files import read_bytes

_STATUS = "var/lib/dpkg/status.d/"
_RELEASE = ("etc/os-release", "usr/lib/os-release")
_COPYRIGHT = "usr/share/doc/"


@dataclass(frozen=True, slots=True)
class DebianPackage:
    """A package as dpkg knows it. copyright: where its licence lies in the image, if it does."""

    name: str
    version: str
    architecture: str
    copyright: str | None


@dataclass(frozen=True, slots=True)
class Base:
    """A base image: its distribution, as /etc/os-release says (`debian`, `12`), and its packages by name."""

    distribution: str
    release: str
    packages: tuple[DebianPackage, ...]


def read_base(layout: Path) -> Base:
    """Reads a base image from an OCI layout.

    Raises InputError where it is none, where a layer cannot be read, and where it says nothing about its packages: an
    image whose contents are unknown shall not look as if it had none.
    """
    found = _wanted(layout)
    copyrights = {name.split("/")[3] for name in found if name.startswith(_COPYRIGHT)}
    packages = {}
    for name, content in found.items():
        if not name.startswith(_STATUS) or name.endswith(".md5sums"):
            continue
        control = HeaderParser().parsestr(content.decode("utf-8", errors="replace"))
        if not control["Package"] or not control["Version"]:
            raise InputError(layout, f"/{name} does not say the package's name and version")
        package = str(control["Package"])
        place = f"/{_COPYRIGHT}{package}/copyright" if package in copyrights else None
        packages[package] = DebianPackage(package, control["Version"], control["Architecture"] or "all", place)
    if not packages:
        raise InputError(layout, f"the base image has no /{_STATUS}", hint="its packages must be listed some other way")
    release = _release(next((found[name] for name in _RELEASE if name in found), b""))
    return Base(
        release.get("ID", "unknown"), release.get("VERSION_ID", ""), tuple(packages[n] for n in sorted(packages))
    )


def _wanted(layout: Path) -> dict[str, bytes]:
    """{path: content} of what the layers say about themselves. A file of a later layer covers an earlier one."""
    found: dict[str, bytes] = {}
    manifest = _json(layout, layout / "index.json")
    while "manifests" in manifest:
        manifest = _json(layout, _blob(layout, manifest["manifests"][0]["digest"]))
    for layer in manifest.get("layers", []):
        blob = _blob(layout, layer["digest"])
        try:
            with tarfile.open(blob) as archive:
                for member in archive:
                    name = member.name.removeprefix("./").lstrip("/")
                    if name.startswith(_COPYRIGHT) and name.endswith("/copyright"):
                        found[name] = b""
                    elif name.startswith(_COPYRIGHT) and member.issym():
                        # A package whose folder is another's: its licence is the other's.
                        found[f"{name}/copyright"] = b""
                    elif member.isfile() and (name.startswith(_STATUS) or name in _RELEASE):
                        stream = archive.extractfile(member)
                        found[name] = stream.read() if stream else b""
        except (OSError, EOFError, tarfile.TarError) as error:
            raise InputError(blob, f"a layer cannot be read: {error}", hint="it must be tar, plain or gzip") from error
    return found


def _blob(layout: Path, digest: str) -> Path:
    algorithm, _, value = digest.partition(":")
    return layout / "blobs" / algorithm / value


def _json(layout: Path, path: Path) -> dict[str, Any]:
    content = read_bytes(path)
    try:
        document = json.loads(content)
    except ValueError as error:
        raise InputError(path, "not JSON", hint="name an OCI image layout") from error
    if not isinstance(document, dict) or not ("manifests" in document or "layers" in document):
        raise InputError(layout, "not an OCI image layout", hint="name the folder with index.json and blobs")
    return document


def _release(content: bytes) -> dict[str, str]:
    rows = content.decode("utf-8", errors="replace").splitlines()
    return {key: value.strip('"') for key, _, value in (row.partition("=") for row in rows)}
