"""The plain one's variations of a crop do what ours do to a batch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.variations import vary
from training.dataset.pictures import Image
from training.loading.augmenting import AugmentSettings, augment

NONE = {"flip": 0.0, "shift": 0.0, "zoom": 0.0, "blur": 0.0, "light": 0.0, "erase": 0.0}


def figure(height: int = 40, width: int = 20) -> Image:
    """Greener to the right and redder downwards, and grainy, so that every place can be told from others."""
    down, right = np.mgrid[:height, :width]
    shares = (down / height, right / width, np.full_like(down, 0.5, np.float64))
    grain = np.random.default_rng(4).integers(0, 60, (height, width, 3))
    return (np.stack([20 + 170 * share for share in shares], axis=2) + grain).astype(np.uint8)


def test_without_any_variation_the_picture_stays_as_it_is() -> None:
    varied = vary(figure(), AugmentSettings(**NONE), np.random.default_rng(0))
    np.testing.assert_allclose(varied, figure() / 255, atol=1e-6)


@pytest.mark.parametrize("zoom", [0.0, 1e-9])
def test_a_mirrored_picture_is_the_same_by_either_way(zoom: float) -> None:
    settings = AugmentSettings(**NONE | {"flip": 1.0, "zoom": zoom})
    varied = vary(figure(), settings, np.random.default_rng(0))
    np.testing.assert_allclose(varied, figure()[:, ::-1] / 255, atol=1 / 255)


@pytest.mark.parametrize("knob", ["shift", "zoom", "blur", "light", "erase"])
def test_each_knob_changes_pictures_about_as_much_as_ours_does(knob: str) -> None:
    value = {"shift": 0.2, "zoom": 0.3, "blur": 1.0, "light": 0.4, "erase": 1.0}[knob]
    settings, many = AugmentSettings(**NONE | {knob: value}), 400
    random, picture = np.random.default_rng(1), figure()
    theirs = np.stack([vary(picture, settings, random) for _ in range(many)])
    batch = torch.from_numpy(picture.transpose(2, 0, 1) / 255).float().expand(many, -1, -1, -1)
    ours = augment(batch, settings, torch.Generator().manual_seed(1)).permute(0, 2, 3, 1).numpy()
    change, our_change = (np.abs(each - picture / 255).mean() for each in (theirs, ours))
    assert change == pytest.approx(our_change, rel=0.2)
    assert change > 0.005
    np.testing.assert_allclose(theirs.mean(axis=0), ours.mean(axis=0), atol=0.06)


@given(
    height=st.integers(8, 60),
    width=st.integers(6, 40),
    knobs=st.fixed_dictionaries({name: st.floats(0, 0.5) for name in NONE}),
    seed=st.integers(0, 2**32),
)
def test_whatever_the_knobs_there_is_a_picture_of_the_same_size(
    height: int, width: int, knobs: dict[str, float], seed: int
) -> None:
    varied = vary(figure(height, width), AugmentSettings(**knobs), np.random.default_rng(seed))
    assert varied.shape == (height, width, 3) and varied.dtype == np.float32
    assert np.isfinite(varied).all() and -1 < varied.min() <= varied.max() < 3
