"""What can be chosen about a clip, and the limits of each choice."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import Generator

from shared_libs.common.errors import InputError

_LIMITS: dict[str, tuple[float, float]] = {
    "seconds": (0.2, 3600.0),
    "width": (160, 3840),
    "height": (120, 2160),
    "fps": (5, 120),
    "players": (2, 14),
}
_STREAMS = ("people", "play", "camera", "light", "field", "detector")


@dataclass(frozen=True, slots=True)
class Settings:
    """One clip's settings; equal settings give equal bytes.

    Raises `InputError`, naming the option, for anything that no clip can be made of.
    """

    seconds: float = 20.0
    width: int = 1280
    height: int = 720
    fps: int = 25
    seed: int = 1
    players: int = 10
    """People of each side on the field, goalkeeper included (substitutes come on top)."""

    def __post_init__(self) -> None:
        for name, (low, high) in _LIMITS.items():
            value = getattr(self, name)
            if not math.isfinite(value) or not low <= value <= high:
                raise InputError(Path(f"--{name}"), f"{value:g} is not between {low:g} and {high:g}")
        for name in ("width", "height"):
            if getattr(self, name) % 2:
                raise InputError(
                    Path(f"--{name}"), f"{getattr(self, name)} is odd", hint="H.264 in yuv420p needs even sizes"
                )
        if not 0.5 <= self.width / self.height <= 4.0:
            raise InputError(
                Path("--width"),
                f"{self.width}x{self.height} is too narrow or too wide",
                hint="width / height must lie between 0.5 and 4",
            )
        if self.seed < 0:
            raise InputError(Path("--seed"), f"{self.seed} is negative", hint="use 0 or more")

    @property
    def frame_count(self) -> int:
        return max(1, round(self.seconds * self.fps))

    def random(self, stream: str) -> Generator:
        """An independent random stream per part, so that a change in one part leaves the others as they were."""
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence([self.seed, _STREAMS.index(stream)])))
