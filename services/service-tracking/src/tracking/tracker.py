"""The online tracker: joins detections to tracks frame by frame, over arrays of all tracks at once.

The scheme is ByteTrack's (Zhang et al., 2022): sure detections first, doubtful ones only to continue what would
otherwise break. Around it: buffered overlaps in two widths (C-BIoU, Yang et al., 2023), new tracks that start with the
common motion of the others (the camera's, seen from the boxes), and a re-entry window given in seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shared_libs.common.detections import Detections
from shared_libs.common.tracks import Source, Tracks
from tracking.association import assign, buffered_iou, centre_size
from tracking.kalman import KalmanBank
from tracking.settings import TrackerSettings

Float = NDArray[np.float64]
Index = NDArray[np.int64]
Mask = NDArray[np.bool_]

_STILL: Float = np.zeros(2)
_FRAMES_BETWEEN_REPORTS = 500


class FrameResult(NamedTuple):
    """What one frame's detections belong to, in the order in which they were given."""

    number: Index
    """(n,) the track's number, from 1 in order of appearance; 0 where no track took the box. Numbers of tracks that
    were never confirmed stay unused."""
    confirmed: Mask
    """(n,) True where that track has had enough detections to count."""


class Tracker:
    """Follows boxes through a sequence. Call `update` once per frame, in order, with empty arrays where there is none.

    Memory does not grow with the sequence: tracks that were lost for longer than the re-entry window are forgotten.
    """

    def __init__(self, fps: float, settings: TrackerSettings | None = None) -> None:
        """`fps`: frames per second of the sequence, positive; turns the settings' seconds into frames."""
        if not (np.isfinite(fps) and fps > 0):
            raise ValueError(f"fps must be a positive number, not {fps}")
        self.settings = settings or TrackerSettings()
        self._longest_loss = round(self.settings.reentry_seconds * fps)
        self._kalman = KalmanBank(self.settings)
        self._number: Index = np.zeros(0, np.int64)
        self._hits: Index = np.zeros(0, np.int64)
        self._missed: Index = np.zeros(0, np.int64)
        self._confirmed: Mask = np.zeros(0, np.bool_)
        self._next_number = 1

    def update(self, xyxy: NDArray[np.floating], score: NDArray[np.floating]) -> FrameResult:
        """Takes the next frame's boxes xyxy (n, 4), in displayed pixels, and their scores (n,); above 1 counts as 1."""
        settings = self.settings
        score = np.minimum(score, 1.0)
        measured = centre_size(xyxy.astype(np.float64, copy=False))
        owner = np.full(len(measured), -1, np.int64)
        """Row of the track that took each box, -1 where none has."""
        self._kalman.predict()
        free = np.ones(len(self._number), np.bool_)
        """Tracks that have no box yet in this frame."""

        sure = score >= settings.high_score
        doubtful = score >= settings.low_score
        doubtful &= ~sure
        if len(measured) and len(free):
            predicted = self._kalman.position
            overlap = buffered_iou(predicted, measured, settings.buffer)
            overlap *= 1 - settings.score_weight * (1 - score)
            self._join(self._confirmed, sure, overlap, settings.first_overlap, free, owner)
            self._join_wide(sure, predicted, measured, free, owner)
            if doubtful.any():
                self._join(self._confirmed & (self._missed == 0), doubtful, overlap, settings.low_overlap, free, owner)
            self._join(~self._confirmed, sure, overlap, settings.first_overlap, free, owner)

        taken = (owner >= 0).nonzero()[0]
        rows = owner[taken]
        self._kalman.update(rows, measured[taken])
        self._missed += 1
        self._missed[rows] = 0
        self._hits[rows] += 1
        self._confirmed |= self._hits >= settings.confirm_hits

        number = np.zeros(len(measured), np.int64)
        confirmed = np.zeros(len(measured), np.bool_)
        number[taken] = self._number[rows]
        confirmed[taken] = self._confirmed[rows]
        self._forget()
        born = (sure & (score >= settings.new_track_score) & (owner < 0)).nonzero()[0]
        if len(born):
            # Numbered from left to right, so that the order of boxes within a frame does not matter.
            born = born[np.lexsort((measured[born, 1], measured[born, 0]))]
            number[born] = self._start(measured[born])
            confirmed[born] = settings.confirm_hits <= 1
        return FrameResult(number, confirmed)

    def _join(self, tracks: Mask, boxes: Mask, overlap: Float, least: float, free: Mask, owner: Index) -> None:
        """Assigns among the `tracks` that are free and the `boxes` without an owner; notes it in `free` and `owner`."""
        rows = (tracks & free).nonzero()[0]
        columns = (boxes & (owner < 0)).nonzero()[0]
        if len(rows) and len(columns):
            chosen_rows, chosen_columns = assign(overlap[rows[:, None], columns], least)
            rows = rows[chosen_rows]
            owner[columns[chosen_columns]] = rows
            free[rows] = False

    def _join_wide(self, boxes: Mask, predicted: Float, measured: Float, free: Mask, owner: Index) -> None:
        """The same for what the first try left over, with overlaps of boxes enlarged further."""
        rows = (self._confirmed & free).nonzero()[0]
        columns = (boxes & (owner < 0)).nonzero()[0]
        if len(rows) and len(columns):
            overlap = buffered_iou(predicted[rows], measured[columns], self.settings.wide_buffer)
            chosen_rows, chosen_columns = assign(overlap, self.settings.wide_overlap)
            rows = rows[chosen_rows]
            owner[columns[chosen_columns]] = rows
            free[rows] = False

    def _forget(self) -> None:
        """Drops tracks lost for too long, and unconfirmed ones at their first miss."""
        keep = self._missed <= np.where(self._confirmed, self._longest_loss, 0)
        if not keep.all():
            self._kalman.keep(keep)
            self._number, self._hits = self._number[keep], self._hits[keep]
            self._missed, self._confirmed = self._missed[keep], self._confirmed[keep]

    def _start(self, measured: Float) -> Index:
        """Starts a track for each box (m, 4); returns their numbers (m,)."""
        count = len(measured)
        number = np.arange(self._next_number, self._next_number + count)
        self._next_number += count
        self._kalman.add(measured, self._common_velocity())
        self._number = np.concatenate([self._number, number])
        self._hits = np.concatenate([self._hits, np.ones(count, np.int64)])
        self._missed = np.concatenate([self._missed, np.zeros(count, np.int64)])
        self._confirmed = np.concatenate([self._confirmed, np.full(count, self.settings.confirm_hits <= 1)])
        return number

    def _common_velocity(self) -> Float:
        """Median velocity of the confirmed tracks in view (2,): what a panning camera gives to everything."""
        seen = self._confirmed & (self._missed == 0)
        if not seen.any():
            return _STILL
        return np.median(self._kalman.velocity[seen, :2], axis=0)


def track(
    detections: Detections,
    fps: float,
    settings: TrackerSettings | None = None,
    on_frame: Callable[[int], None] = lambda done: None,
) -> Tracks:
    """Tracks of a whole sequence.

    Every row of the result is one of the detections, unchanged, with its track's id. Ids count from 1 in order of first
    appearance; a track that was confirmed later is reported from its first box. `fps` is in frames per second.
    `on_frame` is told the number of frames done, from time to time. The same input gives the same output.
    """
    tracker = Tracker(fps, settings)
    xyxy, score = detections.xyxy.astype(np.float64), detections.score.astype(np.float64)
    number = np.zeros(len(detections), np.int64)
    confirmed = np.zeros(len(detections), np.bool_)
    offsets = detections.offsets().tolist()
    for frame, (begin, end) in enumerate(pairwise(offsets)):
        if frame % _FRAMES_BETWEEN_REPORTS == 0:
            on_frame(frame)
        number[begin:end], confirmed[begin:end] = tracker.update(xyxy[begin:end], score[begin:end])
    kept = np.isin(number, np.unique(number[confirmed])).nonzero()[0]
    return Tracks.from_arrays(
        frame=detections.frame[kept],
        track_id=np.unique(number[kept], return_inverse=True)[1] + 1,
        xyxy=detections.xyxy[kept],
        score=detections.score[kept],
        class_id=detections.class_id[kept],
        source=np.full(len(kept), Source.DETECTED, np.uint8),
        frame_count=detections.frame_count,
    )
