"""A picture made into what a detector's model takes, each family in its own way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tracking.detectors.detector import Picture
from tracking.detectors.model_card import CardInput, Family

_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)
_PADDING = 114


@dataclass(frozen=True, slots=True)
class Preparation:
    """How pictures of any size become (3, height, width).

    RF-DETR: stretched to the model's size, RGB from 0 to 1, with ImageNet's mean and deviation taken out, as
    `preprocess_to_nchw` does in roboflow/rf-detr (src/rfdetr/export/_runtime/preprocess.py). YOLOX: the shape kept, in
    the upper left corner, the rest grey 114, BGR from 0 to 255 in whole numbers, as `preproc` does in
    Megvii-BaseDetection/YOLOX (yolox/data/data_augment.py). Both are resized bilinearly, without smoothing before.

    is_stretched: whether each side gets its own scale. is_rgb: the order of colours. gain, offset: what the 0 to 255
    of red, green and blue are multiplied with, and what is added then.
    """

    width: int
    height: int
    is_stretched: bool
    is_rgb: bool
    gain: tuple[float, float, float]
    offset: tuple[float, float, float]

    @classmethod
    def of(cls, family: Family, size: tuple[int, int], told: CardInput) -> Preparation:
        """A family's way to a model of `size` (width, height), but for what the model's card says otherwise."""
        is_rfdetr = family == "rfdetr"
        mean, std = told.mean, told.std
        if is_rfdetr and mean is None:
            mean, std = _IMAGENET_MEAN, _IMAGENET_STD
        gain, offset = (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)
        if mean is not None and std is not None:
            gain = (1 / (255 * std[0]), 1 / (255 * std[1]), 1 / (255 * std[2]))
            offset = (-mean[0] / std[0], -mean[1] / std[1], -mean[2] / std[2])
        is_rgb = told.colour == "rgb" if told.colour is not None else is_rfdetr
        return cls(*size, is_rfdetr, is_rgb, gain, offset)

    def scale(self, size: tuple[int, int]) -> tuple[float, float]:
        """The model's pixels for one of a picture of `size` (width, height), across and down."""
        across, down = self.width / size[0], self.height / size[1]
        return (across, down) if self.is_stretched else (min(across, down), min(across, down))

    def fill(self, tensor: NDArray[np.floating[Any]], picture: Picture) -> None:
        """Writes `picture` into `tensor` (3, height, width)."""
        height, width = picture.shape[:2]
        across, down = self.scale((width, height))
        # Rounded down, as upstream does; the small addition is for products that miss a whole number by a last bit.
        inner = max(1, int(width * across + 1e-6)), max(1, int(height * down + 1e-6))
        exact = picture.astype(np.float32) if self.is_stretched else picture
        fitted = cv2.resize(exact, inner, interpolation=cv2.INTER_LINEAR)
        if inner != (self.width, self.height):
            padded = np.full((self.height, self.width, 3), _PADDING, np.uint8)
            padded[: inner[1], : inner[0]] = fitted
            fitted = padded
        for place, colour in enumerate((0, 1, 2) if self.is_rgb else (2, 1, 0)):
            values = fitted[:, :, colour].astype(np.float32)
            tensor[place] = values * np.float32(self.gain[colour]) + np.float32(self.offset[colour])
