"""A service's Dockerfile against the image that Bazel builds."""

from __future__ import annotations

import json
import os
import re
import tarfile
from pathlib import Path
from typing import Any

from container import Image
from dockerfile import ROOT, assignments, dockerfile, last_stage, only

SERVICE = os.environ["SERVICE"]

PACKAGES = ROOT / "deploy" / "dockerfiles" / "packages"


def built(variable: str) -> Image:
    return Image(Path(os.environ[variable]).absolute())


def settings(config: dict[str, Any]) -> dict[str, Any]:
    """The settings of an image that say something, the environment as a dict."""
    told = {name: value for name, value in config["config"].items() if value}
    return {**told, "Env": dict(entry.split("=", 1) for entry in told.get("Env", []))}


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def distributions(layers: list[Path]) -> set[str]:
    """The packages in /opt/site-packages."""
    found = set()
    for layer in layers:
        with tarfile.open(layer) as archive:
            for name in archive.getnames():
                if match := re.fullmatch(r"(?:\./)?opt/site-packages/([^/]+)-[^-/]+\.dist-info", name):
                    found.add(normalised(match[1]))
    return found


def test_an_image_has_the_settings_of_the_one_that_bazel_builds() -> None:
    base = settings(built("BASE").config)
    every = last_stage(dockerfile(SERVICE))
    ports = {rest for name, rest in every if name == "EXPOSE"}
    told = {
        "Entrypoint": json.loads(only(every, "ENTRYPOINT")),
        "Env": base["Env"] | assignments(every, "ENV"),
        "Labels": base.get("Labels", {}) | assignments(every, "LABEL"),
        "User": only(every, "USER"),
        "WorkingDir": only(every, "WORKDIR"),
        **({"ExposedPorts": {port: {} for port in ports}} if ports else {}),
    }
    # An entry point takes the base's arguments away.
    assert {name: value for name, value in base.items() if name != "Cmd"} | told == settings(built("IMAGE").config)


def test_an_image_has_the_packages_of_the_one_that_bazel_builds() -> None:
    listed = (PACKAGES / f"{SERVICE}.txt").read_text(encoding="utf-8").splitlines()
    needed = distributions(built("IMAGE").layers)
    assert needed, "the image has no packages at all"
    missing, idle = sorted(needed - set(listed)), sorted(set(listed) - needed)
    assert (missing, idle) == ([], []), f"deploy/dockerfiles/packages/{SERVICE}.txt: add {missing}, take out {idle}"
    assert listed == sorted(needed)
