"""What people correct, as a log that is only ever added to.

An edit is anchored to boxes, a frame and a rectangle in it, and not to track ids: ids change with every run, what
stands at a place in a frame does not. The log is JSON lines, replayed in order on every new run.

A crash while adding may leave half a line at the end. Such a line was never acknowledged: readers leave it out and
say so, and the next edit that is added takes its place.
"""

import contextlib
import errno
import fcntl
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, AwareDatetime, Field, TypeAdapter, ValidationError, model_validator

from shared_libs.common.boxes import LARGEST_FRAME
from shared_libs.common.documents import NUMBER, Contract, check_version, explain
from shared_libs.common.errors import InputError, OutputError, PathLike
from shared_libs.utils.ids import new_id, parse_id

SCHEMA_VERSION: Final = 1


def _check_edit_id(text: str) -> str:
    parse_id(text, "edit")
    return text


EditId = Annotated[str, AfterValidator(_check_edit_id)]
Frame = Annotated[int, Field(ge=0, le=LARGEST_FRAME), NUMBER]
_Pixels = Annotated[float, Field(strict=True)]
_Name = Annotated[str, Field(min_length=1, max_length=200)]
_Number = Annotated[str, Field(pattern=r"^[0-9]{1,3}$")]


class Anchor(Contract):
    """A box: `frame` (0-based) and `xyxy`, its left, top, right and bottom in displayed pixels."""

    frame: Frame
    xyxy: tuple[_Pixels, _Pixels, _Pixels, _Pixels]

    @model_validator(mode="after")
    def _has_a_size(self) -> Self:
        left, top, right, bottom = self.xyxy
        if right <= left or bottom <= top:
            raise ValueError("xyxy must be left, top, right, bottom, with positive width and height")
        return self


class _EditBase(Contract):
    schema_version: Literal[1] = SCHEMA_VERSION
    edit_id: EditId = Field(default_factory=lambda: new_id("edit"))
    time: AwareDatetime = Field(default_factory=lambda: datetime.now(UTC))
    author: _Name


class Merge(_EditBase):
    """The players at the two anchors are one and the same."""

    kind: Literal["merge"] = "merge"
    first: Anchor
    second: Anchor


class Split(_EditBase):
    """The player at the anchor is two: one before `at_frame`, another from it on."""

    kind: Literal["split"] = "split"
    anchor: Anchor
    at_frame: Frame


class Assign(_EditBase):
    """The track at the anchor belongs to a player: the one at the anchor `player`, or the roster's `team`, `number`."""

    kind: Literal["assign"] = "assign"
    anchor: Anchor
    player: Anchor | None = None
    team: _Name | None = None
    number: _Number | None = None

    @model_validator(mode="after")
    def _has_one_target(self) -> Self:
        if (self.team is None) != (self.number is None) or (self.player is None) == (self.team is None):
            raise ValueError("assign needs either player, or team and number")
        return self


class Rename(_EditBase):
    """The player at the anchor is called so: `name`, `number` and `team`, those that are given."""

    kind: Literal["rename"] = "rename"
    anchor: Anchor
    name: _Name | None = None
    number: _Number | None = None
    team: _Name | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.name is None and self.number is None and self.team is None:
            raise ValueError("rename needs at least one of name, number, team")
        return self


class Undo(_EditBase):
    """An earlier edit no longer counts. An undo can itself be undone."""

    kind: Literal["undo"] = "undo"
    undoes: EditId


Edit = Annotated[Merge | Split | Assign | Rename | Undo, Field(discriminator="kind")]
Correction = Merge | Split | Assign | Rename

_EDIT: TypeAdapter[Merge | Split | Assign | Rename | Undo] = TypeAdapter(Edit)


@dataclass(frozen=True, slots=True)
class EditLog:
    """The edits in the order in which they were made; `torn_line` is the number of a last line that is only half
    there and was left out, None in the usual case."""

    edits: tuple[Merge | Split | Assign | Rename | Undo, ...] = ()
    torn_line: int | None = None

    def active(self) -> tuple[Correction, ...]:
        """The corrections that count: those not undone, in order."""
        return active_edits(self.edits)


def active_edits(edits: Iterable[Merge | Split | Assign | Rename | Undo]) -> tuple[Correction, ...]:
    """The corrections among `edits` that no undo, itself not undone, refers to."""
    listed = list(edits)
    undone: set[str] = set()
    for edit in reversed(listed):  # later undos decide about earlier ones
        if isinstance(edit, Undo) and edit.edit_id not in undone:
            undone.add(edit.undoes)
    return tuple(edit for edit in listed if not isinstance(edit, Undo) and edit.edit_id not in undone)


def read_edits(path: PathLike) -> EditLog:
    """The log in a file; a file that does not exist yet is an empty log.

    Raises InputError naming the line that is wrong. Half a line at the end is not an error: see `EditLog`.
    """
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        return EditLog()
    except OSError as error:
        raise InputError.from_os_error(path, error) from error
    return _parse(path, content)[0]


def append_edit(path: PathLike, edit: Merge | Split | Assign | Rename | Undo) -> None:
    """Adds an edit; when this returns, it is on the disk. Writers in several processes wait for each other.

    Raises InputError where the log is damaged, has an edit of this id already, or lacks what is to be undone, and
    OutputError where it cannot be written; the log is then as it was.
    """
    if isinstance(edit, Undo) and not os.path.lexists(path):
        raise InputError(path, f"has no edit {edit.undoes} that could be undone")
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise OutputError.from_os_error(path, error) from error
    with os.fdopen(handle, "rb+", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        content = file.read()
        log, whole = _parse(path, content)
        known = {earlier.edit_id for earlier in log.edits}
        if edit.edit_id in known:
            raise InputError(path, f"has an edit {edit.edit_id} already")
        if isinstance(edit, Undo) and edit.undoes not in known:
            raise InputError(path, f"has no edit {edit.undoes} that could be undone")
        before = b"\n" if whole and content[whole - 1 : whole] != b"\n" else b""
        line = before + _EDIT.dump_json(edit) + b"\n"
        try:
            file.seek(whole)
            file.truncate()
            written = file.write(line)
            if written != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(file.fileno())
            _flush_folder(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                file.truncate(whole)
            raise OutputError.from_os_error(path, error) from error


def _parse(path: PathLike, content: bytes) -> tuple[EditLog, int]:
    """The log, and how many bytes of `content` hold it: what follows is half a line."""
    edits: list[Merge | Split | Assign | Rename | Undo] = []
    known: set[str] = set()
    position = 0
    for number, line in enumerate(content.splitlines(keepends=True), start=1):
        if line.strip():
            try:
                edit = _parse_line(path, line, number)
            except InputError:
                if not line.endswith(b"\n"):
                    return EditLog(tuple(edits), torn_line=number), position
                raise
            if edit.edit_id in known:
                raise InputError(path, f"edit {edit.edit_id} stands twice", line=number)
            if isinstance(edit, Undo) and edit.undoes not in known:
                raise InputError(path, f"undoes {edit.undoes}, which does not stand before it", line=number)
            known.add(edit.edit_id)
            edits.append(edit)
        position += len(line)
    return EditLog(tuple(edits)), position


def _parse_line(path: PathLike, line: bytes, number: int) -> Merge | Split | Assign | Rename | Undo:
    try:
        document: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(path, f"is not a line of JSON: {error}", line=number) from None
    if not isinstance(document, dict):
        raise InputError(path, "an edit must be an object", line=number)
    check_version(path, document, SCHEMA_VERSION, line=number)
    try:
        return _EDIT.validate_json(line, strict=True)
    except ValidationError as error:
        raise InputError(path, explain(error), line=number) from None


def _flush_folder(path: PathLike) -> None:
    """So that a log that was just made is still there after a power cut."""
    with contextlib.suppress(OSError):  # not every file system can flush a folder
        handle = os.open(Path(path).resolve().parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
