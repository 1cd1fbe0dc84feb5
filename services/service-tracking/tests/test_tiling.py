"""Whoever is in the picture is found in tiles, once, whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from shared_libs.common.errors import InputError
from tracking.detectors.detector import Boxes
from tracking.detectors.tiling import (
    LARGEST_GRID,
    NO_TILES,
    Grid,
    fitting_grid,
    grid_named,
    is_whole,
    put_together,
    views_of,
)

SIZES = st.tuples(st.integers(40, 4000), st.integers(40, 2200))
GRIDS = st.builds(Grid, st.integers(1, 8), st.integers(1, 8))


def look(
    xyxy: NDArray[np.float64], size: tuple[int, int], grid: Grid, model: int, blur: float = 0.0, seed: int = 0
) -> Boxes:
    """What a model of `model` pixels finds that sees of each box what lies in the view; off by up to `blur` of the
    model's pixels."""
    numbers = np.random.default_rng(seed)
    seen = []
    for view in views_of(size, grid):
        scale = (model / int(view[2] - view[0]), model / int(view[3] - view[1]))
        part = np.concatenate([np.maximum(xyxy[:, :2], view[:2]), np.minimum(xyxy[:, 2:], view[2:])], axis=1)
        part = part[(part[:, 2:] - part[:, :2] > 0).all(axis=1)]
        part += numbers.uniform(-blur, blur, part.shape) / np.tile(scale, 2)
        part = np.clip(part, np.tile(view[:2], 2), np.tile(view[2:], 2)).astype(np.float32)
        boxes = Boxes(part, numbers.uniform(0.2, 1, len(part)).astype(np.float32), np.zeros(len(part), np.int16))
        seen.append(boxes.take(is_whole(part, view, size, scale)))
    return put_together(seen)


@settings(deadline=None)
@given(SIZES, GRIDS)
def test_views_are_the_picture_and_tiles_that_cover_it(size: tuple[int, int], grid: Grid) -> None:
    views = views_of(size, grid)
    assert views[0].tolist() == [0, 0, *size]
    tiles = views[1:]
    assert len(tiles) == (0 if grid == NO_TILES else grid.columns * grid.rows)
    if not len(tiles):
        return
    assert (tiles[:, :2] >= 0).all() and (tiles[:, 2:] <= size).all()
    sides = tiles[:, 2:] - tiles[:, :2]
    assert (sides == sides[0]).all()
    for axis, count in ((0, grid.columns), (1, grid.rows)):
        begin, end = np.unique(tiles[:, axis]), np.unique(tiles[:, axis + 2])
        assert len(begin) == count
        assert (begin[0], end[-1]) == (0, size[axis])
        assert (end[:-1] - begin[1:] >= int(0.2 * min(size))).all()


@settings(deadline=None)
@given(SIZES, GRIDS, st.sampled_from([160, 416, 640, 1280]), st.integers(0, 2**32 - 1), st.data())
def test_every_person_is_found_once_and_whole(
    size: tuple[int, int], grid: Grid, model: int, seed: int, data: st.DataObject
) -> None:
    numbers = np.random.default_rng(seed)
    count = data.draw(st.integers(1, 12))
    least, most = (2, 2), np.array(size) * data.draw(st.sampled_from([0.05, 0.15, 0.5, 1.0]))
    sides = numbers.uniform(least, np.maximum(most, 3), (count, 2))
    corner = numbers.uniform(0, 1, (count, 2)) * (np.array(size) - sides)
    people = np.concatenate([corner, corner + sides], axis=1)
    low, high = np.maximum(people[:, None, :2], people[:, :2]), np.minimum(people[:, None, 2:], people[:, 2:])
    common = np.clip(high - low, 0, None).prod(axis=2)
    area = sides.prod(axis=1)
    same = common / (area[:, None] + area[None] - common)
    assume((same - np.eye(count)).max() < 0.45)  # in one place, two people could not be told from one seen twice
    found = look(people, size, grid, model, seed=seed)
    assert sorted(map(tuple, found.xyxy.tolist())) == sorted(map(tuple, people.astype(np.float32).tolist()))


@settings(deadline=None)
@given(GRIDS, st.integers(0, 2**32 - 1))
def test_a_detector_that_is_a_pixel_off_finds_people_once_too(grid: Grid, seed: int) -> None:
    numbers = np.random.default_rng(seed)
    size = (1280, 720)
    place = np.stack(np.meshgrid(np.arange(10), np.arange(5)), axis=-1).reshape(-1, 2) * (128, 144)
    people = place + numbers.uniform(0, 40, place.shape)
    people = np.concatenate([people, people + numbers.uniform((20, 40), (60, 100), people.shape)], axis=1)
    found = look(people, size, grid, 640, blur=1.0, seed=seed)
    assert len(found) == len(people)
    nearest = np.abs(found.xyxy[:, None] - people).max(axis=2)
    assert sorted(nearest.argmin(axis=1).tolist()) == list(range(len(people)))
    assert nearest.min(axis=1).max() <= 3


def test_two_people_whom_one_view_sees_as_two_stay_two() -> None:
    close = np.array([[100, 100, 140, 200], [108, 100, 148, 200]], np.float32)
    boxes = Boxes(close, np.array([0.9, 0.6], np.float32), np.zeros(2, np.int16))
    again = Boxes(close + 1, np.array([0.8, 0.7], np.float32), np.zeros(2, np.int16))
    assert sorted(put_together([boxes, again]).xyxy.tolist()) == close.tolist()
    assert put_together([boxes]) is boxes
    assert len(put_together([boxes.take(np.array([], int)), again])) == 2


def test_the_class_and_the_score_come_along() -> None:
    one = Boxes(np.array([[0, 0, 9, 9]], np.float32), np.array([0.5], np.float32), np.array([2], np.int16))
    other = Boxes(np.array([[0, 0, 9, 10]], np.float32), np.array([0.75], np.float32), np.array([3], np.int16))
    both = put_together([one, other])
    assert (both.xyxy.tolist(), both.score.tolist(), both.class_id.tolist()) == ([[0, 0, 9, 10]], [0.75], [3])


@pytest.mark.parametrize(
    ("size", "model", "grid"),
    [
        ((1280, 720), (640, 640), (2, 1)),
        ((1920, 1080), (640, 640), (2, 1)),
        ((3840, 2160), (640, 640), (2, 1)),
        ((1080, 1920), (640, 640), (1, 2)),
        ((1920, 1080), (384, 384), (3, 2)),
        ((1920, 1080), (1280, 1280), (1, 1)),
        ((640, 360), (640, 640), (1, 1)),
        ((10000, 10000), (32, 32), (LARGEST_GRID, LARGEST_GRID)),
    ],
)
def test_tiles_are_as_many_as_small_people_need(
    size: tuple[int, int], model: tuple[int, int], grid: tuple[int, int]
) -> None:
    assert fitting_grid(size, model) == grid


def test_grids_are_read_as_people_write_them() -> None:
    assert grid_named("auto") is None
    assert grid_named("off") == NO_TILES
    assert grid_named("3x2") == Grid(columns=3, rows=2)
    for text in ("", "3", "3x", "x2", "0x1", "17x1", "3×2", "-1x2", "٣x2", "3x2x1", "99999x1"):
        with pytest.raises(InputError, match=r"--tiles: .*grid"):
            grid_named(text)
