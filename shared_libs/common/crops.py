"""Which boxes to look at: the cleanest few of each track or player, spread over the time in which they were seen.

Looks are never taken from every frame. A person changes little from one frame to the next, and half of the boxes show
somebody else as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from shared_libs.common.tracks import Source, Tracks

Floats = npt.NDArray[np.float32]


class CropSettings(BaseModel):
    """Knobs of the choice of boxes."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    per_group: int = Field(12, ge=1)
    """Most boxes of a short track or group, in number. Higher: looks are steadier, reading the film takes longer."""

    per_second: float = Field(1.0, ge=0)
    """Boxes a second of a group that lives longer than `per_group` of them last. 0: never more than `per_group`."""

    shortest_part: float = Field(0.0, ge=0)
    """Seconds of a group's life that each box stands for at least. Higher: fewer boxes of groups that live briefly."""

    longest_absence: float | None = Field(None, gt=0)
    """Seconds that an absence counts for at most in the life of a group. None: all of it."""

    least_quality: float = Field(0.1, ge=0, le=1)
    """Quality below which a box is not looked at, unless its group has hardly a better one. Higher: cleaner looks."""

    full_height: float = Field(100.0, gt=0)
    """Height of a box, in pixels, from which more of it brings nothing."""

    widest: float = Field(1.2, gt=0)
    """Width of a box, as a multiple of its height, at which it hardly shows one person who stands or runs."""


@dataclass(frozen=True, slots=True, eq=False)
class Crops:
    """Chosen rows of some tracks, rising, and so by frame. row int64 (k,); quality float32 (k,), 0 to 1."""

    row: npt.NDArray[np.int64]
    quality: Floats

    def __len__(self) -> int:
        return len(self.row)


def choose_crops(
    tracks: Tracks,
    fps: float,
    size: tuple[int, int] | None = None,
    settings: CropSettings | None = None,
    group: npt.NDArray[np.integer[Any]] | None = None,
) -> Crops:
    """The boxes to look at: of every part of a group's life the cleanest.

    fps: frames a second. size: width and height of the picture in pixels, where known: a box at its border is likely
    to show only a part of somebody. group: integers (n,), which boxes show one and the same person; their tracks where
    not given. Boxes of negative groups are not looked at, but hide others all the same.
    """
    settings = settings or CropSettings()
    quality = crop_quality(tracks, size, settings)
    group = tracks.track_id if group is None else group
    _, whose = np.unique(group, return_inverse=True)
    best = np.zeros(int(whose.max(initial=-1)) + 1, np.float32)
    np.maximum.at(best, whose, quality)
    good_enough = np.minimum(np.float32(settings.least_quality), best / 2)[whose]
    rows = np.flatnonzero((quality >= good_enough) & (quality > 0) & (group >= 0))
    if not len(rows):
        return Crops(np.empty(0, np.int64), np.empty(0, np.float32))
    frame = tracks.frame[rows].astype(np.int64)
    _, whose = np.unique(group[rows], return_inverse=True)
    moment = _moments(frame, whose, settings.longest_absence, fps)
    span = np.zeros(whose.max() + 1, np.int64)
    np.maximum.at(span, whose, moment + 1)
    parts = np.maximum(settings.per_group, np.ceil(span / fps * settings.per_second).astype(np.int64))
    shortest = max(1.0, settings.shortest_part * fps)
    parts = np.minimum(parts, np.maximum(span // shortest, 1).astype(np.int64))
    part = moment * parts[whose] // span[whose]
    # Of a second's frames all groups like the same ones a little better: fewer frames have to be made into pictures.
    stride = 2 ** np.floor(np.log2(np.maximum(span / parts / 4, 1))).astype(np.int64)
    liking = quality[rows] * np.where(frame % stride[whose] == 0, 1.0, 0.7)
    order = np.lexsort((frame, -liking, part, whose))
    place = np.stack([whose[order], part[order]])
    is_best = np.concatenate([[True], (place[:, 1:] != place[:, :-1]).any(axis=0)])
    chosen = np.sort(rows[order[is_best]])
    return Crops(chosen, quality[chosen])


def crop_quality(tracks: Tracks, size: tuple[int, int] | None = None, settings: CropSettings | None = None) -> Floats:
    """How cleanly each box shows its own person, float32 (n,), 0 to 1; 0 where it was not seen but filled in.

    It counts how large the box is, whether it is whole, whether it has a person's shape, how sure the detector was, and
    how much of it others cover: those who stand nearer hide, those behind only disturb.
    """
    settings = settings or CropSettings()
    left, top, right, bottom = tracks.xyxy.T
    width, height = np.maximum(right - left, 1e-3), np.maximum(bottom - top, 1e-3)
    nearer, farther = _covered(tracks)
    quality = np.sqrt(np.minimum(height / settings.full_height, 1))
    quality *= np.clip(1.5 * (settings.widest - width / height) / settings.widest, 0, 1)
    quality *= np.sqrt(np.clip(tracks.score, 0, 1))
    quality *= (1 - nearer) ** 2 * (1 - 0.5 * farther)
    if size is not None:
        reach = 0.02 * height
        cut = (left < reach) | (right > size[0] - reach) | (top < reach) | (bottom > size[1] - reach)
        outside = (left >= size[0]) | (right <= 0) | (top >= size[1]) | (bottom <= 0)
        quality *= np.where(outside, 0, np.where(cut, 0.3, 1))
    quality[tracks.source != Source.DETECTED] = 0
    return np.asarray(quality, np.float32)


def _moments(
    frame: npt.NDArray[np.int64], whose: npt.NDArray[np.int64], longest_absence: float | None, fps: float
) -> npt.NDArray[np.int64]:
    """When in its group's life each box is, int64 (n,), in frames from 0. Boxes (n,) are sorted by frame."""
    order = np.argsort(whose, kind="stable")
    is_first = np.diff(whose[order], prepend=-1) > 0
    passed = np.where(is_first, 0, np.diff(frame[order], prepend=0))
    if longest_absence is not None:
        passed = np.minimum(passed, max(1, round(longest_absence * fps)))
    since = np.cumsum(passed)
    moment = np.empty(len(frame), np.int64)
    moment[order] = since - since[is_first][whose[order]]
    return moment


def _covered(tracks: Tracks) -> tuple[Floats, Floats]:
    """The share of each box that others cover, added up, at most 1: those nearer (lower feet), those farther away."""
    frame, xyxy = tracks.frame, tracks.xyxy
    count = len(frame)
    area = np.maximum((xyxy[:, 2] - xyxy[:, 0]) * (xyxy[:, 3] - xyxy[:, 1]), 1e-6)
    nearer, farther = np.zeros(count, np.float32), np.zeros(count, np.float32)
    rows = np.arange(count)
    step = 0
    while True:  # each box with the next one of its frame, then with the one after it, and so on
        step += 1
        rows = rows[: np.searchsorted(rows, count - step)]
        rows = rows[frame[rows + step] == frame[rows]]
        if not len(rows):
            return np.minimum(nearer, 1), np.minimum(farther, 1)
        others = rows + step
        meet = (xyxy[rows, 0] < xyxy[others, 2]) & (xyxy[others, 0] < xyxy[rows, 2])
        one, other = rows[meet], others[meet]
        low, high = np.maximum(xyxy[one, :2], xyxy[other, :2]), np.minimum(xyxy[one, 2:], xyxy[other, 2:])
        shared = np.maximum(high - low, 0).prod(axis=1)
        is_behind = xyxy[one, 3] <= xyxy[other, 3]
        for mine, hides in ((one, is_behind), (other, ~is_behind)):
            share = shared / area[mine]
            nearer[mine] += np.where(hides, share, 0)
            farther[mine] += np.where(hides, 0, share)
