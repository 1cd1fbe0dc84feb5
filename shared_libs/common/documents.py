"""JSON documents that carry the name and version of their schema."""

import json
from typing import Any, Final, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from shared_libs.common.errors import InputError, PathLike
from shared_libs.common.files import atomic_write, read_bytes
from shared_libs.common.json_text import dump_json, parse_json

Model = TypeVar("Model", bound=BaseModel)


class Contract(BaseModel):
    """The base of every model that crosses a border: immutable, no unknown fields, no NaN."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _number(value: Any) -> Any:
    if isinstance(value, bool | str):
        raise ValueError("must be a number")
    return value


NUMBER: Final = BeforeValidator(_number)
"""For an int in what others send, after its Field: pydantic takes true and "1" for 1 as well, and JSON schemas do not.
In its strict mode it does not even take 1.0, which they do."""


def explain(error: ValidationError) -> str:
    """The first problem that pydantic found: where, what; and how many more there are."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    first = problems[0]
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).lstrip(".")
    message = first["msg"].removeprefix("Value error, ")
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return (f"{place}: " if place else "") + message[:1].lower() + message[1:] + more


def check_version(path: PathLike, document: dict[str, Any], known: int, line: int | None = None) -> None:
    """InputError where a document's schema_version is missing, not a number, or newer than `known`."""
    version = document.get("schema_version")
    if type(version) is not int or version < 1:
        raise InputError(path, "has no schema_version, a whole number from 1", line=line)
    if version > known:
        cause = f"has schema version {version}, this program reads up to {known}"
        raise InputError(path, cause, line=line, hint="use a newer version of the program")


def read_document(path: PathLike, model: type[Model], schema: str, version: int) -> Model:
    """The document in a file. Raises InputError for bad JSON, another schema, a newer version, a wrong field."""
    content = read_bytes(path)
    if not content.strip():
        raise InputError(path, "the file is empty", hint=f"a {schema} document was expected")
    document = parse_json(path, content)
    return validate_document(path, document, model, schema, version)


def validate_document(path: PathLike, document: Any, model: type[Model], schema: str, version: int) -> Model:
    """As `read_document`, for JSON that is decoded already."""
    if not isinstance(document, dict) or document.get("schema") != schema:
        raise InputError(path, f"is not a {schema} document", hint=f'one has "schema": "{schema}" at its top')
    check_version(path, document, version)
    try:
        # From JSON text, where strict mode still takes what JSON has no type for (times, tuples, enums).
        return model.model_validate_json(json.dumps(document), strict=True)
    except ValidationError as error:
        raise InputError(path, explain(error)) from None


def write_document(path: PathLike, document: BaseModel) -> None:
    """Writes a document as JSON, in one fixed form: the fields in their order, UTF-8. Raises OutputError."""
    with atomic_write(path) as file:
        file.write(dump_json(document.model_dump(mode="json", by_alias=True)))
