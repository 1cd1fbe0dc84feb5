"""Variations of crops: what each switch does, and that none does more."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor

from training.loading.augmenting import AugmentSettings, augment

OFF = {name: 0.0 for name in AugmentSettings.model_fields}
HEIGHT, WIDTH = 64, 32


def crops(count: int, height: int = HEIGHT, width: int = WIDTH) -> Tensor:
    """float32 (count, 3, height, width), 0 to 1, as the loader gives them: channels last in memory."""
    random = torch.Generator().manual_seed(count)
    return torch.rand(count, 3, height, width, generator=random).contiguous(memory_format=torch.channels_last)


def varied(pictures: Tensor, *, seed: int = 0, **switched_on: Any) -> Tensor:
    return augment(pictures, AugmentSettings(**(OFF | switched_on)), torch.Generator().manual_seed(seed))


def changed(before: Tensor, after: Tensor) -> Tensor:
    """Which crops are not what they were, bool (b,)."""
    return (before != after).flatten(1).any(dim=1)


def smooth(count: int) -> Tensor:
    """Crops whose red is their column and whose green is their row, 0 to 1."""
    down, across = torch.meshgrid(torch.linspace(0, 1, HEIGHT), torch.linspace(0, 1, WIDTH), indexing="ij")
    return torch.stack([across, down, torch.zeros_like(down)]).expand(count, 3, HEIGHT, WIDTH).clone()


@settings(max_examples=25, deadline=None)
@given(
    st.builds(
        AugmentSettings,
        **{name: st.sampled_from([0.0, 0.2, 0.5]) for name in OFF},
    ),
    st.integers(1, 9),
    st.tuples(st.integers(8, 40), st.integers(8, 24)),
    st.integers(0, 2**32),
)
def test_crops_keep_their_shape_and_their_originals_and_equal_states_give_equal_crops(
    knobs: AugmentSettings, count: int, size: tuple[int, int], seed: int
) -> None:
    pictures = crops(count, *size)
    before = pictures.clone()
    first, again = (augment(pictures, knobs, torch.Generator().manual_seed(seed)) for _ in range(2))
    assert (first.shape, first.dtype) == (pictures.shape, torch.float32)
    assert torch.isfinite(first).all()
    assert torch.equal(first, again)
    assert torch.equal(pictures, before)


def test_the_next_crops_of_a_generator_are_others() -> None:
    generator, pictures = torch.Generator().manual_seed(3), crops(4)
    assert not torch.equal(*(augment(pictures, AugmentSettings(), generator) for _ in range(2)))


def test_with_everything_off_nothing_changes() -> None:
    assert torch.equal(varied(crops(8)), crops(8))


@pytest.mark.parametrize("name", list(OFF))
def test_every_switch_does_something(name: str) -> None:
    assert changed(
        crops(16), augment(crops(16), AugmentSettings(**(OFF | {name: 0.4})), torch.Generator().manual_seed(0))
    ).any()


@pytest.mark.parametrize(("name", "value"), [("flip", 1.1), ("zoom", 0.6), ("light", 1.0), ("hue", -0.1), ("blurr", 0)])
def test_settings_that_make_no_sense_are_refused(name: str, value: float) -> None:
    with pytest.raises(ValidationError, match=name):
        AugmentSettings(**{name: value})


def test_flips_are_exact_mirrors_of_about_the_share_that_is_asked_for() -> None:
    pictures = crops(2000, 8, 4)
    after = varied(pictures, flip=0.3)
    flipped = changed(pictures, after)
    assert torch.equal(after[flipped], pictures[flipped].flip(3))
    assert 0.26 < flipped.float().mean() < 0.34
    assert torch.equal(varied(pictures, flip=1.0), pictures.flip(3))


def test_a_box_moves_no_farther_than_it_may() -> None:
    after = varied(smooth(400), shift=0.1)
    middle = after[:, :, HEIGHT // 4 : -HEIGHT // 4, WIDTH // 4 : -WIDTH // 4]
    moved = (middle - smooth(400)[:, :, HEIGHT // 4 : -HEIGHT // 4, WIDTH // 4 : -WIDTH // 4])[:, :2]
    # The same for all pixels of a crop, and by a tenth of the width and two thirds of a tenth of the height at most.
    assert (moved.amax(dim=(2, 3)) - moved.amin(dim=(2, 3)) < 1e-4).all()
    for channel, (size, share) in enumerate(((WIDTH, 0.1), (HEIGHT, 0.1 * 2 / 3))):
        farthest = moved[:, channel].abs().max() * (size - 1) / size
        assert 0.95 * share < farthest < share + 1e-4


def test_a_zoomed_box_keeps_its_middle() -> None:
    after = varied(smooth(400), zoom=0.2)
    steps = (after[:, 0, HEIGHT // 2, WIDTH // 2] - after[:, 0, HEIGHT // 2, WIDTH // 2 - 1]) * (WIDTH - 1)
    assert 0.8 - 1e-3 < steps.min() < 0.82
    assert 1.18 < steps.max() < 1.2 + 1e-3
    middle = after[:, :2, HEIGHT // 2 - 1 : HEIGHT // 2 + 1, WIDTH // 2 - 1 : WIDTH // 2 + 1].mean(dim=(2, 3))
    assert torch.allclose(middle, torch.tensor(0.5), atol=1e-4)


def test_a_zoomed_box_has_another_height_for_its_width() -> None:
    after = varied(smooth(400), zoom=0.2)
    row, column = HEIGHT // 2, WIDTH // 2
    across = (after[:, 0, row, column] - after[:, 0, row, column - 1]) * (WIDTH - 1)
    down = (after[:, 1, row, column] - after[:, 1, row - 1, column]) * (HEIGHT - 1)
    taller = down / across
    assert 0.9 - 1e-3 < taller.min() < 0.91
    assert 1.09 < taller.max() < 1.1 + 1e-3


def test_what_lies_beyond_a_crop_repeats_its_border() -> None:
    after = varied(torch.full((50, 3, 16, 8), 0.7), shift=0.5, zoom=0.5, flip=0.5)
    assert torch.allclose(after, torch.tensor(0.7))


def test_so_many_crops_are_blurred_each_time() -> None:
    pictures = crops(40)
    for seed in range(3):
        assert changed(pictures, varied(pictures, seed=seed, blur=0.3)).sum() == 12
    assert not changed(pictures[:1], varied(pictures[:1], blur=0.3)).any()


def test_blur_keeps_the_mean_and_smears() -> None:
    dot = torch.zeros(60, 3, 33, 33)
    dot[:, :, 16, 16] = 1
    after = varied(dot, blur=1.0)
    assert torch.allclose(after.sum(dim=(2, 3)), torch.tensor(1.0), atol=1e-5)
    assert (after.amax(dim=(1, 2, 3)) < 0.9).all()
    assert not after[:, :, :13].any()  # three pixels away at most
    assert not after[:, :, :, 20:].any()
    assert torch.equal(after[:, 0], after[:, 2])


def test_blur_goes_along_one_line_in_any_direction() -> None:
    dot = torch.zeros(300, 3, 33, 33)
    dot[:, :, 16, 16] = 1
    weight = varied(dot, blur=1.0)[:, 0]
    place = torch.arange(33.0) - 16
    across, down = (weight.sum(dim=1) * place**2).sum(dim=1), (weight.sum(dim=2) * place**2).sum(dim=1)
    slant = (weight * place[:, None] * place).sum(dim=(1, 2))
    angle = torch.atan2(2 * slant, across - down) / 2
    for low in torch.linspace(-math.pi / 2, math.pi / 3, 6):
        assert ((angle >= low) & (angle < low + math.pi / 6)).sum() > 25
    long = torch.hypot((across - down) / 2, slant) + (across + down) / 2
    assert (long > 1.5 * (across + down - long)).float().mean() > 0.9


def test_blur_does_not_darken_borders() -> None:
    assert torch.allclose(varied(torch.full((20, 3, 16, 8), 0.8), blur=1.0), torch.tensor(0.8), atol=1e-5)


def test_light_changes_all_pixels_of_a_colour_alike() -> None:
    pictures = crops(20)
    after = varied(pictures, light=0.4)
    for channel in range(3):
        old, new = pictures[:, channel].flatten(1), after[:, channel].flatten(1)
        darkest, lightest = old.argmin(dim=1, keepdim=True), old.argmax(dim=1, keepdim=True)
        scale = (new.gather(1, lightest) - new.gather(1, darkest)) / (old.gather(1, lightest) - old.gather(1, darkest))
        assert torch.allclose(new, new.gather(1, darkest) + scale * (old - old.gather(1, darkest)), atol=1e-5)
        assert (scale > 0).all()
    assert changed(pictures, after).all()


def test_light_changes_no_more_than_it_may() -> None:
    # Of a crop of one colour contrast changes nothing: what is left are brightness, each colour's share and haze.
    after = varied(torch.full((2000, 3, 2, 2), 0.5), light=0.2)[:, :, 0, 0].mean(dim=1)
    assert 0.5 * 0.8 * 0.9 - 0.05 < after.min() < 0.42
    assert 0.58 < after.max() < 0.5 * 1.2 * 1.1 + 0.05


def test_turned_colours_leave_grey_grey() -> None:
    grey = crops(20)[:, :1].expand(-1, 3, -1, -1)
    assert torch.allclose(varied(grey, hue=1.0), grey, atol=1e-6)


def test_colours_turn_about_grey_by_one_angle_a_crop_up_to_the_share_of_half_a_circle() -> None:
    primaries = torch.eye(3)[None, :, :, None].expand(3000, 3, 3, 1)  # red, green and blue, one below the other
    after = varied(primaries, hue=0.25)[..., 0]
    assert torch.allclose(after.sum(dim=1), torch.ones(3000, 3), atol=1e-5)  # as much light as before
    assert torch.allclose(after.transpose(1, 2) @ after, torch.eye(3).expand(3000, 3, 3), atol=1e-5)
    assert torch.allclose(torch.linalg.det(after), torch.ones(3000), atol=1e-5)
    # In the plane of colours without light, red, green and blue lie a third of a circle apart.
    plane = torch.tensor([[2.0, -1, -1], [0, math.sqrt(3), -math.sqrt(3)]])
    x, y = (plane @ after[:, :, :1])[..., 0].T
    angle = torch.atan2(y, x)
    assert angle.abs().max() <= math.pi / 4 + 1e-4
    assert angle.min() < -0.24 * math.pi
    assert angle.max() > 0.24 * math.pi
    assert angle.mean().abs() < 0.05


def test_a_third_of_a_circle_makes_green_of_red() -> None:
    primaries = torch.eye(3)[None, :, :, None].expand(3000, 3, 3, 1)
    after = varied(primaries, hue=1.0)[..., 0]
    nearest = (after[:, :, 0] - torch.tensor([0.0, 1, 0])).norm(dim=1).argmin()
    assert torch.allclose(after[nearest], torch.eye(3)[[2, 0, 1]], atol=0.01)


def test_a_patch_has_one_colour_and_a_size_within_its_bounds() -> None:
    pictures = crops(200)
    after = varied(pictures, erase=1.0)
    inside = (after != pictures).all(dim=1)
    rows, columns = inside.any(dim=2), inside.any(dim=1)
    assert torch.equal(inside, rows[:, :, None] & columns[:, None])  # upright and whole
    for lines, size, least, most in ((rows, HEIGHT, 1 / 8, 0.4), (columns, WIDTH, 1 / 6, 0.45)):
        count, place = lines.sum(dim=1), torch.arange(size)
        assert (count >= math.floor(size * least)).all()
        assert (count <= math.ceil(size * most)).all()
        assert torch.equal(count, (lines * place).amax(dim=1) - torch.where(lines, place, size).amin(dim=1) + 1)
    for picture, before, patch in zip(after, pictures, inside, strict=True):
        assert torch.equal(picture[:, patch], picture[:, patch][:, :1].expand(-1, int(patch.sum())))
        assert torch.equal(picture[:, ~patch], before[:, ~patch])


def test_about_the_share_that_is_asked_for_gets_a_patch() -> None:
    pictures = crops(2000, 16, 8)
    assert 0.56 < changed(pictures, varied(pictures, erase=0.6)).float().mean() < 0.64
