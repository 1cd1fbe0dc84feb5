"""Runs of the films in `films`: their player is the white bar that goes to the right."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from tests.ready_games import put_known_run

from api.site import Site
from shared_libs.common.players import Player, Players, Segment
from shared_libs.common.tracks import Source, Tracks

Box = tuple[float, float, float, float]


def upright_bar(frame: int, width: int = 128, height: int = 96) -> Box:
    """Where `films.picture` draws it: left, top, right and bottom in pixels."""
    left = frame * 4 % width
    return (left, 0, min(left + 8, width), height)


def put_bar_run(
    site: Site,
    video_id: str,
    ends: Sequence[int],
    bar: Callable[[int], Box] = upright_bar,
    notes: Sequence[str] = (),
    minute: int = 0,
) -> str:
    """A run in which the bar is a new player after each of the frames `ends`, of which the last is the film's."""
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
    return put_known_run(site, video_id, tracks, Players(tuple(players)), notes, minute)
