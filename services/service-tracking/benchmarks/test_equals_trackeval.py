"""Our scores are TrackEval's, on the same MOTChallenge folders, sequence by sequence and combined."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.by_trackeval import COMBINED, by_trackeval
from benchmarks.mot_folders import put_sequence
from shared_libs.common.tracks import Tracks
from tracking.cli import main

TOLERANCE = 1e-9


def game(rng: np.random.Generator, players: int, frames: int, size: float) -> Tracks:
    """Players who wander in a field of 400 by 300 pixels, each in view for a part of the time."""
    rows = []
    for player in range(players):
        begin, end = sorted(rng.integers(0, frames, 2))
        path = rng.uniform([0, 0], [400, 300]) + np.cumsum(rng.normal(0, 3, (frames, 2)), axis=0)
        rows += [(frame, player + 1, *path[frame]) for frame in range(begin, end + 1) if rng.random() < 0.9]
    return boxes(rows, size, frames)


def boxes(rows: list[Any], size: float, frames: int) -> Tracks:
    values = np.array(rows, float).reshape(-1, 4)
    xyxy = np.concatenate([values[:, 2:], values[:, 2:] + [size, 2 * size]], axis=1)
    ids, ones = values[:, 1].astype(int), np.ones(len(values))
    return Tracks.from_arrays(values[:, 0].astype(int), ids, xyxy, ones, ones, frame_count=frames)


def tracker_output(rng: np.random.Generator, truth: Tracks, errors: float) -> Tracks:
    """The truth with misses, jitter, switched identities and false boxes, each as often as `errors` says."""
    identity = {}
    rows = []
    for frame, player, box in zip(truth.frame, truth.track_id, truth.xyxy, strict=True):
        if int(player) not in identity or rng.random() < errors / 10:
            identity[int(player)] = int(rng.integers(1, 3 * truth.track_id.max() + 3))
        if rng.random() >= errors:
            rows.append((frame, identity[int(player)], *(box[:2] + rng.normal(0, 20 * errors, 2))))
    taken = {(int(row[0]), int(row[1])): row for row in rows}
    for frame in range(truth.frame_count):
        if rng.random() < errors:
            row = (frame, int(rng.integers(1, 200)), *rng.uniform([0, 0], [400, 300]))
            taken.setdefault(row[:2], row)
    return boxes(list(taken.values()), float(truth.xyxy[0, 2] - truth.xyxy[0, 0]), truth.frame_count)


@pytest.mark.parametrize("errors", [0.0, 0.1, 0.4, 0.8])
@pytest.mark.parametrize("size", [12.0, 60.0])
def test_every_score_of_every_sequence_and_of_all_together(
    errors: float, size: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(int(10 * errors + size))
    names = [f"game{number}" for number in range(5)]
    for number, name in enumerate(names):
        truth = game(rng, players=3 + 6 * number, frames=40 + 20 * number, size=size)
        put_sequence(tmp_path, name, truth, tracker_output(rng, truth, errors))
    capsys.readouterr()
    assert main(["evaluate", str(tmp_path / "truth"), str(tmp_path / "trackers" / "ours"), "--json"]) == 0
    ours = json.loads(capsys.readouterr().out)
    theirs = by_trackeval(tmp_path, names)
    for name, scores in {**ours["sequences"], COMBINED: ours["combined"]}.items():
        expected = theirs[name]
        assert set(scores) == {*expected, "frames"}
        for field, value in expected.items():
            assert scores[field] == pytest.approx(value, abs=TOLERANCE, rel=0), (name, field)


def test_a_sequence_in_which_nothing_was_tracked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(1)
    full, empty = game(rng, 5, 50, 30.0), game(rng, 5, 50, 30.0)
    put_sequence(tmp_path, "empty", empty, Tracks.empty(50))
    put_sequence(tmp_path, "full", full, full)
    capsys.readouterr()
    assert main(["evaluate", str(tmp_path / "truth"), str(tmp_path / "trackers" / "ours"), "--json"]) == 0
    ours = json.loads(capsys.readouterr().out)
    expected = by_trackeval(tmp_path, ["empty", "full"])[COMBINED]
    assert {name: ours["combined"][name] for name in expected} == pytest.approx(expected, abs=TOLERANCE, rel=0)
