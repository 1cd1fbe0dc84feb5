"""How the camera moves through a whole film, frame by frame, from any frame on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from shared_libs.common.detections import Detections
from shared_libs.common.errors import PathLike
from shared_libs.common.video import VideoInfo, read_luma
from tracking.camera import CameraMotion, CameraState, Floats, Reason
from tracking.camera_settings import CameraSettings

DECODING_THREADS = 6
"""A fixed number, since what becomes of damaged pictures depends on it; enough to keep two cores busy while the motion
is found, which as many threads as cores are not."""


class CameraStep(NamedTuple):
    """One frame: its number, from 0, its presentation time in seconds, and the motion from the frame before.

    transform: float64 (2, 3), from points (x, y, 1) of the frame before to this one, in displayed pixels; the identity
    unless the reason is MEASURED.
    """

    frame: int
    time: float
    transform: Floats
    reason: Reason


@dataclass(frozen=True, slots=True, eq=False)
class CameraPath:
    """The camera's motion in a whole film of n frames, the columns of `CameraStep`.

    transform: float64 (n, 2, 3). reason: uint8 (n,). time: float64 (n,), seconds. ended_early: why the film could not
    be read to its end, None where it could. damaged: how many packets inside it were left out.
    """

    transform: Floats
    reason: npt.NDArray[np.uint8]
    time: Floats
    ended_early: str | None
    damaged: int

    def known_transform(self) -> Floats:
        """float64 (n, 2, 3): the same, NaN where the motion was not measured."""
        measured = self.reason == Reason.MEASURED
        return np.where(measured[:, None, None], self.transform, np.nan)


class CameraFollower(Iterator[CameraStep]):
    """The steps of a film, one frame each; made by `follow_camera`.

    `state()` after any step is what `follow_camera` needs to go on with the next one. `info` is the film's;
    `ended_early` and `damaged` are those of its reader and final when the steps are.
    """

    info: VideoInfo

    def __init__(
        self,
        video: PathLike,
        detections: Detections | None,
        settings: CameraSettings,
        state: CameraState | None,
        threads: int,
    ) -> None:
        self._boxes = _Boxes(detections, settings.least_score)
        self._reader = read_luma(video, settings.longest_side, threads=threads)
        self.info = self._reader.info
        self._motion = CameraMotion(self.info.width, self.info.height, settings, state=state)
        self._to_skip = state.frames if state is not None else 0

    @property
    def ended_early(self) -> str | None:
        return self._reader.ended_early

    @property
    def damaged(self) -> int:
        return self._reader.damaged

    def state(self) -> CameraState:
        """What is needed to go on after the step that came last."""
        return self._motion.state()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> CameraStep:
        if self._to_skip:
            self._reader.skip(self._to_skip)
            self._to_skip = 0
        frame, time, luma = next(self._reader)
        return CameraStep(frame, time, *self._motion.update(luma, self._boxes.of(frame)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the film; also done at its end."""
        self._reader.close()


def follow_camera(
    video: PathLike,
    detections: Detections | None = None,
    settings: CameraSettings | None = None,
    *,
    state: CameraState | None = None,
    threads: int = DECODING_THREADS,
) -> CameraFollower:
    """Follows the camera of a film from its first frame, or from where another follower stood.

    detections: whose boxes are left out of the picture, None where there are none. state: that of a follower of the
    same film with the same settings and detections; the steps go on with frame `state.frames` exactly as they would
    have. The frames before are decoded again, since only then every later one is sure to be the same. threads: how many
    the decoder uses.
    Raises InputError where the film cannot be read; a step raises ValueError where the state is of another size.
    """
    return CameraFollower(video, detections, settings or CameraSettings(), state, threads)


def camera_path(
    video: PathLike,
    detections: Detections | None = None,
    settings: CameraSettings | None = None,
    *,
    on_frame: Callable[[int], None] | None = None,
    threads: int = DECODING_THREADS,
) -> CameraPath:
    """The camera's motion through a whole film; arguments and errors as in `follow_camera`.

    on_frame: called with the number of frames done so far, after each.
    """
    steps = []
    with follow_camera(video, detections, settings, threads=threads) as follower:
        for step in follower:
            steps.append(step)
            if on_frame is not None:
                on_frame(step.frame + 1)
        return CameraPath(
            transform=np.array([step.transform for step in steps], np.float64).reshape(-1, 2, 3),
            reason=np.array([step.reason for step in steps], np.uint8),
            time=np.array([step.time for step in steps], np.float64),
            ended_early=follower.ended_early,
            damaged=follower.damaged,
        )


class _Boxes:
    """The boxes of each frame that are sure enough to be people."""

    def __init__(self, detections: Detections | None, least_score: float) -> None:
        chosen = detections or Detections.empty()
        sure = chosen.score >= least_score
        self._xyxy = chosen.xyxy[sure]
        self._ends = np.searchsorted(chosen.frame[sure], np.arange(chosen.frame_count + 1))

    def of(self, frame: int) -> npt.NDArray[np.float32]:
        """float32 (n, 4); none after the last frame with detections."""
        if frame + 1 >= len(self._ends):
            return self._xyxy[:0]
        return self._xyxy[self._ends[frame] : self._ends[frame + 1]]
