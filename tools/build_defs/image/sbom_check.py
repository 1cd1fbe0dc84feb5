"""The document of what lies in an image, held against the layer of its wheels, the schema, and what people decided."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.utils import canonicalize_name

from sbom.decided import problems_of
from sbom.reviewed import DECISIONS, read_decisions

SITE_PACKAGES = "/opt/site-packages/"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(Path(os.environ["SBOM"]).read_bytes())
    return content


@pytest.fixture(scope="module")
def places() -> list[str]:
    """Where the files of the packages' layer lie in the image."""
    rows = Path(os.environ["PACKAGES"]).read_text(encoding="ascii").splitlines()
    return [row.split(" ")[0].removeprefix(".") for row in rows if " type=file " in row]


def files_below(component: dict[str, Any]) -> Iterator[str]:
    for inside in component.get("components", []):
        if inside["type"] == "file":
            yield inside["name"]
        yield from files_below(inside)


def wheels(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The wheels' components by name; fails where one is there twice."""
    found = [each for each in document["components"] if each.get("purl", "").startswith("pkg:pypi/")]
    by_name = {each["name"]: each for each in found}
    assert len(by_name) == len(found)
    return by_name


def test_the_document_follows_the_schema(document: dict[str, Any]) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document)) is None


def test_every_wheel_of_the_layer_is_named_once_with_its_version(document: dict[str, Any], places: list[str]) -> None:
    folders = re.compile(re.escape(SITE_PACKAGES) + r"([^/]+)-([^/-]+)\.dist-info/METADATA")
    in_layer = {canonicalize_name(match[1]): match[2] for place in places if (match := folders.fullmatch(place))}

    assert in_layer
    assert {name: wheel["version"] for name, wheel in wheels(document).items()} == in_layer


def test_every_library_that_a_wheel_bundles_is_under_it(document: dict[str, Any], places: list[str]) -> None:
    bundled = re.compile(re.escape(SITE_PACKAGES) + r"([^/]+)\.libs/[^/]+\.so[^/]*")
    in_layer = {(canonicalize_name(match[1]), place) for place in places if (match := bundled.fullmatch(place))}
    named = {(name, file) for name, wheel in wheels(document).items() for file in files_below(wheel)}

    assert in_layer
    assert in_layer <= named


def test_the_encoders_under_the_gpl_are_named_as_such(document: dict[str, Any]) -> None:
    libraries = {each["name"]: each for each in wheels(document)["av"]["components"]}

    for name in ("x264", "x265"):
        assert libraries[name]["licenses"][0]["license"]["id"] == "GPL-2.0-or-later"


def test_interpreter_and_base_are_named_with_their_versions(document: dict[str, Any]) -> None:
    by_type = {each["type"]: each for each in document["components"]}

    assert by_type["platform"]["name"] == "cpython" and by_type["platform"]["version"].startswith("3.11")
    assert "libc6" in {each["name"] for each in by_type["operating-system"]["components"]}


def test_somebody_decided_about_every_licence_that_binds(document: dict[str, Any]) -> None:
    assert problems_of(document, read_decisions(DECISIONS)) == []
