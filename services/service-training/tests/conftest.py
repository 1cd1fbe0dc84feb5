"""People who look like patterns of colour, as a data set, and trainings on them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

HEIGHT, WIDTH = 64, 32

torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def no_storage_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test reads or writes the models of whoever runs it."""
    os.environ["LAXAI_STORAGE"] = str(tmp_path_factory.mktemp("storage"))
    os.environ.pop("BUILD_WORKING_DIRECTORY", None)


def write_people(folder: Path, *, people: int, crops: int, seed: int, noise: int = 60) -> None:
    """`people` folders of `crops` pictures each: a pattern of 8 by 4 colours that is a person's own, and noise."""
    random = np.random.default_rng(seed)
    for person in range(people):
        pattern = random.integers(0, 256, (8, 4, 3)).astype(np.uint8)
        place = folder / f"{folder.name}{person:02d}"
        place.mkdir(parents=True)
        for number in range(crops):
            picture = cv2.resize(pattern, (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST).astype(int)
            picture += random.integers(-noise, noise + 1, picture.shape) + int(random.integers(-40, 41))
            assert cv2.imwrite(str(place / f"{number}.png"), np.clip(picture, 0, 255).astype(np.uint8))


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of plain folders: 8 people to learn from, 6 held back."""
    folder = tmp_path_factory.mktemp("people")
    write_people(folder / "train", people=8, crops=6, seed=1)
    write_people(folder / "val", people=6, crops=5, seed=2)
    return folder


Run = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start_python(tmp_path: Path) -> Run:
    """Starts Python with the service importable, in the test's folder."""

    def start(*arguments: str, **variables: str) -> subprocess.Popen[str]:
        kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "LD_LIBRARY_PATH", "HOME") if name in os.environ}
        kept |= {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
        kept |= {"LAXAI_STORAGE": os.environ["LAXAI_STORAGE"]} | variables
        pipe = subprocess.PIPE
        line = [sys.executable, *arguments]
        return subprocess.Popen(line, cwd=tmp_path, env=kept, stdout=pipe, stderr=pipe, text=True)

    return start
