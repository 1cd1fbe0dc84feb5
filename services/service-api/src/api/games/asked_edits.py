"""Corrections as they are asked for: of players of a run, or of boxes; and as the log has them, of boxes alone."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator

from api.games.edits import AnyEdit
from api.games.players import CorrectedRun, anchor_of
from api.problems import Problem
from shared_libs.common.corrections import corrected
from shared_libs.common.documents import NUMBER, Contract
from shared_libs.common.edits import Anchor, Assign, EditLog, Frame, Merge, Rename, Split, Undo

Called = Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]
Number = Annotated[str, Field(pattern=r"^[0-9]{1,3}$")]


class PlayerAt(Contract):
    """Whoever is this player of the run now. frame: in which the box is taken that stands for them in the log; without
    it, one is chosen."""

    player_id: Annotated[int, Field(ge=0, le=2**31 - 1, examples=[7]), NUMBER]
    frame: Frame | None = None


Place = PlayerAt | Anchor


class _Asked(Contract):
    author: Annotated[Called | None, Field(description="Who says so; by default, the key that is used.")] = None


class MergeAsked(_Asked):
    """Two players are one and the same, called as the first."""

    kind: Literal["merge"]
    first: Place
    second: Place


class SplitAsked(_Asked):
    """A player is two: one before `at_frame`, another from it on."""

    kind: Literal["split"]
    place: Place
    at_frame: Frame


class AssignAsked(_Asked):
    """The track at a place belongs to another player: to `player`, or to the roster's `team` and `number`."""

    kind: Literal["assign"]
    place: Place
    player: Place | None = None
    team: Called | None = None
    number: Number | None = None

    @model_validator(mode="after")
    def _has_one_target(self) -> AssignAsked:
        if (self.team is None) != (self.number is None) or (self.player is None) == (self.team is None):
            raise ValueError("assign needs either player, or team and number")
        return self


class RenameAsked(_Asked):
    """A player is called so: `name`, `number` and `team`, those that are given."""

    kind: Literal["rename"]
    place: Place
    name: Called | None = None
    number: Number | None = None
    team: Called | None = None

    @model_validator(mode="after")
    def _says_something(self) -> RenameAsked:
        if self.name is None and self.number is None and self.team is None:
            raise ValueError("rename needs at least one of name, number, team")
        return self


class UndoAsked(_Asked):
    """An earlier edit no longer counts; nor does an undo that is undone."""

    kind: Literal["undo"]
    undoes: Annotated[str, Field(pattern="^edit_[0-9a-f]{12}$", examples=["edit_0123456789ab"])]


AskedEdit: TypeAlias = Annotated[
    MergeAsked | SplitAsked | AssignAsked | RenameAsked | UndoAsked, Field(discriminator="kind")
]


def fitting_edit(run: CorrectedRun, asked: AskedEdit, author: str) -> AnyEdit:
    """The edit for the log.

    Raises 404 and 422 where a player is not there, and 409 where the edit would not fit this very run.
    """
    edit = _edit(run, asked, asked.author or author)
    if isinstance(edit, Undo):  # which fits anywhere
        return edit
    log = EditLog((*run.said.log.edits, edit))
    for unfit in corrected(run.content.players, run.content.tracks, log, run.said.roster).unfit:
        if unfit.edit_id == edit.edit_id:
            raise Problem(HTTPStatus.CONFLICT, "edit-does-not-fit", f"{unfit.why[:1].upper()}{unfit.why[1:]}.")
    return edit


def _edit(run: CorrectedRun, asked: AskedEdit, author: str) -> AnyEdit:
    match asked:
        case MergeAsked():
            return Merge(author=author, first=_anchor(run, asked.first), second=_anchor(run, asked.second))
        case SplitAsked():
            anchor = _anchor(run, asked.place, before=asked.at_frame)
            return Split(author=author, anchor=anchor, at_frame=asked.at_frame)
        case AssignAsked():
            player = None if asked.player is None else _anchor(run, asked.player)
            anchor = _anchor(run, asked.place)
            return Assign(author=author, anchor=anchor, player=player, team=asked.team, number=asked.number)
        case RenameAsked():
            anchor = _anchor(run, asked.place)
            return Rename(author=author, anchor=anchor, name=asked.name, number=asked.number, team=asked.team)
        case UndoAsked():
            return Undo(author=author, undoes=asked.undoes)


def _anchor(run: CorrectedRun, place: Place, before: int | None = None) -> Anchor:
    return place if isinstance(place, Anchor) else anchor_of(run, place.player_id, place.frame, before)
