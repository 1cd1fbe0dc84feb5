"""Pictures that go with boxes, for those trackers that look at them: a film, or MOTChallenge's folder of images.

Colours come the way the peers' documentation reads them, brightness the way service-tracking does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal, Protocol, cast

import av
import cv2
import numpy as np
import trackers

from shared_libs.common.errors import InputError
from shared_libs.common.video import Image, read_luma, read_video_info
from tracking.camera_path import DECODING_THREADS

Decoder = Literal["cv2", "pyav"]


class Pictures(Protocol):
    """A sequence of pictures of one size; every call begins at the first."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        ...

    def bgr(self) -> Iterator[Image]:
        """uint8 (height, width, 3), as the peers want it."""
        ...

    def luma(self, longest_side: int) -> Iterator[Image]:
        """uint8 (h, w), reduced to `longest_side` pixels."""
        ...


@dataclass(frozen=True, slots=True)
class Film:
    """The first `frames` frames of a video file, or all; `decoder` says who reads the colours; `shown`: the size, where
    it is known already."""

    path: Path
    frames: int | None = None
    decoder: Decoder = "cv2"
    shown: tuple[int, int] | None = None

    @property
    def size(self) -> tuple[int, int]:
        if self.shown is not None:
            return self.shown
        info = read_video_info(self.path)
        return info.width, info.height

    def bgr(self) -> Iterator[Image]:
        frames = self._by_cv2() if self.decoder == "cv2" else self._by_pyav()
        return islice(frames, self.frames)

    def luma(self, longest_side: int) -> Iterator[Image]:
        with read_luma(self.path, longest_side, threads=DECODING_THREADS) as reader:
            for _, _, image in islice(reader, self.frames):
                yield image

    def _by_cv2(self) -> Iterator[Image]:
        for _, image in trackers.frames_from_source(self.path):
            yield cast(Image, image)

    def _by_pyav(self) -> Iterator[Image]:
        with av.open(f"file:{self.path}") as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            for frame in container.decode(stream):
                yield cast(Image, frame.to_ndarray(format="bgr24"))


@dataclass(frozen=True, slots=True)
class ImageFolder:
    """The images of a folder, in the order of their names."""

    path: Path

    @property
    def size(self) -> tuple[int, int]:
        height, width = next(self.bgr()).shape[:2]
        return width, height

    def bgr(self) -> Iterator[Image]:
        for _, image in trackers.frames_from_source(self.path):
            yield cast(Image, image)

    def luma(self, longest_side: int) -> Iterator[Image]:
        for path in _images(self.path):
            image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
            if image is None:
                raise InputError(path, "is not an image that can be read")
            scale = min(1.0, longest_side / max(image.shape))
            size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
            yield np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _images(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".bmp"))


def pictures_of(sequence: Path, image_folder: str) -> Pictures | None:
    """The pictures in a MOTChallenge sequence's folder; `image_folder`: `imDir` of its seqinfo.ini, a folder or, in
    tools/sample's clips, a film. None where there are none."""
    place = sequence / image_folder
    if place.is_dir() and _images(place):
        return ImageFolder(place)
    return Film(place) if place.is_file() else None
