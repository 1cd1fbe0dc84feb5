"""Whether somebody decided about every licence that binds, and looked at everything that has none."""

from collections.abc import Iterable, Mapping
from typing import Any

from sbom.document import UNKNOWN, licences_in
from sbom.licences import binding_terms
from sbom.reviewed import Decision


def problems_of(document: Mapping[str, Any], decisions: Iterable[Decision]) -> list[str]:
    """One line for each licence in an image's document that binds, or is unknown, and that no decision names."""
    known = tuple(decisions)
    return [
        f"{part}: {_WHAT_TO_DO[UNKNOWN]}" if licence == UNKNOWN else f"{part}: {licence} {_WHAT_TO_DO['']}"
        for part, licence in sorted(_needs(document))
        if not any(decision.covers(part, licence) for decision in known)
    ]


_WHAT_TO_DO = {
    UNKNOWN: "nobody knows its licence: find out, and write it into tools/sbom/libraries.toml",
    "": "binds whoever passes the image on: decide about it in tools/sbom/decisions.toml",
}


def _needs(document: Mapping[str, Any]) -> set[tuple[str, str]]:
    needs: set[tuple[str, str]] = set()
    for part, expression in licences_in(document):
        terms = {UNKNOWN} if expression == UNKNOWN else binding_terms(expression)
        needs.update((part, term) for term in terms)
    return needs
