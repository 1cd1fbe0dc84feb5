"""Puts the picture together: field, wall behind it, shadows, people, goals, ball; then the camera's blur and grain."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from sample.camera import View
from sample.field import BACKDROP_Y, GOAL_DEPTH, GOAL_HEIGHT, GOAL_WIDTH, GOAL_X, Painting, backdrop, ground
from sample.figure import SHIFT
from sample.light import Light
from sample.paint import Painter
from sample.people import Person
from sample.settings import Settings
from sample.world import Frame

Array = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]
_SHUTTER = 0.24
"""Share of the time between frames in which the shutter is open."""
_GRAIN_MIDDLE = 8


def _tinted(painting: Painting, light: Light) -> Painting:
    return Painting(_scaled(painting.pixels, light.tint), painting.pixel_from_plane)


def _scaled(pixels: Image, gain: Array) -> Image:
    tables = np.clip(np.arange(256)[:, None] * gain, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(pixels, tables[None]), np.uint8)


class Scene:
    """Renders frames of one clip; holds the pre-painted field and wall."""

    def __init__(self, settings: Settings, people: list[Person], light: Light) -> None:
        random = settings.random("field")
        self.settings = settings
        self.light = light
        self.ground = _tinted(ground(random), light)
        self.far_grass = self.ground.pixels[::40, ::200].reshape(-1, 3).mean(0).astype(np.uint8)
        self.wall = _tinted(backdrop(random), light)
        self.painters = [Painter(person, light.tint) for person in people]
        height, width = settings.height, settings.width
        noise = np.asarray(cv2.GaussianBlur(random.normal(0, 1, (height + 64, width + 64)), (0, 0), 0.6), np.float64)
        noise *= light.grain / max(float(noise.std()), 1e-6)
        grain = np.clip(np.round(noise) + _GRAIN_MIDDLE, 0, 2 * _GRAIN_MIDDLE).astype(np.uint8)
        self.grain = np.ascontiguousarray(np.repeat(grain[..., None], 3, axis=2))
        self.grain_at = random.integers(0, 64, (settings.frame_count, 2))
        rows, columns = (height + 1) // 2, (width + 1) // 2
        y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
        distance = np.hypot((x - columns / 2) / columns, (y - rows / 2) / rows)
        self.vignette = np.asarray(255 * (1 - 0.22 * distance**2), np.uint8)
        self.shadow_table = np.round(255 - light.shadow * np.arange(256)).astype(np.uint8)

    def render(self, frame: Frame, pan_pixels: float) -> Image:
        """(height, width, 3) RGB. `pan_pixels`: how far the picture moved sideways since the last frame."""
        view = frame.view
        width, height = view.size
        wall = view.plane(np.array([0.0, BACKDROP_Y, 0.0]), np.array([1.0, 0, 0]), np.array([0, 0, 1.0]))
        high, low = self._foot_of(wall, view)
        picture = np.empty((height, width, 3), np.uint8)
        self._ground(frame, picture, high)
        self._wall(wall, picture, low)
        self._people(frame, picture)
        return self._develop(frame.index, picture, pan_pixels)

    def _foot_of(self, plane: Array, view: View) -> tuple[int, int]:
        """The rows between which the wall meets the grass: first row with grass, first row without wall."""
        width, height = view.size
        foot = plane @ np.array([[-100.0, 100.0], [0, 0], [1, 1]])
        foot = foot[:2] / foot[2]
        slope = (foot[1, 1] - foot[1, 0]) / (foot[0, 1] - foot[0, 0])
        ends = foot[1, 0] + slope * (np.array([0.0, width]) - foot[0, 0])
        high = int(np.clip(np.floor(ends.min()) - 1, 0, height - 2)) & ~1  # even, for the half-size map of light
        return high, int(np.clip(np.ceil(ends.max()) + 1, 0, height))

    def _wall(self, plane: Array, picture: Image, rows: int) -> None:
        if rows == 0:
            return
        cv2.warpPerspective(
            self.wall.pixels,
            plane @ np.linalg.inv(self.wall.pixel_from_plane),
            (picture.shape[1], rows),
            dst=picture[:rows],
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_TRANSPARENT,
        )

    def _ground(self, frame: Frame, picture: Image, top: int) -> None:
        """Grass from row `top` on, darkened by cast shadows, clouds and the lens' corners."""
        view, ball = frame.view, frame.ball
        height, width = picture.shape[:2]
        up = np.array([[1.0, 0, 0], [0, 1, -top], [0, 0, 1]])
        grass = np.empty((height - top, width, 3), np.uint8)
        grass[:] = self.far_grass
        cv2.warpPerspective(
            self.ground.pixels,
            up @ view.ground @ np.linalg.inv(self.ground.pixel_from_plane),
            (width, height - top),
            dst=grass,
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_TRANSPARENT,
        )
        rows, columns = self.vignette.shape
        mask = np.zeros((rows, columns), np.uint8)
        for polygons in frame.outlines.shadows:
            for polygon in polygons:
                cv2.fillConvexPoly(mask, polygon, 255, cv2.LINE_8, SHIFT + 1)
        spot, depth = view.project(np.array([ball[0], ball[1], 0.0]))
        size = max(1, int(0.05 * view.focal / float(depth)))
        cv2.circle(mask, (int(np.clip(spot[0] / 2, -99, 9999)), int(np.clip(spot[1] / 2, -99, 9999))), size, 160, -1)
        mask = np.asarray(cv2.GaussianBlur(mask[top // 2 :], (3, 3), 0), np.uint8)
        x, y = np.meshgrid(np.linspace(0, width, 33), np.linspace(top, height, 19))
        field = np.linalg.inv(view.ground) @ np.stack([x, y, np.ones_like(x)]).reshape(3, -1)
        time = frame.index / self.settings.fps
        cloud = self.light.cloud_shade(field[0] / field[2], field[1] / field[2], time).reshape(19, 33)
        sky = cv2.resize((255 * cloud).astype(np.uint8), (columns, rows - top // 2), interpolation=cv2.INTER_LINEAR)
        sky = cv2.multiply(sky, self.vignette[top // 2 :], scale=1 / 255)
        light = cv2.multiply(sky, cv2.LUT(mask, self.shadow_table), scale=1 / 255)
        full = cv2.resize(light, (width, height - top), interpolation=cv2.INTER_LINEAR)
        cv2.multiply(grass, cv2.cvtColor(full, cv2.COLOR_GRAY2RGB), dst=picture[top:], scale=1 / 255)

    def _people(self, frame: Frame, picture: Image) -> None:
        view, outlines, ball = frame.view, frame.outlines, frame.ball
        time = frame.index / self.settings.fps
        feet = outlines.feet
        shade = self.light.cloud_shade(feet[:, 0], feet[:, 1], time)
        _, depth = view.project(np.concatenate([feet, np.zeros((len(feet), 1))], 1))
        items: list[tuple[float, int, int]] = [(-float(d), 0, row) for row, d in enumerate(depth)]
        for side in (-1, 1):
            centre, d = view.project(np.array([side * GOAL_X, 0.0, 1.0]))
            if -400 < centre[0] < view.size[0] + 400:
                items.append((-float(d), 1, side))
        _, d = view.project(ball)
        items.append((-float(d) + 0.4, 2, 0))
        for _, kind, which in sorted(items):
            if kind == 0:
                self.painters[int(outlines.who[which])].paint(picture, outlines, which, float(shade[which]))
            elif kind == 1:
                self._goal(view, picture, which)
            else:
                self._ball(view, picture, ball)

    def _goal(self, view: View, picture: Image, side: int) -> None:
        half = GOAL_WIDTH / 2
        corners = np.array(
            [
                [side * GOAL_X, -half, 0],
                [side * GOAL_X, -half, GOAL_HEIGHT],
                [side * GOAL_X, half, GOAL_HEIGHT],
                [side * GOAL_X, half, 0],
                [side * (GOAL_X + GOAL_DEPTH), 0, 0],
            ]
        )
        pixels, depth = view.project(corners)
        scale = view.focal / float(depth[0])
        fixed = np.round(pixels * (1 << SHIFT)).astype(np.int32)
        low = np.maximum(np.floor(pixels.min(0)).astype(int) - 4, 0)
        high = np.minimum(np.ceil(pixels.max(0)).astype(int) + 5, view.size)
        if (high <= low).any():
            return
        region = picture[low[1] : high[1], low[0] : high[0]]
        before = region.copy()
        net: list[Array] = []
        back = corners[4]
        for a, b in ((0, 1), (1, 2), (2, 3)):
            for part in np.linspace(0, 1, 9):
                start = corners[a] + part * (corners[b] - corners[a])
                net.append(np.stack([start, back]))
        for part in np.linspace(0.12, 0.88, 6):
            net.append(corners[:4] + part * (back - corners[:4]))
        for line in net:
            points, _ = view.project(line)
            string = np.round(points * (1 << SHIFT)).astype(np.int32)
            cv2.polylines(picture, [string], False, (236, 236, 232), 1, cv2.LINE_AA, SHIFT)
        cv2.addWeighted(region, 0.55, before, 0.45, 0, dst=region)
        pipe = max(1, round(0.07 * scale))
        cv2.polylines(picture, [fixed[:4]], False, (226, 92, 30), pipe, cv2.LINE_AA, SHIFT)
        cv2.polylines(
            picture, [fixed[[0, 4]], fixed[[3, 4]]], False, (206, 84, 30), max(1, pipe // 2), cv2.LINE_AA, SHIFT
        )

    def _ball(self, view: View, picture: Image, ball: Array) -> None:
        centre, depth = view.project(ball)
        radius = max(1.2, 0.045 * view.focal / float(depth))
        point = np.round(centre * (1 << SHIFT)).astype(int)
        size = round(radius * (1 << SHIFT))
        cv2.circle(picture, (int(point[0]), int(point[1])), size, (250, 250, 240), -1, cv2.LINE_AA, SHIFT)

    def _develop(self, frame: int, picture: Image, pan_pixels: float) -> Image:
        """Lens and sensor: focus, movement during the exposure, grain, tone."""
        lines = self.settings.height / 720
        smear = round(_SHUTTER * abs(pan_pixels))
        if smear >= 2:
            picture = np.asarray(cv2.blur(picture, (min(smear, 15), 1)), np.uint8)
        sigma = float(self.light.focus[frame]) * lines
        if sigma > 0.25:
            size = 3 if sigma < 0.75 else 5
            picture = np.asarray(cv2.GaussianBlur(picture, (size, size), sigma), np.uint8)
        top, left = self.grain_at[frame]
        height, width = picture.shape[:2]
        grain = self.grain[top : top + height, left : left + width]
        gain = float(self.light.exposure[frame])
        return np.asarray(cv2.addWeighted(picture, gain, grain, 1.0, -_GRAIN_MIDDLE), np.uint8)
