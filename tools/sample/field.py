"""The lacrosse field in metres: where its lines are, and what it looks like from above and behind.

Origin at the centre of the field; x along it (towards the goal that the first team attacks), y across it (away from
the camera), z up. Measures follow the NCAA men's field: 110 x 60 yards.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from numpy.random import Generator

Image = npt.NDArray[np.uint8]
Matrix = npt.NDArray[np.float64]

YARD = 0.9144
HALF_LENGTH = 55 * YARD
HALF_WIDTH = 30 * YARD
GOAL_X = 40 * YARD
CREASE_RADIUS = 9 * YARD / 3
GOAL_WIDTH = 6 * YARD / 3
GOAL_HEIGHT = 6 * YARD / 3
GOAL_DEPTH = 7 * YARD / 3
RESTRAINING_X = 20 * YARD
WING_Y = 20 * YARD
BACKDROP_Y = 47.0
"""Where the stand, the trees and the sky are painted on a wall behind the far sideline."""


@dataclass(frozen=True, slots=True)
class Painting:
    """A flat picture somewhere in the world.

    `pixel_from_plane` (3, 3) takes homogeneous plane coordinates (metres) to pixels of `pixels` (rows, columns, 3).
    """

    pixels: Image
    pixel_from_plane: Matrix


def _noise(random: Generator, shape: tuple[int, int], cell_rows: float, cell_columns: float) -> npt.NDArray[np.float32]:
    """Smooth noise, about -1 to 1, whose grains are `cell_rows` x `cell_columns` pixels."""
    rows, columns = shape
    small = random.standard_normal((int(rows / cell_rows) + 2, int(columns / cell_columns) + 2)).astype(np.float32)
    return np.asarray(cv2.resize(small, (columns, rows), interpolation=cv2.INTER_CUBIC), np.float32)


_LEFT, _RIGHT, _NEAR, _FAR = -150.0, 150.0, -45.0, BACKDROP_Y + 1
_WORDS = ("LACROSSE", "GROUND BALL", "FACE-OFF", "CREASE", "MAN UP", "CLEAR IT", "FAST BREAK", "ONE MORE")
_ALONG, _ACROSS = 20.0, 10.0
"""Pixels per metre along and across the field: the camera looks so flat that fewer rows are needed than columns."""
_PAINT_ROWS = 4
"""Lines are painted with this many times the rows, then averaged: thin lines stay even at a distance."""


def ground(random: Generator) -> Painting:
    """Grass with mown stripes, the track behind it, and all lines, from above."""
    columns, rows = int((_RIGHT - _LEFT) * _ALONG), int((_FAR - _NEAR) * _ACROSS)
    x = (np.arange(columns, dtype=np.float32) + 0.5) / _ALONG + _LEFT
    y = (np.arange(rows, dtype=np.float32) + 0.5) / _ACROSS + _NEAR
    hue = random.uniform(-1, 1)
    base = np.array([96 + 12 * hue, 146, 74 - 8 * hue], np.float32)
    stripe_width = random.uniform(4.0, 6.0)
    stripe = np.tanh(4 * np.sin(np.pi * x / stripe_width))[None, :] * (np.abs(y) < HALF_WIDTH + 3)[:, None]
    shade = 1 + 0.055 * stripe
    shade += 0.045 * _noise(random, (rows, columns), 40, 80) + 0.03 * _noise(random, (rows, columns), 6, 12)
    shade += 0.045 * _noise(random, (rows, columns), 1.2, 2.4)
    worn = np.exp(-(((np.abs(x) - GOAL_X) ** 2)[None, :] + (y**2)[:, None]) / (2 * 3.2**2))
    worn += 0.5 * np.exp(-((x**2)[None, :] + (y**2)[:, None]) / (2 * 2.5**2))
    worn *= np.clip(0.55 + 0.35 * _noise(random, (rows, columns), 8, 16), 0, 1)
    dry = np.array([142, 128, 84], np.float32)
    dry = np.array([142, 128, 84], np.float32)
    # Far parts lose colour to the air.
    haze = np.clip((y - 10) / 120, 0, 0.25)[:, None]
    pixels = np.empty((rows, columns, 3), np.uint8)
    for channel, air in enumerate((150.0, 165.0, 160.0)):
        plane = base[channel] * shade
        plane += 0.5 * worn * (dry[channel] - plane)
        plane += haze * (air - plane)
        pixels[..., channel] = np.clip(plane, 0, 255)
    track = (y > HALF_WIDTH + 4.0) & (y < HALF_WIDTH + 5.9)
    rubber = (1 + 0.03 * _noise(random, (int(track.sum()), columns), 2, 4))[..., None]
    pixels[track] = np.clip(np.array([176, 92, 72], np.float32) * rubber, 0, 255)
    _paint_lines(pixels)
    to_pixels = np.array([[_ALONG, 0, -_LEFT * _ALONG - 0.5], [0, _ACROSS, -_NEAR * _ACROSS - 0.5], [0, 0, 1]])
    return Painting(pixels, to_pixels.astype(np.float64))


def _paint_lines(pixels: Image) -> None:
    rows, columns = pixels.shape[:2]
    fine = _ACROSS * _PAINT_ROWS
    mask = np.zeros((rows * _PAINT_ROWS, columns), np.uint8)
    shift = 4
    scale = 1 << shift

    def point(x: float, y: float) -> tuple[float, float]:
        return (x - _LEFT) * _ALONG - 0.5, (y - _NEAR) * fine - 0.5

    def polygon(points: list[tuple[float, float]]) -> None:
        corners = np.array([point(*p) for p in points])
        cv2.fillPoly(mask, [np.round(corners * scale).astype(np.int32)], 255, cv2.LINE_AA, shift)

    def line(x0: float, y0: float, x1: float, y1: float, width: float = 0.1) -> None:
        half = width / 2
        polygon(
            [
                (min(x0, x1) - half, min(y0, y1) - half),
                (max(x0, x1) + half, min(y0, y1) - half),
                (max(x0, x1) + half, max(y0, y1) + half),
                (min(x0, x1) - half, max(y0, y1) + half),
            ]
        )

    def ring(x: float, y: float, radius: float, width: float = 0.1) -> None:
        turn = np.linspace(0, 2 * np.pi, 73)
        outer = [(x + (radius + width / 2) * np.cos(a), y + (radius + width / 2) * np.sin(a)) for a in turn]
        inner = [(x + (radius - width / 2) * np.cos(a), y + (radius - width / 2) * np.sin(a)) for a in turn[::-1]]
        polygon(outer + inner)

    for side in (-1, 1):
        line(-HALF_LENGTH, side * HALF_WIDTH, HALF_LENGTH, side * HALF_WIDTH, 0.12)
        line(side * HALF_LENGTH, -HALF_WIDTH, side * HALF_LENGTH, HALF_WIDTH, 0.12)
        line(side * RESTRAINING_X, -HALF_WIDTH, side * RESTRAINING_X, HALF_WIDTH)
        line(side * RESTRAINING_X, WING_Y, side * HALF_LENGTH, WING_Y)
        line(side * RESTRAINING_X, -WING_Y, side * HALF_LENGTH, -WING_Y)
        line(-10 * YARD, side * WING_Y, 10 * YARD, side * WING_Y)
        ring(side * GOAL_X, 0, CREASE_RADIUS)
        line(side * GOAL_X, -GOAL_WIDTH / 2, side * GOAL_X, GOAL_WIDTH / 2)
        line(side * 10 * YARD, -HALF_WIDTH - 5, side * 10 * YARD, -HALF_WIDTH)
        line(side * 22 * YARD, -HALF_WIDTH - 5, side * 4 * YARD, -HALF_WIDTH - 5)
    line(0, -HALF_WIDTH, 0, HALF_WIDTH)
    line(-0.35, 0, 0.35, 0, 0.1)
    line(0, -0.35, 0, 0.35, 0.1)
    cover = cv2.resize(mask, (columns, rows), interpolation=cv2.INTER_AREA)
    painted = cover > 0
    share = cover[painted].astype(np.float32)[:, None] / 255 * 0.9
    pixels[painted] = (pixels[painted] * (1 - share) + share * np.array([238, 240, 236], np.float32)).astype(np.uint8)


def backdrop(random: Generator) -> Painting:
    """The wall behind the far sideline, seen from the field: hedge, stand with spectators, trees, sky."""
    scale, left, right, top = 14.0, -190.0, 190.0, 26.0
    columns, rows = int((right - left) * scale), int(top * scale)
    height = top - (np.arange(rows, dtype=np.float32) + 0.5) / scale
    x = (np.arange(columns, dtype=np.float32) + 0.5) / scale + left
    sky = np.stack([np.interp(height, [8, top], [low, high]) for low, high in ((222, 138), (230, 178), (238, 222))], -1)
    picture = np.repeat(sky[:, None, :], columns, 1).astype(np.float32)
    cloud = np.clip(_noise(random, (rows, columns), 30, 260) + 0.4 * _noise(random, (rows, columns), 9, 70), 0, 1)
    picture += 0.6 * cloud[..., None] * (250 - picture)
    for depth, (mean, spread, colour) in enumerate(
        ((11.5, 1.6, (112, 134, 118)), (9.0, 1.7, (74, 104, 70)), (6.4, 1.3, (52, 84, 46)))
    ):
        crown = mean + spread * _noise(random, (1, columns), 1, 90)[0] + 0.6 * _noise(random, (1, columns), 1, 22)[0]
        trees = height[:, None] < crown[None, :]
        texture = 1 + 0.13 * _noise(random, (rows, columns), 9, 11) + 0.1 * _noise(random, (rows, columns), 3, 4)
        texture *= np.clip(1.12 - 0.035 * (crown[None, :] - height[:, None]), 0.6, 1.2)
        picture = np.where(trees[..., None], np.array(colour, np.float32) * texture[..., None], picture)
        if depth == 1:
            _paint_houses(picture, random, scale, left, top)
    hedge = height < 1.5
    picture[hedge] = np.array([46, 74, 42], np.float32) * (
        1 + 0.15 * _noise(random, (int(hedge.sum()), columns), 2, 3)[..., None]
    )
    pixels = np.clip(picture, 0, 255).astype(np.uint8)
    for centre in (-34.0, 0.0, 34.0):
        _paint_stand(pixels, random, scale, left, top, centre)
    _paint_fence(pixels, random, x, scale, top)
    pixels = np.asarray(cv2.GaussianBlur(pixels, (0, 0), 0.7), np.uint8)
    to_pixels = np.array([[scale, 0, -left * scale - 0.5], [0, -scale, top * scale - 0.5], [0, 0, 1]])
    return Painting(pixels, to_pixels.astype(np.float64))


def _paint_houses(picture: npt.NDArray[np.float32], random: Generator, scale: float, left: float, top: float) -> None:
    for _ in range(7):
        x, width, height = random.uniform(-150, 150), random.uniform(10, 22), random.uniform(5.5, 8.5)
        c0, c1 = int((x - left) * scale), int((x + width - left) * scale)
        r0 = int((top - height) * scale)
        wall = np.array(random.choice([[186, 120, 96], [206, 200, 188], [170, 162, 150]]), np.float32)
        picture[r0:, c0:c1] = wall
        picture[r0 : r0 + 8, c0:c1] = wall * 0.55
        for c in range(c0 + 14, c1 - 20, 30):
            for r in range(r0 + 18, picture.shape[0] - 20, 34):
                picture[r : r + 16, c : c + 13] = (72, 84, 100)


def _paint_stand(pixels: Image, random: Generator, scale: float, left: float, top: float, centre: float) -> None:
    """Benches in steps with people on them: heads, shirts, gaps."""
    width, steps, rise = 27.0, 7, 0.62
    for step in reversed(range(steps)):
        z = 0.7 + rise * step
        r0, r1 = int((top - z - 0.1) * scale), int((top - z + rise) * scale)
        c0, c1 = int((centre - width / 2 - left) * scale), int((centre + width / 2 - left) * scale)
        cv2.rectangle(pixels, (c0, r0), (c1, r1), (150, 154, 160), -1)
        cv2.rectangle(pixels, (c0, r0), (c1, r0 + 1), (196, 198, 202), -1)
        seat = c0 + 4
        while seat < c1 - 6:
            if random.random() < 0.62:
                grey = float(random.uniform(50, 215))
                shirt = tuple(int(v) for v in np.clip(grey + random.normal(0, 26, 3), 20, 235))
                skin = int(random.integers(110, 225))
                tall = int(random.integers(0, 3))
                cv2.ellipse(pixels, (seat + 3, r0 + 1 - tall), (4, 7), 0, 0, 360, shirt, -1, cv2.LINE_AA)
                cv2.rectangle(pixels, (seat, r0 + 2), (seat + 5, r0 + 6), (56, 62, 84), -1)
                cv2.circle(pixels, (seat + 3, r0 - 8 - tall), 2, (skin, int(skin * 0.8), int(skin * 0.66)), -1)
                cv2.circle(pixels, (seat + 3, r0 - 9 - tall), 1, (60, 46, 36), -1)
            seat += int(random.integers(7, 11))
    c0, c1 = int((centre - width / 2 - left) * scale), int((centre + width / 2 - left) * scale)
    for c in range(c0, c1, 60):
        cv2.line(pixels, (c, int((top - 0.7) * scale)), (c, int((top - 5.2) * scale)), (120, 124, 130), 1)


def _paint_fence(pixels: Image, random: Generator, x: npt.NDArray[np.float32], scale: float, top: float) -> None:
    """Advertising boards along the foot of the wall."""
    colours = [(196, 38, 46), (240, 240, 238), (30, 62, 140), (242, 190, 40), (24, 110, 84), (50, 52, 58)]
    r0, r1 = int((top - 1.15) * scale), pixels.shape[0]
    c = 0
    while c < pixels.shape[1]:
        width = int(random.uniform(6, 9) * scale)
        colour = colours[int(random.integers(len(colours)))]
        cv2.rectangle(pixels, (c, r0), (c + width - 3, r1), colour, -1)
        ink = (240, 240, 240) if sum(colour) < 420 else (40, 44, 70)
        word = _WORDS[int(random.integers(len(_WORDS)))]
        cv2.putText(pixels, word, (c + 8, r1 - 4), cv2.FONT_HERSHEY_DUPLEX, 0.34, ink, 1, cv2.LINE_AA)
        c += width
