"""The colour histogram: what it keeps, what it does not see, and that it tells kits apart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from training.dataset.crop_set import CropSet
from training.evaluation.baselines import colour_histogram
from training.evaluation.measuring import measure

RED, BLUE, GREEN, WHITE = (200, 30, 40), (30, 60, 190), (60, 140, 60), (240, 240, 240)


def person(shirt: tuple[int, int, int], shorts: tuple[int, int, int], seed: int = 0) -> NDArray[np.uint8]:
    """A figure 128 by 64 on grass, with noise."""
    picture = np.empty((128, 64, 3))
    picture[:] = GREEN
    picture[24:72, 18:46] = shirt
    picture[72:100, 20:44] = shorts
    noise = np.random.default_rng(seed).normal(0, 6, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def likeness(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    first, second = colour_histogram(np.stack([one, other]))
    return float(first @ second)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 3), st.integers(1, 40), st.integers(1, 30), st.integers(0, 999))
def test_pictures_of_any_size_have_vectors_of_length_one(count: int, height: int, width: int, seed: int) -> None:
    pictures = np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), dtype=np.uint8)
    vectors = colour_histogram(pictures)
    assert vectors.shape == (count, 1024)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert (vectors >= 0).all()


def test_a_picture_has_the_same_vector_among_many() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (600, 16, 8, 3), dtype=np.uint8)
    many = colour_histogram(pictures)
    for row in (0, 255, 256, 599):
        np.testing.assert_array_equal(colour_histogram(pictures[row : row + 1])[0], many[row])


def test_a_vector_is_the_root_of_shares_of_colours() -> None:
    # Of the four rows of each stripe one is white and three are black: two of the 128 colours.
    picture = np.zeros((32, 2, 3), np.uint8)
    picture[::4] = 255
    vector = colour_histogram(picture[None])[0].reshape(8, 128)
    assert (np.count_nonzero(vector, axis=1) == 2).all()
    assert np.sort(vector, axis=1)[:, -2:] == pytest.approx(np.sqrt(np.array([[1, 3]] * 8) / 4 / 8))


def test_light_and_shade_change_the_value_only() -> None:
    light, shade = colour_histogram(np.array([[[[200, 80, 120]]], [[[100, 40, 60]]]], np.uint8)).reshape(2, 8, 32, 4)
    assert (light.sum(axis=2) == shade.sum(axis=2)).all()
    assert (light.argmax(axis=2) > shade.argmax(axis=2)).any()


def test_the_same_kit_is_more_alike_than_another() -> None:
    assert likeness(person(RED, WHITE, 1), person(RED, WHITE, 2)) > 0.9
    assert (
        likeness(person(RED, WHITE, 1), person(RED, WHITE, 2)) > likeness(person(RED, WHITE), person(BLUE, WHITE)) + 0.1
    )


def test_it_matters_at_which_height_a_colour_is() -> None:
    assert likeness(person(RED, WHITE), person(WHITE, RED)) < likeness(person(RED, WHITE), person(RED, WHITE, 1)) - 0.1


def test_the_middle_of_the_picture_counts_for_more_than_its_sides() -> None:
    plain = np.full((16, 32, 3), RED, np.uint8)
    middle, side = plain.copy(), plain.copy()
    middle[:, 12:20], side[:, :8] = BLUE, BLUE
    assert likeness(plain, middle) < 0.8 < 0.9 < likeness(plain, side)


def test_a_mirrored_picture_has_the_same_vector() -> None:
    picture = np.random.default_rng(3).integers(0, 256, (32, 16, 3), dtype=np.uint8)
    assert likeness(picture, np.ascontiguousarray(picture[:, ::-1])) == pytest.approx(1)


def test_kits_are_told_apart_and_team_mates_are_not() -> None:
    kits = [(RED, WHITE), (BLUE, WHITE), (WHITE, BLUE), (WHITE, BLUE)]
    identity = np.repeat(np.arange(4, dtype=np.int32), 6)
    pictures = np.stack([person(*kits[who], seed=number) for number, who in enumerate(identity)])
    crops = CropSet(
        pictures=pictures,
        identity=identity,
        time=np.tile(np.arange(6.0), 4),
        names=tuple(f"{number}.jpg" for number in range(24)),
        identities=("a", "b", "c", "d"),
        game=np.zeros(4, np.int32),
        different=~np.eye(4, dtype=bool),
    )
    first = measure(colour_histogram(pictures), crops, quiet=True).ranking.answers.first_rank
    assert (first[identity < 2] == 1).all()
    assert (first[identity >= 2] > 1).any()
