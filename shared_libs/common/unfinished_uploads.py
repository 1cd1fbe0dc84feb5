"""What is remembered of an upload that may break off: a small file beside the source, `.{name}.upload.json`."""

import contextlib
import os
from pathlib import Path
from typing import Final, Literal

from pydantic import Field

from shared_libs.common.documents import Contract, read_document
from shared_libs.common.errors import InputError, OutputError
from shared_libs.common.files import temporary_beside
from shared_libs.common.json_text import dump_json

UPLOAD_SCHEMA: Final = "laxai.upload"
UPLOAD_SCHEMA_VERSION: Final = 1


class UnfinishedUpload(Contract):
    """Where a store takes up an upload again, and of which content.

    store: whose session it is, such as "s3". session: as the store names it; who knows it may go on with the upload.
    """

    schema_: Literal["laxai.upload"] = Field(default=UPLOAD_SCHEMA, alias="schema")
    schema_version: Literal[1] = UPLOAD_SCHEMA_VERSION
    store: str
    key: str
    session: str
    sha256: str


def unfinished_upload(source: Path, store: str) -> UnfinishedUpload | None:
    """The upload of a file to a kind of store that broke off, None where none is known."""
    try:
        found = read_document(_beside(source), UnfinishedUpload, UPLOAD_SCHEMA, UPLOAD_SCHEMA_VERSION)
    except InputError:
        return None
    return found if found.store == store else None


def remember_upload(source: Path, upload: UnfinishedUpload) -> None:
    """In a file that others may not read. Where that cannot be written, an upload that breaks off begins anew."""
    with contextlib.suppress(OutputError), temporary_beside(_beside(source)) as temporary:
        os.chmod(temporary, 0o600)
        temporary.write_bytes(dump_json(upload.model_dump(mode="json", by_alias=True)))


def forget_upload(source: Path) -> None:
    """Once it is whole, or is given up."""
    with contextlib.suppress(OSError):
        _beside(source).unlink()


def _beside(source: Path) -> Path:
    return source.with_name(f".{source.name}.upload.json")
