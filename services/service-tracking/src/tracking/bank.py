"""What the tracker knows between two frames: a row per live track, and what it has learned of the game.

Both are structured arrays, so that the compiled kernel and the plain numpy path work on the same thing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracking.knobs import Knobs

Float = NDArray[np.float64]
Index = NDArray[np.int64]
Mask = NDArray[np.bool_]

OWN, RIVAL, PREDICTED = 0, 1, 2
"""First index of a filter's arrays: the track's own; that of the track that may have taken its box; and the own one as
it was in this frame before a box corrected it."""

X, Y, WIDTH, HEIGHT = 0, 1, 2, 3


Bank = NDArray[np.void]
"""The live tracks, in rows 0 to n - 1 of an array of `TRACK` with room for more."""

Game = np.void
"""What has been learned of this game so far, one `LEARNED`."""

TRACK = np.dtype(
    [
        # The filter: Kalman with constant velocity (Bewley et al., "Simple online and realtime tracking", 2016, with
        # width and height instead of area and aspect). Noise is diagonal and every number has its own velocity, so
        # the full filter falls apart into small ones. Places are in pixels of the current picture, wherever the camera
        # looks; velocities are those in the scene, without the camera's motion.
        ("mean", np.float64, (3, 4)),  # centre x, centre y, width, height
        ("velocity", np.float64, (3, 2)),  # of the centre, pixels per frame; sizes have none
        ("variance", np.float64, (3, 4)),  # of the mean
        ("covariance", np.float64, (3, 2)),  # of the centre with its velocity
        ("velocity_variance", np.float64, (3, 2)),
        ("number", np.int64),  # from 1 in order of appearance
        ("hits", np.int64),  # detections so far
        ("missed", np.int64),  # frames since the last one
        ("age", np.int64),  # frames since the first one
        ("confirmed", np.bool_),
        ("rival", np.int64),  # number of the track that may have taken this one's box, 0 where none has
        ("rival_since", np.int64),  # the frame in which it did
        ("last", np.float64, (2, 4)),  # the last two detections, moved along with the camera; the newer first
        ("jolt", np.float64, 4),  # newest second difference of the centre, first of the size, as fractions of the size
        ("streak", np.int64),  # detections in successive frames
        ("anchor", np.float64, (2, 2)),  # centres one and two time spans ago, moved along with the camera
        ("anchor_age", np.int64),  # frames since the newer anchor
        ("anchors", np.int64),  # how many anchors there are; two count
    ]
)

LEARNED = np.dtype(
    [
        ("camera", np.float64, 2),  # the camera's motion into this frame: pixels by which a resting point moved
        ("extent", np.float64, 2),  # the largest x and y of any box: the picture's size, where no video says it
        ("jolt_variance", np.float64, 4),  # of `jolt`
        ("jolt_covariance", np.float64, 4),  # of successive ones
        ("jolts", np.float64, 1),  # how many were seen
        ("turn_variance", np.float64, 2),  # of the centre's second difference over a time span, in heights
        ("speed_variance", np.float64, 2),  # of the centre's velocity over a time span, in heights per frame
        ("turns", np.float64, 1),  # how many were seen
        ("measurement", np.float64, 4),  # variance of a detection's centre and size, as a fraction of the size squared
        ("acceleration", np.float64, 2),  # variance that a velocity gains per frame, in heights per frame, squared
        ("growth", np.float64, 2),  # variance that width and height gain per frame, in heights squared
        ("persistence", np.float64, 2),  # what is left of a lost track's velocity after one frame
        ("returned", np.float64, 2),  # returns seen, after short and after long absences
        ("away", np.float64, 2),  # seconds that tracks were lost for, all together: short and long absences
        ("born", np.float64),  # tracks that appeared and were nobody known
        ("newcomers", np.float64),  # natural logarithm of how many such come in a second
    ]
)


class Frames(NamedTuple):
    """A sequence, as the tracker sees it."""

    offsets: Index
    """(frame_count + 1,) where each frame's boxes begin"""
    boxes: Float
    """(n, 4) centre x, centre y, width, height"""
    scores: Float
    """(n,)"""
    transforms: Float
    """(frame_count, 2, 3) the camera's motion into each frame"""
    known: Mask
    """(frame_count,) whether it is known"""


SQUARED_WIDTH = 0.16
"""A person's width squared, as a part of the height squared: turns noise in widths into noise in heights."""


def new_bank(rows: int) -> Bank:
    """Room for `rows` tracks."""
    return np.zeros(rows, TRACK)


def with_room(bank: Bank, live: int, rows: int) -> Bank:
    """The same bank, with `live` tracks in it, with room for at least `rows`."""
    if rows <= len(bank):
        return bank
    larger = new_bank(max(rows, 2 * len(bank)))
    larger[:live] = bank[:live]
    return larger


def new_game(knobs: Knobs) -> Game:
    """What is assumed before anything was seen."""
    game = np.zeros(1, LEARNED)
    measurement = np.full(4, knobs.measurement_noise**2)
    acceleration = np.full(2, knobs.acceleration_noise**2)
    in_heights = np.array([SQUARED_WIDTH, 1.0])
    game["measurement"], game["acceleration"] = measurement, acceleration
    game["growth"] = in_heights * knobs.size_noise**2
    game["jolt_variance"][:, :2] = 6 * measurement[:2] + acceleration
    game["jolt_variance"][:, 2:] = 2 * measurement[2:] + knobs.size_noise**2
    game["jolt_covariance"] = -measurement * np.array([4.0, 4.0, 1.0, 1.0])
    game["turn_variance"] = 2 / 3 * float(knobs.span) ** 3 * acceleration + 6 * in_heights * measurement[:2]
    game["speed_variance"] = knobs.start_speed**2
    game["persistence"] = np.exp(-1 / (knobs.start_persistence * knobs.fps))
    game["newcomers"] = np.log(knobs.newcomer_prior / knobs.newcomer_seconds)
    learned: Game = game[0]
    return learned
