"""The benchmark of `evaluate` in a tiny form."""

from __future__ import annotations

import json

from benchmarks.evaluate_speed import EvaluateReport, measure_evaluate
from benchmarks.games import long_game
from benchmarks.small import Command


def test_both_score_the_same_files_alike(command: Command) -> None:
    done = command("evaluate", "--frames", 120, "--boxes", 900, "--json", "--quiet")
    assert (done.code, done.err) == (0, "")
    found = json.loads(done.out)
    assert (found["frames"], found["boxes"]) == (120, 900)
    assert 0.9 * 900 < found["track_boxes"] < 900
    assert found["greatest_difference"] < 1e-9


def test_the_ratio_is_that_of_the_printed_seconds() -> None:
    report = EvaluateReport(100, 1000, 950, 0.3, 6.0, 1e-15)
    assert report.ratio == 20.0
    assert "TrackEval / ours = 6.00 / 0.30 = 20.0" in report.text()


def test_a_table_with_both_is_printed() -> None:
    lines = measure_evaluate(60, 300, quiet=True).text().splitlines()
    assert [line.split()[0] for line in lines[2:4]] == ["TrackEval", "ours"]


def test_a_long_game_has_as_many_boxes_as_asked_for_and_a_flawed_result() -> None:
    truth, tracks = long_game(2000, 22_000)
    assert (len(truth), truth.frame_count) == (22_000, 2000)
    assert len(tracks) < len(truth)
    assert tracks.track_id.max() > truth.track_id.max()
    same, _ = long_game(2000, 22_000)
    assert same.xyxy.tobytes() == truth.xyxy.tobytes()
