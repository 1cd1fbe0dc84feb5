"""A constant-velocity Kalman filter over all tracks at once, in plain numpy.

The state is that of SORT and its descendants: box centre with velocity, and box size (Bewley et al., "Simple online and
realtime tracking", 2016; width and height instead of area and aspect as in Aharon et al., "BoT-SORT", 2022). Noise
is proportional to the box (Wojke et al., "Deep SORT", 2017; Zhang et al., "ByteTrack", 2022), which makes the filter
indifferent to zoom. Process and measurement noise are diagonal and each measured number has its own velocity, so the
8 × 8 filter falls apart into four 2 × 2 ones without loss: every step below is a few multiplications on (n, 4) arrays.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tracking.settings import TrackerSettings

Float = NDArray[np.float64]
Index = NDArray[np.int64]

POSITION, VELOCITY, VAR_POSITION, COVARIANCE, VAR_VELOCITY = range(5)

_START_VELOCITY_STD = 0.15
"""Standard deviation of a new track's velocity, in heights per frame: a sprint seen by a fast pan."""


class KalmanBank:
    """The filters of n tracks.

    `state` is float64 (5, n, 4): position, velocity, variance of position, covariance of the two, variance of
    velocity; the last axis is centre x, centre y, width, height, in pixels and pixels per frame. Width and height have
    no velocity (it stays 0): players do not grow, and zoom is slow enough for a random walk.
    """

    def __init__(self, settings: TrackerSettings) -> None:
        self.state: Float = np.zeros((5, 0, 4))
        self._settings = settings
        self._measurement_variance = settings.measurement_noise**2
        centre, size = settings.position_noise**2, settings.size_noise**2
        self._position_variance = np.array([centre, centre, size, size])
        velocity = settings.velocity_noise**2
        self._velocity_variance = np.array([velocity, velocity, 0.0, 0.0])

    def __len__(self) -> int:
        return len(self.state[POSITION])

    @property
    def position(self) -> Float:
        """Centre x, centre y, width, height of every track (n, 4); a view."""
        view: Float = self.state[POSITION]
        return view

    @property
    def velocity(self) -> Float:
        """Change per frame of the same (n, 4); a view."""
        view: Float = self.state[VELOCITY]
        return view

    def add(self, measured: Float, velocity: Float) -> None:
        """Starts a filter for each measured box (m, 4), moving by `velocity` (2,) pixels per frame at first."""
        new = np.zeros((5, len(measured), 4))
        height = measured[:, 3:4]
        new[POSITION] = measured
        new[VELOCITY, :, :2] = velocity
        new[VAR_POSITION] = self._measurement(measured)
        new[VAR_VELOCITY, :, :2] = (_START_VELOCITY_STD * height) ** 2
        self.state = np.concatenate([self.state, new], axis=1)

    def keep(self, mask: NDArray[np.bool_]) -> None:
        """Drops the tracks where `mask` (n,) is False."""
        self.state = self.state[:, mask]

    def predict(self) -> None:
        """Moves every track on by one frame."""
        position, velocity, var_position, covariance, var_velocity = self.state
        height_squared = position[:, 3:4] ** 2
        position += velocity
        var_position += 2 * covariance
        var_position += var_velocity
        var_position += self._position_variance * height_squared
        covariance += var_velocity
        var_velocity += self._velocity_variance * height_squared

    def update(self, rows: Index, measured: Float) -> None:
        """Corrects the tracks in `rows` (m,), each at most once, with the boxes measured for them (m, 4)."""
        position, velocity, var_position, covariance, var_velocity = state = self.state[:, rows]
        total = var_position + self._measurement(measured)
        gain, velocity_gain = var_position / total, covariance / total
        innovation = measured - position
        position += gain * innovation
        velocity += velocity_gain * innovation
        var_velocity -= velocity_gain * covariance
        remaining = 1 - gain
        covariance *= remaining
        var_position *= remaining
        self.state[:, rows] = state

    def _measurement(self, measured: Float) -> Float:
        """Variance of measured boxes (m, 4): from the width for x and width, from the height for y and height."""
        size = measured[:, 2:]
        variance = np.empty_like(measured)
        np.multiply(size, size, out=variance[:, 2:])
        variance[:, 2:] *= self._measurement_variance
        variance[:, :2] = variance[:, 2:]
        return variance
