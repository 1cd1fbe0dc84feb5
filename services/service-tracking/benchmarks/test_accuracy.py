"""The accuracy benchmark in a tiny form."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.accuracy import measure_accuracy
from benchmarks.peers import ONLINE, OURS
from benchmarks.sequences import SAMPLE_COMMAND, find_sequences, sequences_of
from benchmarks.small import FRAMES, PLAYERS, Command, Given, made_up


def test_every_tracker_gets_a_row_and_ratios_are_those_of_the_printed_figures(
    command: Command, folders: tuple[Path, Path]
) -> None:
    done = command("accuracy", *folders, "--quiet")
    assert (done.code, done.err) == (0, "")
    first, header, *lines = done.out.splitlines()
    assert first == f"2 sequences, {2 * FRAMES} frames, {2 * FRAMES * PLAYERS} boxes"
    columns = header.split()
    named = (line.replace(ONLINE, "online").split() for line in lines[:7])
    rows = {name: cells for name, *cells in named}
    assert list(rows) == ["ByteTrack", "SORT", "OC-SORT", "BoT-SORT", "ARC-SORT", "online", OURS]
    ratios = {line.split()[0]: line.split()[1:] for line in lines[9:]}
    assert list(ratios) == ["HOTA", "AssA", "DetA", "IDF1", "MOTA"]
    for score, (ours, best, ratio, who) in ratios.items():
        column = columns.index(score)
        assert ours == rows[OURS][column]
        assert best == rows[who][column] == max((rows[name][column] for name in list(rows)[:5]), key=float)
        assert ratio == f"{round(float(ours) / float(best), 3):.3f}"


def test_json_has_every_sequence(command: Command, folders: tuple[Path, Path]) -> None:
    done = command("accuracy", *folders, "--only", "sort", "--json", "--quiet")
    assert done.code == 0
    found = json.loads(done.out)
    assert list(found["trackers"]) == ["SORT", ONLINE, OURS]
    for tracker in found["trackers"].values():
        assert list(tracker["sequences"]) == ["first", "second"]
        boxes = [scores["truth_boxes"] for scores in tracker["sequences"].values()]
        assert boxes == [FRAMES * PLAYERS] * 2
        assert tracker["combined"]["truth_boxes"] == sum(boxes)
        assert 0 < tracker["combined"]["hota"] <= 1


def test_without_detections_the_truth_s_own_boxes_are_tracked(command: Command, folders: tuple[Path, Path]) -> None:
    done = command("accuracy", folders[0], "--only", "sort", "--json", "--quiet")
    assert done.code == 0
    ours = json.loads(done.out)["trackers"][OURS]["combined"]
    assert ours["false_positives"] == 0
    assert ours["loc_a"] == pytest.approx(1, abs=1e-6)


def test_all_are_given_the_same_boxes(folders: tuple[Path, Path]) -> None:
    truth, detections = folders
    theirs, mine = Given(), Given()
    report = measure_accuracy(
        sequences_of(find_sequences(truth), detections),
        [made_up("peer", 2.0, theirs), made_up(OURS, 1.0, mine)],
        quiet=True,
    )
    assert len(theirs.detections) == 2
    for one, other in zip(theirs.detections, mine.detections, strict=True):
        assert one is other
    assert theirs.fps == mine.fps == [25.0, 25.0]
    assert [each.combined.hota for each in report.standings] == pytest.approx([1, 1], abs=1e-6)
    assert [each.frames_per_second for each in report.standings] == [FRAMES / 2.0, FRAMES / 1.0]
    assert {comparison.ratio for comparison in report.comparisons} == {1.0}


def test_games_are_made_where_none_are_named(command: Command, sample_tool: None) -> None:
    done = command("accuracy", "--games", 2, "--seconds", 2, "--only", "bytetrack", "--json", "--quiet")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert (found["sequences"], found["frames"]) == (2, 100)
    for tracker in found["trackers"].values():
        assert list(tracker["sequences"]) == ["sample-100", "sample-101"]
        assert tracker["combined"]["hota"] > 0.2


def test_pictures_are_looked_at_when_asked_for(command: Command, folders: tuple[Path, Path], film: Path) -> None:
    for name in ("first", "second"):
        place = folders[0] / name
        shutil.copy(film, place / "film.mp4")
        info = (place / "seqinfo.ini").read_text()
        (place / "seqinfo.ini").write_text(info + "imDir=film.mp4\n")
    blind, looking = (
        json.loads(command("accuracy", *folders, "--only", "bot-sort", "--json", "--quiet", *look).out)
        for look in ([], ["--look"])
    )
    assert (blind["with_pictures"], looking["with_pictures"]) == (0, 2)
    # The pictures pan and the boxes do not: who believes them predicts otherwise than who does not look.
    theirs = [found["trackers"]["BoT-SORT"]["combined"] for found in (blind, looking)]
    assert theirs[0] != theirs[1]


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda truth, boxes: (boxes / "second.txt").unlink(), "boxes: has no boxes for second"),
        (lambda truth, boxes: (truth / "first" / "seqinfo.ini").unlink(), "seqinfo.ini: no such file"),
        (lambda truth, boxes: (truth / "first" / "seqinfo.ini").write_text("[Sequence]\n"), "how fast time runs"),
        (lambda truth, boxes: shutil.rmtree(truth), "truth: no such folder"),
        (lambda truth, boxes: (boxes / "first.txt").write_text("9999,-1,1,1,9,9,1\n"), "frame 9999 of 40"),
    ],
)
def test_a_folder_that_lacks_something_is_refused_in_one_line(
    break_it: object, message: str, command: Command, folders: tuple[Path, Path]
) -> None:
    assert callable(break_it)
    break_it(*folders)
    done = command("accuracy", *folders, "--only", "sort", "--quiet")
    assert done.code == 2
    assert done.err.startswith("error: ") and done.err.count("\n") == 1
    assert message in done.err


@pytest.mark.parametrize(
    ("value", "message"), [("deepsort", "there is no tracker deepsort"), ("ours", "no peer to compare with")]
)
def test_unknown_peers_are_refused(value: str, message: str, command: Command, folders: tuple[Path, Path]) -> None:
    done = command("accuracy", *folders, "--only", value)
    assert done.code == 2
    assert done.err.startswith("error: --only: ") and message in done.err


@pytest.mark.parametrize(("value", "message"), [("", "is not set"), ("no/such/program", "names no program")])
def test_where_sample_games_cannot_be_made_the_user_is_told(
    value: str, message: str, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SAMPLE_COMMAND, value)
    done = command("accuracy", "--games", 1, "--quiet")
    assert done.code == 2
    assert message in done.err and done.err.count("\n") == 1


def test_ratios_of_nothing_are_nothing(folders: tuple[Path, Path]) -> None:
    truth, detections = folders
    nobody = made_up("peer", 1.0, Given())
    (sequence, _) = sequences_of(find_sequences(truth), detections)
    moved = replace(sequence, truth=replace(sequence.truth, xyxy=sequence.truth.xyxy + 5000))
    report = measure_accuracy([moved], [nobody, made_up(OURS, 1.0, Given())], quiet=True)
    assert {c.ratio for c in report.comparisons if c.score == "HOTA"} == {0.0}
