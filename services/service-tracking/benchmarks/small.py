"""Small things to measure, for the tests."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np

from benchmarks.peers import OURS, Contestant, Outcome
from benchmarks.pictures import Pictures
from benchmarks.sequences import SAMPLE_COMMAND
from shared_libs.common.detections import Detections
from shared_libs.common.tracks import Tracks
from shared_libs.common.video import Image

PLAYERS, FRAMES, FPS = 4, 40, 25


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


Command = Callable[..., Done]


class Environment(Protocol):
    """pytest's `MonkeyPatch`."""

    def setenv(self, name: str, value: str) -> None: ...


def find_sample_tool(environment: Environment) -> None:
    """Sees to it that tools/sample can be started; under Bazel the BUILD file has said how."""
    if SAMPLE_COMMAND not in os.environ:
        words = ["env", f"PYTHONPATH={os.pathsep.join(sys.path)}", sys.executable, "-m", "sample"]
        environment.setenv(SAMPLE_COMMAND, shlex.join(words))


def panned_pictures(frames: int, width: int = 320, height: int = 180) -> list[Image]:
    """A camera that pans by two pixels a frame over a wall of many greys, in which neighbours are alike."""
    random = np.random.default_rng(5)
    wall = random.integers(0, 256, (height // 6 + 1, (width + 2 * frames) // 6 + 1), np.uint8)
    wall = np.repeat(np.repeat(wall, 6, axis=0), 6, axis=1)
    views = (wall[:height, 2 * frame : 2 * frame + width] for frame in range(frames))
    return [np.ascontiguousarray(np.stack([view] * 3, axis=2)) for view in views]


@dataclass
class WatchedPictures:
    """Pictures that count how many of them were handed out, in colours and in brightness."""

    images: list[Image]
    colours_seen: int = field(default=0)
    luma_seen: int = field(default=0)

    @property
    def size(self) -> tuple[int, int]:
        height, width = self.images[0].shape[:2]
        return width, height

    def bgr(self) -> Iterator[Image]:
        for image in self.images:
            self.colours_seen += 1
            yield image

    def luma(self, longest_side: int) -> Iterator[Image]:
        for image in self.images:
            self.luma_seen += 1
            yield np.ascontiguousarray(image[..., 0])


@dataclass
class Given:
    """What a made-up tracker was given."""

    detections: list[Detections] = field(default_factory=list)
    fps: list[float] = field(default_factory=list)


def made_up(name: str, seconds: float, given: Given) -> Contestant:
    """A tracker that notes what it is given, claims to need `seconds`, and takes the boxes of each frame, in their
    order, for the same players."""

    def run(detections: Detections, fps: float, pictures: Pictures | None) -> Outcome:
        given.detections.append(detections)
        given.fps.append(fps)
        place = np.arange(len(detections)) - detections.offsets()[detections.frame]
        columns = (detections.xyxy, detections.score, detections.class_id)
        tracks = Tracks.from_arrays(detections.frame, place + 1, *columns, frame_count=detections.frame_count)
        return Outcome(tracks, seconds)

    return Contestant(name, f"made up for {OURS}" if name == OURS else "made up", run)
