"""Reads Dockerfiles, for the tests of this folder."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[3]

SERVICES = ("service-api", "service-cloud", "service-tracking", "service-training")

Instruction = tuple[str, str]


def dockerfile(service: str) -> str:
    return (ROOT / "services" / service / "Dockerfile").read_text(encoding="utf-8")


def instructions(text: str) -> list[Instruction]:
    """(its name, the rest) of each instruction of a Dockerfile, comments left out and lines joined."""
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#")).replace("\\\n", " ")
    found = [line.split(maxsplit=1) for line in lines.splitlines() if line.strip()]
    return [(name, rest) for name, rest in found]


def last_stage(text: str) -> list[Instruction]:
    every = instructions(text)
    return every[max(at for at, (name, _) in enumerate(every) if name == "FROM") :]


def defaults(every: list[Instruction]) -> dict[str, str]:
    """The build arguments, with what they are where nobody gives them."""
    pairs = [rest.partition("=") for name, rest in every if name == "ARG"]
    return {name: value for name, _, value in pairs}


def assignments(every: list[Instruction], wanted: str) -> dict[str, str]:
    """What ENV or LABEL assigns, build arguments filled in."""
    known = defaults(every)
    words = [word for name, rest in every if name == wanted for word in shlex.split(rest)]
    pairs = [re.sub(r"\$\{(\w+)\}", lambda match: known[match[1]], word).partition("=") for word in words]
    return {name: value for name, _, value in pairs}


def only(every: list[Instruction], wanted: str) -> str:
    [rest] = [rest for name, rest in every if name == wanted]
    return rest
