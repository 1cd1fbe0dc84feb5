"""A clip without its pixels: everybody, the play, the camera and the light, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sample.camera import View, make_camera
from sample.figure import Figures, Outlines
from sample.light import make_light
from sample.people import make_people
from sample.play import STEP, simulate
from sample.settings import Settings
from sample.skeleton import make_motion

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: what the camera sees, where. `ball` (3,) metres; `holder`: index of who holds it, or -1."""

    index: int
    view: View
    outlines: Outlines
    ball: Array
    holder: int
    phase: int


class World:
    """Simulates the whole clip when made; `frame` then gives any frame in any order."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.people = make_people(settings)
        self.play = simulate(settings, self.people)
        self.camera = make_camera(settings, self.play)
        self.light = make_light(settings)
        self.figures = Figures(self.people, self.light.sun)
        self.motion = make_motion(self.play, settings.frame_count, settings.fps)

    def frame(self, index: int) -> Frame:
        view = self.camera.view(index)
        outlines = self.figures.at(view, self.figures.anatomy.at(self.motion, index))
        step = min(round(index / self.settings.fps / STEP), len(self.play.ball) - 1)
        holder = int(self.play.holder[step])
        ball = self.play.ball[step]
        row = np.flatnonzero(outlines.who == holder)
        if len(row):
            ball = outlines.ball_pocket[row[0]]
        return Frame(index, view, outlines, ball, holder, int(self.play.phase[step]))

    def pan_pixels(self, index: int) -> float:
        """How far the picture moves sideways from the frame before, in pixels."""
        if index == 0:
            return 0.0
        pan = self.camera.pan
        return float((pan[index] - pan[index - 1]) * self.camera.focal[index])
