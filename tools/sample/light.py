"""Sun, clouds and the camera's exposure, focus and grain over a clip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sample.settings import Settings

Array = npt.NDArray[np.float64]
_CLOUDS = 5


@dataclass(frozen=True, slots=True)
class Light:
    """The light of one clip.

    sun (3,): unit direction towards the sun; shadow: how dark cast shadows are, 0 to 1; exposure, focus (f,): gain and
    blur radius in pixels of a 720-line picture, per frame; tint (3,): gain of red, green, blue; grain: standard
    deviation of the sensor's noise in grey levels; cloudiness: how dark a cloud's shadow is; clouds (k, 5): wave
    vectors, drift, phase and weight of the cloud pattern.
    """

    sun: Array
    shadow: float
    exposure: Array
    focus: Array
    tint: Array
    grain: float
    cloudiness: float
    clouds: Array

    def cloud_shade(self, x: Array, y: Array, time: float) -> Array:
        """Brightness between about 0.7 and 1 at field points (metres) `time` seconds into the clip."""
        total = np.zeros(np.broadcast(x, y).shape)
        for kx, ky, drift, phase, weight in self.clouds:
            total += weight * np.sin(kx * x + ky * y + drift * time + phase)
        return np.asarray(1 - self.cloudiness * (0.5 + 0.5 * np.tanh(2.2 * total)), np.float64)


def make_light(settings: Settings) -> Light:
    random = settings.random("light")
    azimuth = random.uniform(-0.9, 0.9) - np.pi / 2 + (np.pi if random.random() < 0.25 else 0.0)
    elevation = np.radians(random.uniform(36, 60))
    sun = np.array([np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)])
    count = settings.frame_count
    time = np.arange(count) / settings.fps

    def drift(slowest: float, fastest: float) -> Array:
        period, phase = random.uniform(fastest, slowest), random.uniform(0, 2 * np.pi)
        return np.asarray(np.sin(2 * np.pi * time / period + phase), np.float64)

    exposure = random.uniform(0.96, 1.06) * (1 + 0.05 * drift(26, 14) + 0.02 * drift(9, 5))
    focus = 0.55 + 0.12 * drift(11, 6) + 0.30 * np.maximum(0, drift(15, 8)) ** 6
    warmth = random.uniform(-0.03, 0.045)
    clouds = np.stack(
        [
            random.normal(0, 0.05, _CLOUDS),
            random.normal(0, 0.05, _CLOUDS),
            random.uniform(0.1, 0.5, _CLOUDS),
            random.uniform(0, 2 * np.pi, _CLOUDS),
            random.uniform(0.3, 0.7, _CLOUDS),
        ],
        -1,
    )
    return Light(
        sun=sun,
        shadow=float(random.uniform(0.34, 0.48)),
        exposure=np.asarray(exposure, np.float64),
        focus=np.asarray(focus, np.float64),
        tint=np.array([1 + warmth, 1.0, 1 - warmth]),
        grain=float(random.uniform(0.8, 1.6)),
        cloudiness=float(random.uniform(0.08, 0.26)),
        clouds=clouds,
    )
