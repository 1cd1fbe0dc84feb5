"""The table of what each part of association is worth, on few sequences."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from benchmarks.ablation import FILLED, LINKED, ONLINE, PIECES, measure_ablation, parts_of
from benchmarks.accuracy import measure_accuracy
from benchmarks.peers import chosen
from benchmarks.sequences import find_sequences, make_sample_sequences, read_sequence, sequences_of
from benchmarks.small import FPS, FRAMES, Command
from shared_libs.common.detections import Detections
from shared_libs.common.tracks import Source
from tracking.settings import TrackerSettings

ROWS = [ONLINE, FILLED.format(ONLINE), PIECES, LINKED, FILLED.format(LINKED)]


def test_every_part_gets_a_row_and_ours_are_as_in_accuracy(folders: tuple[Path, Path], command: Command) -> None:
    truth, detections = folders
    done = command("ablation", *folders, "--quiet")
    assert (done.code, done.err) == (0, "")
    first, header, *lines = done.out.splitlines()
    assert first == f"2 sequences, {2 * FRAMES} frames"
    assert header.split() == ["HOTA", "AssA", "IDF1", "ids"]
    assert [line[: len(name)] for line, name in zip(lines, ROWS, strict=True)] == ROWS
    report = measure_accuracy(sequences_of(find_sequences(truth), detections), chosen(["sort"]), quiet=True)
    _, online, ours = report.standings
    found = {name: line[len(max(ROWS, key=len)) :].split() for name, line in zip(ROWS, lines, strict=True)}
    for standing, name in ((online, ONLINE), (ours, LINKED)):
        assert found[name][:3] == [f"{standing.percent(score):.2f}" for score in ("HOTA", "AssA", "IDF1")]


def test_json_has_all_scores(folders: tuple[Path, Path], command: Command) -> None:
    found = json.loads(command("ablation", folders[0], "--json", "--quiet").out)
    assert list(found["parts"]) == ROWS
    for scores in found["parts"].values():
        assert 0 < scores["hota"] <= 1


def test_parts_do_what_their_names_say(sample_tool: None, tmp_path: Path) -> None:
    make_sample_sequences(tmp_path, 1, 12, 7, quiet=True)
    (folder,) = find_sequences(tmp_path)
    sequence = read_sequence(folder, tmp_path)
    found = parts_of(sequence, TrackerSettings())
    assert list(found) == ROWS
    ids = {name: len(np.unique(tracks.track_id)) for name, tracks in found.items()}
    assert ids[PIECES] > max(ids[ONLINE], ids[LINKED])
    for name in (PIECES, LINKED):
        assert len(found[name]) == len(found[ONLINE])
    for name in (ONLINE, LINKED):
        filled = found[FILLED.format(name)]
        assert len(filled) > len(found[name])
        assert (filled.source == Source.INTERPOLATED).sum() == len(filled) - len(found[name])
    whole = measure_ablation([sequence], quiet=True).scores
    assert whole[PIECES].id_recall < whole[ONLINE].id_recall


def test_a_sequence_without_tracks_is_scored_too(folders: tuple[Path, Path]) -> None:
    sequence = read_sequence(find_sequences(folders[0])[0], None)
    empty = type(sequence)(sequence.name, sequence.truth, Detections.empty(FRAMES), FPS, None)
    assert {scores.hota for scores in measure_ablation([empty], quiet=True).scores.values()} == {0.0}


def test_folders_that_lack_something_are_refused_in_one_line(command: Command, tmp_path: Path) -> None:
    done = command("ablation", tmp_path, "--quiet")
    assert done.code == 2
    assert "has no sequences" in done.err and done.err.count("\n") == 1
