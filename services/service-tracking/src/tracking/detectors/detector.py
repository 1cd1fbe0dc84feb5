"""What every detector meets: pictures in, boxes of people out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
"""(height, width, 3), RGB, as displayed."""

CLASSES = ("person", "player", "goalkeeper", "referee")
"""The people that detectors tell apart; the class in `Detections` is the place in this list. "person": some of them."""


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """The people in one picture.

    xyxy: float32 (n, 4), left, top, right, bottom in pixels, inside the picture, with positive width and height.
    score: float32 (n,), 0 to 1. class_id: int16 (n,), of `CLASSES`.
    """

    xyxy: NDArray[np.float32]
    score: NDArray[np.float32]
    class_id: NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.score)

    def take(self, rows: NDArray[Any]) -> Self:
        """The boxes of `rows`: indices, in their order, or a mask."""
        return type(self)(self.xyxy[rows], self.score[rows], self.class_id[rows])

    @classmethod
    def joined(cls, parts: Sequence[Boxes]) -> Self:
        """All boxes of `parts`, one after the other."""
        empty = np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.int16)
        return cls(
            np.concatenate([empty[0], *(part.xyxy for part in parts)]),
            np.concatenate([empty[1], *(part.score for part in parts)]),
            np.concatenate([empty[2], *(part.class_id for part in parts)]),
        )


class Detector(Protocol):
    """Finds people in single pictures; remembers nothing from one call to the next."""

    @property
    def name(self) -> str:
        """What results say that they were made with."""

    @property
    def digest(self) -> bytes:
        """Of everything that decides its boxes: two detectors with one digest give the same."""

    @property
    def batch(self) -> int:
        """How many pictures it likes to get at once."""

    def detect(self, pictures: Sequence[Picture]) -> list[Boxes]:
        """The people in each picture. The same pictures give the same bytes. Raises InputError where it fails."""
