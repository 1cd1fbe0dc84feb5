"""Tracks with their boxes as precise as the file has them, for the scores.

The contract keeps boxes in float32, which moves a corner by up to 0.0001 pixels; in the mean overlap that already shows
in the eighth digit, where scores are compared with those of other programs.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from shared_libs.common.formats import parse_file
from shared_libs.common.tracks import read_tracks


class Boxes(Protocol):
    """What is needed of tracks to score them: `Tracks` has it, in float32, and `ExactTracks`, in float64."""

    @property
    def frame(self) -> NDArray[np.int32]: ...
    @property
    def track_id(self) -> NDArray[np.int32]: ...
    @property
    def xyxy(self) -> NDArray[np.floating[Any]]: ...
    @property
    def frame_count(self) -> int: ...


@dataclass(frozen=True, slots=True, eq=False)
class ExactTracks:
    """The columns of `Tracks` that scores need, sorted as there; xyxy is float64 (n, 4)."""

    frame: NDArray[np.int32]
    track_id: NDArray[np.int32]
    xyxy: NDArray[np.float64]
    frame_count: int


def read_exact_tracks(path: Path, *, allow_empty: bool = False) -> ExactTracks:
    """As `read_tracks`, with the same errors, but for the precision."""
    tracks = read_tracks(path, allow_empty=allow_empty)
    xyxy = tracks.xyxy.astype(np.float64)
    parsed = parse_file(path, "tracks")
    if len(tracks) and parsed.boxes is not None and parsed.boxes.track_id is not None:
        boxes = parsed.boxes
        judged = boxes.score != 0 if parsed.is_ground_truth else np.ones(len(boxes.frame), np.bool_)
        order = np.lexsort((parsed.boxes.track_id[judged], boxes.frame[judged]))
        xyxy = np.asarray(boxes.xyxy[judged][order], np.float64)
    return ExactTracks(tracks.frame, tracks.track_id, xyxy, tracks.frame_count)
