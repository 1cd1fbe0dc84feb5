"""`python -m tracking` as a process of its own: where its paths lead, and what a signal leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Start = Callable[..., subprocess.Popen[str]]
WITHOUT_VIDEO = {"tracks.txt", "tracks.json", "players.json", "run.json", "report.html"}


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_as_a_program_paths_are_relative_to_where_the_user_stands(
    start_program: Start, game_files: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "runfiles"
    elsewhere.mkdir()
    here = {"cwd": elsewhere, "BUILD_WORKING_DIRECTORY": str(game_files)}
    good = start_program("track", "--detections", "det.txt", "--fps", 25, "--out", "out", **here)
    bad = start_program("track", "--detections", "no.txt", "--fps", 25, "--out", "out2", **here)
    summary, complaint = good.communicate()
    assert (good.returncode, complaint) == (0, "")
    assert summary.splitlines()[-1] == "results in out: tracks.txt, tracks.json, players.json, report.html, run.json"
    assert names_in(game_files / "out") == WITHOUT_VIDEO
    assert names_in(elsewhere) == set()
    _, complaint = bad.communicate()
    assert bad.returncode == 2
    assert complaint.startswith("error: no.txt: no such file")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_program_leaves_nothing(number: int, code: int, start_program: Start, game_files: Path) -> None:
    os.mkfifo(game_files / "slow.txt")  # the program waits for the truth until the signal comes
    process = start_program("track", "--detections", "det.txt", "--fps", 25, "--out", "out", "--truth", "slow.txt")
    with open(game_files / "slow.txt", "w"):
        process.send_signal(number)
        _, complaint = process.communicate()
    assert process.returncode == code
    assert complaint == "interrupted; nothing was written\n"
    assert names_in(game_files) == {"det.txt", "gt.txt", "slow.txt"}


def test_a_reader_who_has_gone_is_nobodys_failure(start_program: Start) -> None:
    process = start_program("--help")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait() == 0
