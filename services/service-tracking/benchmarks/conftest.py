"""Small things to measure, and the benchmarks' command line to measure them with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.cli import main
from benchmarks.games import HEIGHT, WIDTH, detections_in_view
from benchmarks.small import FPS, FRAMES, PLAYERS, Command, Done, find_sample_tool, panned_pictures
from shared_libs.common.detections import Detections, write_mot_detections
from shared_libs.common.tracks import Tracks, write_mot_tracks
from shared_libs.common.video import FrameWriter


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """Runs a benchmark by its command line, in this process."""
    monkeypatch.delenv("BUILD_WORKING_DIRECTORY", raising=False)

    def run(*arguments: str | Path | int) -> Done:
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        return Done(code, *capfd.readouterr())

    return run


@pytest.fixture
def sample_tool(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sees to it that tools/sample can be started."""
    find_sample_tool(monkeypatch)


@pytest.fixture
def boxes() -> Detections:
    """A few players in view all the time."""
    return detections_in_view(PLAYERS, FRAMES, seed=3)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Truth and detections of two sequences, in MOTChallenge's layout."""
    (tmp_path / "boxes").mkdir()
    for seed, name in enumerate(("first", "second")):
        shown = detections_in_view(PLAYERS, FRAMES, seed)
        ids = np.tile(np.arange(1, PLAYERS + 1), FRAMES)
        truth = Tracks.from_arrays(shown.frame, ids, shown.xyxy, shown.score, shown.class_id)
        (tmp_path / "truth" / name / "gt").mkdir(parents=True)
        write_mot_tracks(tmp_path / "truth" / name / "gt" / "gt.txt", truth)
        info = f"[Sequence]\nname={name}\nframeRate={FPS}\nseqLength={FRAMES}\nimWidth={WIDTH}\nimHeight={HEIGHT}\n"
        (tmp_path / "truth" / name / "seqinfo.ini").write_text(info)
        write_mot_detections(tmp_path / "boxes" / f"{name}.txt", shown)
    return tmp_path / "truth", tmp_path / "boxes"


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """FRAMES frames of a panning camera."""
    path = tmp_path / "film.mp4"
    with FrameWriter(path, fps=FPS, threads=1) as writer:
        for image in panned_pictures(FRAMES):
            writer.write(image)
    return path
