"""What a wheel says itself about the libraries in it: CycloneDX documents in its .dist-info/sboms (PEP 770)."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packageurl import PackageURL
from packaging.utils import canonicalize_name

from sbom.licences import Licence, all_of, known_expression
from shared_libs.common.errors import InputError
from shared_libs.common.files import read_bytes


@dataclass(frozen=True, slots=True)
class Told:
    """A library that a wheel's own document names. is_optional: the document does not say that it is in this wheel."""

    name: str
    version: str | None
    purl: str | None
    licence: Licence | None
    is_crate: bool
    is_optional: bool


def read_told(path: Path, wheel: str) -> list[Told]:
    """The libraries that a document of a wheel names: not the wheel itself, nor other wheels.

    Raises InputError for what is no CycloneDX document.
    """
    content = read_bytes(path)
    try:
        document: Any = json.loads(content)
        components = document["components"] if document["bomFormat"] == "CycloneDX" else None
        if not isinstance(components, list):
            raise TypeError
        return [told for component in components if (told := _told(component, wheel, path))]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        hint = "its wheel brings it in .dist-info/sboms: is there a newer release?"
        raise InputError(path, "not a CycloneDX document with components", hint=hint) from error


def _told(component: dict[str, Any], wheel: str, path: Path) -> Told | None:
    purl = component.get("purl")
    kind = PackageURL.from_string(purl).type if purl else ""
    if component.get("type") != "library" or kind == "pypi" or canonicalize_name(component["name"]) == wheel:
        return None
    expression = _expression(component.get("licenses") or [])
    licence = Licence(expression, f"{path.parent.parent.name}/sboms/{path.name}") if expression else None
    optional = component.get("scope") in ("optional", "excluded")
    return Told(component["name"], component.get("version"), purl, licence, kind == "cargo", optional)


def _expression(licenses: list[dict[str, Any]]) -> str | None:
    terms = []
    for each in licenses:
        text = each.get("expression") or each["license"].get("id") or each["license"].get("name", "")
        # Cargo's older spelling of a choice.
        terms.append(known_expression(text.replace("/", " OR ")))
    return all_of(terms)
