"""What people look like, seen in chosen crops: vectors whose dot product says how alike two looks are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

Int32s = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]


class TrackLooks(NamedTuple):
    """One look for each of m tracks: the mean of theirs, by quality.

    track_id int32 (m,), rising; vector float32 (m, d) of unit length; weight float32 (m,): the sum of the qualities;
    number int64 (m,): of how many looks.
    """

    track_id: Int32s
    vector: Floats
    weight: Floats
    number: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """k looks at people, sorted by (track_id, frame). The dot product of two vectors is their likeness.

    track_id int32 (k,); frame int32 (k,), 0-based; vector float32 (k, d) of unit length; quality float32 (k,), 0 to 1:
    how clean the crop is. describer: what made the vectors, "jersey colours" or the file name of a model.
    """

    track_id: Int32s
    frame: Int32s
    vector: Floats
    quality: Floats
    describer: str

    @classmethod
    def from_arrays(
        cls,
        track_id: npt.ArrayLike,
        frame: npt.ArrayLike,
        vector: npt.ArrayLike,
        quality: npt.ArrayLike,
        describer: str,
    ) -> Self:
        """Cast, sorted, brought to unit length. Raises ValueError for a vector without length or unequal counts."""
        ids, frames = np.asarray(track_id, np.int32), np.asarray(frame, np.int32)
        vectors, qualities = np.asarray(vector, np.float32), np.asarray(quality, np.float32)
        if vectors.ndim != 2 or not len(ids) == len(frames) == len(vectors) == len(qualities):
            raise ValueError(
                f"looks need as many track ids, frames, vectors (k, d) and qualities, not {len(ids)}, {len(frames)}, "
                f"{vectors.shape}, {len(qualities)}"
            )
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not (np.isfinite(length) & (length > 0)).all():
            raise ValueError("a look's vector has no length")
        order = np.lexsort((frames, ids))
        return cls(ids[order], frames[order], (vectors / length)[order], qualities[order], describer)

    def __len__(self) -> int:
        return len(self.track_id)

    def of_track(self, track_id: int) -> slice:
        """The rows of one track; empty where it was not seen."""
        first, last = np.searchsorted(self.track_id, [track_id, track_id + 1]).tolist()
        return slice(first, last)

    def only(self, chosen: npt.NDArray[np.bool_]) -> Looks:
        """Those looks of which `chosen` (k,) is true."""
        columns = self.track_id[chosen], self.frame[chosen], self.vector[chosen], self.quality[chosen]
        return Looks(*columns, self.describer)

    def of_tracks(self) -> TrackLooks:
        """The mean look of every track that was seen."""
        ids, first, number = np.unique(self.track_id, return_index=True, return_counts=True)
        if not len(ids):
            return TrackLooks(ids, self.vector[:0], self.quality[:0], number)
        # A look of quality 0 still shows something where there is no better one.
        share = np.maximum(self.quality, 1e-3).astype(np.float64)
        total = np.add.reduceat(self.vector * share[:, None], first)
        length = np.linalg.norm(total, axis=1, keepdims=True)
        opposed = length[:, 0] < 1e-6  # looks that cancel each other out: the first is as good as any
        total[opposed], length[opposed] = self.vector[first[opposed]], 1
        weight = np.add.reduceat(self.quality, first)
        return TrackLooks(ids, (total / length).astype(np.float32), weight.astype(np.float32), number)


@dataclass(frozen=True, slots=True, eq=False)
class Appearance:
    """The looks that a film gives: of what people wear and, with a re-identification model, of themselves.

    Both are of the same crops.
    """

    jersey: Looks
    embedding: Looks | None
