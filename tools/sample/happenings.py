"""What happens in a clip, counted from its truth: how hard it is to follow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sample.camera import POSITION
from sample.detector import pairwise_iou
from sample.settings import Settings
from sample.truth import Truth
from sample.world import World

LONG_EXIT = 2.0
"""Seconds out of the picture from which on an exit counts as long."""


@dataclass(frozen=True, slots=True)
class Happenings:
    """Counts over a clip.

    people: identities seen; boxes_per_frame; median_height: pixels; occlusions: times that two boxes came to overlap
    by IoU >= 0.5; occluded: share of boxes of which less than half is seen; short_exits, long_exits: times that
    somebody left the picture and came back, within `LONG_EXIT` seconds or later; pan_metres: how far the aim moved
    along the field; zoom: longest focal length over shortest.
    """

    people: int
    boxes_per_frame: float
    median_height: float
    occlusions: int
    occluded: float
    short_exits: int
    long_exits: int
    pan_metres: float
    zoom: float


def count_happenings(settings: Settings, world: World, truth: Truth) -> Happenings:
    bounds = np.searchsorted(truth.frame, np.arange(truth.frame_count + 1))
    occlusions, before = 0, set[tuple[int, int]]()
    for frame in range(truth.frame_count):
        rows = slice(bounds[frame], bounds[frame + 1])
        ids = truth.track_id[rows]
        boxes = truth.xyxy[rows].astype(np.float64)
        close = np.argwhere(np.triu(pairwise_iou(boxes, boxes) >= 0.5, 1))
        now = {(int(ids[a]), int(ids[b])) for a, b in close}
        occlusions += len(now - before)
        before = now
    short = long = 0
    for track_id in np.unique(truth.track_id):
        gaps = np.diff(truth.frame[truth.track_id == track_id]) - 1
        short += int(((gaps > 0) & (gaps <= LONG_EXIT * settings.fps)).sum())
        long += int((gaps > LONG_EXIT * settings.fps).sum())
    aim = -POSITION[1] * np.tan(world.camera.pan)
    heights = truth.xyxy[:, 3] - truth.xyxy[:, 1]
    return Happenings(
        people=len(np.unique(truth.track_id)),
        boxes_per_frame=len(truth.frame) / truth.frame_count,
        median_height=float(np.median(heights)) if len(heights) else 0.0,
        occlusions=occlusions,
        occluded=float((truth.visibility < 0.5).mean()) if len(heights) else 0.0,
        short_exits=short,
        long_exits=long,
        pan_metres=float(np.ptp(aim)),
        zoom=float(world.camera.focal.max() / world.camera.focal.min()),
    )
