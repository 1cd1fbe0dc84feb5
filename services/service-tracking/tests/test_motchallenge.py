"""`evaluate` over two folders laid out as the MOTChallenge lays them out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared_libs.common.tracks import Tracks, read_tracks, write_mot_tracks
from tracking.evaluate import evaluate

Command = Callable[..., Any]
"""See conftest.py."""


def put(folder: Path, tracks: Tracks, name: str, result: Tracks, length: int | None = None) -> None:
    """A sequence with its truth in truth/ and its result in results/."""
    (folder / "truth" / name / "gt").mkdir(parents=True)
    (folder / "results").mkdir(exist_ok=True)
    write_mot_tracks(folder / "truth" / name / "gt" / "gt.txt", tracks)
    write_mot_tracks(folder / "results" / f"{name}.txt", result)
    if length is not None:
        info = f"[Sequence]\nname={name}\nimDir=img1\nseqLength={length}\n"
        (folder / "truth" / name / "seqinfo.ini").write_text(info)


@pytest.fixture
def two_games(tmp_path: Path, game_tracks: Tracks) -> Path:
    """`whole`, tracked perfectly, and `half`, of which the first ten frames were tracked; 30 frames each."""
    early = game_tracks.frame < 10
    columns = ("frame", "track_id", "xyxy", "score", "class_id")
    cut = Tracks.from_arrays(*(getattr(game_tracks, name)[early] for name in columns))
    put(tmp_path, game_tracks, "whole", game_tracks, 30)
    put(tmp_path, game_tracks, "half", cut)
    return tmp_path


def test_each_sequence_has_a_row_and_so_have_all_together(two_games: Path, command: Command) -> None:
    done = command("evaluate", "truth", "results")
    assert done.code == 0, done.err
    head, *rows = (line.split() for line in done.out.splitlines())
    assert head[:2] == ["HOTA", "DetA"]
    assert [row[0] for row in rows] == ["half", "whole", "combined"]
    assert rows[1][1:3] == ["100.00", "100.00"]
    # 30 + 90 of 180 boxes were found.
    assert rows[2][2] == f"{100 * 120 / 180:.2f}"


def test_json_holds_the_same(two_games: Path, command: Command, game_tracks: Tracks) -> None:
    found = json.loads(command("evaluate", "truth", "results", "--json").out)
    assert set(found) == {"combined", "sequences"}
    half = read_tracks(two_games / "results" / "half.txt")
    assert found["sequences"]["half"] == evaluate(game_tracks, half).to_dict()
    assert found["combined"]["det_a"] == pytest.approx(120 / 180)
    assert found["combined"]["truth_ids"] == 6
    assert found["combined"]["frames"] == 60


def test_results_may_lie_in_data_as_trackeval_keeps_them(two_games: Path, command: Command) -> None:
    before = command("evaluate", "truth", "results").out
    (two_games / "moved").mkdir()
    (two_games / "results").rename(two_games / "moved" / "data")
    assert command("evaluate", "truth", "moved").out == before


def test_results_without_truth_are_left_alone(two_games: Path, command: Command) -> None:
    before = command("evaluate", "truth", "results").out
    (two_games / "results" / "other.txt").write_text("not a result")
    assert command("evaluate", "truth", "results").out == before


def test_an_empty_result_scores_nothing(two_games: Path, command: Command) -> None:
    (two_games / "results" / "half.txt").write_text("")
    found = json.loads(command("evaluate", "truth", "results", "--json").out)
    assert found["sequences"]["half"]["hota"] == 0


def refused(command: Command, *arguments: str) -> str:
    done = command("evaluate", *arguments)
    assert (done.code, done.out) == (2, "")
    error: str = done.err.strip()
    assert error.count("\n") == 0
    return error


def test_a_sequence_without_results_is_named(two_games: Path, command: Command) -> None:
    (two_games / "results" / "whole.txt").unlink()
    assert "has no results for whole" in refused(command, "truth", "results")


def test_a_folder_without_sequences_is_refused(two_games: Path, command: Command) -> None:
    assert "has no sequences" in refused(command, "results", "results")


def test_a_folder_and_a_file_do_not_go_together(two_games: Path, command: Command) -> None:
    assert "pass two files or two folders" in refused(command, "truth", "results/whole.txt")
    assert "pass two files or two folders" in refused(command, "truth/whole/gt/gt.txt", "results")


def test_boxes_beyond_the_end_of_the_sequence_are_refused(two_games: Path, command: Command) -> None:
    info = two_games / "truth" / "whole" / "seqinfo.ini"
    info.write_text(info.read_text().replace("30", "20"))
    assert "has boxes in frame 30; the sequence has 20" in refused(command, "truth", "results")


@pytest.mark.parametrize(
    "text", ["", "[Sequence]\n", "seqLength=30\n", "[Sequence]\nseqLength=many\n", "[Sequence]\nseqLength=0\n", "\xff"]
)
def test_a_seqinfo_that_says_no_length_is_refused(two_games: Path, command: Command, text: str) -> None:
    (two_games / "truth" / "whole" / "seqinfo.ini").write_text(text, "latin-1")
    error = refused(command, "truth", "results")
    assert "seqinfo.ini" in error
    assert "seqLength" in error


def test_a_broken_result_is_refused_with_its_line(two_games: Path, command: Command) -> None:
    path = two_games / "results" / "whole.txt"
    path.write_text(path.read_text() + "nonsense\n")
    assert "whole.txt:91" in refused(command, "truth", "results")
