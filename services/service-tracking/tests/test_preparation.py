"""Pictures become what each family's models were made with."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tracking.detectors.detector import Picture
from tracking.detectors.model_card import CardInput, Family
from tracking.detectors.preparation import Preparation

MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def prepared(
    family: Family, picture: Picture, size: tuple[int, int], told: CardInput | None = None
) -> NDArray[np.float32]:
    tensor = np.full((3, size[1], size[0]), np.nan, np.float32)
    Preparation.of(family, size, told or CardInput()).fill(tensor, picture)
    return tensor


def bilinear(picture: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.float64]:
    """Resized to `size` (width, height) as PyTorch does: pixels' centres lie at halves, no smoothing."""
    for axis, length in ((0, size[1]), (1, size[0])):
        have = picture.shape[axis]
        at = np.clip((np.arange(length) + 0.5) * have / length - 0.5, 0, have - 1)
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, have - 1)
        share = np.expand_dims(at - low, tuple(range(1, picture.ndim - axis)))
        picture = np.take(picture, low, axis) * (1 - share) + np.take(picture, high, axis) * share
    return picture


@pytest.fixture
def picture() -> Picture:
    return np.random.default_rng(3).integers(0, 256, (45, 80, 3), np.uint8)


def test_rfdetr_gets_the_stretched_picture_in_rgb_without_imagenets_mean(picture: Picture) -> None:
    tensor = prepared("rfdetr", picture, (64, 96))
    expected = ((bilinear(picture / 255, (64, 96)) - MEAN) / STD).transpose(2, 0, 1)
    assert np.abs(tensor - expected).max() < 1e-4


def test_yolox_gets_the_picture_in_bgr_in_the_corner_of_grey(picture: Picture) -> None:
    tensor = prepared("yolox", picture, (64, 96))
    expected = bilinear(picture.astype(float), (64, 36))[:, :, ::-1].transpose(2, 0, 1)
    assert np.abs(tensor[:, :36] - expected).max() <= 1  # in whole numbers, as upstream
    assert (tensor[:, :36] == np.round(tensor[:, :36])).all()
    assert (tensor[:, 36:] == 114).all()
    tall = prepared("yolox", picture.transpose(1, 0, 2), (64, 96))
    assert (tall[:, :, 54:] == 114).all()
    assert not (tall[:, :, :54] == 114).all(axis=(0, 1)).any()


def test_the_card_counts_more_than_the_family(picture: Picture) -> None:
    told = CardInput(mean=(0.5, 0.4, 0.3), std=(0.1, 0.2, 0.3), colour="rgb")
    tensor = prepared("yolox", picture, (80, 45), told)
    expected = ((picture / 255 - [0.5, 0.4, 0.3]) / [0.1, 0.2, 0.3]).transpose(2, 0, 1)
    assert np.abs(tensor - expected).max() < 1e-4
    tensor = prepared("rfdetr", picture, (80, 45), CardInput(colour="bgr", mean=(0, 0, 0), std=(1, 1, 1)))
    assert np.abs(tensor - (picture / 255)[:, :, ::-1].transpose(2, 0, 1)).max() < 1e-6


@settings(deadline=None)
@given(st.sampled_from(["rfdetr", "yolox"]), *[st.integers(1, 300)] * 2, *[st.integers(32, 160)] * 2)
def test_pictures_of_every_shape_fit(family: Family, width: int, height: int, across: int, down: int) -> None:
    white = np.full((height, width, 3), 255, np.uint8)
    tensor = prepared(family, white, (across, down), CardInput(mean=(0, 0, 0), std=(1, 1, 1)))
    assert np.isfinite(tensor).all()
    scale = Preparation.of(family, (across, down), CardInput()).scale((width, height))
    covered = int((tensor[0] > 0.999).any(axis=0).sum()), int((tensor[0] > 0.999).any(axis=1).sum())
    # All of the picture is there, to the pixel that upstream cuts off, at the scale that boxes are brought back with.
    assert width * scale[0] - 1 <= covered[0] <= max(1, width * scale[0] + 1e-5)
    assert height * scale[1] - 1 <= covered[1] <= max(1, height * scale[1] + 1e-5)
    assert family == "yolox" or covered == (across, down)
    assert max(covered[0] / across, covered[1] / down) == 1
