"""Our scores are TrackEval's, on the same MOTChallenge folders, sequence by sequence and combined."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trackeval

from shared_libs.common.tracks import Tracks, write_mot_tracks
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


def put(folder: Path, name: str, truth: Tracks, result: Tracks) -> None:
    (folder / "truth" / name / "gt").mkdir(parents=True)
    write_mot_tracks(folder / "truth" / name / "gt" / "gt.txt", truth)
    info = f"[Sequence]\nname={name}\nseqLength={truth.frame_count}\n"
    (folder / "truth" / name / "seqinfo.ini").write_text(info)
    (folder / "trackers" / "ours" / "data").mkdir(parents=True, exist_ok=True)
    write_mot_tracks(folder / "trackers" / "ours" / "data" / f"{name}.txt", result)


def by_trackeval(folder: Path, names: list[str]) -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
    """Sequence (or COMBINED_SEQ) to metric family to its fields. Without TrackEval's preprocessing, which drops classes
    and zero-marked truth of particular challenges."""
    quiet = {"PRINT_CONFIG": False}
    evaluator = trackeval.Evaluator(
        {
            **quiet,
            "PRINT_RESULTS": False,
            "TIME_PROGRESS": False,
            "OUTPUT_SUMMARY": False,
            "OUTPUT_DETAILED": False,
            "PLOT_CURVES": False,
            "BREAK_ON_ERROR": True,
            "LOG_ON_ERROR": None,
        }
    )
    dataset = trackeval.datasets.MotChallenge2DBox(
        {
            **quiet,
            "GT_FOLDER": str(folder / "truth"),
            "TRACKERS_FOLDER": str(folder / "trackers"),
            "SKIP_SPLIT_FOL": True,
            "DO_PREPROC": False,
            "SEQ_INFO": dict.fromkeys(names),
        }
    )
    families = [
        trackeval.metrics.HOTA(quiet),
        trackeval.metrics.CLEAR(quiet),
        trackeval.metrics.Identity(quiet),
    ]
    results, _ = evaluator.evaluate([dataset], families)
    found = results["MotChallenge2DBox"]["ours"]
    return {name: found[name]["pedestrian"] for name in [*names, "COMBINED_SEQ"]}


def in_our_names(theirs: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    hota, clear, identity, counted = (theirs[family] for family in ("HOTA", "CLEAR", "Identity", "Count"))
    return {
        "hota": float(np.mean(hota["HOTA"])),
        "det_a": float(np.mean(hota["DetA"])),
        "ass_a": float(np.mean(hota["AssA"])),
        "loc_a": float(np.mean(hota["LocA"])),
        "idf1": identity["IDF1"],
        "id_precision": identity["IDP"],
        "id_recall": identity["IDR"],
        "mota": clear["MOTA"],
        "motp": clear["MOTP"],
        "switches": clear["IDSW"],
        "fragmentations": clear["Frag"],
        "false_positives": clear["CLR_FP"],
        "false_negatives": clear["CLR_FN"],
        "true_positives": clear["CLR_TP"],
        "mostly_tracked": clear["MT"],
        "partly_tracked": clear["PT"],
        "mostly_lost": clear["ML"],
        "truth_boxes": counted["GT_Dets"],
        "track_boxes": counted["Dets"],
        "truth_ids": counted["GT_IDs"],
        "track_ids": counted["IDs"],
    }


@pytest.mark.parametrize("errors", [0.0, 0.1, 0.4, 0.8])
@pytest.mark.parametrize("size", [12.0, 60.0])
def test_every_score_of_every_sequence_and_of_all_together(
    errors: float, size: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(int(10 * errors + size))
    names = [f"game{number}" for number in range(5)]
    for number, name in enumerate(names):
        truth = game(rng, players=3 + 6 * number, frames=40 + 20 * number, size=size)
        put(tmp_path, name, truth, tracker_output(rng, truth, errors))
    capsys.readouterr()
    assert main(["evaluate", str(tmp_path / "truth"), str(tmp_path / "trackers" / "ours"), "--json"]) == 0
    ours = json.loads(capsys.readouterr().out)
    theirs = by_trackeval(tmp_path, names)
    for name, scores in {**ours["sequences"], "COMBINED_SEQ": ours["combined"]}.items():
        expected = in_our_names(theirs[name])
        assert set(scores) == {*expected, "frames"}
        for field, value in expected.items():
            assert scores[field] == pytest.approx(value, abs=TOLERANCE, rel=0), (name, field)


def test_a_sequence_in_which_nothing_was_tracked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(1)
    full, empty = game(rng, 5, 50, 30.0), game(rng, 5, 50, 30.0)
    put(tmp_path, "empty", empty, Tracks.empty(50))
    put(tmp_path, "full", full, full)
    capsys.readouterr()
    assert main(["evaluate", str(tmp_path / "truth"), str(tmp_path / "trackers" / "ours"), "--json"]) == 0
    ours = json.loads(capsys.readouterr().out)
    expected = in_our_names(by_trackeval(tmp_path, ["empty", "full"])["COMBINED_SEQ"])
    assert {name: ours["combined"][name] for name in expected} == pytest.approx(expected, abs=TOLERANCE, rel=0)
