"""The colours that somebody wears, as a vector: what tells teams apart without any model.

Jersey, shorts and helmet each give a histogram of colours with soft bins, from which the colours that are seen to the
left and to the right of the person as well are taken out. The axes are lightness and two of saturation: a* and b* of
CIE L*a*b* for their lightness, which stay where they are when a colour goes from sun to shade. Lightness, which does
not, has few bins. The square root of a histogram is a vector of unit length, and the dot product of two of
them is the Bhattacharyya coefficient of the histograms (A. Bhattacharyya, 1943): 1 for equal ones, 0 where they share
nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]


class _Part(NamedTuple):
    """A part of the body as shares of its box, and what it counts for."""

    top: float
    bottom: float
    left: float
    right: float
    weight: float


_PARTS = (
    _Part(0.18, 0.52, 0.25, 0.75, 0.55),  # jersey
    _Part(0.50, 0.70, 0.20, 0.80, 0.28),  # shorts
    _Part(0.00, 0.18, 0.30, 0.70, 0.17),  # helmet
)
_JERSEY, _HELMET = 0, 2
_BESIDE = (_Part(0.10, 0.95, -0.35, -0.05, 0.5), _Part(0.10, 0.95, 1.05, 1.35, 0.5))
_PART_SIDE = 12
_BESIDE_ROWS, _BESIDE_COLUMNS = 24, 6
"""Every part is reduced or enlarged to so many pixels, so that all boxes cost the same."""
_PIXELS = _PART_SIDE**2
_LIGHTNESS = np.array([12.0, 50.0, 88.0])
_SATURATION = np.array([-60.0, -30.0, -12.0, 0.0, 12.0, 30.0, 60.0])
"""The middles of the bins, narrower near grey, where most kits differ."""
_USUAL_LIGHTNESS, _DARKEST = 60.0, 15.0
"""Saturation is chroma at the usual lightness; below the darkest it would be noise."""
_BINS = len(_LIGHTNESS) * len(_SATURATION) ** 2
_BACKGROUND_WEIGHT = 8.0
_GREYEST = 12.0
_MOST_COLOUR = 0.5
"""The share of colour in a jersey at which it does not look black and white any more."""

JERSEY_SIZE = len(_PARTS) * _BINS
"""How many values a vector has."""


def describe_jerseys(picture: Image, xyxy: npt.NDArray[np.float32]) -> Floats:
    """What the people in `picture`, uint8 (height, width, 3) in RGB, wear: float32 (m, JERSEY_SIZE), of unit length.

    xyxy: (m, 4), their boxes in pixels. A row is 0 where a box shows nothing of the picture.
    """
    vectors = np.zeros((len(xyxy), JERSEY_SIZE), np.float32)
    height, width = picture.shape[:2]
    for vector, box in zip(vectors, xyxy.astype(np.float64), strict=True):
        left, top, right, bottom = box
        if right > 0 and bottom > 0 and left < width and top < height and right > left and bottom > top:
            vector[:] = _describe(picture, box)
    return vectors


def jersey_lightness(vectors: Floats) -> Floats:
    """How light the jersey itself is, float32 (m,), from 0 for black to 1 for white."""
    levels = _jersey_histogram(vectors).sum(axis=(2, 3))
    return np.asarray(levels @ _LIGHTNESS / 100, np.float32)


def black_and_white(vectors: Floats) -> Floats:
    """How much of the jersey is black beside as much white, float32 (m,), 0 to 1.

    Stripes of black and white have much of it, and nothing that is coloured.
    """
    histogram = _jersey_histogram(vectors)
    grey = np.abs(_SATURATION) <= _GREYEST
    by_level = histogram[:, :, grey][:, :, :, grey].sum(axis=(2, 3))
    balance = 2 * np.sqrt(by_level[:, 0] * by_level[:, -1])
    coloured = 1 - by_level.sum(axis=1)
    return np.asarray(balance * np.clip(1 - coloured / _MOST_COLOUR, 0, 1), np.float32)


def helmet_likeness(vectors: Floats, kits: Floats) -> Floats:
    """How alike the helmets alone are, float32 (m, n), 0 to 1, of vectors (m, d) and (n, d); 0 where none was seen."""

    return np.asarray(_part_of(vectors, _HELMET) @ _part_of(kits, _HELMET).T, np.float32)


def jersey_likeness(vectors: Floats, kits: Floats) -> Floats:
    """The same of the jerseys alone, without shorts and helmets."""
    return np.asarray(_part_of(vectors, _JERSEY) @ _part_of(kits, _JERSEY).T, np.float32)


def _part_of(vectors: Floats, number: int) -> Floats:
    part = vectors[:, number * _BINS : (number + 1) * _BINS]
    return np.asarray(part / np.maximum(np.linalg.norm(part, axis=1, keepdims=True), 1e-6), np.float32)


def _jersey_histogram(vectors: Floats) -> Doubles:
    """(m, lightness, saturation, saturation), each of sum 1, or 0 where no jersey was seen."""
    histogram = vectors[:, :_BINS].astype(np.float64) ** 2
    histogram /= np.maximum(histogram.sum(axis=1, keepdims=True), 1e-12)
    return histogram.reshape(-1, len(_LIGHTNESS), len(_SATURATION), len(_SATURATION))


def _describe(picture: Image, box: Doubles) -> Doubles:
    parts = [_pixels(picture, box, part, (_PART_SIDE, _PART_SIDE)) for part in _PARTS]
    beside = [_pixels(picture, box, part, (_BESIDE_COLUMNS, _BESIDE_ROWS)) for part in _BESIDE]
    seen_beside = [pixels for pixels in beside if pixels is not None]
    known = [pixels for pixels in parts if pixels is not None]
    if not known:
        return np.zeros(JERSEY_SIZE)
    bins, shares = _soft_bins(np.concatenate([*known, *seen_beside]))
    background = np.zeros(_BINS)
    if seen_beside:
        start = len(known) * _PIXELS
        background = _histogram(bins[:, start:], shares[:, start:]) / (bins.shape[1] - start)
    vector = np.zeros(JERSEY_SIZE)
    first = 0
    for number, (part, pixels) in enumerate(zip(_PARTS, parts, strict=True)):
        if pixels is None:
            continue
        mine, share = bins[:, first : first + _PIXELS], shares[:, first : first + _PIXELS]
        first += _PIXELS
        own = (_histogram(mine, share)[mine] * share).sum(axis=0) / _PIXELS
        others = (background[mine] * share).sum(axis=0)
        histogram = _histogram(mine, share * (own / (own + _BACKGROUND_WEIGHT * others)) ** 2)
        vector[number * _BINS : (number + 1) * _BINS] = np.sqrt(part.weight * histogram / histogram.sum())
    return vector / np.linalg.norm(vector)


def _histogram(bins: npt.NDArray[np.int64], shares: Doubles) -> Doubles:
    return np.asarray(np.bincount(bins.ravel(), shares.ravel(), _BINS), np.float64)


def _pixels(picture: Image, box: Doubles, part: _Part, size: tuple[int, int]) -> Doubles | None:
    """Lightness and saturations of a part of a box, float64 (n, 3), reduced to `size` (columns, rows); None where it is
    not in sight."""
    height, width = picture.shape[:2]
    left, top, right, bottom = box.tolist()
    x0, x1 = left + part.left * (right - left), left + part.right * (right - left)
    y0, y1 = top + part.top * (bottom - top), top + part.bottom * (bottom - top)
    if x0 >= width or x1 <= 0 or y0 >= height or y1 <= 0:
        return None
    column, row = min(max(round(x0), 0), width - 1), min(max(round(y0), 0), height - 1)
    region = picture[row : max(round(y1), row + 1), column : max(round(x1), column + 1)]
    small = cv2.resize(region, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    colours = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2Lab), np.float64).reshape(-1, 3)
    colours[:, 1:] *= _USUAL_LIGHTNESS / (colours[:, :1] + _DARKEST)
    return colours


def _soft_bins(colours: Doubles) -> tuple[npt.NDArray[np.int64], Doubles]:
    """The eight bins nearest to each of n colours and the share of each, both (8, n)."""
    bins: npt.NDArray[np.int64] = np.zeros((1, len(colours)), np.int64)
    shares: Doubles = np.ones((1, len(colours)))
    for axis, middles in enumerate((_LIGHTNESS, _SATURATION, _SATURATION)):
        place = np.interp(colours[:, axis], middles, np.arange(len(middles)))
        low = np.minimum(place.astype(np.int64), len(middles) - 2)
        high_share = place - low
        bins = np.concatenate([bins * len(middles) + low, bins * len(middles) + low + 1])
        shares = np.concatenate([shares * (1 - high_share), shares * high_share])
    return bins, shares
