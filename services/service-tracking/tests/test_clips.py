from __future__ import annotations

import itertools
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from shared_libs.common.clips import read_clips
from shared_libs.common.errors import InputError, OutputError
from shared_libs.common.players import Player, Players, Segment, write_players
from shared_libs.common.tracks import Tracks, write_mot_tracks, write_tracks_json
from shared_libs.common.video import FrameWriter, read_frames, read_video_info
from tracking.clips import LONGEST_BREAK, Request, make_clips, read_times, scenes_of


class Done(Protocol):
    """How a command ended; see conftest.py."""

    code: int
    out: str
    err: str


Command = Callable[..., Done]

FRAMES, WIDTH, HEIGHT = 120, 160, 120
STEPS = (0.02, 0.08, 0.05)
"""Seconds from frame to frame, in turn: such a film has no rate."""
TIMES = np.array([0.0, *itertools.accumulate(itertools.islice(itertools.cycle(STEPS), FRAMES - 1))])

PLAYERS = Players(
    (
        Player(1, segments=(Segment(1, 10, 19), Segment(3, 90, 99))),
        Player(2, number="7", name="Kim", segments=(Segment(2, 0, 119),)),
        Player(3),
    )
)


GROUND = 90


def picture(number: int) -> NDArray[np.uint8]:
    """A frame of the film: grey ground, and its number in black and white along the upper edge."""
    rgb = np.full((HEIGHT, WIDTH, 3), GROUND, np.uint8)
    for place in range(8):
        rgb[:16, 20 * place : 20 * place + 20] = 240 * (number >> place & 1)
    return rgb


def number_of(rgb: NDArray[np.uint8]) -> int:
    """Which frame of the film a picture is."""
    return sum(int(rgb[4:12, 20 * place + 6 : 20 * place + 14].mean() > 120) << place for place in range(8))


@pytest.fixture(scope="module")
def game(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a film of a variable rate, and the tracks and players in it."""
    folder = tmp_path_factory.mktemp("game")
    with FrameWriter(folder / "film.mp4") as writer:
        for number, time in enumerate(TIMES.tolist()):
            writer.write(picture(number), time)
    frame = np.concatenate([np.arange(10, 20), np.arange(90, 100), np.arange(120)])
    identity = np.repeat([1, 3, 2], [10, 10, 120])
    left = np.where(identity == 2, 100.0, 40.0)
    xyxy = np.stack([left, np.full(140, 30.0), left + 20, np.full(140, 80.0)], axis=1)
    tracks = Tracks.from_arrays(frame, identity, xyxy, np.ones(140), np.ones(140))
    write_tracks_json(folder / "tracks.json", tracks)
    write_players(folder / "players.json", PLAYERS)
    return folder


@pytest.fixture
def request_(game: Path, tmp_path: Path) -> Request:
    """For player 1, with so little around his scenes that there are two."""
    return Request(
        video=game / "film.mp4",
        players=game / "players.json",
        tracks=game / "tracks.json",
        out=tmp_path / "clips",
        player_ids=(1,),
        padding=0.5,
    )


def frames_of(path: Path) -> tuple[list[int], list[float]]:
    """Which frames of the film a reel shows, and when."""
    with read_frames(path) as frames:
        shown = [(number_of(rgb), time) for _, time, rgb in frames]
    return [number for number, _ in shown], [time for _, time in shown]


def test_a_reel_shows_every_time_in_view_and_what_lies_around_it_at_the_films_own_pace(request_: Request) -> None:
    [reel] = make_clips(request_).reels
    frames, times = frames_of(request_.out / reel.file.name)
    expected = [
        frame
        for first, last in ((10, 19), (90, 99))
        for frame in range(FRAMES)
        if TIMES[first] - 0.5 <= TIMES[frame] <= TIMES[last] + 0.5
    ]
    assert frames == expected
    start = frames.index(next(frame for frame in frames if frame > 60))
    pace = TIMES[frames] - np.where(np.arange(len(frames)) < start, TIMES[frames[0]], TIMES[frames[start]])
    pace[start:] += reel.scenes[1].reel_start
    np.testing.assert_allclose(times, pace, atol=2e-3)


def test_scenes_are_told_in_seconds_of_the_film_and_of_the_reel(request_: Request) -> None:
    [reel] = make_clips(request_).reels
    first, second = reel.scenes
    assert TIMES[10] - 0.5 <= first.start < TIMES[10] and second.start <= TIMES[90] - 0.4
    assert first.reel_start == 0 and first.reel_end == second.reel_start and second.reel_end == reel.seconds
    for scene in reel.scenes:
        assert scene.end - scene.start == pytest.approx(scene.reel_end - scene.reel_start, abs=2e-3)
    assert reel.seconds == pytest.approx(read_video_info(request_.out / reel.file.name).duration, abs=0.1)


def test_the_player_has_a_ring_at_his_feet_where_he_is_seen(request_: Request) -> None:
    [reel] = make_clips(request_).reels
    with read_frames(request_.out / reel.file.name) as frames:
        for _, _, rgb in frames:
            number = number_of(rgb)
            is_seen = 10 <= number <= 19 or 90 <= number <= 99
            contrast = np.abs(rgb.astype(int) - GROUND)
            assert (contrast[70:95, 35:65].max() > 60) == is_seen
            assert contrast[20:65].max() < 30 and contrast[20:, 90:].max() < 30  # of the other player nothing


def test_everybody_who_is_ever_in_view_has_a_reel(request_: Request) -> None:
    clips = make_clips(replace(request_, player_ids=None))
    assert [(reel.player_id, reel.number, reel.name, reel.file.name) for reel in clips.reels] == [
        (1, None, None, "player-1.mp4"),
        (2, "7", "Kim", "player-2.mp4"),
    ]
    assert sorted(path.name for path in request_.out.iterdir()) == ["clips.json", "player-1.mp4", "player-2.mp4"]
    assert read_clips(request_.out / "clips.json") == clips
    assert clips.reels[1].seconds == pytest.approx(TIMES[-1] + 0.05, abs=0.01)


@pytest.mark.parametrize(("height", "size"), [(60, (80, 60)), (45, (60, 46)), (1080, (WIDTH, HEIGHT))])
def test_a_reel_is_as_high_as_was_asked_for_but_never_higher_than_the_film(
    request_: Request, height: int, size: tuple[int, int]
) -> None:
    [reel] = make_clips(replace(request_, height=height)).reels
    info = read_video_info(request_.out / reel.file.name)
    assert (info.width, info.height) == size and info.codec == "h264"


def write_times(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*.mp4")}


def test_reels_that_are_there_are_not_made_again(request_: Request) -> None:
    make_clips(request_)
    before, said = write_times(request_.out), list[str]()
    clips = make_clips(replace(request_, player_ids=None), said.append)
    after = write_times(request_.out)
    assert after["player-1.mp4"] == before["player-1.mp4"] and said == ["1 of 2 reels are there already"]
    assert make_clips(replace(request_, player_ids=(2,))) == clips  # that of the other one stays
    assert write_times(request_.out) == after


def test_a_reel_that_would_come_out_differently_is_made_anew_or_goes(request_: Request) -> None:
    make_clips(replace(request_, player_ids=None))
    before = write_times(request_.out)
    clips = make_clips(replace(request_, height=60))
    assert [reel.player_id for reel in clips.reels] == [1]
    after = write_times(request_.out)
    assert [*after] == ["player-1.mp4"] and after != {"player-1.mp4": before["player-1.mp4"]}


def test_a_damaged_reel_is_made_anew_with_the_same_bytes(request_: Request) -> None:
    clips = make_clips(request_)
    path = request_.out / "player-1.mp4"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    assert make_clips(request_) == clips and path.read_bytes() == whole
    path.unlink()
    (request_.out / "clips.json").write_text("{")
    assert make_clips(request_) == clips and path.read_bytes() == whole


def test_a_new_name_is_told_without_a_new_reel(request_: Request, tmp_path: Path) -> None:
    make_clips(request_)
    before = write_times(request_.out)
    write_players(tmp_path / "named.json", Players((replace(PLAYERS.players[0], number="12", name="Jo"),)))
    [reel] = make_clips(replace(request_, players=tmp_path / "named.json")).reels
    assert (reel.number, reel.name) == ("12", "Jo") and write_times(request_.out) == before


def test_a_player_who_is_not_there_or_not_in_view_is_named(request_: Request, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no player 9 – there are: 1, 2, 3$"):
        make_clips(replace(request_, player_ids=(1, 9)))
    with pytest.raises(InputError, match="player 3 is never in view"):
        make_clips(replace(request_, player_ids=(3,)))
    write_players(tmp_path / "players.json", Players((Player(3),)))
    with pytest.raises(InputError, match="nobody is ever in view"):
        make_clips(replace(request_, player_ids=None, players=tmp_path / "players.json"))
    assert not request_.out.exists()


def test_tracks_that_go_on_after_the_film_are_followed_to_its_end(request_: Request, tmp_path: Path) -> None:
    frame = np.arange(100, 200)
    xyxy = np.tile([10.0, 10.0, 20.0, 40.0], (100, 1))
    write_mot_tracks(
        tmp_path / "long.txt", Tracks.from_arrays(frame, frame * 0 + 1, xyxy, frame * 0 + 1, frame * 0 + 1)
    )
    # A number that players have in other programs' files.
    write_players(tmp_path / "players.json", Players((Player(0, segments=(Segment(1, 100, 199),)),)))
    request = replace(
        request_, tracks=tmp_path / "long.txt", players=tmp_path / "players.json", player_ids=(0,), padding=0
    )
    said: list[str] = []
    [reel] = make_clips(request, said.append).reels
    assert said == ["note: the tracks reach frame 200, the film has 120 frames: are they of the same film?"]
    shown, _ = frames_of(request_.out / reel.file.name)
    assert len(shown) == FRAMES - 100 and reel.scenes[0].start == pytest.approx(TIMES[100], abs=1e-3)


def test_what_is_read_is_not_written_over(request_: Request, tmp_path: Path) -> None:
    film = tmp_path / "player-2.mp4"
    shutil.copy(request_.video, film)
    with pytest.raises(InputError, match="would be replaced"):
        make_clips(replace(request_, video=film, out=tmp_path))
    assert film.read_bytes() == request_.video.read_bytes()


def test_where_nothing_can_be_written_nothing_partial_is_left(request_: Request) -> None:
    (request_.out / "player-1.mp4").mkdir(parents=True)
    with pytest.raises(OutputError, match="is a folder"):
        make_clips(request_)
    assert [path.name for path in request_.out.rglob("*")] == ["player-1.mp4"]
    with pytest.raises(OutputError, match="is a file, not a folder"):
        make_clips(replace(request_, out=request_.video))


def test_a_command_that_was_cut_short_goes_on_with_the_reels_that_are_missing(
    request_: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracking.clips._AT_ONCE", 1)
    request = replace(request_, player_ids=(1, 2))
    (request.out / "player-2.mp4").mkdir(parents=True)
    with pytest.raises(OutputError):
        make_clips(request)
    assert [reel.player_id for reel in read_clips(request.out / "clips.json").reels] == [1]
    (request.out / "player-2.mp4").rmdir()
    before = write_times(request.out)
    clips = make_clips(request)
    assert [reel.player_id for reel in clips.reels] == [1, 2] and read_clips(request.out / "clips.json") == clips
    assert write_times(request.out)["player-1.mp4"] == before["player-1.mp4"]


def test_times_are_those_of_the_film(game: Path) -> None:
    np.testing.assert_allclose(read_times(game / "film.mp4", FRAMES), TIMES, atol=1e-4)


@given(
    st.lists(st.floats(0.001, 2), min_size=1, max_size=60),
    st.sets(st.integers(0, 59)),
    st.floats(0, 3),
)
def test_scenes_hold_each_frame_in_view_once_with_what_lies_around_it(
    steps: list[float], seen: set[int], padding: float
) -> None:
    times = np.cumsum(steps)
    frame = np.array(sorted(each for each in seen if each < len(times)), np.int64)
    scenes = scenes_of(frame, times, padding)
    assert (scenes[:, 0] <= scenes[:, 1]).all() and (scenes[1:, 0] > scenes[:-1, 1]).all()
    held = {each for first, last in scenes.tolist() for each in range(first, last + 1)}
    away = {each: np.abs(times[frame] - times[each]).min() for each in range(len(times)) if len(frame)}
    assert held >= {each for each, seconds in away.items() if seconds <= padding - 1e-9}
    # What is in a scene and not near anybody lies in a break that is not long.
    for each in held - {each for each, seconds in away.items() if seconds <= padding + 1e-9}:
        before, after = times[frame][times[frame] < times[each]], times[frame][times[frame] > times[each]]
        assert after[0] - before[-1] <= 2 * padding + LONGEST_BREAK + 1e-9


def test_the_command_tells_what_it_made(game: Path, command: Command) -> None:
    files = ("--players", game / "players.json", "--tracks", game / "tracks.json")
    done = command("clips", game / "film.mp4", *files, "--out", "reels", "--player", 2, "--player", 1)
    assert done.code == 0, done.err
    assert done.out.splitlines() == [
        "player 1: 2 scenes, 4.4 s: player-1.mp4",
        "player 2 (7 Kim): 1 scene, 6.0 s: player-2.mp4",
        "reels in reels",
    ]


def test_the_command_refuses_in_one_line(game: Path, command: Command) -> None:
    files = ("--players", game / "players.json", "--tracks", game / "tracks.json")
    for options, words in (
        (("--player", 9), "there is no player 9"),
        (("--padding", "nan"), "--padding"),
        (("--padding", -1), "--padding"),
        (("--height", 3), "--height"),
    ):
        done = command("clips", game / "film.mp4", *files, "--out", "reels", *options)
        assert done.code == 2 and done.err.count("\n") == 1 and words in done.err
    assert not Path("reels").exists()


def test_a_command_that_is_stopped_leaves_no_half_reel(
    game: Path, tmp_path: Path, start_program: Callable[..., subprocess.Popen[str]]
) -> None:
    files = ("--players", game / "players.json", "--tracks", game / "tracks.json")
    long = tmp_path / "long.mp4"
    with FrameWriter(long, fps=25, preset="ultrafast") as writer:
        for number in range(200):
            writer.write(np.full((360, 640, 3), number, np.uint8))
    program = start_program("clips", long, *files, "--out", "reels", "--padding", 60)
    while program.poll() is None and not list(tmp_path.glob("reels/.player-*")):
        pass
    program.terminate()
    assert program.wait(30) == 143
    assert not list(tmp_path.glob("reels/*")) and not list(tmp_path.glob("reels/.*"))
