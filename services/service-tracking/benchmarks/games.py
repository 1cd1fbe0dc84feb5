"""Boxes of games that never were, from a seed, where only their number matters. For games worth scoring see
`sequences.py`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shared_libs.common.detections import Detections
from shared_libs.common.tracks import Tracks

WIDTH, HEIGHT = 1280, 720
_BOX = np.array([36.0, 88.0])
_FIELD = np.array([WIDTH, HEIGHT]) - _BOX


def detections_in_view(players: int, frames: int, seed: int = 0) -> Detections:
    """All of `players` in each of `frames` frames, running about below a panning camera; boxes jitter by some 3 %."""
    random = np.random.default_rng(seed)
    boxes = _paths(random, players, frames)
    jitter = random.normal(0, 0.03, (frames, players, 4)) * np.tile(_BOX, 2)
    count = frames * players
    return Detections.from_arrays(
        frame=np.repeat(np.arange(frames), players),
        xyxy=(boxes + jitter).reshape(count, 4),
        score=random.uniform(0.7, 0.95, count),
        class_id=np.zeros(count),
        frame_count=frames,
    )


def long_game(frames: int, boxes: int, seed: int = 0) -> tuple[Tracks, Tracks]:
    """The truth, with `boxes` boxes in `frames` frames, and what a middling tracker makes of it: one box in twenty
    missed, the others shifted by a few pixels, and a new identity now and then. Players come and go."""
    random = np.random.default_rng(seed)
    players = -(-boxes * 3 // (frames * 2))
    everywhere = _paths(random, players, frames)
    # Each player is out of view for a quarter of the time, in stretches of 200 frames on average.
    phase = np.arange(frames)[:, None] / 800 + random.uniform(0, 1, players)
    row = np.flatnonzero((phase % 1 < 0.75).ravel())
    row = np.sort(random.permutation(row)[:boxes]) if len(row) > boxes else row
    stay = np.floor(phase).astype(int) * players + np.arange(players)
    frame, stay = row // players, stay.ravel()[row]
    xyxy = everywhere.reshape(-1, 4)[row]
    truth = _tracks(frame, np.unique(stay, return_inverse=True)[1] + 1, xyxy, frames)

    order = np.lexsort((truth.frame, truth.track_id))
    fresh = np.diff(truth.track_id[order], prepend=0) != 0
    fresh |= random.random(len(order)) < 1 / 200
    identity = np.empty(len(order), np.int64)
    identity[order] = np.cumsum(fresh)
    found = random.random(len(order)) >= 0.05
    moved = truth.xyxy[found] + np.tile(random.normal(0, 3, (int(found.sum()), 2)), 2)
    return truth, _tracks(truth.frame[found], identity[found], moved, frames)


def _tracks(frame: NDArray[np.integer], ids: NDArray[np.integer], xyxy: NDArray[np.floating], frames: int) -> Tracks:
    ones = np.ones(len(frame))
    return Tracks.from_arrays(frame, ids, xyxy, ones, ones, frame_count=frames)


def _paths(random: np.random.Generator, players: int, frames: int) -> NDArray[np.float64]:
    """(frames, players, 4): boxes of players who run smoothly and turn back at the border of the picture."""
    time = np.arange(frames)[:, None, None] / 25
    waves = np.zeros((frames, players, 2))
    for slowest, longest, pixels in ((4, 9, 260), (1.5, 4, 70)):
        period = random.uniform(slowest, longest, (players, 2))
        waves += pixels * np.sin(2 * np.pi * (time / period + random.uniform(0, 1, (players, 2))))
    pan = np.array([120, 6]) * np.sin(2 * np.pi * time / 7)
    place = random.uniform(0, 1, (players, 2)) * _FIELD + waves + pan
    folded = np.abs((place + _FIELD) % (2 * _FIELD) - _FIELD)
    return np.concatenate([folded, folded + _BOX], axis=2)
