"""A film is looked at once, frame by frame as it is shown, and a run that was cut short ends with the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame

from shared_libs.common.detections import Detections
from shared_libs.common.errors import InputError
from shared_libs.common.video import FrameWriter
from tracking.checkpoint import Checkpoint, Watcher
from tracking.detectors.detector import Boxes, Picture
from tracking.detectors.detector_stage import detect_film

WIDTH, HEIGHT, FRAMES = 320, 180, 23


class LightDetector:
    """Finds the light things of a picture by the columns that they fill; what it says of one depends a little on the
    pictures that come with it, as models' last bits do. `fails_at`: after how many pictures it is cut short."""

    name = "light"

    def __init__(self, batch: int = 4, digest: bytes = b"light", fails_at: int | None = None) -> None:
        self.batch, self.digest, self.fails_at = batch, digest, fails_at
        self.looked = 0

    def detect(self, pictures: Sequence[Picture]) -> list[Boxes]:
        assert 1 <= len(pictures) <= self.batch
        found = []
        for place, picture in enumerate(pictures):
            if self.looked == self.fails_at:
                raise KeyboardInterrupt
            self.looked += 1
            light = picture.min(axis=2) > 150
            edges = np.flatnonzero(np.diff(np.concatenate([[0], light.any(axis=0), [0]]).astype(int)))
            boxes = []
            for left, right in edges.reshape(-1, 2):
                rows = np.flatnonzero(light[:, left:right].any(axis=1))
                boxes.append((left, rows[0], right, rows[-1] + 1))
            score = np.full(len(boxes), 0.5 + place / 100 + len(pictures) / 1000, np.float32)
            xyxy = np.array(boxes, np.float32).reshape(-1, 4)
            found.append(Boxes(xyxy, score, np.ones(len(boxes), np.int16)))
        return found


class Log(Watcher):
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.done: list[int] = []
        self.kept: list[int] = []

    def started(self, done: int, work_seconds: float) -> None:
        assert work_seconds >= 0
        self.begun.append(done)

    def progressed(self, done: int) -> None:
        self.done.append(done)

    def saved(self, done: int) -> None:
        self.kept.append(done)


def players(frame: int) -> list[tuple[int, int, int, int]]:
    """Where players stand: none in the first frame and the last, then one, then two."""
    if frame in (0, FRAMES - 1):
        return []
    boxes = [(20 + 4 * frame, 40, 36 + 4 * frame, 90), (250, 60 + 2 * frame, 266, 110 + 2 * frame)]
    return boxes[: 1 + (frame > 4)]


def draw(frame: int) -> Picture:
    picture = np.full((HEIGHT, WIDTH, 3), (30, 90, 40), np.uint8)
    for left, top, right, bottom in players(frame):
        picture[top:bottom, left:right] = 230
    return picture


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "clip.mp4"
    with FrameWriter(path, fps=25) as writer:
        for frame in range(FRAMES):
            writer.write(draw(frame))
    return path


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    (tmp_path / "work").mkdir()
    return Checkpoint(tmp_path / "work", {})


def content(found: Detections) -> tuple[bytes | int, ...]:
    arrays = found.frame, found.xyxy, found.score, found.class_id
    return (*(array.tobytes() for array in arrays), found.frame_count)


def near(found: Detections, expected: list[list[tuple[int, int, int, int]]]) -> bool:
    """Whether each frame has the boxes expected, to the pixels that a codec smears."""
    flat = [(frame, *box) for frame, boxes in enumerate(expected) for box in boxes]
    rows = np.column_stack([found.frame, found.xyxy])
    return rows.shape == (len(flat), 5) and bool(np.abs(rows - np.array(flat)).max() <= 3)


@pytest.mark.parametrize("batch", [1, 4, 23, 100])
def test_every_frame_is_looked_at_once(film: Path, checkpoint: Checkpoint, batch: int) -> None:
    detector, log = LightDetector(batch), Log()
    found = detect_film(film, detector, checkpoint, log)
    assert near(found, [players(frame) for frame in range(FRAMES)])
    assert found.frame_count == FRAMES  # the last, which has nobody, among them
    assert detector.looked == FRAMES
    assert log.begun == [0]
    assert log.done == [*range(batch, FRAMES, batch), FRAMES]
    assert log.kept[-1] == FRAMES


@pytest.mark.parametrize("cut", [0, 1, 3, 4, 9, 22])
def test_a_run_that_was_cut_short_goes_on_and_ends_with_the_same_bytes(
    film: Path, checkpoint: Checkpoint, cut: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    whole = detect_film(film, LightDetector(), Checkpoint(tmp_path / "other", {}), Log())
    monkeypatch.setattr("tracking.checkpoint.SECONDS_BETWEEN_SAVES", 0.0)
    monkeypatch.setattr("tracking.checkpoint.LARGEST_SHARE", 1e9)
    with pytest.raises(KeyboardInterrupt):
        detect_film(film, LightDetector(fails_at=cut), checkpoint, Log())
    detector, log = LightDetector(), Log()
    found = detect_film(film, detector, checkpoint, log)
    assert content(found) == content(whole)
    kept = cut // 4 * 4
    assert log.begun == [kept]
    assert detector.looked == FRAMES - kept

    again = LightDetector()
    assert content(detect_film(film, again, checkpoint, Log())) == content(whole)
    assert again.looked == 0


def test_what_another_detector_saw_is_not_taken(film: Path, checkpoint: Checkpoint) -> None:
    detect_film(film, LightDetector(), checkpoint, Log())
    other = LightDetector(digest=b"other")
    detect_film(film, other, checkpoint, Log())
    assert other.looked == FRAMES


def test_a_film_that_is_shorter_now_is_refused(film: Path, checkpoint: Checkpoint, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("tracking.checkpoint.SECONDS_BETWEEN_SAVES", 0.0)
        patch.setattr("tracking.checkpoint.LARGEST_SHARE", 1e9)
        detect_film(film, LightDetector(fails_at=20), checkpoint, Log())
    short = tmp_path / "short.mp4"
    with FrameWriter(short, fps=25) as writer:
        for frame in range(7):
            writer.write(draw(frame))
    with pytest.raises(InputError, match=r"short.mp4: ends before frame 21, where an earlier run got to"):
        detect_film(short, LightDetector(), checkpoint, Log())


@pytest.mark.parametrize("content", [None, b"", b"no film at all"])
def test_what_is_no_film_is_refused(content: bytes | None, checkpoint: Checkpoint, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(InputError, match=r"a.mp4"):
        detect_film(tmp_path / "a.mp4", LightDetector(), checkpoint, Log())


def test_a_film_that_is_cut_off_is_looked_at_as_far_as_it_goes(
    film: Path, checkpoint: Checkpoint, tmp_path: Path
) -> None:
    whole = film.read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) * 3 // 4])
    found = detect_film(tmp_path / "cut.mp4", LightDetector(), checkpoint, Log())
    assert 1 <= found.frame_count < FRAMES
    assert near(found, [players(frame) for frame in range(found.frame_count)])


def test_frames_at_changing_times_are_counted_not_timed(checkpoint: Checkpoint, tmp_path: Path) -> None:
    with FrameWriter(tmp_path / "a.mp4") as writer:
        for frame in range(FRAMES):
            writer.write(draw(frame), time=0.04 * frame + 0.3 * (frame > 6) + 0.01 * (frame % 3))
    found = detect_film(tmp_path / "a.mp4", LightDetector(), checkpoint, Log())
    assert near(found, [players(frame) for frame in range(FRAMES)])


def test_boxes_of_a_turned_film_lie_in_the_picture_as_it_is_shown(checkpoint: Checkpoint, tmp_path: Path) -> None:
    one = 1 << 16
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.set_display_matrix([0, one, 0, -one, 0, 0, HEIGHT * one, 0, 1 << 30])  # a quarter to the right
        for frame in range(3):
            container.mux(stream.encode(VideoFrame.from_ndarray(draw(1 + frame), format="rgb24")))
        container.mux(stream.encode(None))
    found = detect_film(tmp_path / "a.mp4", LightDetector(), checkpoint, Log())
    upright = [players(1 + frame)[0] for frame in range(3)]
    assert near(found, [[(HEIGHT - bottom, left, HEIGHT - top, right)] for left, top, right, bottom in upright])
