"""A run that is cut short, by whatever, goes on where it was, and nobody can tell from its results."""

from __future__ import annotations

import contextlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import pytest

from shared_libs.common.detections import read_detections
from shared_libs.common.edits import Anchor, Rename, Undo, append_edit
from shared_libs.common.players import read_players
from shared_libs.common.tracks import Tracks
from shared_libs.common.video import FrameWriter
from tracking.camera_path import camera_path
from tracking.camera_settings import CameraSettings
from tracking.camera_stage import follow_film
from tracking.checkpoint import Checkpoint, Watcher
from tracking.outputs import WORK
from tracking.render import Drawing, render

FRAMES, WIDTH, HEIGHT, FPS = 130, 320, 180, 25
COMMAND = ("track", "clip.mp4", "--detections", "det.txt", "--out", "out")
KILLS = 100 if os.environ.get("LAXAI_EXHAUSTIVE") == "1" else 5

# The program with short segments and frequent saves, so that a short film has many moments to be killed at.
PROGRAM = """
import sys
from tracking import checkpoint, render
from tracking.cli import main
checkpoint.SECONDS_BETWEEN_SAVES, checkpoint.LARGEST_SHARE = 0.02, 1.0
render.SEGMENT_FRAMES = 20
sys.exit(main())
"""


class Done(Protocol):
    """How a command ended; see conftest.py."""

    code: int
    out: str
    err: str


Command = Callable[..., Done]
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a film whose camera pans over a speckled field with four players, and their boxes."""
    folder = tmp_path_factory.mktemp("film")
    random_numbers = np.random.default_rng(5)
    field = np.kron(random_numbers.integers(40, 120, (60, 200, 3), np.uint8), np.ones((5, 5, 1), np.uint8))
    lines = []
    with FrameWriter(folder / "clip.mp4", fps=FPS) as writer:
        for frame in range(FRAMES):
            shift = 2 * frame
            picture = field[40 : 40 + HEIGHT, shift : shift + WIDTH].copy()
            for player in range(4):
                left, top = 30 + 70 * player + frame % (9 + player), 40 + 25 * player
                picture[top : top + 40, left : left + 16] = 235 - 20 * player
                lines.append(f"{frame + 1},-1,{left},{top},16,40,0.9\n")
            writer.write(picture)
    (folder / "det.txt").write_text("".join(lines))
    return folder


def run_program(folder: Path, *arguments: str, before: Callable[[], None] | None = None) -> subprocess.Popen[str]:
    names = ("PATH", "TMPDIR", "LD_LIBRARY_PATH", "LAXAI_STORAGE")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    kept |= {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    line = [sys.executable, "-c", PROGRAM, *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(line, cwd=folder, env=kept, stdout=pipe, stderr=pipe, text=True, preexec_fn=before)


@pytest.fixture
def start(film: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts the program in a folder of its own with the film; what still runs at the end is killed."""
    started = []
    for name in ("clip.mp4", "det.txt"):
        (tmp_path / name).write_bytes((film / name).read_bytes())

    def start(*arguments: str, before: Callable[[], None] | None = None) -> subprocess.Popen[str]:
        started.append(run_program(tmp_path, *(arguments or COMMAND), before=before))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def results(folder: Path) -> dict[str, bytes]:
    """Every file of a finished run, run.json without its date and timings."""
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    run = json.loads(files["run.json"])
    assert run.pop("created")
    assert run.pop("timings")
    files["run.json"] = json.dumps(run).encode()
    return files


class Whole(NamedTuple):
    """What a run gives that nobody disturbs, and how long it takes."""

    files: dict[str, bytes]
    seconds: float


@pytest.fixture(scope="module")
def whole(film: Path) -> Whole:
    began = time.monotonic()
    process = run_program(film, *COMMAND)
    _, complaint = process.communicate()
    assert process.returncode == 0, complaint
    assert sorted(os.listdir(film / "out")) == [
        "annotated.mp4", "players.json", "report.html", "run.json", "tracks.json", "tracks.txt",
    ]  # fmt: skip
    return Whole(results(film / "out"), time.monotonic() - began)


@pytest.fixture
def undisturbed(whole: Whole) -> dict[str, bytes]:
    return whole.files


def work_of(folder: Path) -> list[str]:
    return sorted(os.listdir(folder / "out" / WORK)) if (folder / "out" / WORK).is_dir() else []


def wait_for(condition: Callable[[], object], process: subprocess.Popen[str]) -> None:
    """Waits until something holds, while the process lives."""
    while not condition():
        assert process.poll() is None, process.communicate()
        time.sleep(0.002)


def test_killed_at_any_moment_it_gives_the_same_bytes_in_the_end(start: Start, whole: Whole, tmp_path: Path) -> None:
    chance = random.Random(7)
    kills = 0
    while kills < KILLS:
        # From nothing to the end, however often that takes.
        in_a_row = 0
        while True:
            process = start()
            if in_a_row < 12:
                # Half of the kills wait for a change in the checkpoint, the others come just after some time.
                before = work_of(tmp_path)
                while in_a_row % 2 == 0 and work_of(tmp_path) == before and process.poll() is None:
                    time.sleep(0.001)
                time.sleep(chance.uniform(0, whole.seconds if in_a_row % 2 else 0.3))
                process.send_signal(signal.SIGKILL)
            _, complaint = process.communicate()
            assert process.returncode in (0, -signal.SIGKILL), complaint
            if process.returncode == 0:
                break
            kills, in_a_row = kills + 1, in_a_row + 1
            if (tmp_path / "out" / "run.json").exists():  # killed after all was in place
                shutil.rmtree(tmp_path / "out" / WORK, ignore_errors=True)
                break
        assert results(tmp_path / "out") == whole.files
        shutil.rmtree(tmp_path / "out")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_says_where_it_will_go_on(
    number: int, code: int, start: Start, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    process = start()
    wait_for(lambda: "film-00001.saved" in work_of(tmp_path), process)
    process.send_signal(number)
    _, complaint = process.communicate()
    assert process.returncode == code
    last = complaint.splitlines()[-1]
    assert last.startswith("interrupted at frame ")
    assert last.endswith(f" of {FRAMES} (rendering); the same command goes on from there")
    frames = int(last.split()[3])
    assert frames in range(20, FRAMES, 20)
    assert {name for name in os.listdir(tmp_path / "out")} == {WORK}
    process = start()
    _, complaint = process.communicate()
    assert process.returncode == 0, complaint
    # A segment may be in place a moment before the run has taken notice of it.
    assert any(f"rendering: going on from frame {n} of {FRAMES}" in complaint for n in (frames, frames + 20))
    assert f"camera: going on from frame {FRAMES} of {FRAMES}" in complaint
    assert results(tmp_path / "out") == undisturbed


def cut_short(start: Start, folder: Path, *command: str) -> None:
    """A run that was killed while it rendered."""
    process = start(*command)
    wait_for(lambda: "film-00002.saved" in work_of(folder), process)
    process.kill()
    process.communicate()


@pytest.mark.parametrize("name", ["command.json", "camera.saved", "film-00000.saved", "film-00001.saved"])
def test_what_is_damaged_is_made_anew(name: str, start: Start, undisturbed: dict[str, bytes], tmp_path: Path) -> None:
    cut_short(start, tmp_path)
    damaged = tmp_path / "out" / WORK / name
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 4
    damaged.write_bytes(content)
    process = start()
    _, complaint = process.communicate()
    assert process.returncode == 0, complaint
    assert ("is damaged" if name.endswith(".saved") else "starting afresh") in complaint
    assert results(tmp_path / "out") == undisturbed


def test_another_command_does_not_go_on_from_it(start: Start, undisturbed: dict[str, bytes], tmp_path: Path) -> None:
    cut_short(start, tmp_path)
    (tmp_path / "loose.toml").write_text("confirm_hits = 2\n")
    process = start(*COMMAND, "--settings", "loose.toml")
    wait_for(lambda: not [name for name in work_of(tmp_path) if name.startswith("film-")], process)
    wait_for(lambda: "film-00000.saved" in work_of(tmp_path), process)
    process.kill()
    _, complaint = process.communicate()
    assert complaint.splitlines()[0] == "starting afresh: an earlier run that was cut short there had another settings"
    process = start(*COMMAND, "--fresh")
    _, complaint = process.communicate()
    assert process.returncode == 0
    assert "going on" not in complaint
    assert results(tmp_path / "out") == undisturbed


def test_corrections_that_come_after_the_kill_count_and_the_rest_is_not_done_again(
    start: Start, tmp_path: Path
) -> None:
    command = (*COMMAND, "--edits", "edits.jsonl", "--roster", "roster.csv", "--truth", "truth.txt")
    (tmp_path / "roster.csv").write_text("number,name,team\n7,Ann,Eagles\n")
    lines = (tmp_path / "det.txt").read_text().splitlines()
    (tmp_path / "truth.txt").write_text("".join(f"{row.replace(',-1,', ',1,')},-1,-1,-1\n" for row in lines[::4]))
    frame, _, left, top, width, height, _ = map(float, lines[5].split(","))
    box = Anchor(frame=int(frame) - 1, xyxy=(left, top, left + width, top + height))
    called, numbered = Rename(author="coach", anchor=box, name="Bo"), Rename(author="coach", anchor=box, number="7")

    append_edit(tmp_path / "edits.jsonl", called)
    cut_short(start, tmp_path, *command)
    # What nobody will see, in the film or on the page.
    append_edit(tmp_path / "edits.jsonl", numbered)
    append_edit(tmp_path / "edits.jsonl", Undo(author="coach", undoes=numbered.edit_id))
    (tmp_path / "roster.csv").write_text("number,name,team\n7,Cy,Eagles\n")
    (tmp_path / "truth.txt").write_text("".join(f"{row.replace(',-1,', ',1,')},-1,-1,-1\n" for row in lines[1::4]))
    process = start(*command)
    assert process.stderr is not None
    said = list(takewhile(lambda line: not line.startswith("rendering: going on from frame "), process.stderr))
    assert process.poll() is None, said  # it did say so, and works
    process.kill()
    process.communicate()
    assert f"camera: going on from frame {FRAMES} of {FRAMES}\n" in said
    assert not [line for line in said if "anew" in line or "afresh" in line]
    # What changes the film.
    before = (tmp_path / "out" / WORK / "film-00001.saved").stat().st_mtime_ns
    append_edit(tmp_path / "edits.jsonl", Rename(author="coach", anchor=box, team="Eagles", number="7"))
    process = start(*command)
    wait_for(lambda: (tmp_path / "out" / WORK / "film-00001.saved").stat().st_mtime_ns > before, process)
    process.kill()
    _, complaint = process.communicate()
    assert f"camera: going on from frame {FRAMES} of {FRAMES}" in complaint
    assert "a saved part (film-00000) was made for something else than is wanted now; it is made anew" in complaint
    process = start(*command)
    _, complaint = process.communicate()
    assert process.returncode == 0, complaint
    assert "rendering: going on from frame " in complaint
    found = results(tmp_path / "out")
    process = start(*command, "--fresh")
    _, complaint = process.communicate()
    assert process.returncode == 0, complaint
    assert found == results(tmp_path / "out")
    named = [(player.name, player.number) for player in read_players(tmp_path / "out" / "players.json") if player.name]
    assert named == [("Bo", "7")]


def test_two_runs_do_not_share_a_folder(start: Start, tmp_path: Path) -> None:
    first = start()
    wait_for(lambda: "camera.saved" in work_of(tmp_path), first)
    os.kill(first.pid, signal.SIGSTOP)
    second = start()
    _, complaint = second.communicate()
    assert second.returncode == 2
    assert complaint == (
        f"error: out: another run is writing there (process {first.pid}) "
        "– wait for it, or name another folder for --out\n"
    )
    os.kill(first.pid, signal.SIGCONT)
    assert first.wait() == 0
    assert not (tmp_path / "out" / WORK).exists()


def test_a_full_disk_is_one_line_and_the_next_run_goes_on(
    start: Start, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    whole = len(undisturbed["annotated.mp4"])

    def little_space() -> None:  # no file may grow beyond it: the segments fit, the film does not
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (whole - 1000, whole - 1000))

    process = start(before=little_space)
    _, complaint = process.communicate()
    assert process.returncode == 2
    last = complaint.splitlines()[-1]
    assert last.startswith("error: out")
    assert "cannot be written" in last
    assert f"the same command goes on at frame {FRAMES} of {FRAMES} (rendering)" in last
    assert os.listdir(tmp_path / "out") == [WORK]
    assert not [name for name in work_of(tmp_path) if name.endswith(".tmp") or name == "results"]
    process = start()
    _, complaint = process.communicate()
    assert process.returncode == 0, complaint
    assert results(tmp_path / "out") == undisturbed


class CutShort(Exception):
    """In place of a kill."""


class Interrupter(Watcher):
    """Cuts a stage short at a frame, and notes where it began."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.begun: list[int] = []

    def started(self, done: int, work_seconds: float) -> None:
        self.begun.append(done)

    def progressed(self, done: int) -> None:
        if done == self.at:
            raise CutShort


def test_the_camera_goes_on_in_the_middle(film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracking.checkpoint.SECONDS_BETWEEN_SAVES", -1.0)
    monkeypatch.setattr("tracking.checkpoint.LARGEST_SHARE", float("inf"))
    detections, settings = read_detections(film / "det.txt"), CameraSettings()
    expected = camera_path(film / "clip.mp4", detections, settings)
    watcher = Interrupter(0)
    for watcher.at in (1, 2, 50, 51, FRAMES, 0):
        checkpoint = Checkpoint(tmp_path, {"of": "this"})
        with pytest.raises(CutShort) if watcher.at else contextlib.nullcontext():
            path, seconds = follow_film(film / "clip.mp4", detections, settings, checkpoint, watcher)
    assert watcher.begun == [0, 0, 1, 49, 50, FRAMES - 1]
    assert seconds > 0
    for name in ("transform", "reason", "time"):
        assert getattr(path, name).tobytes() == getattr(expected, name).tobytes()
    assert np.linalg.norm(expected.transform[1:, :, 2] - (-2, 0), axis=1).max() < 0.5


def test_segments_serve_only_what_they_were_drawn_from(film: Path, tmp_path: Path) -> None:
    boxes = read_detections(film / "det.txt")
    ids = np.tile([1, 2, 3, 4], FRAMES)
    one, other = (
        Drawing(Tracks.from_arrays(boxes.frame, ids + shift, boxes.xyxy, boxes.score, boxes.class_id))
        for shift in (0, 1)
    )
    render(film / "clip.mp4", other, tmp_path / "other.mp4")
    checkpoint = Checkpoint(tmp_path, {"of": "this"})
    said: list[str] = []
    render(film / "clip.mp4", one, tmp_path / "one.mp4", checkpoint)
    again = Checkpoint(tmp_path, {"of": "this"}, say=said.append)
    render(film / "clip.mp4", other, tmp_path / "again.mp4", again)
    assert said == ["a saved part (film-00000) was made for something else than is wanted now; it is made anew"]
    assert (tmp_path / "again.mp4").read_bytes() == (tmp_path / "other.mp4").read_bytes()
    assert (tmp_path / "again.mp4").read_bytes() != (tmp_path / "one.mp4").read_bytes()
