"""Small people seen larger: the picture looked at whole and in overlapping tiles, and what each view saw put together.

A tile sees a person who is no larger than the overlap whole, or its neighbour does; whoever is larger is seen in the
whole picture. So what a tile cuts off at a border inside the picture need not be kept.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shared_libs.common.errors import InputError
from tracking.detectors.detector import Boxes
from tracking.detectors.suppression import surest

LARGEST_GRID = 16
"""Columns or rows of tiles."""
_SEEN_AT = 1280
"""Pixels of the longer side at which people who fill a sixteenth of a game's height are not yet small."""
_OVERLAP_SHARE = 0.2
"""Of the shorter side: the overlap of neighbouring tiles."""
_BORDER = 4.0
"""Pixels of the model's picture: how far from a border a cut person's box may end."""
_SAME_PERSON = 0.5
"""Intersection over union of boxes that two views have of one person."""


class Grid(NamedTuple):
    """How many tiles, side by side and one above the other."""

    columns: int
    rows: int


NO_TILES = Grid(1, 1)


def grid_named(text: str, option: str = "--tiles") -> Grid | None:
    """The grid that `text` asks for: "off", "3x2" (columns by rows), or None for "auto".

    Raises InputError, naming `option`, for anything else.
    """
    if text == "auto":
        return None
    if text == "off":
        return NO_TILES
    match = re.fullmatch(r"([0-9]{1,4})x([0-9]{1,4})", text)
    if match is None:
        raise InputError(option, f"{text!r} is not a grid of tiles", hint="say auto, off, or columns by rows, as 3x2")
    grid = Grid(int(match[1]), int(match[2]))
    if not 1 <= min(grid) <= max(grid) <= LARGEST_GRID:
        raise InputError(option, f"{text} is not a grid of 1x1 to {LARGEST_GRID}x{LARGEST_GRID} tiles")
    return grid


def fitting_grid(size: tuple[int, int], model_size: tuple[int, int]) -> Grid:
    """As many tiles as show people in a picture of `size` large enough to a model that takes `model_size` pixels.

    Both sizes are (width, height). People are a share of the picture, whatever its resolution: a game in 4K needs no
    more tiles than one in HD.
    """
    scale = min(1.0, _SEEN_AT / max(size))
    columns, rows = (
        min(LARGEST_GRID, max(1, round(side * scale / model))) for side, model in zip(size, model_size, strict=True)
    )
    return Grid(columns, rows)


def views_of(size: tuple[int, int], grid: Grid) -> NDArray[np.intp]:
    """What to look at in a picture of `size` (width, height): (n, 4), left, top, right, bottom in whole pixels.

    First the whole picture, then, where there is more than one, the tiles, row by row. Neighbours overlap by at least
    a fifth of the picture's shorter side.
    """
    overlap = int(_OVERLAP_SHARE * min(size))
    whole = np.array([[0, 0, *size]], np.intp)
    if grid == NO_TILES:
        return whole
    left, right = _spans(size[0], grid.columns, overlap)
    top, bottom = _spans(size[1], grid.rows, overlap)
    row, column = np.divmod(np.arange(grid.columns * grid.rows), grid.columns)
    return np.concatenate([whole, np.stack([left[column], top[row], right[column], bottom[row]], axis=1)])


def _spans(length: int, count: int, overlap: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """`count` spans of one length over 0 to `length`: where each begins and ends."""
    span = -(-(length + (count - 1) * overlap) // count)
    begin = np.arange(count) * (length - span) // max(1, count - 1)
    return begin, begin + span


def is_whole(
    xyxy: NDArray[np.float32], view: NDArray[np.intp], size: tuple[int, int], scale: tuple[float, float]
) -> NDArray[np.bool_]:
    """Which of the boxes that were seen in `view` end clear of its borders inside the picture: (n,).

    xyxy: (n, 4) in pixels of the picture; view: a row of `views_of(size, …)`; scale: the model's pixels for one of the
    picture's, across and down.
    """
    border = _BORDER / np.asarray(scale, np.float64)
    inner_low = view[:2] > 0
    inner_high = view[2:] < np.asarray(size)
    cut = (inner_low & (xyxy[:, :2] < view[:2] + border)) | (inner_high & (xyxy[:, 2:] > view[2:] - border))
    return ~(cut[:, 0] | cut[:, 1])


def put_together(seen: Sequence[Boxes]) -> Boxes:
    """The people of a picture, each once, from what each view saw of them, in the picture's pixels."""
    if len(seen) == 1:
        return seen[0]
    boxes = Boxes.joined(seen)
    view = np.repeat(np.arange(len(seen)), [len(part) for part in seen])
    return boxes.take(surest(boxes.xyxy, boxes.score, _SAME_PERSON, view))
