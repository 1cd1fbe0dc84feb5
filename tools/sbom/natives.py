"""Machine code in an image: which files are libraries, what they are called, and what is linked into them."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sbom.reviewed import Library, Trace
from shared_libs.common.errors import InputError
from shared_libs.common.files import read_bytes

_ELF = b"\x7fELF"

# Never machine code; not to be opened, of tens of thousands.
_TEXT = (".py", ".pyc", ".pyi", ".txt", ".json", ".md", ".html", ".js", ".css")

_EXTENSION_MODULE = re.compile(r"[^/]+\.(cpython-3\d+[^/]*|abi3)\.so")

# libgfortran-040039e1-0352e75f.so.5.0.0, libopenblasp-r0-59ffcd50.3.15.so: auditwheel puts hashes into names.
_NAME = re.compile(r"(?P<stem>[^/]+?)(-[0-9a-f]{8})*(?P<inner>(\.\d+)*)\.so(\.(?P<version>[\w.]+))?")


@dataclass(frozen=True, slots=True)
class Found:
    """A library of which a file holds a trace, and the version that it says."""

    library: Library
    version: str | None


@dataclass(frozen=True, slots=True)
class Native:
    """An ELF file: its path, its SHA-256, whether Python imports it, and the libraries of which it holds traces."""

    path: str
    sha256: str
    is_extension_module: bool
    traces: tuple[Found, ...]

    @property
    def stem(self) -> str:
        """What it is called up to `.so`, without hashes: `libx264`."""
        match = _NAME.fullmatch(self.path.rsplit("/", 1)[-1])
        return match["stem"] if match else self.path.rsplit("/", 1)[-1]

    @property
    def version(self) -> str | None:
        """The version in its name, which is the interface's rather than the release's: `165` of `libx264.so.165`."""
        match = _NAME.fullmatch(self.path.rsplit("/", 1)[-1])
        return match and (match["version"] or match["inner"].strip(".") or None)


def find_natives(files: Mapping[str, Path], libraries: Iterable[Library]) -> list[Native]:
    """All ELF files among `files` ({path: file}), sorted by path, with the traces of libraries in them."""
    traced = [library for library in libraries if library.trace]
    return [
        _read(path, file, traced) for path, file in sorted(files.items()) if not path.endswith(_TEXT) and _is_elf(file)
    ]


def _is_elf(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4) == _ELF
    except OSError as error:
        raise InputError.from_os_error(path, error) from error


def _read(path: str, file: Path, libraries: Iterable[Library]) -> Native:
    content = read_bytes(file)
    found = ((library, _version(content, library.trace)) for library in libraries if library.trace)
    traces = tuple(Found(library, version or None) for library, version in found if version is not None)
    is_module = bool(_EXTENSION_MODULE.fullmatch(path.rsplit("/", 1)[-1]))
    return Native(path, hashlib.sha256(content).hexdigest(), is_module, traces)


def _version(content: bytes, trace: Trace) -> str | None:
    """The version that follows the trace's text, empty where it says none; None where there is no such trace."""
    text, version = trace.after.encode(), re.compile(trace.version.encode())
    # Looking for the plain text first is ten times as fast as the regular expression alone, in files of 400 MB.
    at = content.find(text)
    while at >= 0:
        if match := version.match(content, at + len(text)):
            return match[1].decode("ascii", errors="replace")
        at = content.find(text, at + 1)
    return None
