"""What a work folder keeps of its latest command elsewhere, for the worker that comes after: what was begun for it."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from pydantic import Field

from shared_libs.common.documents import Contract, read_document, write_document
from shared_libs.common.errors import InputError

FILE: Final = "begun.json"

_SCHEMA: Final = "laxai.begun"
_VERSION: Final = 1


class Begun(Contract):
    """task: a task's key. name: of what does its work elsewhere; None while that was asked for and no answer came."""

    schema_: Literal["laxai.begun"] = Field(default=_SCHEMA, alias="schema")
    schema_version: Literal[1] = _VERSION
    task: str
    name: str | None = None


def read_begun(folder: Path, task: str) -> Begun | None:
    """What was begun for a task; None where nothing was, or nothing that can be read."""
    try:
        begun = read_document(folder / FILE, Begun, _SCHEMA, _VERSION)
    except InputError:
        return None
    return begun if begun.task == task else None


def write_begun(folder: Path, task: str, name: str | None) -> None:
    """Keeps it. Raises OutputError."""
    write_document(folder / FILE, Begun(task=task, name=name))
