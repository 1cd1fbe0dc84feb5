"""Where to cut pictures of players: clean boxes of theirs, in as few frames as will do, since each must be decoded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from api.games.players import CorrectedRun
from shared_libs.common.crops import crop_quality
from shared_libs.common.players import Player, Segment
from shared_libs.common.tracks import Source, Tracks

MOST_OF_ONE = 8
"""Pictures of a player."""

_CANDIDATES = 24
"""Boxes that are looked at for each picture, at least, where there are so many."""

_GOOD_ENOUGH = 0.6
"""Of the quality of the best of them: from there on, a frame that serves others as well is preferred."""


class Picture(NamedTuple):
    """A box to be cut out. xyxy: left, top, right and bottom in displayed pixels."""

    player_id: int
    track_id: int
    frame: int
    xyxy: tuple[float, float, float, float]


def pictures_of(
    run: CorrectedRun, players: Sequence[Player], each: int = 1, size: tuple[int, int] | None = None
) -> list[Picture]:
    """A box of each player or, where `each` is more than 1, one of each of so many of their longest segments; sorted
    by frame. Who was never seen, but for boxes that were filled in, has none.

    size: width and height of the film, where they are known: boxes at its border are taken last.
    """
    tracks = run.content.tracks
    wanted: list[int] = []
    candidates: list[NDArray[np.int64]] = []
    for player in players:
        own = np.flatnonzero((run.owner == player.player_id) & (tracks.source == Source.DETECTED))
        parts = [own] if each == 1 else [own[_within(tracks, own, segment)] for segment in _longest(player, each)]
        candidates += [_shared(tracks, part) for part in parts]
        wanted += [player.player_id] * len(parts)
    if not wanted:
        return []
    row = np.concatenate(candidates)
    whose = np.repeat(np.arange(len(wanted)), [len(part) for part in candidates])
    chosen = _chosen(tracks.frame[row], whose, _quality(tracks, row, size))
    found = [_picture(tracks, wanted[whose[place]], int(row[place])) for place in chosen]
    return sorted(found, key=lambda picture: (picture.frame, picture.player_id))


def _longest(player: Player, count: int) -> list[Segment]:
    return sorted(player.segments, key=lambda segment: segment.start - segment.end)[:count]


def _within(tracks: Tracks, rows: NDArray[np.int64], segment: Segment) -> NDArray[np.bool_]:
    frame = tracks.frame[rows]
    is_on_track: NDArray[np.bool_] = tracks.track_id[rows] == segment.track_id
    return is_on_track & (frame >= segment.start) & (frame <= segment.end)


def _shared(tracks: Tracks, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Some of the rows: those in round frames, which others are likely to be looked at in as well."""
    stride = 1
    while len(rows) >= 2 * _CANDIDATES:
        stride *= 2
        round_ones = rows[tracks.frame[rows] % stride == 0]
        rows = round_ones if len(round_ones) else rows[::2]
    return rows


def _quality(tracks: Tracks, rows: NDArray[np.int64], size: tuple[int, int] | None) -> NDArray[np.float32]:
    """How cleanly each of some boxes shows its person, float32 (n,), with all others of their frames beside them."""
    around = np.flatnonzero(np.isin(tracks.frame, np.unique(tracks.frame[rows])))
    part = Tracks(
        frame=tracks.frame[around],
        track_id=tracks.track_id[around],
        xyxy=tracks.xyxy[around],
        score=tracks.score[around],
        class_id=tracks.class_id[around],
        source=tracks.source[around],
        frame_count=tracks.frame_count,
    )
    return crop_quality(part, size)[np.searchsorted(around, rows)]


def _chosen(frame: NDArray[np.int32], whose: NDArray[np.int64], quality: NDArray[np.float32]) -> list[int]:
    """Of each group the place of one box, int64 (n,) `whose`; those of one frame rather than those of many."""
    best = np.zeros(int(whose.max(initial=-1)) + 1, np.float32)
    np.maximum.at(best, whose, quality)
    is_open = quality >= _GOOD_ENOUGH * best[whose]
    frames, place = np.unique(frame, return_inverse=True)
    chosen: list[int] = []
    while is_open.any():
        # How many it serves counts first: qualities add up to less than one.
        liking = np.bincount(place, is_open * (1 + quality / (len(quality) + 1)), len(frames))
        served = np.flatnonzero(is_open & (place == liking.argmax()))
        chosen += served.tolist()
        is_open &= ~np.isin(whose, whose[served])
    return chosen


def _picture(tracks: Tracks, player_id: int, row: int) -> Picture:
    left, top, right, bottom = (round(float(side), 1) for side in tracks.xyxy[row])
    return Picture(player_id, int(tracks.track_id[row]), int(tracks.frame[row]), (left, top, right, bottom))
