"""The compose file against the compose specification, and against what makes a cache safe."""

from __future__ import annotations

import importlib.resources
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

COMPOSE = Path(__file__).absolute().parents[1] / "compose.yaml"


@pytest.fixture
def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return document


def test_it_is_of_the_compose_specification(compose: dict[str, Any]) -> None:
    schemas = importlib.resources.files("check_jsonschema") / "builtin_schemas" / "vendor"
    jsonschema.validate(compose, json.loads((schemas / "compose-spec.json").read_text()))


def test_the_image_cannot_change_under_its_tag(compose: dict[str, Any]) -> None:
    assert re.fullmatch(r"\S+:v\d+\.\d+\.\d+@sha256:[0-9a-f]{64}", compose["services"]["cache"]["image"])


def test_strangers_read_and_do_not_write(compose: dict[str, Any]) -> None:
    flags = compose["services"]["cache"]["command"]
    assert "--htpasswd_file=/secrets/writers" in flags
    assert "--allow_unauthenticated_reads" in flags
    # Passwords do not go over the wire in plain text.
    assert {"--tls_cert_file=/secrets/certificate.pem", "--tls_key_file=/secrets/key.pem"} <= set(flags)


def test_what_grows_is_on_a_volume_with_a_limit(compose: dict[str, Any]) -> None:
    cache = compose["services"]["cache"]
    assert cache["read_only"] is True
    assert "entries:/data" in cache["volumes"]
    assert compose["volumes"].keys() == {"entries"}
    assert any(re.fullmatch(r"--max_size=[1-9]\d*", flag) for flag in cache["command"])
