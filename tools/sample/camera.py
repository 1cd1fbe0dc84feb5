"""One operator's camera on the stand: a pinhole that pans, tilts, zooms and shakes a little."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sample.play import STEP, Phase, Play
from sample.settings import Settings

Array = npt.NDArray[np.float64]

POSITION = np.array([0.0, -66.0, 10.5])
"""Metres in field coordinates: on the stand behind the near sideline."""

_PLAYER_PIXELS = {
    Phase.FACE_OFF: 98.0,
    Phase.GROUND_BALL: 106.0,
    Phase.TRANSITION: 84.0,
    Phase.OFFENCE: 104.0,
}
"""How tall the operator likes a player at the ball, in pixels of a 720-line picture, by what is going on."""


@dataclass(frozen=True, slots=True)
class View:
    """The camera in one frame.

    rotation (3, 3): rows are the picture's right, down and forward axes in field coordinates; focal: pixels;
    centre: the principal point in pixels, where pixel (0, 0)'s middle is (0, 0).
    """

    rotation: Array
    focal: float
    centre: tuple[float, float]
    size: tuple[int, int]
    """Width, height."""

    def project(self, points: Array) -> tuple[Array, Array]:
        """Field points (..., 3) in metres to pixels (..., 2) and depths (...) in metres along the optical axis."""
        local = (points - POSITION) @ self.rotation.T
        depth = np.maximum(local[..., 2], 0.1)
        pixels = self.focal * local[..., :2] / depth[..., None] + self.centre
        return pixels, depth

    @property
    def matrix(self) -> Array:
        """(3, 4): homogeneous field point to homogeneous pixel."""
        intrinsic = np.array([[self.focal, 0, self.centre[0]], [0, self.focal, self.centre[1]], [0, 0, 1.0]])
        return np.asarray(intrinsic @ np.hstack([self.rotation, -(self.rotation @ POSITION)[:, None]]), np.float64)

    def plane(self, origin: Array, first: Array, second: Array) -> Array:
        """(3, 3): from coordinates in the plane `origin + u * first + v * second` (metres) to pixels."""
        basis = np.zeros((4, 3))
        basis[:3, 0], basis[:3, 1], basis[:3, 2], basis[3, 2] = first, second, origin, 1.0
        return self.matrix @ basis

    @property
    def ground(self) -> Array:
        """(3, 3): the homography from the field (metres) to pixels."""
        return self.plane(np.zeros(3), np.array([1.0, 0, 0]), np.array([0, 1.0, 0]))


@dataclass(frozen=True, slots=True)
class CameraPath:
    """Where the camera looks in each frame: angles in radians (n,), focal length in pixels (n,)."""

    pan: Array
    tilt: Array
    roll: Array
    focal: Array
    width: int
    height: int

    def view(self, frame: int) -> View:
        pan, tilt, roll = self.pan[frame], self.tilt[frame], self.roll[frame]
        forward = np.array([np.sin(pan) * np.cos(tilt), np.cos(pan) * np.cos(tilt), -np.sin(tilt)])
        right = np.array([np.cos(pan), -np.sin(pan), 0.0])
        down = np.cross(forward, right)
        level = np.stack([right, down, forward])
        turn = np.array([[np.cos(roll), np.sin(roll), 0], [-np.sin(roll), np.cos(roll), 0], [0, 0, 1.0]])
        centre = ((self.width - 1) / 2, (self.height - 1) / 2)
        return View(turn @ level, float(self.focal[frame]), centre, (self.width, self.height))


def _follow(target: Array, rate: float, step: float, speed: float = np.inf) -> Array:
    """A critically damped follower of `target` (n,) at `rate` per second, its speed limited: a hand on a tripod."""
    value, velocity = float(target[0]), 0.0
    result = np.empty_like(target)
    for i, wanted in enumerate(target):
        velocity += step * (rate * rate * (wanted - value) - 2 * rate * velocity)
        velocity = min(speed, max(-speed, velocity))
        value += step * velocity
        result[i] = value
    return result


def make_camera(settings: Settings, play: Play) -> CameraPath:
    """Follow the play: aim at the ball and a little ahead of it, wide in transition, close at the goal."""
    random = settings.random("camera")
    count = len(play.aim)
    time = np.arange(count) * STEP
    lead = np.clip(play.aim_velocity, -9, 9) * 0.35
    aim = play.aim + lead
    wander = np.stack(
        [
            amplitude * np.sin(2 * np.pi * time / random.uniform(2.6, 4.2) + random.uniform(0, 2 * np.pi))
            for amplitude in (4.2, 1.6)
        ],
        -1,
    )
    aim = aim + wander
    x = _follow(aim[:, 0], 2.6, STEP)
    y = _follow(0.75 * np.clip(aim[:, 1], -21, 21), 1.8, STEP)
    away = np.hypot(x - POSITION[0], y - POSITION[1])
    pan = np.arctan2(x - POSITION[0], y - POSITION[1])
    taste = np.array([_PLAYER_PIXELS[phase] for phase in Phase])
    taste = taste * random.uniform(0.95, 1.06, len(taste))
    wanted = taste[play.phase] * settings.height / 720 * away / 1.85
    focal = np.exp(_follow(np.log(wanted), 1.5, STEP))
    tilt = np.arctan2(POSITION[2] - 1.0, away) - np.arctan(0.03 * settings.height / focal)
    pixel = 1 / 2900.0  # radians: about one pixel of a 720-line picture

    def shake(slow: float, fast: float) -> Array:
        total = np.zeros(count)
        for low, high, amplitude in ((0.25, 0.9, slow), (2.0, 5.5, fast)):
            for _ in range(3):
                total += amplitude * np.sin(2 * np.pi * random.uniform(low, high) * time + random.uniform(0, 6.3))
        return np.asarray(total, np.float64)

    pan = pan + pixel * shake(1.6, 0.5)
    tilt = tilt + pixel * shake(1.2, 0.45)
    roll = 0.004 * random.uniform(-1, 1) + pixel * shake(0.8, 0.15)
    pick = np.minimum(np.arange(settings.frame_count) / settings.fps / STEP, count - 1)

    def sample(values: Array) -> Array:
        return np.asarray(np.interp(pick, np.arange(count), values), np.float64)

    return CameraPath(sample(pan), sample(tilt), sample(roll), sample(focal), settings.width, settings.height)
