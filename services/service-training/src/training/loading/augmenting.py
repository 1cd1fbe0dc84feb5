"""Variations of crops, for a whole batch at once and on the device where it lies.

What differs between two looks at one person and must not matter: which side, where the box was drawn, light and colour
of the camera, its shake, and what stands in front.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as functional
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

_BLUR_SIZE = 7
_GREY_AXIS = math.sqrt(1 / 3)


class AugmentSettings(BaseModel):
    """Knobs of the variations; 0 switches one off."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    flip: float = Field(0.5, ge=0, le=1)
    """Share of crops that are mirrored."""

    shift: float = Field(0.03, ge=0, le=0.5)
    """Farthest that the box moves, as a share of its own width (and two thirds of that of its height)."""

    zoom: float = Field(0.05, ge=0, le=0.5)
    """Most that the box grows or shrinks, as a share of its size."""

    blur: float = Field(0.3, ge=0, le=1)
    """Share of crops that get motion blur, in any direction."""

    light: float = Field(0.2, ge=0, le=0.9)
    """Most that brightness and contrast change, as a share; the three colours apart by half as much."""

    hue: float = Field(0.0, ge=0, le=1)
    """Most that colours turn about grey, as a share of half a circle. Higher: kits count less."""

    erase: float = Field(0.4, ge=0, le=1)
    """Share of crops that get a patch of one colour, an eighth to two fifths of their height (Zhong et al. 2020)."""


def augment(pictures: Tensor, settings: AugmentSettings, generator: torch.Generator) -> Tensor:
    """Varied copies of crops, float32 (b, 3, h, w), about 0 to 1; `pictures` is the same, 0 to 1.

    generator: of the device where the pictures lie; equal states give equal results on one device.
    """
    draw = _Draw(len(pictures), generator)
    varied = _moved(pictures, settings, draw)
    if settings.blur:
        varied = _motion_blurred(varied, settings.blur, draw)
    if settings.light or settings.hue:
        varied = _lit(varied, settings, draw)
    if settings.erase:
        varied = _erased(varied, settings.erase, draw)
    return varied


class _Draw:
    """Random numbers for each of b crops, (b, 1, 1, 1) unless said otherwise."""

    def __init__(self, count: int, generator: torch.Generator) -> None:
        self._count, self._generator = count, generator

    def between(self, low: float, high: float, channels: int = 1) -> Tensor:
        """Evenly spread, (b, channels, 1, 1)."""
        shape = (self._count, channels, 1, 1)
        return torch.rand(shape, generator=self._generator, device=self._generator.device) * (high - low) + low

    def chance(self, share: float) -> Tensor:
        """True for about that share, bool."""
        return self.between(0, 1) < share


def _moved(pictures: Tensor, settings: AugmentSettings, draw: _Draw) -> Tensor:
    """Mirrored, and boxes that lie and measure a little otherwise; what is beyond the picture repeats its border."""
    mirror = 1 - 2 * draw.chance(settings.flip).float()
    if not (settings.shift or settings.zoom):
        return torch.where(mirror < 0, pictures.flip(3), pictures)
    zoom = 1 + draw.between(-settings.zoom, settings.zoom)
    aspect = 1 + draw.between(-settings.zoom / 2, settings.zoom / 2)
    # A grid runs from -1 to 1: a shift by a share of the width is twice that.
    across = draw.between(-2 * settings.shift, 2 * settings.shift)
    down = draw.between(-4 / 3 * settings.shift, 4 / 3 * settings.shift)
    none = torch.zeros_like(zoom)
    box = torch.cat([zoom * mirror, none, across, none, zoom * aspect, down], dim=1).reshape(-1, 2, 3)
    grid = functional.affine_grid(box, list(pictures.shape), align_corners=False)
    return functional.grid_sample(pictures, grid, padding_mode="border", align_corners=False)


def _motion_blurred(pictures: Tensor, share: float, draw: _Draw) -> Tensor:
    """Some of them smeared along a line of up to `_BLUR_SIZE` pixels."""
    # So many of them each time: no device has to be waited for to know how many.
    chosen = draw.between(0, 1).flatten().argsort()[: round(share * len(pictures))]
    angle, length = draw.between(0, math.pi)[chosen, 0], draw.between(0.25, 1.25)[chosen, 0]
    blurred = pictures[chosen]
    count, channels = blurred.shape[:2]
    if not count:
        return pictures
    offset = torch.linspace(-1, 1, _BLUR_SIZE, device=pictures.device)
    down, right = torch.meshgrid(offset, offset, indexing="ij")
    along = right * angle.cos() + down * angle.sin()
    aside = down * angle.cos() - right * angle.sin()
    kernel = torch.exp(-2 * (along / length) ** 2 - 2 * (aside / 0.25) ** 2)
    kernel = kernel / kernel.sum(dim=(1, 2), keepdim=True)
    weight = kernel[:, None].repeat_interleave(channels, dim=0)
    # Beyond the picture its border goes on: with nothing there, blurred crops would have dark frames.
    wider = functional.pad(blurred, [_BLUR_SIZE // 2] * 4, mode="replicate")
    flat = wider.reshape(1, count * channels, *wider.shape[2:])
    smeared = functional.conv2d(flat, weight, groups=count * channels)
    return pictures.index_put((chosen,), smeared.reshape(blurred.shape))


def _lit(pictures: Tensor, settings: AugmentSettings, draw: _Draw) -> Tensor:
    """In another light: brightness, each colour's share, haze, contrast about the crop's mean, colours turned.

    All of it is one matrix and one offset for each crop, so that the pixels are gone through once.
    """
    most = settings.light
    gain = (1 + draw.between(-most, most)) * (1 + draw.between(-most / 2, most / 2, channels=3))
    haze, contrast = draw.between(-most / 4, most / 4), 1 + draw.between(-most, most)
    colour = pictures.mean(dim=(2, 3), keepdim=True)
    mean = (gain * colour).mean(dim=1, keepdim=True) + haze
    scale, offset = contrast * gain, contrast * (haze - mean) + mean
    if not settings.hue:
        return torch.addcmul(offset, pictures, scale)
    turn = _turn(draw.between(-math.pi * settings.hue, math.pi * settings.hue).flatten())
    return torch.einsum("bij,bjhw->bihw", turn, torch.addcmul(offset, pictures, scale))


def _turn(angle: Tensor) -> Tensor:
    """Matrices (b, 3, 3) that turn colours about the axis of greys."""
    same, side = (1 - angle.cos()) / 3, _GREY_AXIS * angle.sin()
    own, next_, last = angle.cos() + same, same - side, same + side
    return torch.stack([own, next_, last, last, own, next_, next_, last, own], dim=1).reshape(-1, 3, 3)


def _erased(pictures: Tensor, share: float, draw: _Draw) -> Tensor:
    """Some of them with a patch of one colour somewhere: what another person's arm or stick does."""
    height, width = pictures.shape[2:]
    tall, wide = draw.between(height / 8, height * 0.4), draw.between(width / 6, width * 0.45)
    top, left = draw.between(0, 1) * (height - tall), draw.between(0, 1) * (width - wide)
    row = torch.arange(height, device=pictures.device)[:, None]
    column = torch.arange(width, device=pictures.device)
    inside = (row >= top) & (row < top + tall) & (column >= left) & (column < left + wide) & draw.chance(share)
    return torch.where(inside, draw.between(0, 1, channels=3), pictures)
