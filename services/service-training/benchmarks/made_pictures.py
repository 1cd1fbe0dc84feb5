"""A folder of people for whoever has none at hand: somebody in shirt and shorts on grass, again and again."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from training.dataset.pictures import Image, encode

_SKIN = np.array([200, 160, 130])
_GRASS = np.array([70, 120, 60])
_SHARP = 4
"""The ground is drawn at a fourth of the size, so that it is as smooth as grass far away."""


def make_pictures(folder: Path, people: int, each: int, seed: int = 0) -> None:
    """Writes `folder/person_…/….jpg`, `each` of every one of `people`; the same seed gives the same bytes.

    They are 64 to 100 pixels wide and twice as high, in changing light, as if cut out of a film. People wear different
    colours, but are no more than blobs: speed can be measured with them, what is learned cannot.
    """
    random = np.random.default_rng(seed)
    for person in range(people):
        place = folder / f"person_{person:03}"
        place.mkdir(parents=True)
        kit = random.integers(0, 256, (2, 3))
        for number in range(each):
            (place / f"{number:04}.jpg").write_bytes(encode(_picture(kit, random)))


def _picture(kit: np.ndarray[tuple[int, ...], np.dtype[np.int64]], random: np.random.Generator) -> Image:
    """kit: colours of shirt and shorts, (2, 3)."""
    width = int(random.integers(64, 101))
    height = 2 * width
    ground = _GRASS + random.normal(0, 25, (height // _SHARP, width // _SHARP, 3))
    picture = np.asarray(cv2.resize(ground, (width, height), interpolation=cv2.INTER_LINEAR), np.float64)
    shirt, shorts = kit
    step = random.uniform(-0.12, 0.12)
    for colour, centre, size in (
        (_SKIN, (0.5 + step, 0.8), (0.09, 0.17)),
        (_SKIN, (0.5 - step, 0.8), (0.09, 0.17)),
        (shorts, (0.5, 0.57), (0.22, 0.12)),
        (shirt, (0.5, 0.34), (0.26, 0.19)),
        (_SKIN, (0.5, 0.1), (0.12, 0.08)),
    ):
        middle = tuple(round(part * whole) for part, whole in zip(centre, (width, height), strict=True))
        radii = tuple(round(part * whole) for part, whole in zip(size, (width, height), strict=True))
        cv2.ellipse(picture, middle, radii, 0, 0, 360, colour.astype(float).tolist(), -1)
    lit = cv2.GaussianBlur(picture, (0, 0), 1.2) * random.uniform(0.7, 1.2) + random.normal(0, 6, picture.shape)
    return np.clip(lit, 0, 255).astype(np.uint8)
