from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field, ValidationError

from shared_libs.common.documents import Contract, explain, read_document, write_document
from shared_libs.common.errors import InputError


class Note(Contract):
    schema_: Literal["laxai.note"] = Field(default="laxai.note", alias="schema")
    schema_version: Literal[1] = 1
    words: tuple[str, ...] = ()
    weight: float = 1


def read(path: Path) -> Note:
    return read_document(path, Note, "laxai.note", 1)


def test_a_document_comes_back_and_has_one_form(tmp_path: Path) -> None:
    write_document(tmp_path / "a.json", Note(words=("Zoë",)))
    assert read(tmp_path / "a.json") == Note(words=("Zoë",))
    assert (tmp_path / "a.json").read_text() == (
        '{\n  "schema": "laxai.note",\n  "schema_version": 1,\n  "words": [\n    "Zoë"\n  ],\n  "weight": 1.0\n}\n'
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the file is empty .* laxai.note document"),
        ("5", "is not a laxai.note document"),
        ('{"schema": "laxai.run", "schema_version": 1}', "is not a laxai.note document"),
        ('{"schema": "laxai.note"}', "has no schema_version"),
        ('{"schema": "laxai.note", "schema_version": true}', "has no schema_version"),
        ('{"schema": "laxai.note", "schema_version": 7, "new": 1}', "schema version 7, this program reads up to 1"),
        ('{"schema": "laxai.note", "schema_version": 1, "words": [1]}', r"words\[0\]: input should be a valid string"),
        ('{"schema": "laxai.note", "schema_version": 1, "weight": "2"}', "weight: input should be a valid number"),
        ('{"schema": "laxai.note", "schema_version": 1, "weight": NaN}', "weight: input should be a"),
        ('{"schema": "laxai.note", "schema_version": 1, "a": 1, "b": 2}', r"a: extra inputs .* \(and 1 more\)"),
    ],
)
def test_a_bad_document_is_one_line(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        read(tmp_path / "a.json")
    assert str(caught.value).isprintable()


def test_contracts_cannot_be_changed_and_hold_no_nan() -> None:
    note, field = Note(), "weight"
    with pytest.raises(ValidationError):
        setattr(note, field, 3)
    with pytest.raises(ValidationError) as caught:
        Note(weight=float("nan"))
    assert explain(caught.value) == "weight: input should be a finite number"
