"""Detections as a real detector would give them: most people, not quite in place, some missed, some that are nobody.

Misses grow with occlusion and come in runs, since what hides a person in one frame hides them in the next; boxes jitter
with a slow and a quick part; two people close together are sometimes seen as one.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sample.settings import Settings
from sample.truth import PLAYER_CLASS, Truth
from shared_libs.common.detections import Detections

Array = npt.NDArray[np.float64]

_LEAST_SCORE = 0.1
_FALSE_PER_FRAME = 0.22


def detect(settings: Settings, truth: Truth) -> Detections:
    """The detections of a clip: score falls with occlusion, class is the player's."""
    random = settings.random("detector")
    rows: list[tuple[float, float, float, float, float, float]] = []
    for track_id in np.unique(truth.track_id):
        mine = np.flatnonzero(truth.track_id == track_id)
        rows += _one_person(random, settings, truth, mine)
    rows += _false_boxes(random, settings, truth)
    table = np.array(rows, np.float64).reshape(-1, 6)
    table = table[np.lexsort((-table[:, 5], table[:, 0]))]
    limits = (settings.width, settings.height)
    xyxy = np.clip(table[:, 1:5], 0, [*limits, *limits])
    kept = (xyxy[:, 2] - xyxy[:, 0] > 2) & (xyxy[:, 3] - xyxy[:, 1] > 2)
    return Detections.from_arrays(
        frame=table[kept, 0].astype(np.int32),
        xyxy=np.round(xyxy[kept], 1).astype(np.float32),
        score=np.round(table[kept, 5], 3).astype(np.float32),
        class_id=np.full(int(kept.sum()), PLAYER_CLASS, np.int16),
        frame_count=truth.frame_count,
    )


def _slow_noise(random: np.random.Generator, frames: npt.NDArray[np.int32], fps: int, seconds: float) -> Array:
    """Noise of unit variance whose memory is about `seconds`, one value per frame number in `frames`."""
    values = np.empty(len(frames))
    value = float(random.normal())
    fresh = random.normal(size=len(frames))
    for k in range(len(frames)):
        if k:
            keep = float(np.exp(-(frames[k] - frames[k - 1]) / (fps * seconds)))
            value = keep * value + np.sqrt(1 - keep * keep) * fresh[k]
        values[k] = value
    return values


def _one_person(
    random: np.random.Generator, settings: Settings, truth: Truth, mine: npt.NDArray[np.int64]
) -> list[tuple[float, float, float, float, float, float]]:
    frames = truth.frame[mine]
    boxes = truth.xyxy[mine].astype(np.float64)
    visible = truth.visibility[mine].astype(np.float64)
    size = boxes[:, 2:] - boxes[:, :2]
    mood = _slow_noise(random, frames, settings.fps, 0.3)
    noise = random.normal(size=len(mine))
    # Small people are harder to see.
    tall = np.clip(size[:, 1] / settings.height * 720 / 60, 0.3, 1.0)
    clear = 2.9 * np.sqrt(np.clip(visible, 0, 1)) - 0.75 + 0.8 * (tall - 1)
    found = mood + 0.35 * noise < clear
    slow = np.stack([_slow_noise(random, frames, settings.fps, 0.4) for _ in range(4)], -1)
    quick = random.normal(size=(len(mine), 4))
    spread = 0.016 + 0.035 * (1 - visible)
    extent = np.concatenate([size, size], 1)
    moved = boxes + spread[:, None] * extent * (0.8 * slow + 0.55 * quick)
    score = 0.30 + 0.62 * visible**0.7 + 0.05 * mood + 0.04 * random.normal(size=len(mine)) - 0.25 * (1 - tall)
    score = np.clip(score, _LEAST_SCORE, 0.99)
    table = np.column_stack([frames, moved, score])[found]
    return [(frame, left, top, right, bottom, value) for frame, left, top, right, bottom, value in table.tolist()]


def _false_boxes(
    random: np.random.Generator, settings: Settings, truth: Truth
) -> list[tuple[float, float, float, float, float, float]]:
    """Boxes around nobody, a few frames long, and boxes around two people at once."""
    rows: list[tuple[float, float, float, float, float, float]] = []
    starts = random.poisson(_FALSE_PER_FRAME / 3.5, truth.frame_count)
    line = settings.height / 720
    for frame in np.repeat(np.arange(truth.frame_count), starts):
        height = float(random.uniform(45, 120)) * line
        width = height * float(random.uniform(0.3, 0.6))
        x, y = random.uniform(0, settings.width - width), random.uniform(0.1, 0.95) * settings.height - height / 2
        drift = random.normal(0, 1.5 * line, 2)
        score = random.uniform(_LEAST_SCORE, 0.5)
        for k in range(1 + int(random.geometric(0.4))):
            if frame + k >= truth.frame_count:
                break
            left, top = x + k * drift[0], y + k * drift[1]
            wobble = float(np.clip(score + random.normal(0, 0.04), _LEAST_SCORE, 0.65))
            rows.append((float(frame + k), left, top, left + width, top + height, wobble))
    order = np.argsort(truth.frame, kind="stable")
    bounds = np.searchsorted(truth.frame[order], np.arange(truth.frame_count + 1))
    for frame in np.flatnonzero(random.random(truth.frame_count) < 0.08):
        boxes = truth.xyxy[order[bounds[frame] : bounds[frame + 1]]].astype(np.float64)
        if len(boxes) < 2:
            continue
        overlap = pairwise_iou(boxes, boxes)
        np.fill_diagonal(overlap, 0)
        a, b = np.unravel_index(int(overlap.argmax()), overlap.shape)
        if overlap[a, b] > 0.15:
            low, high = np.minimum(boxes[a, :2], boxes[b, :2]), np.maximum(boxes[a, 2:], boxes[b, 2:])
            score = float(random.uniform(0.2, 0.6))
            rows.append((float(frame), float(low[0]), float(low[1]), float(high[0]), float(high[1]), score))
    return rows


def pairwise_iou(a: Array, b: Array) -> Array:
    """Intersection over union of every box of a (n, 4) with every box of b (m, 4): (n, m)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    area_a = np.prod(a[:, 2:] - a[:, :2], axis=1)
    area_b = np.prod(b[:, 2:] - b[:, :2], axis=1)
    return np.asarray(shared / np.maximum(area_a[:, None] + area_b[None] - shared, 1e-9), np.float64)
