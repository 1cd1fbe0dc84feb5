"""The players of a run as they are corrected now, when they are in view, and the run joined anew."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from api.access.caller import Reader, Writer
from api.etags import IfNoneMatch, is_unchanged
from api.games.players import LONGEST_BREAK, CorrectedRun, seconds_in_view, shifts_csv, shifts_of
from api.games.runs import RunKey, read_run_of
from api.games.serving import Runs
from api.games.times import FrameTimes
from api.ids import PlayerPath, RunPath, VideoPath
from api.queue.submitting import submit_job
from api.routers.jobs import IdempotencyKey, submitted
from api.site import Here
from shared_libs.common.documents import Contract
from shared_libs.common.jobs import Job, LinkPlayers, ModelId
from shared_libs.common.players import Player, Role

router = APIRouter(prefix="/videos/{video_id}/runs/{run_id}", tags=["players"])

Break = Annotated[float, Query(ge=0, le=3600, description="Seconds that a player may be out of view within a shift.")]


class SegmentView(BaseModel):
    """Frames `start` to `end`, included, of a track in which a player is in view; seconds of the film."""

    track_id: int
    start: int
    end: int
    start_seconds: float
    end_seconds: float


class PlayerView(BaseModel):
    """A player. team: the team's name, as far as it is known. seconds_in_view: breaks left out. segments: by time."""

    player_id: int
    team_id: int | None
    team: str | None
    name: str | None
    number: str | None
    role: Role | None
    seconds_in_view: float
    segments: list[SegmentView]


class TeamView(BaseModel):
    """A team. players: how many there are. seconds_in_view: of all of them together."""

    team_id: int
    name: str | None
    players: int
    seconds_in_view: float


class PlayersView(BaseModel):
    """The players of a run. times_of_film: whether seconds are the film's own; otherwise frames were counted at the
    rate that the run says. unfit: how many edits do not fit this run, and wait for a decision."""

    players: list[PlayerView]
    teams: list[TeamView]
    times_of_film: bool
    unfit: int


class Shift(BaseModel):
    """When somebody is in view, short breaks passed over. Frames are included; seconds are of the film."""

    start: int
    end: int
    start_seconds: float
    end_seconds: float
    seconds: float


class PlayerShifts(BaseModel):
    """A player, and their shifts by time."""

    player: PlayerView
    shifts: list[Shift]


class RelinkAsked(Contract):
    """reid_model_id: what tells people apart; null for the promoted model, if there is one."""

    reid_model_id: Annotated[ModelId | None, Field(examples=[None])] = None


@router.get("/players", response_model=PlayersView, responses={304: {"description": "They are as they were."}})
def get_players(
    video_id: VideoPath,
    run_id: RunPath,
    caller: Reader,
    runs: Runs,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """The players of a run as they are corrected now. The ETag is what an edit is made for, as its If-Match."""
    key = RunKey(caller.tenant, video_id, run_id)
    run = runs.now(key)
    times = runs.times(key)
    headers = {"ETag": run.said.etag}
    # Those that were counted may yet give way to the film's.
    if times.are_of_film and is_unchanged(if_none_match, headers["ETag"]):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    content = runs.players.get((key, run.said.etag, times.are_of_film), lambda: _dump_players(run, times))
    return Response(content, media_type="application/json", headers=headers)


@router.get("/players/{player_id}")
def get_player(
    video_id: VideoPath,
    run_id: RunPath,
    player_id: PlayerPath,
    caller: Reader,
    runs: Runs,
    longest_break: Break = LONGEST_BREAK,
) -> PlayerShifts:
    """A player, and when they are in view."""
    key = RunKey(caller.tenant, video_id, run_id)
    run, times = runs.now(key), runs.times(key)
    player = run.player(player_id)
    shifts = [Shift(**each._asdict(), seconds=each.seconds) for each in shifts_of(player, times, longest_break)]
    return PlayerShifts(player=view_of(run, player, times), shifts=shifts)


@router.get(
    "/shifts.csv",
    response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
def get_shifts(
    video_id: VideoPath,
    run_id: RunPath,
    caller: Reader,
    runs: Runs,
    player_id: Annotated[list[int] | None, Query(description="Of these players alone.")] = None,
    team_id: Annotated[int | None, Query(description="Of this team alone.")] = None,
    longest_break: Break = LONGEST_BREAK,
) -> Response:
    """When players are in view, as a table for spreadsheets: a row for each shift."""
    key = RunKey(caller.tenant, video_id, run_id)
    run = runs.now(key)
    chosen = [run.player(each) for each in player_id] if player_id else list(run.players)
    chosen = [player for player in chosen if team_id is None or player.team_id == team_id]
    text = shifts_csv(run, chosen, runs.times(key), longest_break)
    headers = {"Content-Disposition": f'attachment; filename="shifts_{run_id}.csv"'}
    return Response(text.encode("utf-8-sig"), media_type="text/csv; charset=utf-8", headers=headers)


@router.post(
    "/relink",
    status_code=HTTPStatus.CREATED,
    responses={200: {"model": Job, "description": "The job that was submitted with the same key before."}},
)
def relink(
    video_id: VideoPath,
    run_id: RunPath,
    asked: RelinkAsked,
    caller: Writer,
    here: Here,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> Job:
    """Joins the run's tracks into players anew, with all edits replayed, as a new run: a job."""
    read_run_of(here.files, RunKey(caller.tenant, video_id, run_id))
    payload = LinkPlayers(video_id=video_id, run_id=run_id, reid_model_id=asked.reid_model_id)
    return submitted(submit_job(here, caller.tenant, payload, idempotency_key), response)


def _dump_players(run: CorrectedRun, times: FrameTimes) -> bytes:
    view = PlayersView(
        players=[view_of(run, player, times) for player in run.players],
        teams=_teams(run, times),
        times_of_film=times.are_of_film,
        unfit=len(run.replayed.unfit),
    )
    return view.model_dump_json().encode()


def view_of(run: CorrectedRun, player: Player, times: FrameTimes) -> PlayerView:
    """A player for people."""
    return PlayerView(
        player_id=player.player_id,
        team_id=player.team_id,
        team=run.team_name(player),
        name=player.name,
        number=player.number,
        role=player.role,
        seconds_in_view=_rounded(seconds_in_view(player, times)),
        segments=[
            SegmentView(
                track_id=segment.track_id,
                start=segment.start,
                end=segment.end,
                start_seconds=_rounded(times.begins(segment.start)),
                end_seconds=_rounded(times.ends(segment.end)),
            )
            for segment in player.segments
        ],
    )


def _teams(run: CorrectedRun, times: FrameTimes) -> list[TeamView]:
    ids = {player.team_id for player in run.players if player.team_id is not None} | set(run.players.team_names)
    teams = []
    for team_id in sorted(ids):
        own = [player for player in run.players if player.team_id == team_id]
        seconds = sum(seconds_in_view(player, times) for player in own)
        name = run.players.team_names.get(team_id)
        teams.append(TeamView(team_id=team_id, name=name, players=len(own), seconds_in_view=_rounded(seconds)))
    return teams


def _rounded(seconds: float) -> float:
    return round(seconds, 4)
