"""The motion detector: finds people without any weights, as what moves before a background that stands still.

The parts, in the order in which a film passes through them: `motion_keys` (frames that backgrounds are made of),
`motion_background`, `motion_foreground`, all three along a film in `motion_masks`; then, over all masks of the film,
`motion_overlays`, `motion_stature` (how tall people look where), `motion_boxes` with `motion_cover` (who stands in a
blob) and `motion_time` (what neighbours in time say).

It knows no people, only motion: animals, cars and balls as large as people would count as well, and who stands still
for as long as the film shows the place is not found. Whoever shows its results says "motion only".
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shared_libs.common.detections import Detections
from shared_libs.common.video import Image, read_video_info
from tracking.camera_path import CameraPath
from tracking.checkpoint import Arrays, Checkpoint, Watcher
from tracking.detectors.motion_background import FieldColour, make_background
from tracking.detectors.motion_boxes import Blobs, blobs_of, cleaned, lone_people, people
from tracking.detectors.motion_foreground import foreground
from tracking.detectors.motion_masks import film_masks, reduced_size
from tracking.detectors.motion_overlays import overlays, telling_frames
from tracking.detectors.motion_settings import MotionSettings
from tracking.detectors.motion_stature import Stature, learn_stature
from tracking.detectors.motion_time import Seen, Strands, steadied

NAME = "motion"
"""What results say that they were made with."""
PART_FRAMES = 100
"""Frames whose masks are saved together."""
_LEAST_LIFE, _HALF_LIFE = 0.12, 0.25
"""Seconds that a box must be followed for to be given, and for half of its score."""
_LEAST_SIDE = 1.0
_PERSON = 0


def detect_motion(
    video: Path,
    camera: CameraPath,
    checkpoint: Checkpoint,
    watcher: Watcher,
    settings: MotionSettings | None = None,
) -> Detections:
    """The people of a film whose camera's motion is known, going on from `checkpoint`.

    Boxes lie inside the displayed picture; class 0. Scores, 0 to 1, grow with the time that a box can be followed for
    and with how well a person explains what is seen: on sample clips 9 of 10 boxes are people, 19 of 20 from 0.6 on.
    The same film gives the same bytes, however often the run was cut short.
    Raises InputError for a video that cannot be read, OutputError where the checkpoint cannot be written.
    """
    settings = settings or MotionSettings()
    info = read_video_info(video)
    size = reduced_size(info.width, info.height, settings.longest_side)
    masks = _Masks(checkpoint, size, settings, len(camera.reason))
    masks.make(video, camera, watcher)
    hidden = overlays(masks.of(telling_frames(camera, info.width, info.height)))
    stature = _stature(masks, hidden, camera, size[1])
    frames, found = [], []
    for frame, mask in enumerate(masks.all()):
        boxes = people(_blobs(mask, hidden), float(stature.base[frame]), stature.rate)
        frames.append(np.full(len(boxes), frame, np.int64))
        found.append(boxes)
    if not found:
        return Detections.empty(len(camera.reason))
    boxes = np.concatenate(found)
    scale = np.array([info.width / size[0], info.height / size[1]] * 2)
    seen = Seen(np.concatenate(frames), boxes[:, :4] * scale, boxes[:, 4])
    return _detections(steadied(seen, camera), info.width, info.height, len(camera.reason))


def compile_motion() -> None:
    """Has the compiled parts ready, by finding one person: once on a machine this takes some seconds."""
    picture = np.full((60, 60, 3), (120, 100, 110), np.uint8)
    radius = MotionSettings().field_radius
    view = np.dstack([picture, FieldColour.of(picture, radius).covers(picture, radius)])
    picture[10:50, 22:38] = 50, 150, 128
    mask = foreground(picture, make_background([view], 0, 0, 0.5), np.eye(3), MotionSettings())
    blobs = blobs_of(cleaned(mask))
    lone_people(blobs)
    people(blobs, 40.0, 0.0)


def _stature(masks: _Masks, hidden: Image | None, camera: CameraPath, height: int) -> Stature:
    lone = [lone_people(_blobs(mask, hidden)) for mask in masks.all()]
    frame = np.repeat(np.arange(len(lone)), [len(each) for each in lone])
    rows = np.concatenate([np.empty((0, 2)), *lone])
    return learn_stature(frame, rows[:, 0], rows[:, 1], camera.time, height)


def _blobs(mask: Image, hidden: Image | None) -> Blobs:
    return blobs_of(mask if hidden is None else mask & (1 - hidden))


def _detections(strands: Strands, width: int, height: int, count: int) -> Detections:
    score = strands.life / (strands.life + _HALF_LIFE) * np.minimum(1.0, 0.62 + 0.55 * strands.share)
    score = np.where(strands.is_filled, 0.5, 1.0) * score
    xyxy = strands.xyxy.clip(0, (width, height, width, height))
    given = (strands.life >= _LEAST_LIFE) & (xyxy[:, 2:] - xyxy[:, :2] >= _LEAST_SIDE).all(1)
    classes = np.full(int(given.sum()), _PERSON)
    return Detections.from_arrays(strands.frame[given], xyxy[given], score[given].clip(0, 1), classes, count)


class _Masks:
    """The cleaned masks of a film of `count` frames, as small as they can be packed, in parts that are saved."""

    def __init__(self, checkpoint: Checkpoint, size: tuple[int, int], settings: MotionSettings, count: int) -> None:
        self._checkpoint = checkpoint
        self._width, self._height = size
        self._settings = settings
        self._made_from = settings.model_dump_json().encode()
        self._packed: list[bytes] = []
        self._count = count

    def make(self, video: Path, camera: CameraPath, watcher: Watcher) -> None:
        """Takes over the parts that are saved, and makes and saves the rest."""
        spent = 0.0
        while len(self._packed) < self._count:
            arrays = self._checkpoint.load(self._name(), self._made_from)
            if arrays is None:
                break
            spent += self._take_over(arrays)
        watcher.started(len(self._packed), spent)
        began = time.perf_counter()
        part: list[bytes] = []
        for frame, mask in film_masks(video, camera, self._settings, len(self._packed)):
            part.append(zlib.compress(np.packbits(cleaned(mask)).tobytes(), 1))
            watcher.progressed(frame + 1)
            if len(part) == PART_FRAMES:
                self._save(part, began)
                watcher.saved(len(self._packed))
                part, began = [], time.perf_counter()
        # What the camera saw and this reading did not is empty.
        missing = self._count - len(self._packed) - len(part)
        part += [zlib.compress(bytes(-(-self._width * self._height // 8)), 1)] * missing
        for begin in range(0, len(part), PART_FRAMES):
            self._save(part[begin : begin + PART_FRAMES], began)
            began = time.perf_counter()
            watcher.saved(len(self._packed))

    def all(self) -> Iterator[Image]:
        return self.of(range(self._count))

    def of(self, frames: list[int] | range) -> Iterator[Image]:
        """The masks of some frames, uint8 (h, w), 0 and 1."""
        size = self._width * self._height
        for frame in frames:
            bits = np.frombuffer(zlib.decompress(self._packed[frame]), np.uint8)
            yield np.unpackbits(bits, count=size).reshape(self._height, self._width)

    def _name(self) -> str:
        return f"{NAME}-{len(self._packed) // PART_FRAMES:05d}"

    def _save(self, part: list[bytes], began: float) -> None:
        sizes = np.array([len(each) for each in part], np.int64)
        seconds = np.array(time.perf_counter() - began)
        arrays: Arrays = {"masks": np.frombuffer(b"".join(part), np.uint8), "sizes": sizes, "seconds": seconds}
        self._checkpoint.save(self._name(), arrays, self._made_from)
        self._packed += part

    def _take_over(self, arrays: Arrays) -> float:
        content: npt.NDArray[np.uint8] = arrays["masks"]
        ends = np.cumsum(arrays["sizes"])
        for begin, end in zip(np.append(0, ends[:-1]), ends, strict=True):
            self._packed.append(content[begin:end].tobytes())
        return float(arrays["seconds"])
