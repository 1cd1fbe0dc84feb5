"""Tracks: boxes that carry the id of what they follow, for a whole sequence, in columns.

`read_tracks` takes MOTChallenge result or ground-truth text, LaxAI's tracks.json, or Parquet. Parquet keeps
everything exactly; tracks.json keeps all but empty frames at the end; MOTChallenge text loses the source as well.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from shared_libs.common.boxes import (
    LARGEST_TRACK_ID,
    Int64s,
    checked_frame_count,
    first_problem,
    offsets_of,
)
from shared_libs.common.detections import stated_frame_count
from shared_libs.common.errors import InputError, PathLike
from shared_libs.common.files import atomic_write
from shared_libs.common.formats import empty_file, parse_file
from shared_libs.common.laxai_json import SOURCES
from shared_libs.common.mot_text import format_mot, shortest_text
from shared_libs.common.parquet_table import write_boxes


class Source(IntEnum):
    """Where a track's box comes from."""

    DETECTED = 0
    INTERPOLATED = 1


@dataclass(frozen=True, slots=True, eq=False)
class Tracks:
    """Boxes with ids, sorted by (frame, track_id); a track has at most one box in a frame.

    frame: int32 (n,), 0-based. track_id: int32 (n,), from 1. xyxy: float32 (n, 4), left, top, right, bottom in
    displayed pixels. score: float32 (n,). class_id: int16 (n,), -1 where not known. source: uint8 (n,), see
    `Source`. frame_count: 1 + the last frame known. Make one with `from_arrays`, which checks all this.
    """

    frame: npt.NDArray[np.int32]
    track_id: npt.NDArray[np.int32]
    xyxy: npt.NDArray[np.float32]
    score: npt.NDArray[np.float32]
    class_id: npt.NDArray[np.int16]
    source: npt.NDArray[np.uint8]
    frame_count: int

    @classmethod
    def from_arrays(
        cls,
        frame: npt.ArrayLike,
        track_id: npt.ArrayLike,
        xyxy: npt.ArrayLike,
        score: npt.ArrayLike,
        class_id: npt.ArrayLike,
        source: npt.ArrayLike | None = None,
        frame_count: int | None = None,
    ) -> Self:
        """Checked, cast and sorted tracks; `source` is DETECTED where not given.

        Raises ValueError naming the first box (counted from 0) that is wrong or stands twice.
        """
        raw_frame, raw_id, raw_score, raw_class = (
            np.asarray(values).reshape(-1) for values in (frame, track_id, score, class_id)
        )
        count = len(raw_frame)
        raw_source = np.zeros(count, np.uint8) if source is None else np.asarray(source).reshape(-1)
        raw_xyxy = np.asarray(xyxy)
        if raw_xyxy.size == 0:
            raw_xyxy = raw_xyxy.reshape(0, 4)
        lengths = [len(values) for values in (raw_frame, raw_id, raw_score, raw_class, raw_source)]
        if raw_xyxy.shape != (count, 4) or set(lengths) != {count}:
            raise ValueError(
                "frame, track_id, score, class_id, source must have n entries each and xyxy (n, 4), "
                f"not {lengths} and {raw_xyxy.shape}"
            )
        problem = first_problem(raw_frame, raw_xyxy, raw_score, raw_class) or first_track_problem(
            raw_frame, raw_id, raw_source
        )
        if problem is not None:
            raise ValueError(f"box {problem[0]}: {problem[1]}")
        order = np.lexsort((raw_id, raw_frame))
        sorted_frame = raw_frame[order].astype(np.int32)
        return cls(
            frame=sorted_frame,
            track_id=raw_id[order].astype(np.int32),
            xyxy=np.ascontiguousarray(raw_xyxy[order], np.float32),
            score=raw_score[order].astype(np.float32),
            class_id=raw_class[order].astype(np.int16),
            source=raw_source[order].astype(np.uint8),
            frame_count=checked_frame_count(sorted_frame, frame_count),
        )

    @classmethod
    def empty(cls, frame_count: int = 0) -> Self:
        """No boxes at all, in `frame_count` frames."""
        return cls.from_arrays([], [], np.empty((0, 4)), [], [], None, frame_count)

    def __len__(self) -> int:
        return len(self.frame)

    def offsets(self) -> Int64s:
        """Where each frame's rows begin, (frame_count + 1,): rows of frame f are offsets[f]:offsets[f + 1]."""
        return offsets_of(self.frame, self.frame_count)


def first_track_problem(
    frame: npt.NDArray[np.generic], track_id: npt.NDArray[np.generic], source: npt.NDArray[np.generic]
) -> tuple[int, str] | None:
    """The first row whose id or source is wrong, or whose (frame, id) has stood before, and why; None if none."""
    ids = np.asarray(track_id, np.float64)
    with np.errstate(invalid="ignore"):
        bad = ~((ids >= 1) & (ids <= LARGEST_TRACK_ID) & (ids == np.floor(ids)))
    if bad.any():
        row = int(bad.argmax())
        return row, f"the track id must be a whole number from 1, here it is {ids[row]:g}"
    known = np.isin(source, [int(kind) for kind in Source])
    if not known.all():
        row = int(known.argmin())
        return row, f"the source must be 0 (detected) or 1 (interpolated), here it is {source[row]}"
    order = np.lexsort((ids, frame))
    same = (frame[order][1:] == frame[order][:-1]) & (ids[order][1:] == ids[order][:-1])
    if same.any():
        row = int(order[1:][same].min())
        return row, f"track {ids[row]:.0f} has two boxes in this frame"
    return None


def read_tracks(path: PathLike, *, keep_ignored: bool = False, allow_empty: bool = False) -> Tracks:
    """The tracks in a file: MOTChallenge result or ground-truth text, LaxAI's tracks.json, or Parquet.

    Rows may come in any order. Of ground truth, rows whose flag is 0 (not to be judged) are left out unless
    `keep_ignored`; their score is then 0. Where a file numbers its tracks from 0, as some data sets do, every id is
    raised by one. A file of zero bytes is refused unless `allow_empty`.
    Raises InputError naming the line, row, or frame and object that is wrong.
    """
    parsed = parse_file(path, "tracks")
    if parsed.boxes is None:
        if allow_empty:
            return Tracks.empty()
        raise empty_file(path, "tracks")
    boxes = parsed.boxes
    frame_count = stated_frame_count(path, boxes)
    count = len(boxes.frame)
    keep = boxes.score != 0 if parsed.is_ground_truth and not keep_ignored else np.ones(count, bool)
    ids = boxes.track_id
    if ids is None:
        if count:
            raise InputError(path, "the boxes have no track ids", hint="these are detections, not tracks")
        ids = np.empty(0)
    ids = ids + 1 if keep.any() and ids[keep].min() == 0 else ids
    source = boxes.source if boxes.source is not None else np.zeros(count)
    problem = first_track_problem(boxes.frame[keep], ids[keep], source[keep])
    if problem is not None:
        row, cause = problem
        hint = "these are detections, not tracks" if (ids == -1).all() else None
        raise boxes.place(int(np.flatnonzero(keep)[row])).error(path, cause, hint)
    return Tracks.from_arrays(
        boxes.frame[keep],
        ids[keep],
        boxes.xyxy[keep],
        boxes.score[keep],
        boxes.class_id[keep],
        source[keep],
        frame_count,
    )


def write_mot_tracks(path: PathLike, tracks: Tracks) -> None:
    """Writes a MOTChallenge result: frames from 1, the class in the eighth column. Raises OutputError."""
    text = format_mot(tracks.frame, tracks.track_id, tracks.xyxy, tracks.score, tracks.class_id)
    with atomic_write(path) as file:
        file.write(text)


def write_tracks_json(path: PathLike, tracks: Tracks) -> None:
    """Writes tracks.json in LaxAI's form, one object per box and line, with `source` added. Raises OutputError."""
    corners = [shortest_text(tracks.xyxy[:, i]) for i in range(4)]
    rows = [
        f'{{"x_min": {left}, "y_min": {top}, "x_max": {right}, "y_max": {bottom}, "class_id": {class_id}, '
        f'"confidence": {score}, "tracker_id": {track_id}, "frame_id": {frame}, "source": "{SOURCES[source]}"}}'
        for left, top, right, bottom, class_id, score, track_id, frame, source in zip(
            *corners,
            tracks.class_id.tolist(),
            shortest_text(tracks.score),
            tracks.track_id.tolist(),
            tracks.frame.tolist(),
            tracks.source.tolist(),
            strict=True,
        )
    ]
    with atomic_write(path, "w") as file:
        file.write("[\n" + ",\n".join(rows) + "\n]\n")


def write_tracks_parquet(path: PathLike, tracks: Tracks) -> None:
    """Writes Parquet: frame, track_id, x_min, y_min, x_max, y_max, score, class_id, source. Raises OutputError."""
    columns: dict[str, npt.NDArray[Any]] = {
        "frame": tracks.frame,
        "track_id": tracks.track_id,
        "xyxy": tracks.xyxy,
        "score": tracks.score,
        "class_id": tracks.class_id,
        "source": tracks.source,
    }
    write_boxes(path, "tracks", columns, tracks.frame_count)
