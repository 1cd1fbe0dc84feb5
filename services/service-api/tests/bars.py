"""Runs of the films in `films`: their player is the white bar that goes to the right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from tests.made_games import BEGINNING, TENANT

from api.games.runs import PLAYERS, REPORT, RUN, TRACKS
from api.site import Site
from shared_libs.common.players import Player, Players, Segment, write_players
from shared_libs.common.run import Run, write_run
from shared_libs.common.storage import run_path
from shared_libs.common.tracks import Source, Tracks, write_tracks_json
from shared_libs.utils.ids import new_id

Box = tuple[float, float, float, float]


def upright_bar(frame: int, width: int = 128, height: int = 96) -> Box:
    """Where `films.picture` draws it: left, top, right and bottom in pixels."""
    left = frame * 4 % width
    return (left, 0, min(left + 8, width), height)


def turned_bar(frame: int) -> Box:
    """Where it is in a film that is shown a quarter turned to the right."""
    top, _, bottom, _ = upright_bar(frame)
    return (0, top, 96, bottom)


def put_bar_run(
    site: Site,
    video_id: str,
    ends: Sequence[int],
    bar: Callable[[int], Box] = upright_bar,
    notes: Sequence[str] = (),
    minute: int = 0,
) -> str:
    """A run in which the bar is a new player after each of the frames `ends`, of which the last is the film's."""
    run_id = new_id("run")
    folder = Path(site.files.place(run_path(TENANT, video_id, run_id)))
    folder.mkdir(parents=True)
    frames = np.arange(ends[-1] + 1)
    owners = np.searchsorted(np.array(ends), frames) + 1
    xyxy = np.array([bar(int(frame)) for frame in frames], np.float64)
    ones = np.ones(len(frames))
    source = np.full(len(frames), Source.DETECTED)
    tracks = Tracks.from_arrays(frames, owners, xyxy, ones, ones * 0, source, len(frames))
    begins = [0, *(end + 1 for end in ends)]
    players = [
        Player(number, (number + 1) % 2, segments=(Segment(number, begin, end),))
        for number, (begin, end) in enumerate(zip(begins, ends, strict=False), start=1)
    ]
    write_tracks_json(folder / TRACKS, tracks)
    write_players(folder / PLAYERS, Players(tuple(players)))
    (folder / REPORT).write_text("<!doctype html><p>Report")
    made = BEGINNING.replace(minute=minute)
    write_run(
        folder / RUN,
        Run(
            service="service-tracking",
            created=made,
            code_version="0",
            settings={"fps": 25.0},
            metrics={"players": float(len(players))},
            notes=tuple(notes),
        ),
    )
    return run_id
