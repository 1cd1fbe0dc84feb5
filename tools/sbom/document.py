"""The parts of an image as a CycloneDX 1.6 document: the same parts, the same bytes."""

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense, License, LicenseAcknowledgement, LicenseExpression
from cyclonedx.model.tool import ToolRepository
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.spdx import is_supported_id

from sbom.licences import Licence
from sbom.parts import Kind, Part

UNKNOWN: Final = "NOASSERTION"
"""The licence of what nobody knows the licence of, as SPDX calls it."""

_TYPES: Final[Mapping[Kind, ComponentType]] = {
    "code": ComponentType.APPLICATION,
    "interpreter": ComponentType.PLATFORM,
    "library": ComponentType.LIBRARY,
    "package": ComponentType.LIBRARY,
    "system": ComponentType.OPERATING_SYSTEM,
    "wheel": ComponentType.LIBRARY,
}


def write_document(image: str, version: str, parts: Sequence[Part]) -> str:
    """The document of an image as JSON text.

    Its serial number follows from everything else in it, and it has no time, so that two builds are equal.
    """
    top = Component(name=image, version=version, type=ComponentType.CONTAINER, bom_ref="image")
    bom = Bom(components=[_component(part) for part in parts])
    tool = Component(name="laxai-sbom", type=ComponentType.APPLICATION, bom_ref="tool")
    bom.metadata = BomMetaData(component=top, tools=ToolRepository(components=[tool]))
    components = {str(component.bom_ref): component for component in _all(bom.components)}
    bom.register_dependency(top, [components[part.ref] for part in parts if part.kind in ("code", "system")])
    for part in walk(parts):
        needed = [*part.needs, *(inside.ref for inside in part.parts)]
        bom.register_dependency(components[part.ref], [components[ref] for ref in sorted(needed)])
    document = json.loads(JsonV1Dot6(bom).output_as_string())
    # The library puts in when it ran, and a number of its own.
    del document["metadata"]["timestamp"], document["serialNumber"]
    serial = uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(document, sort_keys=True))
    return json.dumps({"serialNumber": serial.urn, **document}, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def licences_in(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yields (part, SPDX expression, or NOASSERTION) of a document's components: `av/x264`, `psycopg`."""
    yield from _licences(document.get("components", []), "")


def walk(parts: Iterable[Part]) -> Iterator[Part]:
    """The parts, and those inside them."""
    for part in parts:
        yield part
        yield from walk(part.parts)


def _component(part: Part) -> Component:
    notes = [("licence-basis", part.licence.basis), *part.notes]
    files = [
        Component(name=place, type=ComponentType.FILE, bom_ref=f"file:{place}", hashes=[_sha256(digest)])
        for place, digest in sorted(part.files.items())
    ]
    return Component(
        name=part.name,
        version=part.version,
        type=_TYPES[part.kind],
        bom_ref=part.ref,
        purl=part.purl,
        licenses=[] if part.kind == "system" else [_license(part.licence)],
        hashes=[_sha256(digest) for digest in part.hashes],
        properties=[Property(name=f"laxai:{name}", value=value) for name, value in notes],
        components=[*(_component(inside) for inside in part.parts), *files],
    )


def _license(licence: Licence) -> License:
    said = LicenseAcknowledgement.DECLARED if licence.declared else LicenseAcknowledgement.CONCLUDED
    if licence.expression is None:
        return DisjunctiveLicense(name=UNKNOWN)
    if is_supported_id(licence.expression):
        return DisjunctiveLicense(id=licence.expression, acknowledgement=said)
    return LicenseExpression(licence.expression, acknowledgement=said)


def _sha256(digest: str) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=digest)


def _all(components: Iterable[Component]) -> Iterator[Component]:
    for component in components:
        yield component
        yield from _all(component.components)


def _licences(components: Iterable[Mapping[str, Any]], above: str) -> Iterator[tuple[str, str]]:
    for component in components:
        place = f"{above}{component['name']}"
        for each in component.get("licenses", []):
            yield place, each.get("expression") or each["license"].get("id") or each["license"]["name"]
        yield from _licences(component.get("components", []), f"{place}/")
