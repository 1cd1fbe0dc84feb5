"""The end-to-end benchmark in a tiny form."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.peers import OURS
from benchmarks.small import FRAMES, Command
from shared_libs.common.detections import Detections, write_mot_detections


@pytest.fixture
def box_file(boxes: Detections, tmp_path: Path) -> Path:
    write_mot_detections(tmp_path / "det.txt", boxes)
    return tmp_path / "det.txt"


def test_ours_is_compared_with_the_faster_way_to_run_the_peer(command: Command, film: Path, box_file: Path) -> None:
    done = command("end-to-end", film, "--detections", box_file, "--rounds", 1, "--json", "--quiet")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found["frames"] == FRAMES
    assert found["what"].startswith("decoding, camera motion and tracking, 320x180 h264")
    medians = {pace["name"]: pace["median"] for pace in found["paces"]}
    assert list(medians) == ["BoT-SORT, cv2", "BoT-SORT, pyav", OURS]
    assert found["ratio"] == round(medians[OURS] / max(medians["BoT-SORT, cv2"], medians["BoT-SORT, pyav"]), 2)


def test_the_table(command: Command, film: Path, box_file: Path) -> None:
    done = command("end-to-end", film, "--detections", box_file, "--frames", 8, "--rounds", 1, "--quiet")
    assert done.code == 0, done.err
    what, header, *lines = done.out.splitlines()
    assert what.endswith(", 8 frames")
    assert header.split() == ["frames/s", "slowest", "fastest", "version"]
    assert len(lines) == 4
    assert lines[3].startswith("ours / BoT-SORT, ")


def test_film_and_detections_come_together(command: Command, film: Path) -> None:
    done = command("end-to-end", film)
    assert done.code == 2
    assert done.err.startswith("error: --detections: is needed with FILM")


def test_a_film_that_is_none(command: Command, box_file: Path) -> None:
    done = command("end-to-end", box_file, "--detections", box_file, "--quiet")
    assert done.code == 2
    assert "not a video" in done.err and done.err.count("\n") == 1
