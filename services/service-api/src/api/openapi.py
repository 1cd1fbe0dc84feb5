"""The OpenAPI document: what FastAPI makes of the routes, and what it does not know of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from api import problems
from api.access.caller import COOKIE

PROBLEM: Final = {
    "description": "What went wrong.",
    "content": {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
"""Of every answer that is an error."""

_ALWAYS_NEEDED: Final = frozenset({"If-Match"})
"""Headers that routes look for themselves, since a request without them has an answer of its own (428)."""


def completed(document: dict[str, Any]) -> dict[str, Any]:
    """The document, with problems, ways to prove who one is, and parameters as they can be sent."""
    components = document.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = dict(problems.SCHEMA)
    components["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "An API key."},
        "session": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "The page's session."},
    }
    document["security"] = [{"key": []}, {"session": []}]
    for parameter in _parameters(document):
        if parameter["name"] in _ALWAYS_NEEDED:
            parameter["required"] = True
        parameter["schema"] = _sendable(parameter["schema"])
    for name, property_name in _discriminated(document):
        needed = components["schemas"][name].setdefault("required", [])
        needed += [property_name] if property_name not in needed else []
    return document


def _parameters(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for operations in document["paths"].values():
        for operation in operations.values():
            yield from operation.get("parameters", ())


def _discriminated(value: Any) -> Iterator[tuple[str, str]]:
    """The schemas among which a property decides, and that property, which none of them can do without."""
    if isinstance(value, dict):
        decides = value.get("discriminator")
        if isinstance(decides, dict):
            yield from ((each.rpartition("/")[2], decides["propertyName"]) for each in decides["mapping"].values())
        for each in value.values():
            yield from _discriminated(each)
    elif isinstance(value, list):
        for each in value:
            yield from _discriminated(each)


def _sendable(schema: dict[str, Any]) -> dict[str, Any]:
    """Without null: a parameter that is not given is left out, and there is no way to write null in an address."""
    kinds = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    if len(kinds) != 1 or len(kinds) == len(schema["anyOf"]):
        return schema
    rest = {name: value for name, value in schema.items() if name not in ("anyOf", "default")}
    return {**kinds[0], **rest}
