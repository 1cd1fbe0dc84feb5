"""The online tracker: joins detections to tracks frame by frame, over arrays of all tracks at once.

The scheme is ByteTrack's (Zhang et al., 2022): sure detections first, doubtful ones only to continue what would
otherwise break. Around it: likelihoods under noise that is learned from the game, camera motion from the picture or
from the boxes, near-ties decided late, and lost tracks that wait in the scene – not in the picture – for their return.
The steps are in `kernel.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from shared_libs.common.detections import Detections
from shared_libs.common.tracks import Source, Tracks
from tracking.bank import Bank, Frames, Game, new_bank, new_game, with_room
from tracking.knobs import knobs_of, packed
from tracking.phantoms import of_phantoms
from tracking.settings import TrackerSettings

Float = NDArray[np.float64]

_FRAMES_BETWEEN_REPORTS = 500
_FIRST_ROOM = 64


class Advance(Protocol):
    """Takes frames `first` to `stop`, as `kernel.advance` and `reference.advance` do."""

    def __call__(
        self,
        bank: Bank,
        game: Game,
        knobs: np.void,
        live: int,
        next_number: int,
        first: int,
        stop: int,
        frames: Frames,
        found: tuple[NDArray[np.int64], NDArray[np.bool_]],
        /,
    ) -> tuple[int, int, int]: ...


def track(
    detections: Detections,
    fps: float,
    settings: TrackerSettings | None = None,
    camera: Float | None = None,
    on_frame: Callable[[int], None] = lambda done: None,
    advance: Advance | None = None,
) -> Tracks:
    """Tracks of a whole sequence.

    Every row of the result is one of the detections, unchanged, with its track's id. Ids count from 1 in order of first
    appearance; a track that was confirmed later is reported from its first box, and one that is probably clutter
    (`phantoms.py`) not at all. The same input gives the same output.

    Args:
        fps: frames per second, positive.
        camera: float64 (n, 2, 3), n up to the number of frames: for each frame the motion of resting points (x, y, 1)
            from the frame before, in pixels (`CameraPath.known_transform`). Of frames with NaN, and of those beyond n,
            nothing is known; there, and without it, the common motion of the boxes is taken.
        on_frame: told the number of frames done, from time to time.
        advance: the steps; compiled where not given, `reference.advance` for those in plain numpy.
    Raises ValueError for an fps or a camera of the wrong kind.
    """
    settings = settings or TrackerSettings()
    number = numbered(detections, fps, settings, camera, on_frame, advance)
    kept = number.nonzero()[0]
    kept = kept[~of_phantoms(number[kept], detections.score[kept], fps, settings)]
    return _tracks(detections, number, kept)


def numbered(
    detections: Detections,
    fps: float,
    settings: TrackerSettings,
    camera: Float | None = None,
    on_frame: Callable[[int], None] = lambda done: None,
    advance: Advance | None = None,
) -> NDArray[np.int64]:
    """The number of each detection's track, (n,), from 1 in no order, clutter included; 0 for those in none.

    Arguments and errors as in `track`.
    """
    if not (math.isfinite(fps) and fps > 0):
        raise ValueError(f"fps must be a positive number, not {fps}")
    if advance is None:
        from tracking.kernel import advance as compiled_advance  # numba takes a while to load

        advance = compiled_advance
    frame_count = detections.frame_count
    frames = _frames(detections, _camera(camera, frame_count))
    number, confirmed = np.zeros(len(detections), np.int64), np.zeros(len(detections), np.bool_)
    knobs = knobs_of(settings, fps)
    bank, game, record = new_bank(_FIRST_ROOM), new_game(knobs), packed(knobs)
    live, next_number, frame = 0, 1, 0
    while frame < frame_count:
        on_frame(frame)
        stop = min(frame + _FRAMES_BETWEEN_REPORTS, frame_count)
        bank = with_room(bank, live, live + int(frames.offsets[frame + 1] - frames.offsets[frame]))
        live, next_number, frame = advance(
            bank, game, record, live, next_number, frame, stop, frames, (number, confirmed)
        )
    number[~np.isin(number, np.unique(number[confirmed]))] = 0
    return number


def _camera(camera: Float | None, frame_count: int) -> Float:
    """One transform per frame, (frame_count, 2, 3), NaN where not known."""
    whole = np.full((frame_count, 2, 3), np.nan)
    if camera is not None:
        if camera.ndim != 3 or camera.shape[1:] != (2, 3):
            raise ValueError(f"camera must be (n, 2, 3), not {camera.shape}")
        count = min(len(camera), frame_count)
        whole[:count] = camera[:count]
    return whole


def _frames(detections: Detections, camera: Float) -> Frames:
    xyxy = detections.xyxy.astype(np.float64)
    boxes = np.concatenate([(xyxy[:, :2] + xyxy[:, 2:]) / 2, xyxy[:, 2:] - xyxy[:, :2]], axis=1)
    return Frames(
        offsets=detections.offsets().astype(np.int64),
        boxes=np.ascontiguousarray(boxes),
        scores=detections.score.astype(np.float64),
        transforms=camera,
        known=np.logical_and.reduce(np.isfinite(camera), axis=(1, 2)),
    )


def _tracks(detections: Detections, number: NDArray[np.int64], kept: NDArray[np.intp]) -> Tracks:
    """The detections in rows `kept`, with the track's number (n,) of each detection."""
    return Tracks.from_arrays(
        frame=detections.frame[kept],
        track_id=_in_order_of_appearance(number[kept], detections.frame[kept]),
        xyxy=detections.xyxy[kept],
        score=detections.score[kept],
        class_id=detections.class_id[kept],
        source=np.full(len(kept), Source.DETECTED, np.uint8),
        frame_count=detections.frame_count,
    )


def _in_order_of_appearance(number: NDArray[np.int64], frame: NDArray[np.int32]) -> NDArray[np.int64]:
    """Numbers from 1 by the frame in which they first occur, and in it as they were: exchanged ones need not be in
    order any more, and the order of a frame's boxes is not to matter."""
    unique, first, inverse = np.unique(number, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.lexsort((unique, frame[first]))] = np.arange(1, len(first) + 1)
    ranked: NDArray[np.int64] = rank[inverse]
    return ranked
