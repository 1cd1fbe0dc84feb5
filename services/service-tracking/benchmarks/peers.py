"""Ours and the trackers that a user would pick instead, each behind one signature and with its own defaults.

trackers (roboflow): ByteTrack, SORT, OC-SORT, BoT-SORT with the sequence's frame rate, as its own benchmarks do.
arcsort: its recommended preset for sports; without pictures and weights it goes by motion alone, as it documents.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import pairwise, repeat
from typing import Any, NamedTuple

import arcsort
import numpy as np
import supervision
import trackers

import tracking
from benchmarks.pictures import Pictures
from shared_libs.common.detections import Detections
from shared_libs.common.tracks import Tracks
from tracking.camera import CameraMotion
from tracking.camera_path import CameraPath
from tracking.linker import link
from tracking.tracker import track

OURS, ONLINE = "ours", "ours, online"
"""What `track` does by default, the linker included but with no gaps filled; and its tracker alone, which like the
peers knows nothing of what is still to come."""


class Outcome(NamedTuple):
    """What a tracker made of a sequence."""

    tracks: Tracks
    seconds: float
    """spent in its update loop; with pictures, also in reading them. Turning boxes into the form that it wants, and
    its answers into `Tracks`, is not counted for the peers; for ours everything is."""


Run = Callable[[Detections, float, Pictures | None], Outcome]
"""detections, frames per second, and pictures for those that look at them (None: go by the boxes alone)."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """A tracker by name. `looks`: it makes use of pictures."""

    name: str
    made_by: str
    run: Run
    looks: bool = False


def contestants() -> tuple[Contestant, ...]:
    """All of them, ours last: online, then as `track` does it."""
    roboflow, arc = (f"{name} {version(name)}" for name in ("trackers", "arcsort"))
    ours = f"service-tracking {tracking.__version__}"
    return (
        Contestant("ByteTrack", roboflow, _roboflow(trackers.ByteTrackTracker)),
        Contestant("SORT", roboflow, _roboflow(trackers.SORTTracker)),
        Contestant("OC-SORT", roboflow, _roboflow(trackers.OCSORTTracker)),
        Contestant("BoT-SORT", roboflow, _roboflow(trackers.BoTSORTTracker, looks=True), looks=True),
        Contestant("ARC-SORT", arc, _arcsort, looks=True),
        Contestant(ONLINE, ours, _online, looks=True),
        Contestant(OURS, ours, _ours, looks=True),
    )


def chosen(names: Sequence[str]) -> tuple[Contestant, ...]:
    """Those with these names, in any case, and ours, which is always among them; all where no name is given.

    Raises ValueError naming what is unknown.
    """
    everybody = contestants()
    known = [each.name.lower() for each in everybody if each.name != ONLINE]
    wanted = {name.strip().lower() for name in names}
    unknown = sorted(wanted - set(known))
    if unknown:
        raise ValueError(f"there is no tracker {', '.join(unknown)}; there are {', '.join(known)}")
    wanted |= {OURS, ONLINE}
    return tuple(each for each in everybody if not names or each.name.lower() in wanted)


def _roboflow(kind: Callable[..., Any], *, looks: bool = False) -> Run:
    def run(detections: Detections, fps: float, pictures: Pictures | None) -> Outcome:
        frames = [
            supervision.Detections(
                xyxy=detections.xyxy[rows],
                confidence=detections.score[rows],
                class_id=detections.class_id[rows].astype(int),
            )
            for rows in _rows(detections)
        ]
        tracker = kind(frame_rate=fps)
        begin = time.perf_counter()
        # A frame may only be handed to those that use it: the others warn.
        answers = [
            tracker.update(boxes, image) if looks else tracker.update(boxes)
            for boxes, image in zip(frames, _images(pictures if looks else None), strict=False)
        ]
        seconds = time.perf_counter() - begin
        boxes = [(answer.xyxy, answer.tracker_id) for answer in answers]
        return Outcome(_tracks(boxes, detections.frame_count), seconds)

    return run


def _arcsort(detections: Detections, fps: float, pictures: Pictures | None) -> Outcome:
    frames = [
        np.column_stack([detections.xyxy[rows].astype(np.float64), detections.score[rows], detections.class_id[rows]])
        for rows in _rows(detections)
    ]
    tracker = arcsort.ARCTracker.from_preset("sportsmot")
    begin = time.perf_counter()
    answers = [tracker.update(boxes, image) for boxes, image in zip(frames, _images(pictures), strict=False)]
    seconds = time.perf_counter() - begin
    return Outcome(_tracks([(answer[:, :4], answer[:, 4]) for answer in answers], detections.frame_count), seconds)


def _online(detections: Detections, fps: float, pictures: Pictures | None) -> Outcome:
    begin = time.perf_counter()
    camera = None if pictures is None else _camera(detections, fps, pictures)
    tracks = _tracked(detections, fps, camera)
    return Outcome(tracks, time.perf_counter() - begin)


def _ours(detections: Detections, fps: float, pictures: Pictures | None) -> Outcome:
    begin = time.perf_counter()
    camera = None if pictures is None else _camera(detections, fps, pictures)
    tracks = link(_tracked(detections, fps, camera), fps, camera=camera)
    return Outcome(tracks, time.perf_counter() - begin)


def _tracked(detections: Detections, fps: float, camera: CameraPath | None) -> Tracks:
    return track(detections, fps, camera=None if camera is None else camera.known_transform())


def _camera(detections: Detections, fps: float, pictures: Pictures) -> CameraPath:
    """The camera's motion as the pictures show it, for as many frames as there are."""
    motion = CameraMotion(*pictures.size)
    settings = motion.settings
    steps = []
    for rows, luma in zip(_rows(detections), pictures.luma(settings.longest_side), strict=False):
        people = detections.score[rows] >= settings.least_score
        steps.append(motion.update(luma, detections.xyxy[rows][people]))
    transform = np.array([transform for transform, _ in steps], np.float64).reshape(-1, 2, 3)
    reason = np.array([reason for _, reason in steps], np.uint8)
    return CameraPath(transform, reason, np.arange(len(steps)) / fps, ended_early=None, damaged=0)


def _rows(detections: Detections) -> Iterator[slice]:
    """Of each frame, where its boxes are."""
    return (slice(begin, end) for begin, end in pairwise(detections.offsets().tolist()))


def _images(pictures: Pictures | None) -> Iterator[Any]:
    return repeat(None) if pictures is None else pictures.bgr()


def _tracks(answers: Sequence[tuple[Any, Any]], frame_count: int) -> Tracks:
    """The tracks in a peer's answers, xyxy (n, 4) and ids (n,) per frame; a negative id marks a box without a track."""
    frame = np.repeat(np.arange(len(answers)), [len(ids) for _, ids in answers])
    xyxy = np.concatenate([np.empty((0, 4)), *(np.reshape(boxes, (-1, 4)) for boxes, _ in answers)])
    ids = np.concatenate([np.empty(0), *(ids for _, ids in answers)]).astype(np.int64)
    kept = ids >= 0
    numbers = np.unique(ids[kept], return_inverse=True)[1] + 1
    ones = np.ones(len(numbers))
    return Tracks.from_arrays(frame[kept], numbers, xyxy[kept], ones, ones, frame_count=frame_count)
