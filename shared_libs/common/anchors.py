"""The boxes that anchors of edits mean, and the frames in which they are seen.

An edit says which box it is about by a frame and a rectangle, made on an earlier run; on this run the box may lie a
little elsewhere, or be missing in just that frame.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shared_libs.common.edits import Anchor
from shared_libs.common.players import Segment
from shared_libs.common.tracks import Source, Tracks

LEAST_IOU = 0.5
"""Intersection over union from which a box may be the one that is meant."""
FRAMES_BESIDE = 2
"""How far from its frame an anchor is looked for where that frame has no such box."""
_AS_GOOD = 2.0
"""A box is about as good as the best where it misses the anchor by no more than so many times as much."""


class Found(NamedTuple):
    """A box of a track. `miss`: 1 - its intersection over union with the anchor."""

    frame: int
    track_id: int
    miss: float

    def is_as_good_as(self, best: Found) -> bool:
        """Whether the anchor could as well mean this box as the `best`. An exact match has no rival but its equal."""
        return self.miss <= _AS_GOOD * best.miss


class BoxIndex:
    """The boxes of `tracks`, found by anchor or by segment."""

    def __init__(self, tracks: Tracks) -> None:
        self._tracks = tracks
        order = np.argsort(tracks.track_id, kind="stable")
        self._track_id, self._frame = tracks.track_id[order], tracks.frame[order]
        self._is_seen = tracks.source[order] == Source.DETECTED

    def boxes_at(self, anchor: Anchor) -> list[Found]:
        """The boxes that `anchor` may mean, the best first: of its own frame, or where there is none, of the nearest
        on both sides of it."""
        for away in range(FRAMES_BESIDE + 1):
            frames = sorted({anchor.frame - away, anchor.frame + away})
            found = [box for frame in frames for box in self._in_frame(frame, anchor)]
            if found:
                return sorted(found, key=lambda box: (box.miss, box.frame, box.track_id))
        return []

    def frames_of(self, segment: Segment) -> NDArray[np.int64]:
        """The frames in which a segment's track has a box, sorted."""
        own = self._rows(segment)
        return self._frame[own].astype(np.int64)

    def frames_seen(self, segment: Segment) -> NDArray[np.int64]:
        """The frames in which somebody was seen and not only filled in, sorted; all, where that is so in none."""
        own = self._rows(segment)
        seen = self._frame[own][self._is_seen[own]]
        return seen.astype(np.int64) if len(seen) else np.arange(segment.start, segment.end + 1)

    def _rows(self, segment: Segment) -> slice:
        track = _range(self._track_id, segment.track_id, segment.track_id)
        frames = _range(self._frame[track], segment.start, segment.end)
        return slice(track.start + frames.start, track.start + frames.stop)

    def _in_frame(self, frame: int, anchor: Anchor) -> list[Found]:
        rows = _range(self._tracks.frame, frame, frame)
        iou = _iou(self._tracks.xyxy[rows].astype(np.float64), np.array(anchor.xyxy, np.float64))
        ids = self._tracks.track_id[rows]
        return [Found(frame, int(ids[row]), 1 - float(iou[row])) for row in np.flatnonzero(iou >= LEAST_IOU)]


def _range(values: NDArray[np.int32], first: int, last: int) -> slice:
    """Where the values from `first` to `last` stand among sorted ones."""
    # Asked in their own type: for any other, numpy would copy all of them.
    begin, end = np.searchsorted(values, np.int32(first)), np.searchsorted(values, np.int32(last), side="right")
    return slice(int(begin), int(end))


def _iou(boxes: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union (n,) of `boxes` (n, 4) with one other (4,), xyxy both."""
    with np.errstate(all="ignore"):  # an anchor may be of any size; what that makes not a number is no match
        sides = np.maximum(np.minimum(boxes[:, 2:], other[2:]) - np.maximum(boxes[:, :2], other[:2]), 0)
        shared = sides.prod(axis=1)
        area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) + (other[2:] - other[:2]).prod()
        iou: NDArray[np.float64] = shared / (area - shared)
    return iou
