"""The image of service-tracking tracks a film as it would in a container engine."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
from container import Container, Image

from shared_libs.common.video import FrameWriter

TRACKS = """
import json, os, subprocess, sys

command = [sys.executable, "-m", "tracking", "track", "/game/game.mp4", "--out", "/tmp/tracked"]
ended = subprocess.run(command, capture_output=True, text=True)
if ended.returncode:
    sys.exit(ended.stderr)
print(json.dumps({"files": sorted(os.listdir("/tmp/tracked")), "run": json.load(open("/tmp/tracked/run.json"))}))
"""


def test_a_film_is_tracked_in_the_image(tmp_path: Path) -> None:
    container = Container(Image(Path(os.environ["IMAGE"]).absolute()), tmp_path / "root")
    (container.root / "game").mkdir()
    generator = np.random.default_rng(1)
    field = generator.integers(60, 90, (180, 320, 3), dtype=np.uint8)
    with FrameWriter(container.root / "game/game.mp4", fps=25) as writer:
        for frame in range(20):
            picture = field.copy()
            picture[60:110, 40 + 4 * frame : 60 + 4 * frame] = 220
            writer.write(picture)
    ended = container.python(TRACKS)
    assert ended.returncode == 0, ended.stderr
    said = json.loads(ended.stdout)
    assert {"annotated.mp4", "players.json", "report.html", "run.json", "tracks.txt"} <= set(said["files"])
    assert said["run"]["metrics"] is not None
