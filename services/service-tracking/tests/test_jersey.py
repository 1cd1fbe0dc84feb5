"""The colours that people wear: alike for one kit in any light and place, different for two kits."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracking.jersey import JERSEY_SIZE, black_and_white, describe_jerseys, jersey_lightness

Image = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]
Floats = npt.NDArray[np.float32]

GRASS, TRACK, STAND = (70, 130, 55), (170, 80, 60), (150, 150, 155)
NAVY, WHITE, RED, GOLD, SKY = (30, 42, 96), (236, 236, 232), (196, 32, 44), (244, 198, 54), (146, 200, 238)
BLACK = (36, 36, 41)
BOX = np.array([[60, 30, 100, 130]], np.float32)
"""Of the person in `person`."""


def person(
    jersey: Colour,
    shorts: Colour,
    ground: Colour = GRASS,
    *,
    light: float = 1.0,
    seed: int = 0,
    stripes: Colour | None = None,
    digits: Colour | None = None,
) -> Image:
    """Somebody on textured ground, uint8 (160, 160, 3), a little different for each seed; see `BOX`."""
    random = np.random.default_rng(seed)
    picture = np.empty((160, 160, 3), np.float64)
    picture[:] = ground
    sway = int(random.integers(-3, 4))
    middle = 80 + sway
    cv2.ellipse(picture, (middle, 39), (8, 9), 0, 0, 360, jersey, -1)  # helmet
    cv2.rectangle(picture, (middle - 13, 48), (middle + 13, 82), jersey, -1)
    if stripes is not None:
        for x in range(middle - 13, middle + 13, 6):
            cv2.rectangle(picture, (x, 48), (x + 2, 82), stripes, -1)
    if digits is not None:
        cv2.putText(picture, str(random.integers(10, 99)), (middle - 11, 72), 0, 0.6, digits, 2)
    cv2.rectangle(picture, (middle - 12, 82), (middle + 12, 98), shorts, -1)
    for leg in (-9, 4):
        cv2.rectangle(picture, (middle + leg, 98), (middle + leg + 5, 129), (200, 150, 120), -1)
    picture = cv2.GaussianBlur(picture, (0, 0), 1.0) * light + random.normal(0, 5, picture.shape)
    return picture.clip(0, 255).astype(np.uint8)


def look(picture: Image, box: Floats = BOX) -> Floats:
    vector: Floats = describe_jerseys(picture, box)[0]
    return vector


@pytest.mark.parametrize("kit", [(NAVY, WHITE), (WHITE, NAVY), (RED, RED), (GOLD, BLACK), (SKY, WHITE)])
def test_teammates_are_alike_in_sun_and_shade_and_before_any_ground(kit: tuple[Colour, Colour]) -> None:
    views = [
        look(person(*kit, ground, light=light, seed=seed, digits=kit[1]))
        for seed, (ground, light) in enumerate([(GRASS, 1.0), (GRASS, 0.7), (TRACK, 1.0), (STAND, 0.85)])
    ]
    likeness = np.array(views) @ np.array(views).T
    assert likeness.min() > 0.7


@pytest.mark.parametrize(
    ("one", "other"),
    [(NAVY, WHITE), (NAVY, RED), (WHITE, GOLD), (SKY, WHITE), (SKY, NAVY), (RED, GOLD), (BLACK, NAVY)],
)
def test_kits_of_two_teams_are_told_apart(one: Colour, other: Colour) -> None:
    ours = [look(person(one, one, seed=seed, light=light)) for seed, light in ((1, 1.0), (2, 0.8))]
    theirs = [look(person(other, other, seed=seed, light=light)) for seed, light in ((3, 1.0), (4, 0.8))]
    assert ours[0] @ ours[1] > max(a @ b for a in ours for b in theirs) + 0.2


def test_shorts_tell_jerseys_of_one_colour_apart() -> None:
    assert look(person(WHITE, NAVY)) @ look(person(WHITE, RED)) < 0.85
    assert look(person(WHITE, NAVY)) @ look(person(WHITE, NAVY, seed=5)) > 0.9


def test_the_ground_does_not_count() -> None:
    """A box twice as wide as the person, with more grass than jersey in it."""
    wide = np.array([[40, 30, 120, 130]], np.float32)
    navy, white = (look(person(colour, colour), wide) for colour in (NAVY, WHITE))
    assert navy @ look(person(NAVY, NAVY, seed=1)) > 0.85
    assert navy @ white < 0.3


def test_green_on_green_is_still_a_kit() -> None:
    green = look(person(GRASS, WHITE))
    assert green @ look(person(GRASS, WHITE, seed=3)) > 0.9
    assert green @ look(person(RED, WHITE)) < 0.7


def test_stripes_of_black_and_white_are_known() -> None:
    striped = look(person(WHITE, BLACK, stripes=BLACK))
    plain = [look(person(colour, BLACK)) for colour in (WHITE, BLACK, NAVY, GOLD, SKY)]
    navy = look(person(WHITE, BLACK, stripes=NAVY))
    assert black_and_white(striped[None])[0] > 0.3
    assert black_and_white(np.array([*plain, navy])).max() < 0.1


def test_lightness_is_that_of_the_jersey_alone() -> None:
    dark, light = look(person(NAVY, WHITE)), look(person(WHITE, NAVY))
    values = jersey_lightness(np.array([dark, light]))
    assert values[0] < 0.45 < 0.75 < values[1]


@settings(max_examples=150, deadline=None)
@given(
    corners=st.tuples(*[st.floats(-300, 300, width=32) for _ in range(2)], *[st.floats(0, 400, width=32)] * 2),
    colour=st.tuples(*[st.integers(0, 255)] * 3),
)
def test_any_box_gives_a_vector_of_unit_length_or_nothing(
    corners: tuple[float, float, float, float], colour: Colour
) -> None:
    left, top, width, height = corners
    box = np.array([[left, top, left + width, top + height]], np.float32)
    vector = describe_jerseys(person(colour, WHITE), box)[0]
    assert vector.shape == (JERSEY_SIZE,)
    assert (vector >= 0).all()
    length = float(np.linalg.norm(vector))
    assert length == 0 or length == pytest.approx(1, abs=1e-5)
    in_sight = box[0, 0] < 160 and box[0, 1] < 160 and box[0, 2] > 0 and box[0, 3] > 0 and width > 0 and height > 0
    assert in_sight or length == 0


def test_people_in_one_picture_do_not_depend_on_each_other() -> None:
    picture = person(RED, WHITE)
    boxes = np.array([[60, 30, 100, 130], [500, 500, 540, 600], [20, 20, 60, 120]], np.float32)
    together = describe_jerseys(picture, boxes)
    assert together.dtype == np.float32
    assert not together[1].any()
    for row, box in enumerate(boxes):
        assert np.array_equal(together[row], describe_jerseys(picture, box[None])[0])
    assert describe_jerseys(picture, boxes[:0]).shape == (0, JERSEY_SIZE)
