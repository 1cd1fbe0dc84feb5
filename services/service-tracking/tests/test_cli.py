"""The command line: files in, files out, exit codes, and one line for what is wrong."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest

from shared_libs.common.detections import Detections, write_detections_parquet
from shared_libs.common.run import read_run
from shared_libs.common.tracks import Tracks, read_tracks
from tracking.settings import TrackerSettings


class Done(Protocol):
    """How a command ended; see conftest.py."""

    code: int
    out: str
    err: str


Command = Callable[..., Done]
WITHOUT_VIDEO = {"tracks.txt", "tracks.json", "players.json", "run.json", "report.html"}


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def write_rows(path: Path, tracks: Tracks) -> None:
    rows = [
        {
            **dict(zip(("x_min", "y_min", "x_max", "y_max"), map(float, box), strict=True)),
            "class_id": 3,
            "confidence": 0.9,
            "tracker_id": 1,
            "frame_id": int(frame),
        }
        for frame, box in zip(tracks.frame, tracks.xyxy, strict=True)
    ]
    path.write_text(json.dumps(rows))


def write_columns(path: Path, tracks: Tracks) -> None:
    count = len(tracks)
    columns = {"xyxy": tracks.xyxy.tolist(), "frame_id": tracks.frame.tolist(), "confidence": [0.9] * count}
    path.write_text(json.dumps({**columns, "class_id": [3] * count}))


def write_objects(path: Path, tracks: Tracks) -> None:
    frames = [
        {"xyxy": mine.tolist(), "confidence": [0.9] * len(mine), "class_id": [1] * len(mine), "frame_index": frame}
        for frame in range(tracks.frame_count)
        for mine in [tracks.xyxy[tracks.frame == frame]]
    ]
    path.write_text(json.dumps({"detections": frames}))


def write_parquet(path: Path, tracks: Tracks) -> None:
    boxes = Detections.from_arrays(tracks.frame, tracks.xyxy, tracks.score, tracks.class_id)
    write_detections_parquet(path, boxes)


def write_shuffled_mot(path: Path, tracks: Tracks) -> None:
    order = np.random.default_rng(1).permutation(len(tracks))
    lines = [
        f"{tracks.frame[i] + 1},-1,{x1},{y1},{x2 - x1},{y2 - y1},0.9"
        for i in order
        for x1, y1, x2, y2 in [tracks.xyxy[i].tolist()]
    ]
    path.write_text("\n".join(lines))


@pytest.mark.parametrize("write", [write_columns, write_rows, write_objects, write_parquet, write_shuffled_mot])
def test_every_format_gives_the_same_tracks(
    write: Callable[[Path, Tracks], None], command: Command, tmp_path: Path, game_tracks: Tracks
) -> None:
    write(tmp_path / "boxes", game_tracks)
    done = command("track", "--detections", "boxes", "--fps", 25, "--out", "out")
    assert (done.code, done.err) == (0, "")
    assert names_in(tmp_path / "out") == WITHOUT_VIDEO
    tracks = read_tracks(tmp_path / "out" / "tracks.json")
    assert len(tracks) == len(game_tracks)
    assert np.array_equal(np.unique(tracks.track_id), [1, 2, 3])
    np.testing.assert_allclose(read_tracks(tmp_path / "out" / "tracks.txt").xyxy, tracks.xyxy, atol=1e-3)


def test_a_run_says_what_went_in_with_what_and_what_came_out(command: Command, game_files: Path) -> None:
    done = command("track", "--detections", "det.txt", "--fps", 25, "--truth", "gt.txt", "--out", "deep/er/out")
    assert done.code == 0, done.err
    assert "3 players from 90 detections in 30 frames" in done.out
    assert "HOTA" in done.out
    assert "deep/er/out" in done.out
    run = read_run(game_files / "deep/er/out/run.json")
    assert run.service == "service-tracking"
    assert run.inputs["detections"].sha256 == hashlib.sha256((game_files / "det.txt").read_bytes()).hexdigest()
    assert set(run.inputs) == {"detections", "truth"}
    assert run.settings["fps"] == 25
    assert run.settings["high_score"] == TrackerSettings().high_score
    assert run.metrics["tracks"] == 3
    assert run.metrics["hota"] == pytest.approx(1)
    assert run.timings["association_fps"] > 0
    assert run.timings["total"] > 0


def test_settings_from_a_file_change_the_run(command: Command, game_files: Path) -> None:
    (game_files / "strict.toml").write_text("new_track_score = 0.95\n")
    done = command("track", "--detections", "det.txt", "--fps", 25, "--out", "out", "--settings", "strict.toml")
    assert done.code == 0, done.err
    assert "note: no tracks: the highest score is 0.90, and a track starts at 0.95" in done.out
    assert read_run(game_files / "out/run.json").settings["new_track_score"] == 0.95
    assert len(read_tracks(game_files / "out/tracks.json")) == 0
    evaluated = command("evaluate", "gt.txt", "out/tracks.txt", "--json")
    assert json.loads(evaluated.out)["hota"] == 0


BAD_FILES = {
    "truncated.json": (b'[{"x_min": 1.0, "y_min": 2.0, "x_max": 5.0, "y_', "truncated.json"),
    "text.txt": (b"1,-1,10,10,20,40,0.9\n2,-1,10,ten,20,40,0.9\n", "text.txt:2: "),
    "negative.txt": (b"1,-1,10,10,20,40,0.9\n1,-1,10,10,-20,40,0.9\n", "negative.txt:2: "),
    "nan.txt": (b"1,-1,10,10,20,40,0.9\n2,-1,10,10,20,40,0.9\n3,-1,nan,10,20,40,0.9\n", "nan.txt:3: "),
    "zero.txt": (b"0,-1,10,10,20,40,0.9\n", "zero.txt:1: "),
    "empty.txt": (b"", "empty.txt: "),
    "random.bin": (bytes(range(256)) * 8, "random.bin: "),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_one_line_and_leaves_nothing(name: str, command: Command, tmp_path: Path) -> None:
    content, place = BAD_FILES[name]
    (tmp_path / name).write_bytes(content)
    done = command("track", "--detections", name, "--fps", 25, "--out", "new/out")
    assert done.code == 2
    assert done.out == ""
    assert done.err.count("\n") == 1
    assert done.err.startswith(f"error: {place}")
    assert names_in(tmp_path) == {name}


def expect_error(done: Done, *words: str) -> None:
    assert done.code == 2, (done.out, done.err)
    assert done.err.startswith("error: ")
    assert done.err.count("\n") == 1
    for word in words:
        assert word in done.err


def test_a_wrong_command_line_is_one_line(command: Command, game_files: Path) -> None:
    here = ("track", "--detections", "det.txt", "--out", "out")
    expect_error(command(*here), "--fps", "is needed")
    expect_error(command(*here, "--fps", "0"), "--fps", "between 0 and 1000")
    expect_error(command(*here, "--fps", "fast"), "--fps")
    expect_error(command(*here, "--fps", "nan"), "--fps", "between 0 and 1000")
    expect_error(command("track", "--fps", "25", "--out", "out"), "--detections", "pass a film")
    expect_error(command("track", "clip.mp4", "--out", "out"), "clip.mp4: no such file")
    expect_error(command(*here, "--fps", "25", "--detector", "motion"), "--detector", "leave one of the two out")
    expect_error(command(*here, "--fps", "25", "--reid", "looks.onnx"), "no video to see people in")
    expect_error(command(*here, "--fps", "25", "--online", "--reid", "looks.onnx"), "--reid", "--online")
    expect_error(command("track", "--detections", "det.txt", "--fps", "25"), "--out")
    expect_error(command(*here, "--fps", "25", "--render"), "no video to draw on")
    expect_error(command("tarck"), "tarck", "--help")
    assert names_in(game_files) == {"det.txt", "gt.txt"}


def test_bad_settings_and_truth_are_named(command: Command, game_files: Path) -> None:
    here = ("track", "--detections", "det.txt", "--fps", "25", "--out", "out")
    (game_files / "unknown.toml").write_text("hihg_score = 0.4\n")
    expect_error(command(*here, "--settings", "unknown.toml"), "unknown.toml: hihg_score")
    (game_files / "broken.json").write_text('{"high_score": \n')
    expect_error(command(*here, "--settings", "broken.json"), "broken.json:", "not valid JSON")
    (game_files / "order.toml").write_text("high_score = 0.9\n")
    expect_error(command(*here, "--settings", "order.toml"), "low_score ≤ high_score ≤ new_track_score")
    expect_error(command(*here, "--truth", "det.txt"), "det.txt")
    assert not (game_files / "out").exists()


def test_the_output_must_be_a_folder(command: Command, game_files: Path) -> None:
    (game_files / "out").write_text("mine")
    expect_error(command("track", "--detections", "det.txt", "--fps", "25", "--out", "out"), "out: is a file")
    expect_error(command("track", "--detections", "det.txt", "--fps", "25", "--out", "det.txt/x"), "det.txt/x")
    assert (game_files / "out").read_text() == "mine"


def test_a_second_run_replaces_the_first_and_leaves_other_files(command: Command, game_files: Path) -> None:
    out = game_files / "out"
    out.mkdir()
    (out / "annotated.mp4").write_text("of an earlier run")
    (out / "tracks.txt").write_text("of an earlier run")
    (out / "notes.md").write_text("the coach's")
    assert command("track", "--detections", "det.txt", "--fps", 25, "--out", "out").code == 0
    assert names_in(out) == WITHOUT_VIDEO | {"notes.md"}
    assert len(read_tracks(out / "tracks.txt")) == 90


def test_an_input_is_never_overwritten(command: Command, game_files: Path) -> None:
    assert command("track", "--detections", "det.txt", "--fps", 25, "--out", "out").code == 0
    again = command("track", "--detections", "out/tracks.json", "--fps", 25, "--out", "out")
    expect_error(again, "out/tracks.json: would be replaced", "--out")


def test_evaluate_prints_a_table_or_json(command: Command, game_files: Path) -> None:
    shown = command("evaluate", "gt.txt", "gt.txt")
    assert shown.code == 0
    assert shown.out.splitlines()[0].split()[:2] == ["HOTA", "DetA"]
    assert shown.out.splitlines()[1].split()[:2] == ["100.00", "100.00"]
    scores = json.loads(command("evaluate", "gt.txt", "gt.txt", "--json").out)
    assert (scores["hota"], scores["switches"], scores["truth_ids"]) == (pytest.approx(1), 0, 3)
    expect_error(command("evaluate", "gt.txt", "none.txt"), "none.txt: no such file")


def test_report_is_made_anew_from_a_finished_run(command: Command, game_files: Path) -> None:
    assert command("track", "--detections", "det.txt", "--fps", 25, "--out", "out").code == 0
    report = game_files / "out" / "report.html"
    report.unlink()
    done = command("report", "out")
    assert (done.code, done.out) == (0, "written: out/report.html\n")
    assert "det.txt" in report.read_text()
    assert "Accuracy" not in report.read_text(), "nothing was measured without truth"
    expect_error(command("report", "."), "run.json: no such file")


def test_the_version_is_shown(command: Command) -> None:
    assert command("--version").out.startswith("service-tracking 0.")
