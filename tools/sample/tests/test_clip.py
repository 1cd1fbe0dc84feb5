import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sample.clip import make_clip
from sample.settings import Settings
from shared_libs.common.detections import read_detections
from shared_libs.common.errors import OutputError
from shared_libs.common.tracks import read_tracks
from shared_libs.common.video import read_frames

SMALL = Settings(seconds=1.5, fps=10, width=320, height=180, players=6, seed=3)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "clip"
    make_clip(SMALL, folder)
    return folder


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_folder_holds_all_parts_and_nothing_else(clip: Path) -> None:
    assert set(_contents(clip)) == {"clip.mp4", "gt/gt.txt", "det/det.txt", "seqinfo.ini", "truth.json"}
    assert [path.name for path in clip.parent.iterdir()] == ["clip"]


def test_equal_settings_give_equal_bytes(clip: Path, tmp_path: Path) -> None:
    make_clip(SMALL, tmp_path / "again")
    assert _contents(tmp_path / "again") == _contents(clip)


def test_another_seed_is_another_game(clip: Path, tmp_path: Path) -> None:
    make_clip(replace(SMALL, seed=4), tmp_path / "other", video=False)
    assert (tmp_path / "other/gt/gt.txt").read_bytes() != (clip / "gt/gt.txt").read_bytes()


def test_without_video_the_rest_is_the_same(clip: Path, tmp_path: Path) -> None:
    make_clip(SMALL, tmp_path / "bare", video=False)
    whole = _contents(clip)
    del whole["clip.mp4"]
    assert _contents(tmp_path / "bare") == whole


def test_the_video_plays_with_the_stated_frames(clip: Path) -> None:
    frames = list(read_frames(clip / "clip.mp4", threads=1))
    assert len(frames) == SMALL.frame_count
    assert all(image.shape == (180, 320, 3) for _, _, image in frames)
    assert np.allclose([time for _, time, _ in frames], np.arange(15) / 10, atol=1e-3)


def test_truth_and_detections_are_read_by_the_shared_readers(clip: Path) -> None:
    truth = read_tracks(clip / "gt/gt.txt")
    detections = read_detections(clip / "det/det.txt")
    document = json.loads((clip / "truth.json").read_text("utf-8"))
    known = {person["track_id"] for person in document["people"]}
    assert len(truth) > 50 and len(detections) > 30
    assert set(truth.track_id.tolist()) <= known
    assert truth.frame.min() == 0 and truth.frame.max() == SMALL.frame_count - 1
    assert document["settings"]["seed"] == 3
    assert "seqLength=15\n" in (clip / "seqinfo.ini").read_text("utf-8")


def test_an_empty_folder_and_an_older_clip_are_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "clip"
    folder.mkdir()
    make_clip(SMALL, folder, video=False)
    make_clip(replace(SMALL, seed=8), folder, video=False)
    assert json.loads((folder / "truth.json").read_text("utf-8"))["settings"]["seed"] == 8
    assert [path.name for path in tmp_path.iterdir()] == ["clip"]


def test_somebody_elses_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError, match=r"thesis\.txt"):
        make_clip(SMALL, tmp_path, video=False)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_folder_of_another_maker_with_the_same_names_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "MOT17-02"
    (folder / "gt").mkdir(parents=True)
    (folder / "gt/gt.txt").write_text("1,1,0,0,5,5,1,1,1\n")
    with pytest.raises(OutputError, match="did not make"):
        make_clip(SMALL, folder, video=False)
    assert (folder / "gt/gt.txt").read_text() == "1,1,0,0,5,5,1,1,1\n"


def test_nothing_is_left_when_making_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sample.clip.write_document", fail)
    with pytest.raises(KeyboardInterrupt):
        make_clip(SMALL, tmp_path / "clip", video=False)
    assert list(tmp_path.iterdir()) == []
