"""From a film or boxes to players: the stages of a run together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest

from shared_libs.common.detections import read_detections
from shared_libs.common.edits import Anchor, Merge, Rename, Split, append_edit
from shared_libs.common.players import read_players
from shared_libs.common.run import read_run
from shared_libs.common.tracks import Tracks, read_tracks
from shared_libs.common.video import FrameWriter, read_frames

WIDTH, HEIGHT, FPS, FRAMES = 480, 270, 25, 120
TEAMS = ((30, 40, 190), (230, 225, 220))
"""Jerseys, RGB."""


class Done(Protocol):
    """How a command ended; see conftest.py."""

    code: int
    out: str
    err: str


Command = Callable[..., Done]


def box_of(player: int, frame: int) -> tuple[float, float, float, float]:
    """left, top, right, bottom; all walk at paces of their own and never meet."""
    left = 20 + 55 * player + 12 * np.sin(frame / (9 + player))
    top = 90 + 18 * (player % 4)
    return left, top, left + 26, top + 78


@pytest.fixture(scope="module")
def game(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight players of two teams before a textured field, and their boxes; player 0 is away from frame 40 to 79."""
    folder = tmp_path_factory.mktemp("game")
    chance = np.random.default_rng(3)
    field = np.kron(chance.integers(70, 110, (HEIGHT // 5, WIDTH // 5, 1)), np.ones((5, 5, 1))).astype(np.uint8)
    field = np.concatenate([field // 2, field, field // 3], axis=2)
    lines = []
    with FrameWriter(folder / "clip.mp4", fps=FPS) as writer:
        for frame in range(FRAMES):
            picture = field.copy()
            for player in range(8):
                if player == 0 and 40 <= frame < 80:
                    continue
                left, top, right, bottom = (round(value) for value in box_of(player, frame))
                picture[top + 14 : top + 46, left:right] = TEAMS[player % 2]
                picture[top : top + 14, left + 8 : right - 8] = (200, 160, 130)
                picture[top + 46 : bottom, left + 4 : right - 4] = (25, 25, 30)
                lines.append(f"{frame + 1},-1,{left},{top},{right - left},{bottom - top},0.9\n")
            writer.write(picture)
    (folder / "det.txt").write_text("".join(lines))
    (folder / "roster.csv").write_text("number,name,team\n7,Ana Ruiz,Owls\n9,Bo Lind,Bears\n")
    return folder


@pytest.fixture
def here(game: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own with the game."""
    for path in game.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def player_at(folder: Path, player: int, frame: int) -> int:
    """The id of the player whose box is that of `player` in `frame`."""
    tracks, players = read_tracks(folder / "tracks.json"), read_players(folder / "players.json")
    rows = (tracks.frame == frame).nonzero()[0]
    row = rows[np.abs(tracks.xyxy[rows, 0] - box_of(player, frame)[0]).argmin()]
    track = int(tracks.track_id[row])
    return next(
        each.player_id
        for each in players
        if any(s.track_id == track and s.start <= frame <= s.end for s in each.segments)
    )


def anchor(player: int, frame: int) -> Anchor:
    left, top, right, bottom = (float(value) for value in box_of(player, frame))
    return Anchor(frame=frame, xyxy=(left, top, right, bottom))


def test_a_film_with_boxes_gives_players_in_teams(command: Command, here: Path) -> None:
    done = command("track", "clip.mp4", "--detections", "det.txt", "--no-render", "--out", "out")
    assert done.code == 0, done.err
    assert "8 players from" in done.out
    players = read_players(here / "out" / "players.json")
    assert len(players) == 8
    teams = {player.player_id: player.team_id for player in players}
    kits = [teams[player_at(here / "out", number, 10)] for number in range(8)]
    assert set(kits) == {0, 1}
    assert kits == [kits[0], kits[1]] * 4
    page = (here / "out" / "report.html").read_text()
    assert "<h2>Players</h2>" in page
    assert "Team A" in page
    assert "motion only" not in page


def test_whoever_returns_is_the_same_player_unless_online(command: Command, here: Path) -> None:
    assert command("track", "clip.mp4", "--detections", "det.txt", "--no-render", "--out", "out").code == 0
    assert player_at(here / "out", 0, 20) == player_at(here / "out", 0, 100)
    online = command("track", "clip.mp4", "--detections", "det.txt", "--no-render", "--online", "--out", "online")
    assert online.code == 0, online.err
    assert {player.team_id for player in read_players(here / "online" / "players.json")} == {None}
    assert read_run(here / "online" / "run.json").settings["online"] is True


def test_two_runs_give_the_same_bytes(command: Command, here: Path) -> None:
    for out in ("one", "other"):
        assert command("track", "clip.mp4", "--detections", "det.txt", "--out", out).code == 0
    for name in ("tracks.txt", "tracks.json", "players.json", "annotated.mp4", "report.html"):
        assert (here / "one" / name).read_bytes() == (here / "other" / name).read_bytes(), name


def test_corrections_are_done_again_and_what_no_longer_fits_is_told(command: Command, here: Path) -> None:
    append_edit(here / "edits.jsonl", Merge(author="coach", first=anchor(1, 30), second=anchor(3, 30)))
    append_edit(here / "edits.jsonl", Split(author="coach", anchor=anchor(2, 30), at_frame=60))
    append_edit(here / "edits.jsonl", Rename(author="coach", anchor=anchor(5, 30), name="Cleo", number="12"))
    append_edit(here / "edits.jsonl", Rename(author="coach", anchor=Anchor(frame=5, xyxy=(1, 1, 9, 9)), name="Nobody"))
    done = command("track", "clip.mp4", "--detections", "det.txt", "--edits", "edits.jsonl", "--out", "out")
    assert done.code == 0, done.err
    notes = read_run(here / "out" / "run.json").notes
    assert "2 of 4 corrections were applied" in notes
    assert sum("no longer fits" in note for note in notes) == 2
    assert player_at(here / "out", 2, 20) != player_at(here / "out", 2, 100)
    page = (here / "out" / "report.html").read_text()
    assert "12 Cleo" in page
    assert "no longer fits" in page
    assert "Nobody" not in [player.name for player in read_players(here / "out" / "players.json")]
    # What was found stands beside it, for those who do the log again.
    assert command("track", "clip.mp4", "--detections", "det.txt", "--no-render", "--out", "plain").code == 0
    found = (here / "out" / "players_found.json").read_bytes()
    assert found == (here / "plain" / "players.json").read_bytes() != (here / "out" / "players.json").read_bytes()
    assert not (here / "plain" / "players_found.json").exists()


def test_link_goes_on_from_the_tracks_of_a_run(command: Command, here: Path) -> None:
    assert command("track", "clip.mp4", "--detections", "det.txt", "--no-render", "--out", "out").code == 0
    append_edit(here / "edits.jsonl", Split(author="coach", anchor=anchor(2, 30), at_frame=60))
    done = command("link", "out/tracks.json", "clip.mp4", "--edits", "edits.jsonl", "--no-render", "--out", "corrected")
    assert done.code == 0, done.err
    assert "9 players" in done.out
    before, after = (read_tracks(here / out / "tracks.json") for out in ("out", "corrected"))
    assert np.array_equal(before.frame, after.frame)
    assert np.array_equal(before.xyxy, after.xyxy)
    alone = command("link", "out/tracks.json", "--fps", "25", "--out", "alone")
    assert alone.code == 0, alone.err
    assert len(read_players(here / "alone" / "players.json")) == 8


def test_a_film_alone_is_enough_and_the_result_says_motion_only(command: Command, here: Path) -> None:
    done = command("track", "clip.mp4", "--out", "out")
    assert done.code == 0, done.err
    assert "motion only" in done.out
    run = read_run(here / "out" / "run.json")
    assert any(note.startswith("motion only") for note in run.notes)
    assert run.model_ids == {"detector": "motion"}
    assert "motion only" in (here / "out" / "report.html").read_text()
    found = read_detections(here / "out" / "detections.txt")
    assert found.frame_count <= FRAMES
    again = command("track", "clip.mp4", "--detections", "out/detections.txt", "--no-render", "--out", "again")
    assert again.code == 0, again.err
    assert (here / "again" / "tracks.txt").read_bytes() == (here / "out" / "tracks.txt").read_bytes()
    assert not (here / "again" / "detections.txt").exists()


def test_the_film_shows_that_it_is_motion_only(command: Command, here: Path) -> None:
    """The caption is wider than that of a run with boxes."""
    assert command("track", "clip.mp4", "--out", "moved").code == 0
    (here / "none.txt").write_bytes((here / "moved" / "detections.txt").read_bytes())
    assert command("track", "clip.mp4", "--detections", "none.txt", "--out", "given").code == 0
    pictures = []
    for out in ("moved", "given"):
        with read_frames(here / out / "annotated.mp4") as frames:
            pictures.append(next(iter(frames))[2].astype(int))
    differs = np.abs(pictures[0] - pictures[1]).max(axis=2) > 40
    rows = differs.nonzero()[0]
    assert len(rows) > 50
    assert rows.min() > HEIGHT * 0.8


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--detector", "magic"), "--detector: there is no detector 'magic'"),
        (("--detector", "onnx:no.onnx"), "no.onnx: no such file"),
        (("--detector", "motion", "--no-camera"), "needs to know how the camera moves"),
        (("--detections", "det.txt", "--reid", "no.onnx"), "no.onnx: no such file"),
        (("--detections", "det.txt", "--roster", "no.csv"), "no.csv: no such file"),
        (("--detections", "det.txt", "--edits", "det.txt"), "det.txt:1: is not a line of JSON"),
        (("--detector", "motion", "--tiles", "7by7"), "--tiles"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    arguments: tuple[str, ...], words: str, command: Command, here: Path
) -> None:
    before = {path.name for path in here.iterdir()}
    done = command("track", "clip.mp4", "--out", "out", *arguments)
    assert done.code == 2, done.out
    assert words in done.err
    assert done.err.count("\n") == 1
    assert {path.name for path in here.iterdir()} == before


def test_tracks_without_boxes_are_no_failure(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "det.txt").write_text("1,-1,10,10,20,40,0.1\n")
    done = command("track", "--detections", "det.txt", "--fps", "25", "--out", "out")
    assert done.code == 0, done.err
    assert isinstance(read_tracks(tmp_path / "out" / "tracks.json"), Tracks)
    assert len(read_players(tmp_path / "out" / "players.json")) == 0
