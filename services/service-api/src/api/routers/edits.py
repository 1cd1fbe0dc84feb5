"""What people correct: the log of a video, what became of each edit on a run, and new edits."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Body, Response
from fastapi.openapi.models import Example
from pydantic import BaseModel

from api.access.caller import Caller, Reader, Writer
from api.etags import IfMatch, check_if_match
from api.games.asked_edits import AskedEdit, fitting_edit
from api.games.edits import AnyEdit, Said, add_edit, read_said
from api.games.players import CorrectedRun
from api.games.runs import RunKey
from api.games.serving import Runs
from api.ids import RunPath, VideoPath
from api.pages import Following, Limit, Page, following_after, place_of
from api.site import Here
from api.videos.catalogue import the_video
from shared_libs.common.edits import Edit

router = APIRouter(prefix="/videos/{video_id}", tags=["edits"])

EXAMPLES: Final[dict[str, Example]] = {
    "merge": {"value": {"kind": "merge", "first": {"player_id": 3}, "second": {"player_id": 9}}},
    "split": {"value": {"kind": "split", "place": {"player_id": 3}, "at_frame": 1200}},
    "assign": {"value": {"kind": "assign", "place": {"player_id": 3, "frame": 90}, "team": "Eagles", "number": "7"}},
    "rename": {"value": {"kind": "rename", "place": {"player_id": 3}, "name": "Jo Smith", "number": "7"}},
    "undo": {"value": {"kind": "undo", "undoes": "edit_0123456789ab"}},
}


class EditView(BaseModel):
    """An edit. undone_by: the undo because of which it does not count, null where it does."""

    edit: Edit
    undone_by: str | None


class EditOnRun(EditView):
    """An edit, and what became of it on a run.

    outcome: `applied`; `unfit`, where it no longer fits, and changes nothing; `undone`, where it does not count;
    `none`, for an undo. why: it is unfit. remarks: what it overrode, or left in doubt.
    """

    outcome: Literal["applied", "unfit", "undone", "none"]
    why: str | None
    remarks: list[str]


class EditMade(BaseModel):
    """An edit that was added. count: of the edits in the log. unfit: those that do not fit the run, now that this one
    is there."""

    made: EditOnRun
    count: int
    unfit: list[EditOnRun]


class UnfitEdits(BaseModel):
    """Edits that do not fit a run, and wait for a decision: an undo dismisses one. applied: how many fit."""

    items: list[EditOnRun]
    applied: int


@router.get("/edits")
def get_edits(
    video_id: VideoPath,
    caller: Reader,
    here: Here,
    response: Response,
    limit: Limit = 50,
    following: Following = None,
) -> Page[EditView]:
    """All edits of a video, newest first, also those that were undone."""
    the_video(here.engine, caller.tenant, video_id)
    said = read_said(here.files, caller.tenant, video_id)
    response.headers["ETag"] = said.etag
    undone = undone_by(said.log.edits)
    page, more = _page(said, limit, following)
    return Page(items=[EditView(edit=each, undone_by=undone.get(each.edit_id)) for each in page], following=more)


@router.get("/runs/{run_id}/edits")
def get_edits_on_run(
    video_id: VideoPath,
    run_id: RunPath,
    caller: Reader,
    runs: Runs,
    response: Response,
    limit: Limit = 50,
    following: Following = None,
) -> Page[EditOnRun]:
    """All edits of a video, newest first, and what each does to the players of a run."""
    run = runs.now(RunKey(caller.tenant, video_id, run_id))
    response.headers["ETag"] = run.said.etag
    outcomes = outcomes_on(run)
    page, more = _page(run.said, limit, following)
    return Page(items=[outcomes[each.edit_id] for each in page], following=more)


@router.get("/runs/{run_id}/unfit")
def get_unfit(video_id: VideoPath, run_id: RunPath, caller: Reader, runs: Runs, response: Response) -> UnfitEdits:
    """The edits that do not fit a run, in the order in which they were made. An undo dismisses one for good."""
    run = runs.now(RunKey(caller.tenant, video_id, run_id))
    response.headers["ETag"] = run.said.etag
    return UnfitEdits(items=_unfit(run), applied=len(run.replayed.applied))


@router.post("/runs/{run_id}/edits", status_code=HTTPStatus.CREATED)
def make_edit(
    video_id: VideoPath,
    run_id: RunPath,
    asked: Annotated[AskedEdit, Body(openapi_examples=EXAMPLES)],
    caller: Writer,
    here: Here,
    runs: Runs,
    response: Response,
    if_match: IfMatch = None,
) -> EditMade:
    """Corrects players of a run, and with it the video: every later run is corrected likewise.

    If-Match: the ETag of the players that were seen. 409 where it would not fit this run, and why.
    """
    key = RunKey(caller.tenant, video_id, run_id)
    the_video(here.engine, caller.tenant, video_id)
    runs.content(key)

    def make(before: Said) -> AnyEdit:
        check_if_match(if_match, before.etag)
        return fitting_edit(runs.with_said(key, before), asked, author_of(caller))

    edit, said = add_edit(here.files, here.engine, caller.tenant, video_id, make)
    run = runs.with_said(key, said)
    response.headers["ETag"] = said.etag
    return EditMade(made=outcomes_on(run)[edit.edit_id], count=len(said.log.edits), unfit=_unfit(run))


def author_of(caller: Caller) -> str:
    """Who an edit is said to be by, where nobody is named."""
    return caller.key_id or "local"


def outcomes_on(run: CorrectedRun) -> dict[str, EditOnRun]:
    """What became of each edit on a run, by its id."""
    undone = undone_by(run.said.log.edits)
    applied = set(run.replayed.applied)
    why = {each.edit_id: each.why for each in run.replayed.unfit}
    remarks: dict[str, list[str]] = {}
    for each in run.replayed.remarks:
        remarks.setdefault(each.edit_id, []).append(each.what)

    def outcome(edit: AnyEdit) -> Literal["applied", "unfit", "undone", "none"]:
        if edit.edit_id in undone:
            return "undone"
        if edit.kind == "undo":
            return "none"
        return "applied" if edit.edit_id in applied else "unfit"

    return {
        edit.edit_id: EditOnRun(
            edit=edit,
            undone_by=undone.get(edit.edit_id),
            outcome=outcome(edit),
            why=why.get(edit.edit_id),
            remarks=remarks.get(edit.edit_id, []),
        )
        for edit in run.said.log.edits
    }


def undone_by(edits: tuple[AnyEdit, ...]) -> dict[str, str]:
    """The undo because of which an edit does not count, by the edit's id."""
    undone: dict[str, str] = {}
    for edit in reversed(edits):  # later undos decide about earlier ones
        if edit.kind == "undo" and edit.edit_id not in undone:
            undone.setdefault(edit.undoes, edit.edit_id)
    return undone


def _unfit(run: CorrectedRun) -> list[EditOnRun]:
    outcomes = outcomes_on(run)
    return [outcomes[each.edit_id] for each in run.replayed.unfit]


def _page(said: Said, limit: int, following: str | None) -> tuple[tuple[AnyEdit, ...], str | None]:
    """Edits, newest first: the log only ever grows, and so a place in it stays what it is."""
    edits = said.log.edits
    end = len(edits) if following is None else min(place_of(following, int)[0], len(edits))
    begin = max(0, end - limit)
    return edits[begin:end][::-1] if end > 0 else (), following_after(begin) if begin > 0 else None
