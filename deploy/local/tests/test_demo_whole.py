"""//:demo with the real services, on a short clip of few pixels."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

from shared_libs.common.model_card import read_model_card
from shared_libs.common.players import read_players
from shared_libs.common.run import read_run
from shared_libs.common.tracks import read_tracks

SMALL = " --width 480 --height 270"
"""More options for the renderer of the clip."""


def test_the_demo_goes_through_all_services(tmp_path: Path) -> None:
    demo = tmp_path / "demo"
    environment = os.environ | {"LAXAI_SAMPLE_COMMAND": os.environ["LAXAI_SAMPLE_COMMAND"] + SMALL}
    words = [*shlex.split(os.environ["DEMO"]), "--out", str(demo), "--seconds=7", "--seed=5", "--budget=5s"]
    done = subprocess.run([*words, "--no-serve"], env=environment, capture_output=True, text=True)
    printed = done.stdout

    assert done.returncode == 0, f"{printed}\n{done.stderr}"
    table = re.findall(r"^ +(?:and )?by [a-z ]+ ([\d.]+) % +([\d.]+) % +\d+$", printed, re.MULTILINE)
    assert len(table) == 2 and all(float(share) > 50 for row in table for share in row), printed
    assert (demo / "annotated.mp4").stat().st_size > 10_000
    assert "<html" in (demo / "report.html").read_text()[:200]
    assert all(len(read_tracks(demo / f"{name}.txt")) > 100 for name in ("before", "after"))

    runs = sorted((demo / "storage" / "local" / "videos").glob("*/runs/*"))
    for run in runs:
        assert read_run(run / "run.json").metrics["players"] == len(read_players(run / "players.json")) > 0
    (model,) = (demo / "storage" / "local" / "models").iterdir()
    card = read_model_card(model / "model.json")
    assert sorted(read_run(run / "run.json").model_ids.get("reid", "") for run in runs) == ["", card.model_id]
