"""Where the page cuts pictures of players from the film."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from api.access.caller import Reader
from api.games.pictures import MOST_OF_ONE, pictures_of
from api.games.runs import RunKey
from api.games.serving import Runs
from api.ids import RunPath, VideoPath
from api.site import Here
from api.videos.catalogue import the_video

router = APIRouter(prefix="/videos/{video_id}/runs/{run_id}", tags=["players"])

MOST_PLAYERS = 200


class PictureView(BaseModel):
    """A box that shows a player well. xyxy: left, top, right and bottom in displayed pixels."""

    player_id: int
    track_id: int
    frame: int
    xyxy: Annotated[list[float], Field(min_length=4, max_length=4)]


class PicturesView(BaseModel):
    """Boxes, by frame. Players of whom only filled-in boxes are known have none."""

    items: list[PictureView]


@router.get("/pictures")
def get_pictures(
    video_id: VideoPath,
    run_id: RunPath,
    caller: Reader,
    here: Here,
    runs: Runs,
    player_id: Annotated[
        list[Annotated[int, Field(ge=0, le=2**31 - 1)]],
        Query(min_length=1, max_length=MOST_PLAYERS, description="Of these players.", examples=[[7]]),
    ],
    each: Annotated[
        int,
        Query(ge=1, le=MOST_OF_ONE, description="More than 1: one of each of so many of their longest stretches."),
    ] = 1,
) -> PicturesView:
    """Where to cut pictures of players from the film: in as few frames as will do. Whom a correction has taken away in
    the meantime is left out: the others' pictures are wanted all the same."""
    run = runs.now(RunKey(caller.tenant, video_id, run_id))
    film = the_video(here.engine, caller.tenant, video_id).film
    size = None if film is None else (film.width, film.height)
    players = [player for player in run.players if player.player_id in player_id]
    found = pictures_of(run, players, each, size)
    return PicturesView(items=[PictureView(**{**picture._asdict(), "xyxy": list(picture.xyxy)}) for picture in found])
