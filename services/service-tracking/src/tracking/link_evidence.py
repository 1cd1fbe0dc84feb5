"""What speaks for one piece being the continuation of another: motion, sizes, and what is usual in this game.

What the two passes of the tracker said of a pair is left aside: where they differ, either is as often wrong as right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from shared_libs.common.tracks import Tracks
from tracking.pieces import Ends, Pieces, motion_at_ends
from tracking.scene import Feet, Float, Index

SHORT_SECONDS = 1.0
"""Gaps up to this are occlusions, longer ones absences: each kind has weights of its own."""

_PERSISTENCE = 0.35
"""Time in which a lost player's velocity fades to a third, in seconds."""
_NEAR = (4.0, 4.0)
"""How far apart ends may lie after a short gap, across and down the picture, in heights."""
_FAR = (15.0, 6.0)
"""The same after a long one."""
_FEWEST_RETURNS = -5.0
"""Least log of returns to newcomers that is believed: no game that the weights were found on has fewer."""
_REMEMBERED_SECONDS = 10.0
"""For how long those who went out of sight count as waiting for their return."""

FEATURES = (
    "log gap",
    "ahead across",
    "ahead down",
    "behind across",
    "behind down",
    "apart across",
    "apart down",
    "turn across",
    "turn down",
    "height",
    "width",
    "unsure before",
    "unsure after",
    "log seconds before",
    "log seconds after",
    "newcomers",
    "returns",
    "waiting",
    "one",
)
"""Of a pair, by name. "ahead": how far the second begins from where the first was going, "behind": how far the first
ends from where the second came from, "apart": from end to beginning; "turn": how much the velocity differs; all these,
height and width in units of what is usual after such a gap, as log(1 + square)."""


class Pairs(NamedTuple):
    """k pairs of pieces that may be one person: `second` begins after `first` has ended."""

    first: Index
    second: Index


class Game(NamedTuple):
    """What is usual in a game. newcomers: log of how many people a second begin out of nothing, for both passes.
    returns: log of how many absences both passes bridged, over how many came out of nothing."""

    newcomers: float
    returns: float


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """The pieces with all that is needed to compare them. height, width: float64 (n,), of the boxes, in the picture."""

    pieces: Pieces
    fps: float
    frame: Index
    feet: Feet
    height: Float
    width: Float
    begins: Ends
    ends: Ends
    game: Game

    @classmethod
    def of(cls, tracks: Tracks, pieces: Pieces, feet: Feet, fps: float) -> Scene:
        """Of the rows of `tracks`, their pieces and where their feet are."""
        xyxy = tracks.xyxy.astype(np.float64)
        height, width = xyxy[:, 3] - xyxy[:, 1], xyxy[:, 2] - xyxy[:, 0]
        begins, ends = motion_at_ends(pieces, tracks.frame, feet, height * feet.scale, fps)
        frame = tracks.frame.astype(np.int64)
        game = _usual(pieces, frame, tracks.frame_count, fps)
        return cls(pieces, fps, frame, feet, height, width, begins, ends, game)


def pairs_to_weigh(scene: Scene, longest_seconds: float) -> Pairs:
    """The pairs whose gap is at most so long, whose ends are in one shot and not too far apart, and all pairs that a
    pass has joined."""
    pieces, frame = scene.pieces, scene.frame
    ended, began = frame[pieces.last], frame[pieces.first]
    order = np.argsort(began, kind="stable")
    low = np.searchsorted(began[order], ended + 1)
    high = np.searchsorted(began[order], ended + round(longest_seconds * scene.fps), side="right")
    count = np.maximum(high - low, 0)
    first = np.repeat(np.arange(len(pieces)), count)
    second = order[np.arange(len(first)) - np.repeat(np.cumsum(count) - count, count) + np.repeat(low, count)]
    last_row, first_row = pieces.last[first], pieces.first[second]
    apart = np.abs(scene.begins.place[second] - scene.ends.place[first]) / _height_between(scene, last_row, first_row)
    short = (frame[first_row] - frame[last_row]) / scene.fps <= SHORT_SECONDS
    near = (apart < np.where(short[:, None], _NEAR, _FAR)).all(axis=1)
    near &= scene.feet.shot[last_row] == scene.feet.shot[first_row]
    said = (pieces.forward[last_row] == first_row) | (pieces.backward[last_row] == first_row)
    kept = near | said
    return Pairs(first[kept], second[kept])


def features_of(scene: Scene, pairs: Pairs) -> Float:
    """float64 (k, 2 · len(FEATURES)): those of pairs with a short gap in the first half, of others in the second; the
    other half is 0."""
    pieces, frame = scene.pieces, scene.frame
    last, first = pieces.last[pairs.first], pieces.first[pairs.second]
    gap = (frame[first] - frame[last]) / scene.fps
    between = _height_between(scene, last, first)
    begins, ends = scene.begins, scene.ends
    apart = (begins.place[pairs.second] - ends.place[pairs.first]) / between
    coasts = (_PERSISTENCE * (1 - np.exp(-gap / _PERSISTENCE)))[:, None]
    ahead = apart - ends.velocity[pairs.first] * coasts
    behind = begins.velocity[pairs.second] * coasts - apart
    turn = begins.velocity[pairs.second] - ends.velocity[pairs.first]
    usual = np.stack([_usual_across(gap), 0.05 + 0.25 * gap**0.7], axis=1)
    ended = np.sort(frame[pieces.last])
    began = frame[pieces.first][pairs.second]
    waiting = np.searchsorted(ended, began) - np.searchsorted(ended, began - _REMEMBERED_SECONDS * scene.fps)
    columns = [
        np.log(gap),
        *_tailed(ahead / usual).T,
        *_tailed(behind / usual).T,
        *_tailed(apart / usual).T,
        *_tailed(turn * (1.0, 2.0)).T,
        _tailed(np.log(scene.height[first] / scene.height[last]) / 0.1),
        _tailed(np.log(scene.width[first] / scene.width[last]) / 0.2),
        ends.unsureness[pairs.first],
        begins.unsureness[pairs.second],
        np.log(pieces.length[pairs.first] / scene.fps + 0.04),
        np.log(pieces.length[pairs.second] / scene.fps + 0.04),
        np.full(len(gap), scene.game.newcomers),
        np.full(len(gap), scene.game.returns),
        np.log1p(waiting),
        np.ones(len(gap)),
    ]
    table = np.stack([np.asarray(column, np.float64) for column in columns], axis=1)
    short = (gap <= SHORT_SECONDS)[:, None]
    return np.concatenate([table * short, table * ~short], axis=1)


def _tailed(values: Float) -> Float:
    """As the logarithm of a likelihood with heavy tails."""
    squared: Float = np.log1p(values**2)
    return squared


def _usual_across(gap: Float) -> Float:
    """How far people get across the picture, in heights."""
    usual: Float = 0.05 + 0.6 * np.minimum(gap, 1) + 0.55 * np.maximum(gap - 1, 0) ** 0.9
    return usual


def _height_between(scene: Scene, last: Index, first: Index) -> Float:
    """float64 (k, 1): the geometric mean of both boxes' heights, in pixels of the scene."""
    height = scene.height * scene.feet.scale
    return np.sqrt(height[last] * height[first])[:, None]


def _usual(pieces: Pieces, frame: Index, frame_count: int, fps: float) -> Game:
    rows = (pieces.forward >= 0).nonzero()[0]
    absent = (frame[pieces.forward[rows]] - frame[rows]) / fps > SHORT_SECONDS
    returns = int((absent & (pieces.forward[rows] == pieces.backward[rows])).sum())
    followed = np.zeros((2, len(frame)), np.bool_)
    for found, following in zip(followed, (pieces.forward, pieces.backward), strict=True):
        found[following[following >= 0]] = True
    later = pieces.first[frame[pieces.first] > fps]  # in the first second everybody is new
    newcomers = int((~followed[:, later].any(axis=0)).sum())
    return Game(
        newcomers=float(np.log((newcomers + 0.5) / (frame_count / fps + 1))),
        returns=max(float(np.log((returns + 0.5) / (newcomers + 1.5))), _FEWEST_RETURNS),
    )
