"""What people corrected of a video: a log in storage, `{tenant}/videos/{video}/edits.jsonl`, that is only added to."""

from __future__ import annotations

import functools
import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final, TypeAlias

import sqlalchemy as sa

from api.etags import etag_of
from api.games.edit_locks import one_writer
from api.problems import Problem
from shared_libs.common.edits import Assign, EditLog, Merge, Rename, Split, Undo, append_edit, read_edits
from shared_libs.common.roster import RosterEntry, read_roster
from shared_libs.common.storage import EDITS, ROSTER, video_file
from shared_libs.common.stored_files import StoredFiles

AnyEdit: TypeAlias = Merge | Split | Assign | Rename | Undo

MOST_EDITS: Final = 20_000
"""Of a video."""

_KEPT = 64
"""Logs that need not be read again while they stay the same."""


@dataclass(frozen=True, slots=True)
class Said:
    """What people say of a video: the log, who plays, and an ETag that stands for both.

    content: the log's bytes, None where nobody has corrected anything yet.
    """

    log: EditLog
    roster: tuple[RosterEntry, ...]
    content: bytes | None
    etag: str

    def edit(self, edit_id: str) -> AnyEdit:
        """An edit of the log. Raises 404."""
        for edit in self.log.edits:
            if edit.edit_id == edit_id:
                return edit
        raise Problem(HTTPStatus.NOT_FOUND, "no-such-edit", "There is no such edit of this video.")


def read_said(files: StoredFiles, tenant: str, video_id: str) -> Said:
    """What people say of a video by now. Raises InputError where the log or the roster is damaged."""
    return _said(files.read(video_file(tenant, video_id, EDITS)), files.read(video_file(tenant, video_id, ROSTER)))


def add_edit(
    files: StoredFiles,
    engine: sa.Engine,
    tenant: str,
    video_id: str,
    make: Callable[[Said], AnyEdit],
) -> tuple[AnyEdit, Said]:
    """Adds an edit to the log of a video; when this returns, it is in storage.

    make: is given what there is, while nobody else can write, and gives the edit; where it raises, the log stays as it
    was. Returns the edit, and what there is then. Raises 404 where an edit that is to be undone is not there, and 403
    where there are too many.
    """
    with one_writer(engine, tenant, video_id) as check_lock:
        before = read_said(files, tenant, video_id)
        if len(before.log.edits) >= MOST_EDITS:
            detail = f"The video has {MOST_EDITS:,} edits, and no more are allowed."
            raise Problem(HTTPStatus.FORBIDDEN, "quota-exceeded", detail)
        edit = make(before)
        if isinstance(edit, Undo):
            before.edit(edit.undoes)
        content = _with(before.content, edit)
        check_lock()
        files.write(video_file(tenant, video_id, EDITS), content)
        return edit, read_said(files, tenant, video_id)


@functools.lru_cache(maxsize=_KEPT)
def _said(content: bytes | None, roster: bytes | None) -> Said:
    with tempfile.TemporaryDirectory(prefix="laxai-edits-") as name:
        folder = Path(name)
        log = EditLog()
        if content is not None:
            (folder / EDITS).write_bytes(content)
            log = read_edits(folder / EDITS)
        entries: tuple[RosterEntry, ...] = ()
        if roster is not None:
            (folder / ROSTER).write_bytes(roster)
            entries = read_roster(folder / ROSTER)
    return Said(log, entries, content, etag_of("edits", len(log.edits), _sha256(content), _sha256(roster)))


def _with(content: bytes | None, edit: AnyEdit) -> bytes:
    """A log with one edit more."""
    with tempfile.TemporaryDirectory(prefix="laxai-edits-") as folder:
        path = Path(folder, EDITS)
        if content is not None:
            path.write_bytes(content)
        append_edit(path, edit)
        return path.read_bytes()


def _sha256(content: bytes | None) -> str | None:
    return None if content is None else hashlib.sha256(content).hexdigest()
