"""run.json: what a run was made from, with what, and what came out. Written next to every result."""

from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import AwareDatetime, Field, JsonValue

from shared_libs.common.documents import Contract, read_document, write_document
from shared_libs.common.errors import PathLike
from shared_libs.common.files import sha256_file

SCHEMA: Final = "laxai.run"
SCHEMA_VERSION: Final = 1

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class InputFile(Contract):
    """A file that went in: its name without folders, its size in bytes, its SHA-256."""

    name: str
    size: Annotated[int, Field(ge=0)]
    sha256: Sha256

    @classmethod
    def of(cls, path: PathLike) -> Self:
        """Measures a file. Raises InputError where it cannot be read."""
        digest = sha256_file(path)
        return cls(name=Path(path).name, size=Path(path).stat().st_size, sha256=digest)


class Run(Contract):
    """A run of one of the services.

    inputs: by role ("detections", "video"). code_version: a release or commit. settings: everything that changes the
    result. model_ids: by role ("detector", "reid"). metrics: results by name. timings: seconds, or rates where the
    name says so (`association_fps`). notes: what must be said wherever the result is shown ("motion only").
    """

    schema_: Literal["laxai.run"] = Field(default=SCHEMA, alias="schema")
    schema_version: Literal[1] = SCHEMA_VERSION
    service: Annotated[str, Field(min_length=1)]
    created: AwareDatetime
    code_version: Annotated[str, Field(min_length=1)]
    inputs: dict[str, InputFile] = Field(default_factory=dict)
    settings: dict[str, JsonValue] = Field(default_factory=dict)
    model_ids: dict[str, str] = Field(default_factory=dict)
    metrics: dict[str, float] = Field(default_factory=dict)
    timings: dict[str, float] = Field(default_factory=dict)
    notes: tuple[str, ...] = ()


def write_run(path: PathLike, run: Run) -> None:
    """Writes run.json. Raises OutputError."""
    write_document(path, run)


def read_run(path: PathLike) -> Run:
    """Reads run.json. Raises InputError for bad JSON, a newer version, or a field that is wrong."""
    return read_document(path, Run, SCHEMA, SCHEMA_VERSION)
