"""With a film: the annotated video, the report, and the command line around them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import av
import numpy as np
import numpy.typing as npt
import pytest
from av.video.frame import VideoFrame

from shared_libs.common.run import read_run
from shared_libs.common.tracks import Source, Tracks, write_tracks_json
from shared_libs.common.video import FrameWriter, Image, planar, read_frames
from tracking.annotate import Annotator
from tracking.camera import Reason
from tracking.camera_path import CameraPath
from tracking.canvas import Canvas
from tracking.palette import rgb_of, team_colours
from tracking.render import Drawing, render
from tracking.scene import common_motion, scene_in_picture


class Done(Protocol):
    """How a command ended; see conftest.py."""

    code: int
    out: str
    err: str


Command = Callable[..., Done]
FRAMES = 30


def draw(annotator: Annotator, frame: int, picture: Image) -> Image:
    """The picture, RGB, with a frame of the tracks on it."""
    canvas = Canvas(planar(picture))
    annotator.draw(frame, canvas)
    drawn = VideoFrame.from_ndarray(canvas.planes, format="yuv420p")
    return np.asarray(drawn.to_ndarray(format="rgb24", src_colorspace="ITU709"), np.uint8)


def near(picture: Image, colour: tuple[int, int, int], within: int = 40) -> npt.NDArray[np.bool_]:
    """Where the picture has about that colour."""
    return np.asarray(np.abs(picture.astype(int) - colour).max(axis=2) < within)


def path_of(*steps: tuple[float, float], reason: Sequence[Reason] = ()) -> CameraPath:
    """A camera's path of shifts, one per frame."""
    transform = np.tile(np.eye(2, 3), (len(steps), 1, 1))
    transform[:, :, 2] = steps
    reasons = np.array(reason or [Reason.FIRST_FRAME, *[Reason.MEASURED] * (len(steps) - 1)], np.uint8)
    return CameraPath(transform, reasons, np.arange(len(steps)) / 25, None, 0)


def test_a_film_gives_an_annotated_one_with_every_frame(command: Command, game_video: Path) -> None:
    done = command("track", "clip.mp4", "--detections", "det.txt", "--truth", "gt.txt", "--out", "out")
    assert done.code == 0, done.err
    out = game_video.parent / "out"
    assert {path.name for path in out.iterdir()} == {
        "tracks.txt", "tracks.json", "players.json", "run.json", "report.html", "annotated.mp4",
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
    done = render(game_video, Drawing(game_tracks), tmp_path / "drawn.mp4")
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
    render(tmp_path / "phone.mp4", Drawing(game_tracks), tmp_path / "drawn.mp4")
    before = [time for _, time, _ in read_frames(tmp_path / "phone.mp4")]
    after = [time for _, time, _ in read_frames(tmp_path / "drawn.mp4")]
    np.testing.assert_allclose(before, times, atol=1e-3)  # MP4 rounds the start to milliseconds
    np.testing.assert_allclose(after, times, atol=2e-3)


@pytest.mark.parametrize("fps", [10, 24, 50, 60000 / 1001, 120])
@pytest.mark.parametrize(("height", "width"), [(180, 320), (720, 1280)])
def test_a_film_of_any_frame_rate_is_drawn(
    tmp_path: Path, game_tracks: Tracks, fps: float, height: int, width: int
) -> None:
    with FrameWriter(tmp_path / "film.mp4", fps=fps) as writer:
        for _ in range(3):
            writer.write(np.zeros((height, width, 3), np.uint8))
    render(tmp_path / "film.mp4", Drawing(game_tracks), tmp_path / "drawn.mp4")
    before, after = ([time for _, time, _ in read_frames(tmp_path / name)] for name in ("film.mp4", "drawn.mp4"))
    np.testing.assert_allclose(after, before, atol=2e-3)


def test_no_render_leaves_the_film_out(command: Command, game_video: Path) -> None:
    done = command("track", "clip.mp4", "--detections", "det.txt", "--out", "out", "--no-render")
    assert done.code == 0, done.err
    assert not (game_video.parent / "out" / "annotated.mp4").exists()
    assert "<video" not in (game_video.parent / "out" / "report.html").read_text()


def test_what_the_camera_did_is_said(command: Command, game_video: Path) -> None:
    """The film of the game is one colour but for its players: there is nothing to see the camera's motion by."""
    assert command("track", "clip.mp4", "--detections", "det.txt", "--out", "out", "--no-render").code == 0
    run = read_run(game_video.parent / "out" / "run.json")
    assert run.settings["camera"] is True
    assert (run.metrics["camera_frames"], run.metrics["camera_known"]) == (FRAMES, 1)
    assert len(run.notes) == 1
    assert run.notes[0].startswith("the camera's motion is not known in 29 of 30 frames: 29 ")
    assert run.timings["camera"] > 0
    page = (game_video.parent / "out" / "report.html").read_text()
    assert "known in 1 of 30 frames" in page
    assert run.notes[0].removeprefix("the camera's") in page
    done = command("track", "clip.mp4", "--detections", "det.txt", "--out", "out", "--no-render", "--no-camera")
    assert done.code == 0
    run = read_run(game_video.parent / "out" / "run.json")
    assert run.settings["camera"] is False
    assert "camera_frames" not in run.metrics
    assert run.notes == ()


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
    (folder / "empty.mp4").touch()
    (folder / "headless.mp4").write_bytes(game_video.read_bytes()[3000:])
    with av.open(str(folder / "audio.mp4"), "w") as sound:
        stream = sound.add_stream("aac", rate=44_100)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        silence.rate = 44_100
        sound.mux(stream.encode(silence))
        sound.mux(stream.encode(None))
    here = ("--detections", "det.txt", "--out", "out")
    for arguments, words in (
        (("track", "cut.mp4", *here), "cut.mp4: "),
        (("track", "text.mp4", *here), "text.mp4: "),
        (("track", "none.mp4", *here), "none.mp4: no such file"),
        (("track", "empty.mp4", *here), "empty.mp4: the file is empty"),
        (("track", "audio.mp4", *here), "audio.mp4: holds no video"),
        (("track", "headless.mp4", *here), "headless.mp4: not a video that can be read"),
        (("track", "clip.mp4", *here, "--fps", "25"), "--fps: the video says itself"),
        (
            ("track", "--detections", "det.txt", "--fps", "25", "--out", "out", "--camera"),
            "--camera: there is no video",
        ),
        (("render", "none.mp4", "--tracks", "gt.txt", "--out", "x.mp4"), "none.mp4: no such file"),
        (("render", "clip.mp4", "--tracks", "det.txt", "--out", "x.mp4"), "det.txt"),
        (("render", "clip.mp4", "--tracks", "gt.txt", "--out", "clip.mp4"), "--out: is the film itself"),
        (("render", "clip.mp4", "--tracks", "gt.txt", "--out", "no/x.mp4"), "no/x.mp4: cannot be written"),
    ):
        done = command(*arguments)
        assert done.code == 2, (arguments, done)
        assert done.err.startswith(f"error: {words}")
        assert done.err.count("\n") == 1
    given = {"clip.mp4", "det.txt", "gt.txt", "cut.mp4", "text.mp4", "empty.mp4", "headless.mp4", "audio.mp4"}
    assert {path.name for path in folder.iterdir()} == given


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
    for less in (("--no-render",), ("--no-render", "--no-camera")):
        done = command("track", "clip.mp4", "--detections", "long.txt", "--out", "out", *less)
        assert "note: the tracks reach frame 50, the video has 30 frames" in done.out, less


def test_a_film_that_breaks_off_is_used_as_far_as_it_goes(command: Command, game_video: Path) -> None:
    with FrameWriter(game_video, fps=5) as writer:
        for shade in range(FRAMES):
            writer.write(np.random.default_rng(shade).integers(0, 255, (180, 320, 3), np.uint8))
    content = game_video.read_bytes()
    game_video.write_bytes(content[: len(content) // 2])
    done = command("track", "clip.mp4", "--detections", "det.txt", "--out", "out")
    assert done.code == 0, done.err
    assert "note: the video ended early: " in done.out


def test_without_a_camera_s_path_it_is_the_median_motion_of_those_in_view() -> None:
    frame = np.tile(np.arange(4), 5)
    identity = np.repeat(np.arange(5), 4)
    feet = np.stack([100.0 * identity + 7 * frame, 50.0 + 2 * frame], axis=1)
    feet[identity == 4] += 40 * frame[identity == 4][:, None]  # one player runs their own way
    steps = common_motion(frame, identity, feet, 6)
    assert steps.tolist() == [[0, 0], [7, 2], [7, 2], [7, 2], [0, 0], [0, 0]]
    assert scene_in_picture(steps)[:, :2, 2].tolist() == [[0, 0], [7, 2], [14, 4], [21, 6], [21, 6], [21, 6]]


def test_the_camera_s_path_counts_where_it_is_known_and_ends_at_a_cut() -> None:
    reasons = [Reason.FIRST_FRAME, Reason.MEASURED, Reason.TOO_FEW_FEATURES, Reason.CUT, Reason.MEASURED]
    path = path_of((0, 0), (10, 0), (0, 0), (0, 0), (5, 1), reason=reasons)
    places = scene_in_picture(np.full((6, 2), 3.0), path)[:, :2, 2]
    assert places.tolist() == [[3, 3], [13, 3], [16, 6], [0, 0], [5, 1], [8, 4]]


@pytest.mark.parametrize("zoom", [1.0, 1.01])
def test_a_trail_stays_on_the_field_while_the_camera_moves(zoom: float) -> None:
    """One player stands still on the field, one runs; the picture pans by 12 pixels a frame, and zooms."""
    count = 30
    pan = path_of(*[(0.0, 0.0)] + [(-12.0, 0.0)] * (count - 1))
    pan.transform[1:, :, :2] *= zoom
    places = scene_in_picture(np.zeros((count, 2)), pan)
    field = np.stack([np.stack([np.full(count, x), np.full(count, y)], 1) for x, y in ((500.0, 300.0), (600.0, 500.0))])
    field[1, :, 0] += 8 * np.arange(count)
    feet = np.einsum("nij,pnj->pni", places[:, :2, :2], field) + places[:, :2, 2]
    feet = feet.reshape(-1, 2)
    xyxy = np.tile(feet, 2) + np.array([-15, -60, 15, 0])
    ids = np.repeat([1, 2], count)
    tracks = Tracks.from_arrays(np.tile(np.arange(count), 2), ids, xyxy, np.ones(2 * count), np.ones(2 * count))
    drawn = draw(Annotator(tracks, 720, 25, pan), count - 1, np.zeros((720, 1280, 3), np.uint8))
    trail = np.abs(drawn.astype(int) - np.array(rgb_of(1)) * 0.65).max(axis=2) < 50
    x, y = feet[count - 1].round().astype(int)
    trail[y - 80 : y + 4, x - 20 : x + 21] = False  # the box and its label
    assert trail.sum() < 20, "nobody moved on the field, so there is no trail beside the box"
    x, y = feet[-1].round().astype(int)
    reach = (drawn[y - 6 : y + 7].max(axis=(0, 2)) > 60).nonzero()[0]
    length = (field[1, -1, 0] - field[1, 0, 0]) * places[-1, 0, 0]
    assert reach.min() == pytest.approx(x - length, abs=20), "the trail is as long as the way on the field"


def test_teams_give_their_colours_to_their_players_alone() -> None:
    boxes = [[100, 200, 140, 300], [300, 200, 340, 300], [500, 200, 540, 300]]
    tracks = Tracks.from_arrays([0, 0, 0], [5, 6, 7], boxes, [0.9] * 3, [0] * 3)
    drawn = draw(Annotator(tracks, 720, 25, teams={5: "Reds", 6: "Blues"}), 0, np.zeros((720, 800, 3), np.uint8))
    colours = team_colours(["Reds", "Blues"])
    for (left, _, right, _), colour in zip(boxes, [colours["Reds"], colours["Blues"], (238, 240, 243)], strict=True):
        assert near(drawn[150:199, left - 10 : right + 10], colour, 30).sum() > 100
    assert colours["Reds"] != colours["Blues"]


@pytest.mark.parametrize("source", list(Source))
def test_a_filled_in_box_shows_its_corners_only(source: Source) -> None:
    tracks = Tracks.from_arrays([0], [3], [[50, 50, 150, 150]], [0.9], [0], [source])
    coloured = near(draw(Annotator(tracks, 400, 25), 0, np.zeros((200, 200, 3), np.uint8)), rgb_of(3), 60)[148:153]
    assert coloured[:, 50:60].any()
    assert coloured[:, 95:105].any() == (source == Source.DETECTED)


def test_labels_do_not_cover_each_other() -> None:
    boxes = [[100, 200, 130, 260], [104, 202, 134, 262], [108, 204, 138, 264]]
    tracks = Tracks.from_arrays([0, 0, 0], [1, 2, 3], boxes, [0.9] * 3, [0] * 3)
    drawn = draw(Annotator(tracks, 720, 25), 0, np.zeros((720, 400, 3), np.uint8))
    for identity in (1, 2, 3):
        assert near(drawn[:198], rgb_of(identity)).sum() > 60


def test_a_label_at_the_upper_edge_stands_below_the_feet() -> None:
    tracks = Tracks.from_arrays([0], [1], [[50, 2, 80, 60]], [0.9], [0])
    drawn = draw(Annotator(tracks, 720, 25), 0, np.zeros((720, 200, 3), np.uint8))
    assert near(drawn[62:80], rgb_of(1)).sum() > 60
