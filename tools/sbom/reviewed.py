"""libraries.toml and decisions.toml: what people found out about bundled libraries, and what they decided."""

import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Annotated, Any, Final, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from sbom.licences import known_expression
from shared_libs.common.errors import InputError
from shared_libs.common.files import read_bytes

LIBRARIES: Final = Path(__file__).parent / "libraries.toml"
DECISIONS: Final = Path(__file__).parent / "decisions.toml"

_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


def _spdx(text: str) -> str:
    if (known := known_expression(text)) is None:
        raise ValueError(f"{text} is no SPDX expression")
    return known


_Spdx = Annotated[str, AfterValidator(_spdx)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Trace(_Strict):
    """What machine code holds of a library: a text, then its version (a regular expression with one group)."""

    after: Annotated[str, StringConstraints(min_length=4)]
    version: Annotated[str, StringConstraints(min_length=2)]

    @model_validator(mode="after")
    def _is_usable(self) -> Self:
        try:
            groups = re.compile(self.version.encode()).groups
        except re.error as error:
            raise ValueError(f"{self.version} is no regular expression: {error}") from error
        if groups != 1:
            raise ValueError(f"{self.version} has not one group, for the version")
        return self


class Library(_Strict):
    """A library that others bundle.

    files: globs of what its files are called up to `.so`, without the hash that auditwheel puts in. inside: the wheels
    in which that holds. packages: what distributions, and wheels' own documents, call it. trace: how its machine code
    is known. linked_into: the wheels in which a trace in another file means that it is linked into that one.
    release_in_name: whether the version in a file's name is the release's; mostly it is that of the interface.
    """

    name: _Text
    licence: _Spdx
    files: tuple[_Text, ...] = ()
    inside: tuple[_Text, ...] = ("*",)
    packages: tuple[_Text, ...] = ()
    trace: Trace | None = None
    linked_into: tuple[_Text, ...] = ("*",)
    release_in_name: bool = False
    source: _Text | None = None

    def is_file(self, wheel: str, stem: str) -> bool:
        """Whether a file called `stem` in a wheel is this library's."""
        return any(fnmatch(wheel, glob) for glob in self.inside) and any(fnmatch(stem, glob) for glob in self.files)


class Package(_Strict):
    """Packages of the base image, by name or glob, and their licence."""

    names: tuple[_Text, ...]
    licence: _Spdx


class Reviewed(_Strict):
    """libraries.toml.

    own: globs of wheels whose libraries, outside of a `*.libs` folder, are their own. wheels: {name: licence} of those
    whose own words do not suffice.
    """

    own: tuple[_Text, ...] = ()
    libraries: tuple[Library, ...] = Field(alias="library", default=())
    packages: tuple[Package, ...] = Field(alias="package", default=())
    wheels: dict[str, _Spdx] = {}

    def is_own(self, wheel: str, path: str) -> bool:
        """Whether a library of a wheel, by its path in site-packages, is the wheel's own work."""
        return not path.split("/")[0].endswith(".libs") and any(fnmatch(wheel, glob) for glob in self.own)

    def of_file(self, wheel: str, stem: str) -> Library | None:
        """The library that a wheel's file is."""
        return next((library for library in self.libraries if library.is_file(wheel, stem)), None)

    def of_package(self, name: str) -> Library | None:
        """The library that a distribution, or a wheel's own document, calls so."""
        return next((each for each in self.libraries if name == each.name or name in each.packages), None)

    def of_base(self, package: str) -> Package | None:
        """What is known of a package of the base image."""
        matching = (each for each in self.packages if any(fnmatch(package, glob) for glob in each.names))
        return next(matching, None)


class Decision(_Strict):
    """What was decided about licences that bind. parts: `wheel`, `wheel/library` or `debian/package`, with globs."""

    licences: tuple[_Text, ...]
    parts: tuple[_Text, ...]
    decision: _Text
    why: _Text
    who_passes_it_on: _Text

    def covers(self, part: str, licence: str) -> bool:
        """Whether this was decided about a licence of a part."""
        return licence in self.licences and any(fnmatch(part, glob) for glob in self.parts)


class _Decisions(_Strict):
    decisions: tuple[Decision, ...] = Field(alias="decision", default=())


_Document = TypeVar("_Document", bound=BaseModel)


def read_libraries(path: Path) -> Reviewed:
    """Reads libraries.toml. Raises InputError, with the place, for what is malformed or unknown."""
    return _read(path, Reviewed)


def read_decisions(path: Path) -> tuple[Decision, ...]:
    """Reads decisions.toml. Raises InputError, with the place, for what is malformed or unknown."""
    return _read(path, _Decisions).decisions


def _read(path: Path, document: type[_Document]) -> _Document:
    try:
        content: dict[str, Any] = tomllib.loads(read_bytes(path).decode("utf-8"))
        return document.model_validate(content)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(path, f"not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(path, f"{place}: {first['msg']}" if place else first["msg"]) from error
