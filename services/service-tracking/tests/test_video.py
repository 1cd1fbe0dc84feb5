"""With a film: the annotated video, the report, and the command line around them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import av
import numpy as np
import pytest

from shared_libs.common.run import read_run
from shared_libs.common.tracks import Source, Tracks, write_tracks_json
from shared_libs.common.video import FrameWriter, read_frames
from tracking.annotate import Annotator, camera_path
from tracking.palette import rgb_of
from tracking.render import render


class Done(Protocol):
    """How a command ended; see conftest.py."""

    code: int
    out: str
    err: str


Command = Callable[..., Done]
FRAMES = 30


def test_a_film_gives_an_annotated_one_with_every_frame(command: Command, game_video: Path) -> None:
    done = command("track", "clip.mp4", "--detections", "det.txt", "--truth", "gt.txt", "--out", "out")
    assert done.code == 0, done.err
    out = game_video.parent / "out"
    assert {path.name for path in out.iterdir()} == {
        "tracks.txt", "tracks.json", "run.json", "report.html", "annotated.mp4",
    }  # fmt: skip
    with av.open(str(out / "annotated.mp4")) as video:
        stream = video.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert sum(1 for _ in video.decode(stream)) == FRAMES
    content = (out / "annotated.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat"), "the index must come first for browsers"
    run = read_run(out / "run.json")
    assert run.settings["fps"] == 25
    assert set(run.inputs) == {"video", "detections", "truth"}
    assert run.timings["render"] > 0


def test_boxes_are_drawn_where_the_players_are(game_video: Path, game_tracks: Tracks, tmp_path: Path) -> None:
    done = render(game_video, game_tracks, tmp_path / "drawn.mp4")
    assert (done.frames, done.ended_early) == (FRAMES, None)
    plain = {index: picture for index, _, picture in read_frames(game_video)}
    for index, _, picture in read_frames(tmp_path / "drawn.mp4"):
        changed = np.abs(picture.astype(int) - plain[index]).max(axis=2) > 60
        for left, top, right, bottom in game_tracks.xyxy[game_tracks.frame == index].astype(int):
            if left >= 2 and right < picture.shape[1] - 2:
                assert changed[top : bottom + 1, left - 1 : left + 2].any(axis=1).mean() > 0.8
        assert not changed[160:, 200:].any(), "nothing is drawn where nobody is"


def test_times_are_those_of_the_film(tmp_path: Path, game_tracks: Tracks) -> None:
    times = np.cumsum(np.random.default_rng(2).uniform(0.01, 0.1, FRAMES)) - 0.01
    with FrameWriter(tmp_path / "phone.mp4") as writer:
        for time in times:
            writer.write(np.zeros((180, 320, 3), np.uint8), time=float(time))
    render(tmp_path / "phone.mp4", game_tracks, tmp_path / "drawn.mp4")
    before = [time for _, time, _ in read_frames(tmp_path / "phone.mp4")]
    after = [time for _, time, _ in read_frames(tmp_path / "drawn.mp4")]
    np.testing.assert_allclose(before, times, atol=1e-3)  # MP4 rounds the start to milliseconds
    np.testing.assert_allclose(after, times, atol=2e-3)


def test_no_render_leaves_the_film_out(command: Command, game_video: Path) -> None:
    done = command("track", "clip.mp4", "--detections", "det.txt", "--out", "out", "--no-render")
    assert done.code == 0, done.err
    assert not (game_video.parent / "out" / "annotated.mp4").exists()
    assert "<video" not in (game_video.parent / "out" / "report.html").read_text()


def test_the_report_opens_without_a_network(command: Command, game_video: Path) -> None:
    assert command("track", "clip.mp4", "--detections", "det.txt", "--truth", "gt.txt", "--out", "out").code == 0
    page = (game_video.parent / "out" / "report.html").read_text()
    assert not re.search(r"https?://|//cdn|<script|<link|@import|url\(", page)
    assert re.findall(r'(?:src|href)="([^"]*)"', page) == ["annotated.mp4", "annotated.mp4"]
    plots = ("Players per frame", "Tracks over time", "Track lengths")
    for words in ("HOTA", "IDF1", "MOTA", "clip.mp4", "high_score", *plots):
        assert words in page
    assert page.count("<svg") == 3


def test_bad_films_are_one_line(command: Command, game_video: Path) -> None:
    folder = game_video.parent
    (folder / "cut.mp4").write_bytes(game_video.read_bytes()[:200])
    (folder / "text.mp4").write_text("not a film")
    here = ("--detections", "det.txt", "--out", "out")
    for arguments, words in (
        (("track", "cut.mp4", *here), "cut.mp4: "),
        (("track", "text.mp4", *here), "text.mp4: "),
        (("track", "none.mp4", *here), "none.mp4: no such file"),
        (("track", "clip.mp4", *here, "--fps", "25"), "--fps: the video says itself"),
        (("render", "none.mp4", "--tracks", "gt.txt", "--out", "x.mp4"), "none.mp4: no such file"),
        (("render", "clip.mp4", "--tracks", "det.txt", "--out", "x.mp4"), "det.txt"),
        (("render", "clip.mp4", "--tracks", "gt.txt", "--out", "clip.mp4"), "--out: is the film itself"),
        (("render", "clip.mp4", "--tracks", "gt.txt", "--out", "no/x.mp4"), "no/x.mp4: cannot be written"),
    ):
        done = command(*arguments)
        assert done.code == 2, (arguments, done)
        assert done.err.startswith(f"error: {words}")
        assert done.err.count("\n") == 1
    assert {path.name for path in folder.iterdir()} == {"clip.mp4", "det.txt", "gt.txt", "cut.mp4", "text.mp4"}


def test_render_draws_tracks_of_any_format(command: Command, game_video: Path, game_tracks: Tracks) -> None:
    write_tracks_json(game_video.parent / "tracks.json", game_tracks)
    for name in ("gt.txt", "tracks.json"):
        done = command("render", "clip.mp4", "--tracks", name, "--out", "drawn.mp4")
        assert (done.code, done.out) == (0, "written: drawn.mp4\n")
        assert sum(1 for _ in read_frames(game_video.parent / "drawn.mp4")) == FRAMES


def test_detections_of_a_longer_film_are_pointed_out(command: Command, game_video: Path) -> None:
    lines = "".join(f"{frame},-1,{40 + frame},30,16,40,0.9\n" for frame in range(1, 51))
    (game_video.parent / "long.txt").write_text(lines)
    done = command("track", "clip.mp4", "--detections", "long.txt", "--out", "out")
    assert done.code == 0
    assert "note: the tracks reach frame 50, the video has 30 frames" in done.out


def test_a_film_that_breaks_off_is_used_as_far_as_it_goes(command: Command, game_video: Path) -> None:
    with FrameWriter(game_video, fps=5) as writer:
        for shade in range(FRAMES):
            writer.write(np.random.default_rng(shade).integers(0, 255, (180, 320, 3), np.uint8))
    content = game_video.read_bytes()
    game_video.write_bytes(content[: len(content) // 2])
    done = command("track", "clip.mp4", "--detections", "det.txt", "--out", "out")
    assert done.code == 0, done.err
    assert "note: the video ended early: " in done.out


def test_the_camera_is_the_median_motion_of_those_in_view() -> None:
    frame = np.tile(np.arange(4), 5)
    identity = np.repeat(np.arange(5), 4)
    feet = np.stack([100.0 * identity + 7 * frame, 50.0 + 2 * frame], axis=1)
    feet[identity == 4] += 40 * frame[identity == 4][:, None]  # one player runs their own way
    path = camera_path(frame, identity, feet, 6)
    assert path.tolist() == [[0, 0], [7, 2], [14, 4], [21, 6], [21, 6], [21, 6]]


@pytest.mark.parametrize("source", list(Source))
def test_a_filled_in_box_shows_its_corners_only(source: Source) -> None:
    picture = np.zeros((200, 200, 3), np.uint8)
    tracks = Tracks.from_arrays([0], [3], [[50, 50, 150, 150]], [0.9], [0], [source])
    Annotator(tracks, 200, 25).draw(0, picture)
    coloured = (np.abs(picture.astype(int) - rgb_of(3)).max(axis=2) < 40)[148:153]
    assert coloured[:, 50:60].any()
    assert coloured[:, 95:105].any() == (source == Source.DETECTED)


def test_labels_do_not_cover_each_other() -> None:
    picture = np.zeros((720, 400, 3), np.uint8)
    boxes = [[100, 200, 130, 260], [104, 202, 134, 262], [108, 204, 138, 264]]
    tracks = Tracks.from_arrays([0, 0, 0], [1, 2, 3], boxes, [0.9] * 3, [0] * 3)
    Annotator(tracks, 720, 25).draw(0, picture)
    for identity in (1, 2, 3):
        filled = np.abs(picture[:198].astype(int) - rgb_of(identity)).max(axis=2) < 30
        assert filled.sum() > 60


def test_a_label_at_the_upper_edge_stands_below_the_feet() -> None:
    picture = np.zeros((720, 200, 3), np.uint8)
    Annotator(Tracks.from_arrays([0], [1], [[50, 2, 80, 60]], [0.9], [0]), 720, 25).draw(0, picture)
    assert (np.abs(picture[62:80].astype(int) - rgb_of(1)).max(axis=2) < 30).sum() > 60
