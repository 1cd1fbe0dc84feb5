"""Second thoughts, over time: what is seen for a moment only is doubted, gaps are filled, sizes are steadied.

Boxes of successive frames that overlap, the camera's motion taken out, make a strand. This is not tracking: strands end
where people meet, and nobody asks who is who.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tracking.camera import Reason
from tracking.camera_path import CameraPath

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_LEAST_OVERLAP = 0.2
_LONGEST_GAP = 0.9
"""Seconds: about as long as people hide each other."""
_LEAST_LIFE = 0.2
"""Seconds that a strand must last to be believed."""
_SPEED_GAIN = 0.3
_STEADIED = 2
"""How many frames before and after one steady its box."""


class Seen(NamedTuple):
    """Boxes of a film: frame int64 (n,), rising; xyxy float64 (n, 4), displayed pixels; share (n,), 0 to 1."""

    frame: Integers
    xyxy: Floats
    share: Floats


class Strands(NamedTuple):
    """`Seen` with the fillings, sorted by frame: and for each box how long its strand lasts, in seconds; is_filled."""

    frame: Integers
    xyxy: Floats
    share: Floats
    life: Floats
    is_filled: npt.NDArray[np.bool_]


def steadied(seen: Seen, camera: CameraPath) -> Strands:
    """The boxes with what their neighbours in time say about them."""
    placed = _placed(seen, camera)
    strand = _strands(seen.frame, placed, camera)
    order = np.lexsort((seen.frame, strand))
    parts: list[tuple[Integers, Floats, Floats, Floats, npt.NDArray[np.bool_]]] = []
    for rows in np.split(order, np.flatnonzero(np.diff(strand[order])) + 1):
        if len(rows):
            parts.append(_filled(seen.frame[rows], placed[rows], seen.share[rows], camera.time))
    if not parts:
        return Strands(seen.frame, seen.xyxy, seen.share, np.empty(0), np.empty(0, np.bool_))
    frame, boxes, share, life, is_filled = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(frame, kind="stable")
    xyxy = _shown(frame[order], boxes[order], camera)
    return Strands(frame[order], xyxy, share[order], life[order], is_filled[order])


def _world(camera: CameraPath) -> Floats:
    """(n, 2, 3): from each frame to the first of its piece of film, by the similarities."""
    result = np.empty((len(camera.reason), 3, 3))
    total = np.eye(3)
    step = np.eye(3)
    for number, transform in enumerate(camera.transform):
        if camera.reason[number] in (Reason.MEASURED, Reason.TOO_FEW_FEATURES):
            step[:2] = transform
            total = total @ np.linalg.inv(step)
        else:
            total = np.eye(3)
        result[number] = total
    return result[:, :2]


def _placed(seen: Seen, camera: CameraPath) -> Floats:
    """(n, 4): middle x and y, width and height, as if the camera had not moved since the piece of film began."""
    world = _world(camera)[seen.frame]
    middle = np.column_stack([(seen.xyxy[:, :2] + seen.xyxy[:, 2:]) / 2, np.ones(len(seen.frame))])
    size = (seen.xyxy[:, 2:] - seen.xyxy[:, :2]) * np.hypot(world[:, 0, 0], world[:, 1, 0])[:, None]
    return np.concatenate([np.einsum("nij,nj->ni", world, middle), size], 1)


def _shown(frame: Integers, placed: Floats, camera: CameraPath) -> Floats:
    """xyxy (n, 4) in the frames; the inverse of `_placed`."""
    world = _world(camera)[frame]
    middle = np.linalg.solve(world[:, :, :2], (placed[:, :2] - world[:, :, 2])[..., None])[..., 0]
    half = placed[:, 2:] / np.hypot(world[:, 0, 0], world[:, 1, 0])[:, None] / 2
    return np.concatenate([middle - half, middle + half], 1)


def _strands(frame: Integers, placed: Floats, camera: CameraPath) -> Integers:
    """(n,): the strand of each box."""
    strand = np.empty(len(frame), np.int64)
    goes_on = np.isin(camera.reason, (Reason.MEASURED, Reason.TOO_FEW_FEATURES))
    count = 0
    last, speed = np.empty((0, 4)), np.empty((0, 2))
    number, moment = np.empty(0, np.int64), np.empty(0)
    offsets = np.searchsorted(frame, np.arange(len(camera.reason) + 1))
    for now, time in enumerate(camera.time.tolist()):
        alive = (time - moment <= _LONGEST_GAP) if goes_on[now] else np.zeros(len(number), np.bool_)
        last, speed, number, moment = last[alive], speed[alive], number[alive], moment[alive]
        rows = slice(int(offsets[now]), int(offsets[now + 1]))
        boxes = placed[rows]
        expected = last.copy()
        expected[:, :2] += speed * (time - moment)[:, None]
        old, new = _pairs(expected, boxes)
        elapsed = np.maximum(time - moment[old], 1e-3)[:, None]
        speed[old] += _SPEED_GAIN * ((boxes[new, :2] - last[old, :2]) / elapsed - speed[old])
        last[old], moment[old] = boxes[new], time
        begins = np.setdiff1d(np.arange(len(boxes)), new)
        mine = np.empty(len(boxes), np.int64)
        mine[new], mine[begins] = number[old], count + np.arange(len(begins))
        count += len(begins)
        strand[rows] = mine
        last, speed = np.concatenate([last, boxes[begins]]), np.concatenate([speed, np.zeros((len(begins), 2))])
        number = np.concatenate([number, mine[begins]])
        moment = np.concatenate([moment, np.full(len(begins), time)])
    return strand


def _pairs(one: Floats, other: Floats) -> tuple[Integers, Integers]:
    """Rows of boxes (middle, size) that overlap most, each at most once."""
    low = np.maximum((one[:, :2] - one[:, 2:] / 2)[:, None], (other[:, :2] - other[:, 2:] / 2)[None])
    high = np.minimum((one[:, :2] + one[:, 2:] / 2)[:, None], (other[:, :2] + other[:, 2:] / 2)[None])
    both = np.clip(high - low, 0, None).prod(-1)
    overlap = both / (one[:, 2:].prod(1)[:, None] + other[:, 2:].prod(1)[None] - both)
    first, second = np.nonzero(overlap >= _LEAST_OVERLAP)
    order = np.argsort(-overlap[first, second], kind="stable")
    free, wanted = np.ones(len(one), np.bool_), np.ones(len(other), np.bool_)
    chosen = []
    for a, b in zip(first[order].tolist(), second[order].tolist(), strict=True):
        if free[a] and wanted[b]:
            free[a], wanted[b] = False, False
            chosen.append((a, b))
    pairs = np.array(chosen, np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def _filled(
    frame: Integers, placed: Floats, share: Floats, time: Floats
) -> tuple[Integers, Floats, Floats, Floats, npt.NDArray[np.bool_]]:
    """One strand, steadied and without gaps."""
    steady = placed.copy()
    for number in range(len(frame)):
        near = slice(max(0, number - _STEADIED), number + _STEADIED + 1)
        # People run straight for a few frames: what a median of places lags behind on one side it leads on the other.
        reach = min(number, len(frame) - 1 - number, _STEADIED)
        steady[number, :2] = np.median(placed[number - reach : number + reach + 1, :2], 0)
        steady[number, 2:] = np.median(placed[near, 2:], 0)
    every = np.arange(frame[0], frame[-1] + 1)
    moment = time[every]
    boxes = np.stack([np.interp(moment, time[frame], column) for column in steady.T], 1)
    is_filled = ~np.isin(every, frame)
    shares = np.interp(moment, time[frame], share)
    life = np.full(len(every), time[frame[-1]] - time[frame[0]])
    return every, boxes, shares, life, is_filled
