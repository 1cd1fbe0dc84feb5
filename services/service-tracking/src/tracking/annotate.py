"""Draws tracks on pictures: boxes, ids, and the way each player came."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from shared_libs.common.tracks import Source, Tracks
from tracking.palette import RGB, rgb_of

Float = NDArray[np.float64]
Index = NDArray[np.int64]
Picture = NDArray[np.uint8]
Rectangle = tuple[int, int, int, int]
"""left, top, right, bottom"""

_FONT = cv2.FONT_HERSHEY_DUPLEX
_INK: RGB = (18, 22, 28)
_SUBPIXEL_BITS = 3
"""OpenCV draws at 1/8 of a pixel, which keeps moving lines from trembling."""
_TRAIL_OPACITY = 0.65
_SMOOTH = 4
"""A trail's point is the mean over this many boxes before and after it."""


class Annotator:
    """Draws the tracks of one sequence, frame by frame in any order.

    Trails are drawn where the players ran on the field, not where they were in the picture: the camera's pan is
    taken out with the median motion of all players from frame to frame.
    """

    def __init__(self, tracks: Tracks, height: int, fps: float, trail_seconds: float = 1.5) -> None:
        """`height`: of the pictures, in pixels, to which lines and letters are proportioned."""
        order = np.lexsort((tracks.frame, tracks.track_id))
        self._frame: Index = tracks.frame[order].astype(np.int64)
        self._identity: Index = tracks.track_id[order].astype(np.int64)
        self._xyxy: Float = tracks.xyxy[order].astype(np.float64)
        self._guessed = tracks.source[order] == Source.INTERPOLATED
        self._rows_by_frame: Index = np.argsort(self._frame, kind="stable")
        self._frames_sorted: Index = self._frame[self._rows_by_frame]
        self._unit = max(height / 720, 0.4)

        feet = np.stack([self._xyxy[:, [0, 2]].mean(axis=1), self._xyxy[:, 3]], axis=1)
        self._camera: Float = camera_path(self._frame, self._identity, feet, tracks.frame_count)
        key = self._identity * (tracks.frame_count + 1) + self._frame
        first = np.searchsorted(self._identity, self._identity, side="left")
        length = max(2, round(trail_seconds * fps))
        self._trail_start: Index = np.maximum(first, np.searchsorted(key, key - length))
        self._trail: Float = _smoothed(feet - self._camera[self._frame], first, self._identity)

    def count(self, frame: int) -> int:
        """Number of players in a frame."""
        return len(self._rows(frame))

    def draw(self, frame: int, picture: Picture, caption: str = "") -> None:
        """Draws on `picture`, RGB (h, w, 3), in place: the players of `frame`, and `caption` at the lower left."""
        rows = self._rows(frame)
        rows = rows[np.argsort(self._xyxy[rows, 3])]  # the nearest last, on top
        if len(rows):
            self._draw_trails(picture, rows)
            for row in rows:
                self._draw_box(picture, row)
            taken: list[Rectangle] = []
            for row in rows[::-1]:
                taken.append(self._draw_label(picture, row, taken))
        if caption:
            self._draw_caption(picture, caption)

    def _rows(self, frame: int) -> Index:
        begin, end = np.searchsorted(self._frames_sorted, (frame, frame + 1))
        return self._rows_by_frame[begin:end]

    def _draw_trails(self, picture: Picture, rows: Index) -> None:
        layer = picture.copy()
        for row in rows:
            points = self._trail[self._trail_start[row] : row + 1] + self._camera[self._frame[row]]
            if len(points) < 2:
                continue
            fixed = np.round(points * (1 << _SUBPIXEL_BITS)).astype(np.int32)
            colour = rgb_of(int(self._identity[row]))
            # Three strokes, each shorter and wider than the one before: the trail tapers away.
            for part, width in ((0, 1.2), (1, 2.2), (2, 3.2)):
                stroke = fixed[len(fixed) * part // 3 :]
                if len(stroke) > 1:
                    thickness = max(1, round(width * self._unit))
                    cv2.polylines(layer, [stroke], False, colour, thickness, cv2.LINE_AA, _SUBPIXEL_BITS)
        cv2.addWeighted(layer, _TRAIL_OPACITY, picture, 1 - _TRAIL_OPACITY, 0, dst=picture)

    def _draw_box(self, picture: Picture, row: int) -> None:
        left, top, right, bottom = self._xyxy[row]
        colour = rgb_of(int(self._identity[row]))
        thickness = max(1, round(1.3 * self._unit))
        if self._guessed[row]:
            # A filled-in box shows its corners only.
            reach = 0.22 * np.array([right - left, bottom - top])
            for x, inward in ((left, reach[0]), (right, -reach[0])):
                for y, down in ((top, reach[1]), (bottom, -reach[1])):
                    self._line(picture, (x, y), (x + inward, y), colour, thickness)
                    self._line(picture, (x, y), (x, y + down), colour, thickness)
        else:
            corners = _fixed(left, top), _fixed(right, bottom)
            cv2.rectangle(picture, *corners, _INK, thickness + 2, cv2.LINE_AA, _SUBPIXEL_BITS)
            cv2.rectangle(picture, *corners, colour, thickness, cv2.LINE_AA, _SUBPIXEL_BITS)

    @staticmethod
    def _line(picture: Picture, start: tuple[float, float], stop: tuple[float, float], colour: RGB, width: int) -> None:
        ends = (_fixed(*start), _fixed(*stop))
        cv2.line(picture, *ends, _INK, width + 2, cv2.LINE_AA, _SUBPIXEL_BITS)
        cv2.line(picture, *ends, colour, width, cv2.LINE_AA, _SUBPIXEL_BITS)

    def _draw_label(self, picture: Picture, row: int, taken: Sequence[Rectangle]) -> Rectangle:
        """The id over the head, higher where another label stands; below the feet where the picture ends."""
        left, top, right, bottom = self._xyxy[row]
        text, scale = str(self._identity[row]), 0.38 * self._unit
        (width, height), _ = cv2.getTextSize(text, _FONT, scale, 1)
        pad = round(3 * self._unit)
        tall, gap = height + 2 * pad, max(1, round(self._unit))
        x = round((left + right) / 2 - width / 2) - pad
        y = round(top) - gap - tall
        place = (x, y, x + width + 2 * pad, y + tall)
        while any(_meet(place, other) for other in taken):
            lowest = min(other[1] for other in taken if _meet(place, other))
            place = (place[0], lowest - gap - tall, place[2], lowest - gap)
        if place[1] < 0:
            y = round(bottom) + gap
            place = (x, y, place[2], y + tall)
        cv2.rectangle(picture, place[:2], place[2:], rgb_of(int(self._identity[row])), -1, cv2.LINE_AA)
        cv2.putText(picture, text, (x + pad, place[3] - pad), _FONT, scale, _INK, 1, cv2.LINE_AA)
        return place

    def _draw_caption(self, picture: Picture, caption: str) -> None:
        scale, pad = 0.5 * self._unit, round(10 * self._unit)
        (width, height), _ = cv2.getTextSize(caption, _FONT, scale, 1)
        bottom = picture.shape[0] - pad
        top = max(0, bottom - height - 2 * pad)
        strip = picture[top:bottom, pad : pad + width + 2 * pad]
        strip[:] = (strip * 0.3 + np.array(_INK) * 0.7).astype(np.uint8)
        cv2.putText(picture, caption, (2 * pad, bottom - pad), _FONT, scale, (245, 247, 250), 1, cv2.LINE_AA)


def _meet(first: Rectangle, second: Rectangle) -> bool:
    return first[0] < second[2] and second[0] < first[2] and first[1] < second[3] and second[1] < first[3]


def camera_path(frame: Index, identity: Index, feet: Float, frame_count: int) -> Float:
    """Where the field has moved to in the picture since the first frame, (frame_count, 2) pixels.

    From rows sorted by identity, then frame: `feet` (n, 2) are the boxes' bottom centres. The motion from one frame to
    the next is the median over the players seen in both; none where there are fewer than three.
    """
    follows = (identity[1:] == identity[:-1]) & (frame[1:] == frame[:-1] + 1)
    at, step = frame[1:][follows], (feet[1:] - feet[:-1])[follows]
    order = np.argsort(at, kind="stable")
    at, step = at[order], step[order]
    path = np.zeros((frame_count, 2))
    edges = np.searchsorted(at, np.arange(frame_count + 1))
    for number in (np.diff(edges) >= 3).nonzero()[0]:
        path[number] = np.median(step[edges[number] : edges[number + 1]], axis=0)
    return np.cumsum(path, axis=0)


def _smoothed(points: Float, first: Index, identity: Index) -> Float:
    """Mean of each point (n, 2) and up to _SMOOTH neighbours of its track on each side, the same number on both."""
    if len(points) == 0:
        return points
    row = np.arange(len(points))
    last = np.searchsorted(identity, identity, side="right") - 1
    reach = np.minimum(np.minimum(row - first, last - row), _SMOOTH)
    sums = np.concatenate([np.zeros((1, 2)), np.cumsum(points, axis=0)])
    mean: Float = (sums[row + reach + 1] - sums[row - reach]) / (2 * reach + 1)[:, None]
    return mean


def _fixed(x: float, y: float) -> tuple[int, int]:
    """A point in OpenCV's fixed-point form."""
    return round(x * (1 << _SUBPIXEL_BITS)), round(y * (1 << _SUBPIXEL_BITS))
