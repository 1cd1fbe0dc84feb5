"""Looking at people as a stage of a run: one pass over the film, saved on the way, so that none need be done twice."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shared_libs.common.crops import Crops, CropSettings, choose_crops
from shared_libs.common.tracks import Tracks
from shared_libs.common.video import FrameReader, Image, read_frames
from tracking.appearance import Appearance, Looks
from tracking.camera_path import DECODING_THREADS
from tracking.checkpoint import Arrays, Checkpoint, SavePace, Watcher
from tracking.jersey import JERSEY_SIZE, describe_jerseys
from tracking.reid_model import ReidModel

JERSEY_COLOURS = "jersey colours"
"""The describer of looks that need no model."""

_NAME = "appearance"
_BATCH_WITHOUT_MODEL = 64
_USUAL_RATE = 25.0


def look_at_film(
    video: Path,
    tracks: Tracks,
    model: ReidModel | None,
    checkpoint: Checkpoint,
    watcher: Watcher,
    settings: CropSettings | None = None,
) -> tuple[Appearance, float]:
    """What the people on `tracks` look like in `video`, and the seconds that looking took in all.

    Only frames with chosen crops become pictures; the others are passed over. What the film does not show – it ends
    before the tracks do, a box lies outside – has no look. Goes on from `checkpoint`, with the same result.
    Raises InputError for a video or a model that fails, OutputError where the checkpoint cannot be written.
    """
    with read_frames(video, threads=DECODING_THREADS) as reader:
        info = reader.info
        crops = choose_crops(tracks, info.average_rate or _USUAL_RATE, (info.width, info.height), settings)
        made_from = _made_from(tracks, crops, model)
        part = _Part(len(crops), model.size if model is not None else 0)
        arrays = checkpoint.load(_NAME, made_from)
        if arrays is not None:
            part.go_on(arrays)
        frames = tracks.frame[crops.row]
        watcher.started(int(frames[part.done - 1]) + 1 if part.done else 0, part.work_seconds)
        if not part.is_whole:
            _Look(reader, frames, tracks.xyxy[crops.row], model).all_of(part, checkpoint, made_from, watcher)
    return _appearance(tracks, crops, part, model), part.work_seconds


class _Look:
    """One pass over the film, from the first crop that is not done to the last."""

    def __init__(
        self,
        reader: FrameReader,
        frames: npt.NDArray[np.int32],
        xyxy: npt.NDArray[np.float32],
        model: ReidModel | None,
    ) -> None:
        self._reader, self._frames, self._xyxy, self._model = reader, frames, xyxy, model
        self._batch = model.batch if model is not None else _BATCH_WITHOUT_MODEL

    def all_of(self, part: _Part, checkpoint: Checkpoint, made_from: bytes, watcher: Watcher) -> None:
        began = time.perf_counter() - part.work_seconds
        pace = SavePace()

        def save(frames: int) -> None:
            part.work_seconds = time.perf_counter() - began
            checkpoint.save(_NAME, part.arrays(), made_from)
            watcher.saved(frames)

        picture: Image | None = None
        # Batches begin at multiples of their size wherever a run began: so no result depends on that.
        for first in range(part.done, len(self._frames), self._batch):
            last = min(first + self._batch, len(self._frames))
            cuts: list[Image] = []
            cut_rows: list[int] = []
            for row in range(first, last):
                frame = int(self._frames[row])
                if self._reader.frames_read <= frame:
                    picture = self._picture(frame)
                    watcher.progressed(frame + 1)
                if picture is None:
                    break
                part.jersey[row] = describe_jerseys(picture, self._xyxy[row : row + 1])[0]
                if self._model is not None:
                    cut = self._model.cut(picture, self._xyxy[row])
                    if cut is not None:
                        cuts.append(cut)
                        cut_rows.append(row)
            if self._model is not None and cuts:
                part.embedding[cut_rows] = self._model.embed(cuts)
            part.done = last
            if picture is None:
                break
            pace.save_if_due(lambda: save(int(self._frames[part.done - 1])))
        part.done, part.is_whole = len(self._frames), True
        save(int(self._frames[-1]) + 1 if len(self._frames) else 0)

    def _picture(self, frame: int) -> Image | None:
        """The film's picture number `frame`, None after its end."""
        missing = frame - self._reader.frames_read
        if self._reader.skip(missing) < missing:
            return None
        step = next(self._reader, None)
        return step[2] if step is not None else None


class _Part:
    """The vectors of the crops as far as they are known; 0 where there was nothing to see."""

    def __init__(self, count: int, embedding_size: int) -> None:
        self.jersey = np.zeros((count, JERSEY_SIZE), np.float32)
        self.embedding = np.zeros((count, embedding_size), np.float32)
        self.done = 0
        self.work_seconds = 0.0
        self.is_whole = False

    def arrays(self) -> Arrays:
        return {
            "jersey": self.jersey[: self.done],
            "embedding": self.embedding[: self.done],
            "progress": np.array([self.work_seconds, self.is_whole], np.float64),
        }

    def go_on(self, arrays: Arrays) -> None:
        self.done = len(arrays["jersey"])
        self.jersey[: self.done], self.embedding[: self.done] = arrays["jersey"], arrays["embedding"]
        self.work_seconds, is_whole = arrays["progress"].tolist()
        self.is_whole = bool(is_whole)


def _made_from(tracks: Tracks, crops: Crops, model: ReidModel | None) -> bytes:
    """What the vectors depend on beside the film."""
    digest = hashlib.sha256(model.digest if model is not None else b"")
    for array in (tracks.frame[crops.row], tracks.track_id[crops.row], tracks.xyxy[crops.row]):
        digest.update(array.tobytes())
    return digest.digest()


def _appearance(tracks: Tracks, crops: Crops, part: _Part, model: ReidModel | None) -> Appearance:
    def looks(vectors: npt.NDArray[np.float32], describer: str) -> Looks:
        row = crops.row[seen]
        return Looks.from_arrays(tracks.track_id[row], tracks.frame[row], vectors[seen], crops.quality[seen], describer)

    seen = part.jersey.any(axis=1)
    if model is not None:
        seen &= part.embedding.any(axis=1)
    embedding = looks(part.embedding, model.name) if model is not None else None
    return Appearance(looks(part.jersey, JERSEY_COLOURS), embedding)
