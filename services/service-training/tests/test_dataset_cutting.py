"""Crops out of a film: of the right frames, with the film's own times, and none of what it does not show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from shared_libs.common.errors import InputError
from shared_libs.common.video import FrameWriter
from training.dataset.cutting import cut_film
from training.dataset.pictures import decode

FRAMES, WIDTH, HEIGHT = 40, 160, 90
TIMES = np.cumsum(np.where(np.arange(FRAMES) % 3 == 0, 0.08, 0.03)) - 0.08
"""Of a phone's film: frames come as they like."""


def grey(frame: int) -> int:
    return 20 + 5 * frame


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every frame is of its own grey, but for a white square from (40, 20) to (60, 50)."""
    path = tmp_path_factory.mktemp("film") / "clip.mp4"
    with FrameWriter(path, quality=5) as writer:
        for frame, time in enumerate(TIMES.tolist()):
            picture = np.full((HEIGHT, WIDTH, 3), grey(frame), np.uint8)
            picture[20:50, 40:60] = 255
            writer.write(picture, time=time)
    return path


def boxes(*edges: tuple[float, float, float, float]) -> npt.NDArray[np.float32]:
    return np.array(edges, np.float32).reshape(-1, 4)


def names(folder: Path, count: int) -> list[Path]:
    return [folder / f"{number}.jpg" for number in range(count)]


def test_crops_are_of_their_frames_and_have_the_film_s_times(film: Path, tmp_path: Path) -> None:
    frame = np.array([0, 1, 1, 17, 18, 39], np.int32)
    xyxy = boxes(*[(100, 10, 130, 70)] * 5, (40, 20, 60, 50))
    files = names(tmp_path, 6)
    cuts = cut_film(film, frame, xyxy, files, quiet=True)
    assert np.allclose(cuts.time, TIMES[frame], atol=1e-4)
    assert not np.allclose(cuts.time, frame * TIMES[-1] / (FRAMES - 1), atol=1e-2)
    assert cuts.notes == ()
    for number, file in zip(frame[:5].tolist(), files, strict=False):
        crop = decode(file.read_bytes())
        assert not isinstance(crop, str)
        assert crop.shape == (60, 30, 3)
        assert abs(crop.mean() - grey(number)) < 2.5
    last = decode(files[5].read_bytes())
    assert not isinstance(last, str)
    assert last.shape == (30, 20, 3)
    assert last.mean() > 240


def test_detail_is_measured_on_what_was_cut(film: Path, tmp_path: Path) -> None:
    cuts = cut_film(film, np.array([3, 3], np.int32), boxes((100, 10, 130, 70), (30, 10, 70, 60)), names(tmp_path, 2))
    assert cuts.sharpness[0] < 1 < cuts.sharpness[1]


def test_boxes_that_the_film_does_not_show_get_no_file(film: Path, tmp_path: Path) -> None:
    frame = np.array([5, 6, 39, 40, 99], np.int32)
    xyxy = boxes((10, 10, 20, 40), (-90, 10, -70, 40), *[(10, 10, 20, 40)] * 3)
    files = names(tmp_path, 5)
    cuts = cut_film(film, frame, xyxy, files, quiet=True)
    assert [file.exists() for file in files] == [True, False, True, False, False]
    assert np.isnan(cuts.time).tolist() == np.isnan(cuts.sharpness).tolist() == [False, True, False, True, True]
    assert cuts.notes == ("2 boxes were not cut, since the film ends after 40 frames: it is shorter than its tracks",)


def test_a_film_that_is_cut_off_gives_what_there_is_and_says_why(film: Path, tmp_path: Path) -> None:
    cut_off = tmp_path / "cut_off.mp4"
    cut_off.write_bytes(film.read_bytes()[: int(0.7 * film.stat().st_size)])
    frame = np.arange(FRAMES, dtype=np.int32)
    cuts = cut_film(cut_off, frame, boxes(*[(10, 10, 20, 40)] * FRAMES), names(tmp_path, FRAMES), quiet=True)
    seen = int((~np.isnan(cuts.time)).sum())
    assert 0 < seen < FRAMES
    assert np.isnan(cuts.time[seen:]).all()
    assert f"{FRAMES - seen} boxes were not cut, since the film ends after {seen} frames" in cuts.notes[0]
    assert "cut off" in cuts.notes[0]


def test_no_boxes_give_no_files(film: Path, tmp_path: Path) -> None:
    assert len(cut_film(film, np.empty(0, np.int32), boxes(), [], quiet=True).time) == 0


def test_what_is_no_film_is_refused(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_text("not a film")
    with pytest.raises(InputError, match="not a video"):
        cut_film(tmp_path / "clip.mp4", np.zeros(1, np.int32), boxes((1, 1, 9, 9)), names(tmp_path, 1))
