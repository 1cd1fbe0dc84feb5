"""Draws tracks on pictures: boxes, ids, teams, and the way each player came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from shared_libs.common.tracks import Source, Tracks
from tracking.camera import Reason
from tracking.canvas import Canvas, fixed, text_size
from tracking.palette import INK, PAPER, RGB, rgb_of, team_colours
from tracking.scene import common_motion, moved, scene_in_picture

if TYPE_CHECKING:
    from tracking.camera_path import CameraPath

Float = NDArray[np.float64]
Index = NDArray[np.int64]
Rectangle = tuple[int, int, int, int]
"""left, top, right, bottom"""

_TRAIL_OPACITY = 0.65
_SMOOTH = 4
"""A trail's point is the mean over this many boxes before and after it."""


class Annotator:
    """Draws the tracks of one sequence, frame by frame in any order.

    Trails are drawn where the players ran on the field, not where they were in the picture: the camera's motion is
    taken out. Where the camera is not known, it is the median motion of all players from frame to frame.
    """

    def __init__(
        self,
        tracks: Tracks,
        height: int,
        fps: float,
        camera: CameraPath | None = None,
        teams: Mapping[int, str] | None = None,
        labels: Mapping[int, str] | None = None,
        trail_seconds: float = 1.5,
    ) -> None:
        """`height`: of the pictures, in pixels, to which lines and letters are proportioned.

        `camera`: how the scene moves in the picture. `teams`: the team of each track id that is known to have one;
        with it, players have the colour of their team, and those without a team none. `labels`: what to call track ids
        by, where it is not the id.
        """
        order = np.lexsort((tracks.frame, tracks.track_id))
        self._frame: Index = tracks.frame[order].astype(np.int64)
        self._identity: Index = tracks.track_id[order].astype(np.int64)
        self._xyxy: Float = tracks.xyxy[order].astype(np.float64)
        self._guessed = tracks.source[order] == Source.INTERPOLATED
        self._rows_by_frame: Index = np.argsort(self._frame, kind="stable")
        self._frames_sorted: Index = self._frame[self._rows_by_frame]
        self._unit = max(height / 720, 0.4)
        self._teams = {int(identity): team for identity, team in (teams or {}).items()}
        self._labels = dict(labels or {})
        self._team_colours = team_colours(self._teams.values())

        feet = np.stack([self._xyxy[:, [0, 2]].mean(axis=1), self._xyxy[:, 3]], axis=1)
        steps = common_motion(self._frame, self._identity, feet, tracks.frame_count)
        self._scene = scene_in_picture(steps, camera)
        key = self._identity * (tracks.frame_count + 1) + self._frame
        first = np.searchsorted(self._identity, self._identity, side="left")
        length = max(2, round(trail_seconds * fps))
        start = np.maximum(self._frame - length, _last_cut(camera, self._frame))
        self._trail_start: Index = np.maximum(first, np.searchsorted(key, key - self._frame + start))
        self._trail: Float = _smoothed(
            moved(np.asarray(np.linalg.inv(self._scene), np.float64)[self._frame], feet), first, self._identity
        )

    def count(self, frame: int) -> int:
        """Number of players in a frame."""
        return len(self._rows(frame))

    def draw(self, frame: int, picture: Canvas, caption: str = "") -> None:
        """Draws on `picture` in place: the players of `frame`, and `caption` at the lower left."""
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

    def _draw_trails(self, picture: Canvas, rows: Index) -> None:
        layer = picture.copy()
        for row in rows:
            points = self._trail[self._trail_start[row] : row + 1]
            if len(points) < 2:
                continue
            way = fixed(moved(self._scene[self._frame[row]][None], points))
            # Three strokes, each shorter and wider than the one before: the trail tapers away.
            for part, width in ((0, 1.2), (1, 2.2), (2, 3.2)):
                stroke = way[len(way) * part // 3 :]
                if len(stroke) > 1:
                    layer.path(stroke, self._colour(row), max(1, round(width * self._unit)))
        picture.blend(layer, _TRAIL_OPACITY)

    def _draw_box(self, picture: Canvas, row: int) -> None:
        left, top, right, bottom = self._xyxy[row]
        thickness = max(1, round(1.3 * self._unit))
        if self._guessed[row]:
            # A filled-in box shows its corners only.
            across, down = 0.22 * (right - left), 0.22 * (bottom - top)
            strokes = [
                fixed(np.array([(x, y + inward_y), (x, y), (x + inward_x, y)]))
                for x, inward_x in ((left, across), (right, -across))
                for y, inward_y in ((top, down), (bottom, -down))
            ]
            for colour, width in ((INK, thickness + 2), (self._colour(row), thickness)):
                for stroke in strokes:
                    picture.path(stroke, colour, width)
        else:
            corners = fixed(np.array([(left, top), (right, bottom)]))
            picture.frame(corners, INK, thickness + 2)
            picture.frame(corners, self._colour(row), thickness)

    def _draw_label(self, picture: Canvas, row: int, taken: Sequence[Rectangle]) -> Rectangle:
        """The id over the head, higher where another label stands; below the feet where the picture ends."""
        left, top, right, bottom = self._xyxy[row]
        identity = int(self._identity[row])
        text, scale = self._labels.get(identity, str(identity)), 0.42 * self._unit
        width, height = text_size(text, scale)
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
        picture.fill(*place, self._colour(row))
        picture.text(text, place[0] + pad, place[3] - pad, scale, 20)
        return place

    def _draw_caption(self, picture: Canvas, caption: str) -> None:
        scale, pad = 0.5 * self._unit, round(10 * self._unit)
        width, height = text_size(caption, scale)
        bottom = picture.height - pad
        top = bottom - height - 2 * pad
        picture.fill(pad, top, pad + width + 2 * pad, bottom, INK, 0.7)
        picture.text(caption, 2 * pad, bottom - pad, scale, 232)
        right = 3 * pad + width + pad
        for team, colour in self._team_colours.items():
            name_width, _ = text_size(team, scale)
            picture.fill(right, top, right + name_width + 2 * pad, bottom, colour)
            picture.text(team, right + pad, bottom - pad, scale, 20)
            right += name_width + 3 * pad

    def _colour(self, row: int) -> RGB:
        identity = int(self._identity[row])
        if not self._teams:
            return rgb_of(identity)
        return self._team_colours.get(self._teams.get(identity, ""), PAPER)


def _meet(first: Rectangle, second: Rectangle) -> bool:
    return first[0] < second[2] and second[0] < first[2] and first[1] < second[3] and second[1] < first[3]


def _last_cut(camera: CameraPath | None, frame: Index) -> Index:
    """The last cut at or before each of `frame` (n,), 0 where there was none."""
    if camera is None:
        return np.zeros(len(frame), np.int64)
    cuts = np.concatenate([[0], (camera.reason == Reason.CUT).nonzero()[0]])
    return cuts[np.searchsorted(cuts, frame, side="right") - 1]


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
