"""A small game for the end-to-end tests, and the program to run on it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from shared_libs.common.detections import Detections, write_mot_detections
from shared_libs.common.tracks import Tracks, write_mot_tracks
from shared_libs.common.video import FrameWriter
from tracking.cli import main
from tracking.compiled import cache_folder
from tracking.tracker import track

FRAMES, WIDTH, HEIGHT, FPS = 30, 320, 180, 25


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


Command = Callable[..., Done]


@pytest.fixture(scope="session", autouse=True)
def empty_storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test uses a model that somebody has promoted on this machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("LAXAI_CONFIG", raising=False)
        patch.delenv("LAXAI_TENANT", raising=False)
        patch.setenv("LAXAI_STORAGE", str(tmp_path_factory.mktemp("storage")))
        yield


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """Runs a command of the program in this process, standing in the test's folder."""
    track(Detections.empty(1), FPS)  # compiled now, so that no command says that it is doing it
    monkeypatch.delenv("BUILD_WORKING_DIRECTORY", raising=False)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str | Path | int) -> Done:
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        return Done(code, *capfd.readouterr())

    return run


@pytest.fixture
def start_program(tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Starts `python -m tracking` as its own process in the test's folder, or in `cwd`, with extra variables.

    It finds the tracker compiled, by this process if need be.
    """
    track(Detections.empty(1), FPS)
    folder = cache_folder()
    compiled = {"NUMBA_CACHE_DIR": str(folder.parent)} if folder is not None else {}

    def start(*arguments: str | Path | int, cwd: Path = tmp_path, **variables: str) -> subprocess.Popen[str]:
        names = ("PATH", "TMPDIR", "LD_LIBRARY_PATH", "LAXAI_STORAGE")
        kept = {name: os.environ[name] for name in names if name in os.environ}
        kept |= {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
        line = [sys.executable, "-m", "tracking", *map(str, arguments)]
        pipe = subprocess.PIPE
        return subprocess.Popen(line, cwd=cwd, env=kept | compiled | variables, stdout=pipe, stderr=pipe, text=True)

    return start


def game() -> Tracks:
    """Three players, each running straight for 30 frames."""
    frame = np.repeat(np.arange(FRAMES), 3)
    identity = np.tile([1, 2, 3], FRAMES)
    left = np.array([20.0, 150.0, 260.0])[identity - 1] + np.array([3.0, -1.0, -4.0])[identity - 1] * frame
    top = np.array([30.0, 60.0, 100.0])[identity - 1]
    xyxy = np.stack([left, top, left + 16, top + 40], axis=1)
    return Tracks.from_arrays(frame, identity, xyxy, np.full(len(frame), 0.9), np.ones(len(frame)))


@pytest.fixture(scope="session")
def game_tracks() -> Tracks:
    return game()


@pytest.fixture
def game_files(tmp_path: Path, game_tracks: Tracks) -> Path:
    """A folder with det.txt and gt.txt of the game."""
    write_mot_tracks(tmp_path / "gt.txt", game_tracks)
    boxes = Detections.from_arrays(game_tracks.frame, game_tracks.xyxy, game_tracks.score, game_tracks.class_id)
    write_mot_detections(tmp_path / "det.txt", boxes)
    return tmp_path


@pytest.fixture
def game_video(game_files: Path, game_tracks: Tracks) -> Path:
    """The game as a film, clip.mp4: light players on a dark field."""
    path = game_files / "clip.mp4"
    with FrameWriter(path, fps=FPS) as writer:
        for frame in range(FRAMES):
            picture = np.full((HEIGHT, WIDTH, 3), (30, 90, 40), np.uint8)
            for left, top, right, bottom in game_tracks.xyxy[game_tracks.frame == frame].astype(int):
                picture[max(top, 0) : bottom, max(left, 0) : max(right, 0)] = 200
            writer.write(picture)
    return path
