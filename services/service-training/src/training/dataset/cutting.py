"""Crops out of a film, in one pass over it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shared_libs.common.video import FrameReader, Image, read_frames
from shared_libs.utils.progress import progress
from training.dataset.pictures import cut_out, encode, sharpness

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Cuts:
    """What came of n boxes. time: float64 (n,), seconds in the film; sharpness: float64 (n,), see
    `pictures.sharpness`; both NaN where the film does not show the box. notes: what must be said of the film."""

    time: Floats
    sharpness: Floats
    notes: tuple[str, ...]


def cut_film(
    film: Path,
    frame: npt.NDArray[np.int32],
    xyxy: npt.NDArray[np.float32],
    files: list[Path],
    *,
    label: str = "cutting",
    quiet: bool = False,
) -> Cuts:
    """Writes a JPEG of what each box shows, in its own size.

    frame: int32 (n,), 0-based, rising. xyxy: float32 (n, 4), in displayed pixels. files: n names, in folders that are
    there. Only frames with boxes become pictures, and one is held at a time. Boxes that the film does not show, since
    it ends before or they lie outside of it, get no file.
    Raises InputError where the film cannot be read, OSError where a file cannot be written.
    """
    time, detail = np.full(len(frame), np.nan), np.full(len(frame), np.nan)
    numbers, first, counts = np.unique(frame, return_index=True, return_counts=True)
    total = int(frame.max(initial=-1)) + 1
    with read_frames(film) as reader, progress(total, label, "frames", quiet=quiet) as bar:
        for number, start, count in zip(numbers.tolist(), first.tolist(), counts.tolist(), strict=True):
            shown = _frame(reader, number)
            if shown is None:
                break
            when, picture = shown
            for row in range(start, start + count):
                crop = cut_out(picture, xyxy[row])
                if crop is not None:
                    files[row].write_bytes(encode(crop))
                    time[row], detail[row] = when, sharpness(crop)
            bar.update(reader.frames_read)
        return Cuts(time, detail, _notes(reader, frame))


def _frame(reader: FrameReader, number: int) -> tuple[float, Image] | None:
    """The time and picture of frame `number`; None where the film ends before it."""
    missing = number - reader.frames_read
    if reader.skip(missing) < missing:
        return None
    step = next(reader, None)
    return step[1:] if step is not None else None


def _notes(reader: FrameReader, frame: npt.NDArray[np.int32]) -> tuple[str, ...]:
    notes = []
    if len(frame) and frame[-1] >= reader.frames_read:
        lost = int((frame >= reader.frames_read).sum())
        reason = reader.ended_early or "it is shorter than its tracks"
        notes.append(f"{lost:,} boxes were not cut, since the film ends after {reader.frames_read:,} frames: {reason}")
    if reader.damaged:
        notes.append(f"{reader.damaged:,} damaged packet{'s' * (reader.damaged > 1)} inside the film left out")
    return tuple(notes)
