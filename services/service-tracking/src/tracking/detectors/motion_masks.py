"""A film as masks of what moves in it: where every frame is not its background."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from shared_libs.common.video import Image, read_planar, split_planes
from tracking.camera_path import DECODING_THREADS, CameraPath
from tracking.detectors.motion_background import Background, FieldColour, make_background
from tracking.detectors.motion_foreground import foreground
from tracking.detectors.motion_keys import Motion, choose_keys
from tracking.detectors.motion_settings import MotionSettings

_LEAST_SEEN = 0.05
"""Share of a picture that another one must show to say something about its background."""


def film_masks(
    video: Path, camera: CameraPath, settings: MotionSettings, first: int = 0
) -> Iterator[tuple[int, Image]]:
    """The masks of a film from frame `first` on: its number, and uint8 (h, w), 1 where something is that moves.

    Masks have the reduced size (`reduced_size`). Each depends on the film alone, not on `first`. The film is read
    ahead by some seconds, of which the reduced pictures are kept. Raises InputError where it cannot be read.
    """
    count = len(camera.reason)
    if first >= count:
        return
    with read_planar(video, threads=DECODING_THREADS) as film:
        full = film.info.width, film.info.height
        keys = choose_keys(camera, *full, settings.key_seconds, settings.key_motion)
        begin = int(keys.frame[_first_of_window(int(keys.nearest[first]), keys.segment, max(settings.window))])
        size = reduced_size(*full, settings.longest_side)
        motion = Motion(camera, keys, full, size)
        scenery = _Scenery(motion, settings)
        film.skip(begin)
        waiting: deque[tuple[int, Image]] = deque()
        wanted = begin
        known = -1
        ended = False
        while waiting or not ended:
            while not ended and (not waiting or known < scenery.last_of_window(int(keys.nearest[waiting[0][0]]))):
                frame = next(film, None)
                if frame is None or frame[0] >= count:
                    ended = True
                    break
                picture = _reduced(frame[2], size)
                wanted = frame[0]
                if keys.frame[keys.first[wanted]] == wanted:
                    known = int(keys.first[wanted])
                    scenery.add_key(known, picture)
                if wanted >= first:
                    waiting.append((wanted, picture))
            if waiting:
                number, picture = waiting.popleft()
                behind = scenery.background(int(keys.nearest[number]), known)
                yield number, foreground(picture, behind, motion.from_nearest_key(number), settings)


def reduced_size(width: int, height: int, longest_side: int) -> tuple[int, int]:
    """Width and height of the picture that is worked on: no side longer, the film's own size at most."""
    scale = min(1.0, longest_side / max(width, height))
    return max(8, round(width * scale)), max(8, round(height * scale))


class _Scenery:
    """The backgrounds of keys, made from a window of keys that slides along with the film."""

    def __init__(self, motion: Motion, settings: MotionSettings) -> None:
        self._motion = motion
        self._settings = settings
        self._pictures: dict[int, Image] = {}
        """By key: brightness, both chroma, and 255 where it has the field's colour, uint8 (h, w, 4)."""
        self._made: tuple[int, Background] | None = None

    def last_of_window(self, key: int) -> int:
        """The last key that the background of `key` is made from, or that frames near it are measured by."""
        segment = self._motion.keys.segment
        last = key
        while last + 1 < len(segment) and segment[last + 1] == segment[key] and last < key + max(self._settings.window):
            last += 1
        return last

    def add_key(self, key: int, picture: Image) -> None:
        """The next key of the film, uint8 (h, w, 3)."""
        segment = self._motion.keys.segment
        before = self._pictures.get(key - 1)
        if before is not None and segment[key - 1] == segment[key]:
            self._motion.measure(key - 1, np.ascontiguousarray(before[..., 0]), np.ascontiguousarray(picture[..., 0]))
        radius = self._settings.field_radius
        colour = FieldColour.of(picture, radius)
        # Brightness 0 is kept for what is not seen.
        self._pictures[key] = np.dstack([np.maximum(picture, 1), colour.covers(picture, radius)])

    def background(self, key: int, known: int) -> Background:
        """That of `key`, with keys up to `known` at most."""
        if self._made is None or self._made[0] != key:
            oldest = _first_of_window(key, self._motion.keys.segment, max(self._settings.window))
            for old in [old for old in self._pictures if old < oldest]:
                del self._pictures[old]
            self._motion.forget_before(oldest)
            self._made = key, self._make(key, min(known, self.last_of_window(key)), oldest)
        return self._made[1]

    def _make(self, key: int, newest: int, oldest: int) -> Background:
        settings = self._settings
        others = [key + side * away for away in settings.window for side in (-1, 1)]
        others = [other for other in others if oldest <= other <= newest]
        height, width = self._pictures[key].shape[:2]
        left, top = round(width * settings.margin), round(height * settings.margin)
        size = width + 2 * left, height + 2 * top
        shift = np.array([[1.0, 0, left], [0, 1, top], [0, 0, 1]])
        views = []
        for other in [key, *others]:
            warp = shift @ self._motion.between_keys(other, key)
            view = np.asarray(cv2.warpPerspective(self._pictures[other], warp, size), np.uint8)
            if other == key or np.count_nonzero(view[::4, ::4, 0]) >= _LEAST_SEEN * (width * height / 16):
                views.append(view)
        return make_background(views, left, top, settings.field_share)


def _first_of_window(key: int, segment: np.ndarray[tuple[int], np.dtype[np.int64]], reach: int) -> int:
    first = key
    while first > 0 and segment[first - 1] == segment[key] and first > key - reach:
        first -= 1
    return first


def _reduced(planes: Image, size: tuple[int, int]) -> Image:
    """uint8 (h, w, 3), brightness and chroma, from planes as `read_planar` gives them."""
    parts = []
    for plane in split_planes(planes):
        way = cv2.INTER_AREA if plane.shape[1] >= size[0] else cv2.INTER_LINEAR
        parts.append(cv2.resize(plane, size, interpolation=way))
    return np.asarray(cv2.merge(parts), np.uint8)
