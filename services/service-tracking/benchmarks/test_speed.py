"""The speed benchmark in a tiny form, and how rounds are run and compared."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from benchmarks.games import detections_in_view
from benchmarks.peers import ONLINE, OURS
from benchmarks.rounds import one_thread, race
from benchmarks.small import FPS, FRAMES, PLAYERS, Command, Given, made_up
from benchmarks.speed import measure_speed
from shared_libs.common.detections import Detections, write_mot_detections


def test_every_tracker_gets_a_row_and_the_ratio_is_that_of_the_printed_figures(command: Command) -> None:
    done = command("speed", "--frames", 30, "--rounds", 2, "--quiet")
    assert (done.code, done.err) == (0, "")
    what, header, *lines = done.out.splitlines()
    assert what == "association, 13.0 boxes a frame, 30 frames, one thread"
    assert header.split() == ["frames/s", "slowest", "fastest", "version"]
    words = [line.replace(ONLINE, "online").split() for line in lines[:6]]
    rows = {name: [float(cell) for cell in cells[:3]] for name, *cells in words}
    assert list(rows) == ["ByteTrack", "SORT", "OC-SORT", "BoT-SORT", "ARC-SORT", "online"]
    for median, slowest, fastest in rows.values():
        assert 0 < slowest <= median <= fastest
    peer = max((name for name in rows if name != "online"), key=lambda name: rows[name][0])
    ours, theirs = rows["online"][0], rows[peer][0]
    assert lines[6].startswith(f"ours / {peer} = {ours} / {theirs} = {round(ours / theirs, 2)} ")
    assert lines[7].startswith("ours, first call of the process: ")


def test_json(command: Command) -> None:
    done = command("speed", "--frames", 20, "--boxes", 3, "--rounds", 1, "--only", "sort", "--json", "--quiet")
    found = json.loads(done.out)
    assert [pace["name"] for pace in found["paces"]] == ["SORT", ONLINE]
    assert found["ratio"] == round(found["paces"][1]["median"] / found["paces"][0]["median"], 2)
    assert found["first_call_seconds"] > 0


def test_boxes_of_one_s_own(command: Command, boxes: Detections, tmp_path: Path) -> None:
    write_mot_detections(tmp_path / "det.txt", boxes)
    done = command("speed", "--detections", tmp_path / "det.txt", "--rounds", 1, "--only", "sort", "--quiet")
    assert done.out.splitlines()[0] == f"association, {PLAYERS}.0 boxes a frame, {FRAMES} frames, one thread"


def test_all_are_given_the_same_boxes_in_turn(boxes: Detections) -> None:
    given = Given()
    slow, fast, ours = (made_up(name, seconds, given) for name, seconds in (("slow", 4.0), ("fast", 2.0), (OURS, 0.5)))
    report = measure_speed(boxes, FPS, [slow, fast, ours], rounds=3, quiet=True)
    warm_up, measured = given.detections[:3], given.detections[3:]
    assert len(measured) == 9
    assert all(each is boxes for each in measured)
    assert all(each is warm_up[0] for each in warm_up)
    assert report.race.fastest_peer.name == "fast"
    assert [pace.median for pace in report.race.paces] == [FRAMES / 4.0, FRAMES / 2.0, FRAMES / 0.5]
    assert report.race.ratio == 4.0


def test_rounds_are_interleaved_and_the_median_counts() -> None:
    order: list[str] = []

    def runner(name: str, *seconds: float) -> Callable[[], float]:
        left = list(seconds)

        def run() -> float:
            order.append(name)
            return left.pop(0)

        return run

    result = race(
        "a race", 12, {"peer": ("p", runner("peer", 9, 3, 4)), OURS: ("o", runner("ours", 1, 1, 7))}, 3, quiet=True
    )
    assert order == ["peer", "ours"] * 3
    peer, ours = result.paces
    assert (peer.median, peer.slowest, peer.fastest) == (3.0, 1.3, 4.0)
    assert (ours.median, ours.slowest, ours.fastest) == (12.0, 1.7, 12.0)
    assert result.ratio == 4.0
    assert "ours / peer = 12.0 / 3.0 = 4.0" in result.text()


def test_one_thread_is_for_the_while_only() -> None:
    def allowed() -> tuple[int, int]:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
        return cores, cv2.getNumThreads()

    before = allowed()
    with one_thread():
        assert allowed() == (1, 1)
    assert allowed() == before


def test_made_boxes_are_the_same_for_the_same_seed_and_as_many_in_every_frame() -> None:
    one, same, other = (detections_in_view(13, 25, seed) for seed in (1, 1, 2))
    assert np.bincount(one.frame).tolist() == [13] * 25
    np.testing.assert_array_equal(one.xyxy, same.xyxy)
    assert not np.array_equal(one.xyxy, other.xyxy)
