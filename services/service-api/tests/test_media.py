"""What is found out of a film, and what the page shows of it: every frame at its own time, in films of every kind."""

from __future__ import annotations

import io
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from tests.films import film, picture, plain_film, serving, settled, turned, upload
from tests.served import Program, Served, problem

from api.videos.confined import Interrupted, Limits, run_confined
from api.videos.preparing import PROXY_SIDE, THUMBNAIL_SIDE, make_proxy, make_thumbnail, make_times
from api.videos.probe import probe
from shared_libs.common.errors import InputError
from shared_libs.common.video import FrameWriter, read_frames

UNEVEN = (1500, 4500, 3000, 3600, 7200)
"""Steps between frames, in 1/90000 s."""


def _turned(path: Path) -> Path:
    path.write_bytes(turned(plain_film(path).read_bytes()))
    return path


def _late(path: Path) -> Path:
    """Its pictures begin after its sound."""

    with FrameWriter(path, threads=1) as writer:
        for number in range(20):
            writer.write(picture(number), time=0.75 + number * 0.05)
    return path


# What is made, whether browsers play it, whether its rate varies, its codec, the ending of its name.
KINDS: dict[str, tuple[Callable[[Path], Path], bool, bool, str, str]] = {
    "plain.mp4": (plain_film, True, False, "h264", "mp4"),
    "turned.mp4": (_turned, True, False, "h264", "mp4"),
    "late.mp4": (_late, True, False, "h264", "mp4"),
    "sound.mp4": (lambda path: film(path, "libx264", sound="aac"), True, False, "h264", "mp4"),
    "uneven.mp4": (lambda path: film(path, "libx264", steps=UNEVEN), True, True, "h264", "mp4"),
    "hevc.mp4": (lambda path: film(path, "libx265", steps=UNEVEN), False, True, "hevc", "mp4"),
    "ten_bit.mp4": (lambda path: film(path, "libx264", "yuv420p10le"), False, False, "h264", "mp4"),
    "prores.mov": (lambda path: film(path, "prores_ks", "yuv422p10le"), False, False, "prores", "mov"),
    "mpeg2.ts": (lambda path: film(path, "mpeg2video", container="mpegts"), False, False, "mpeg2video", "ts"),
    "h264.mkv": (lambda path: film(path, "libx264", steps=UNEVEN), False, True, "h264", "mkv"),
    "vp9.webm": (lambda path: film(path, "libvpx-vp9"), True, False, "vp9", "webm"),
    "mpeg4.avi": (lambda path: film(path, "mpeg4"), False, False, "mpeg4", "avi"),
}


@pytest.mark.parametrize("name", KINDS)
def test_what_a_film_is_is_found_out(name: str, tmp_path: Path) -> None:
    make, plays, is_variable, codec, suffix = KINDS[name]
    path = make(tmp_path / name)
    found, ending = probe(path)
    assert (found.plays_in_browsers, found.is_variable_rate, found.codec) == (plays, is_variable, codec)
    assert ending == suffix
    with read_frames(path) as reader:
        times = [time for _, time, _ in reader]
        info = reader.info
    assert found.frame_count == len(times) and (found.width, found.height) == (info.width, info.height)
    assert found.has_audio == (name == "sound.mp4") and found.rotation == (90 if name == "turned.mp4" else 0)
    assert times[-1] - times[0] < found.duration < times[-1] + 0.5


@pytest.mark.parametrize("name", KINDS)
def test_times_are_those_of_the_frames(name: str, tmp_path: Path) -> None:
    path = KINDS[name][0](tmp_path / name)
    make_times(path, tmp_path / "times")
    with read_frames(path) as reader:
        expected = [time for _, time, _ in reader]
    np.testing.assert_array_equal(np.fromfile(tmp_path / "times", "<f8"), expected)


@pytest.mark.parametrize("name", ["turned.mp4", "late.mp4", "hevc.mp4", "ten_bit.mp4", "mpeg2.ts", "h264.mkv"])
def test_a_proxy_has_every_frame_at_its_own_time(name: str, tmp_path: Path) -> None:
    path, proxy = KINDS[name][0](tmp_path / name), tmp_path / "proxy.mp4"
    make_proxy(path, proxy)
    found, _ = probe(proxy)
    assert found.plays_in_browsers and not found.has_audio and found.rotation == 0
    with read_frames(path) as originals, read_frames(proxy) as copies:
        for (_, time_, original), (_, time_of_copy, copy) in zip(originals, copies, strict=True):
            assert abs(time_ - time_of_copy) < 1e-3  # Matroska's clock has milliseconds
            assert copy.shape == original.shape
            assert np.abs(original.astype(int) - copy.astype(int)).mean() < 6


def test_a_proxy_of_a_large_film_is_small_enough_and_begins_with_its_index(tmp_path: Path) -> None:
    path = film(tmp_path / "large.mp4", "libx264", size=(1922, 1082), frames=4)
    make_proxy(path, tmp_path / "proxy.mp4")
    found, _ = probe(tmp_path / "proxy.mp4")
    assert (found.width, found.height) == (PROXY_SIDE, 720)
    content = (tmp_path / "proxy.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_frames_at_the_same_time_are_all_in_the_proxy(tmp_path: Path) -> None:
    path = film(tmp_path / "film.mkv", "libx264", steps=(20, 20, 20, 3600))  # below Matroska's millisecond
    make_proxy(path, tmp_path / "proxy.mp4")
    times = [float(time_) for _, time_, _ in read_frames(tmp_path / "proxy.mp4")]
    assert len(times) == 40 and np.diff(times).min() > 0


@pytest.mark.parametrize("size", [(128, 96), (1280, 720), (720, 1280)])
def test_a_thumbnail_is_a_small_picture(size: tuple[int, int], tmp_path: Path) -> None:
    make_thumbnail(film(tmp_path / "film.mp4", "libx264", size=size, frames=10), tmp_path / "thumbnail.jpg")
    assert (tmp_path / "thumbnail.jpg").read_bytes()[:3] == b"\xff\xd8\xff"
    with av.open(str(tmp_path / "thumbnail.jpg")) as container:
        [frame] = container.decode(video=0)
    scale = min(1.0, THUMBNAIL_SIDE / max(size))
    assert (frame.width, frame.height) == (size[0] * scale, size[1] * scale)
    with read_frames(tmp_path / "film.mp4") as reader:
        original = [image for _, _, image in reader][4]
    if scale == 1.0:
        assert np.abs(frame.to_ndarray(format="rgb24").astype(int) - original).mean() < 8


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("place")) as made:
        yield made


@pytest.fixture(scope="module")
def hevc(place: Served, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A video that browsers do not play, and its film."""
    path = film(tmp_path_factory.mktemp("films") / "game.mp4", "libx265", steps=UNEVEN)
    video_id = upload(place.http, path, name="Final, süd.mp4")
    settled(place.http, video_id, proxy="ready")
    return video_id, path


def test_what_browsers_do_not_play_gets_a_proxy_and_nothing_stays_in_the_spool(
    place: Served, hevc: tuple[str, Path]
) -> None:
    video = place.http.get(f"/api/v1/videos/{hevc[0]}").json()
    assert video["state"] == "ready" and video["film"]["codec"] == "hevc"
    proxy = place.http.get(f"/api/v1/videos/{hevc[0]}/proxy")
    assert proxy.headers["Content-Type"] == "video/mp4"
    with av.open(io.BytesIO(proxy.content)) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        assert container.streams.video[0].frames == 40
    for _ in range(100):
        if not list(place.site.settings.spool.iterdir()):
            break
        time.sleep(0.02)
    assert not list(place.site.settings.spool.iterdir())


def test_what_browsers_play_gets_no_proxy(place: Served, tmp_path: Path) -> None:
    video_id = upload(place.http, plain_film(tmp_path / "game.mp4"))
    assert settled(place.http, video_id)["proxy"] == "none"
    problem(place.http.get(f"/api/v1/videos/{video_id}/proxy"), 409, "not-there")


def test_times_are_told_as_json_and_as_bytes(place: Served, hevc: tuple[str, Path]) -> None:
    video_id, path = hevc
    with read_frames(path) as reader:
        expected = [time_ for _, time_, _ in reader]
    answer = place.http.get(f"/api/v1/videos/{video_id}/times")
    np.testing.assert_allclose(answer.json()["times"], expected, atol=1e-6)
    binary = place.http.get(f"/api/v1/videos/{video_id}/times", params={"form": "float32"})
    np.testing.assert_array_equal(np.frombuffer(binary.content, "<f4"), np.array(expected, np.float32))
    for each, params in ((answer, {}), (binary, {"form": "float32"})):
        headers = {"If-None-Match": each.headers["ETag"]}
        again = place.http.get(f"/api/v1/videos/{video_id}/times", params=params, headers=headers)
        assert again.status_code == 304
    assert answer.headers["ETag"] != binary.headers["ETag"]


@pytest.mark.parametrize("below", ["file", "proxy", "thumbnail"])
def test_files_are_given_in_the_ranges_that_are_asked_for(place: Served, hevc: tuple[str, Path], below: str) -> None:
    url = f"/api/v1/videos/{hevc[0]}/{below}"
    whole = place.http.get(url)
    content, size = whole.content, len(whole.content)
    assert whole.headers["Accept-Ranges"] == "bytes" and whole.headers["Content-Length"] == str(size)
    if below == "file":
        assert content == hevc[1].read_bytes()
        assert whole.headers["Content-Disposition"] == "inline; filename*=UTF-8''Final%2C%20s%C3%BCd.mp4"
    for wanted, start, end in (
        ("bytes=0-", 0, size),
        ("bytes=100-299", 100, 300),
        ("bytes=-50", size - 50, size),
        (f"bytes=10-{size * 2}", 10, size),
    ):
        answer = place.http.get(url, headers={"Range": wanted})
        assert answer.status_code == 206 and answer.content == content[start:end]
        assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/{size}"
    beyond = place.http.get(url, headers={"Range": f"bytes={size}-"})
    problem(beyond, 416, "no-such-range")
    assert beyond.headers["Content-Range"] == f"bytes */{size}"
    etag = whole.headers["ETag"]
    ranged = {"Range": "bytes=0-9"}
    assert place.http.get(url, headers=ranged | {"If-Range": etag}).status_code == 206
    assert place.http.get(url, headers=ranged | {"If-Range": '"another"'}).content == content
    assert place.http.get(url, headers={"If-None-Match": etag}).status_code == 304
    head = place.http.head(url)
    assert head.content == b"" and head.headers["Content-Length"] == str(size) and head.headers["ETag"] == etag


def test_nothing_is_shown_of_a_video_that_has_not_arrived(place: Served) -> None:
    answer = place.http.post("/api/v1/videos", json={"name": "game", "size": 1000})
    url = answer.headers["Location"]
    for below in ("file", "proxy", "times"):
        problem(place.http.get(f"{url}/{below}"), 409, "not-there")
    problem(place.http.get(f"{url}/thumbnail"), 404, "no-such-file")


_CODE = """
import json, os, sys, time
from api.videos.confined import answer
def work(arguments):
    what = arguments[0]
    if what == "cpu":
        while True: pass
    if what == "memory": return len(bytes(int(arguments[1])))
    if what == "sleep": time.sleep(60)
    if what == "write":
        open(arguments[1], "wb").write(bytes(1 << 20)); return "written"
    if what == "wait":
        open(arguments[1], "w").write(str(os.getpid())); time.sleep(60)
    if what == "crash": os.abort()
    if what == "environment": return dict(os.environ)
sys.exit(answer(work))
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A program that does what uploads can make decoders do."""
    (tmp_path / "tried.py").write_text(_CODE)
    monkeypatch.syspath_prepend(str(tmp_path))
    return "tried"


def test_a_confined_program_comes_to_its_limits_and_no_further(program: str, tmp_path: Path) -> None:
    for what in ("cpu", "sleep"):
        with pytest.raises(InputError, match="takes too long"):
            run_confined(program, [what], Limits(1))
    limits = Limits(60, memory=1 << 30, output=1000)
    with pytest.raises(InputError, match="far too large"):
        run_confined(program, ["memory", str(2 << 30)], limits)
    assert run_confined(program, ["memory", "1000"], limits) == 1000
    with pytest.raises(InputError, match="cannot be read"):
        run_confined(program, ["write", str(tmp_path / "out")], limits)
    assert (tmp_path / "out").stat().st_size <= 1000
    with pytest.raises(InputError, match="damaged"):
        run_confined(program, ["crash"], limits)


def test_a_confined_program_sees_no_secrets(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAXAI_DATABASE", "postgresql://sesame@host/laxai")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sesame")
    assert "sesame" not in json.dumps(run_confined(program, ["environment"], Limits(10)))


def test_a_confined_program_ends_when_nobody_wants_its_result(program: str) -> None:
    begun = time.monotonic()
    with pytest.raises(Interrupted):
        run_confined(program, ["sleep"], Limits(60), lambda: time.monotonic() - begun > 0.3)


def test_a_confined_program_dies_with_the_service(program: str, tmp_path: Path) -> None:
    code = "import sys; from api.videos.confined import *; run_confined(sys.argv[1], sys.argv[2:], Limits(60))"
    told = tmp_path / "process"
    service = Program(tmp_path / "log", "-c", code, program, "wait", str(told))
    process = int(_eventually(lambda: told.exists() and told.read_text()))
    service.end(signal.SIGKILL)
    assert _eventually(lambda: _has_ended(process))


def _eventually(look: Callable[[], Any]) -> Any:
    """What `look` gives, once that is something."""
    for _ in range(1000):
        found = look()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("it has not come to pass")


def _has_ended(process: int) -> bool:
    try:
        os.kill(process, 0)
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return True
    return state == "Z"
