"""What is no whole film is refused, in words for who has recorded it; and the service lives."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import av
import pytest
from tests.films import begin, film, plain_film, send, serving
from tests.served import Served, problem

from api.videos.probe import probe
from shared_libs.common.errors import InputError


def _truncated(folder: Path) -> bytes:
    content = plain_film(folder / "film.mp4", frames=100).read_bytes()
    return content[: len(content) * 6 // 10]


def _without_index(folder: Path) -> bytes:
    content = film(folder / "film.mov", "libx264").read_bytes()
    assert content.rindex(b"moov") > content.rindex(b"mdat")  # as cameras write it
    return content[: len(content) // 2]


def _truncated_matroska(folder: Path) -> bytes:
    content = film(folder / "film.mkv", "libx264", frames=120).read_bytes()
    return content[: len(content) // 2]


def _flat(folder: Path) -> bytes:
    return film(folder / "flat.mp4", "libx264", size=(640, 16)).read_bytes()


def _wide(folder: Path) -> bytes:
    return film(folder / "wide.mp4", "libx264", size=(8704, 64), frames=2).read_bytes()


def _sound(folder: Path) -> bytes:
    with_sound = film(folder / "both.mp4", "libx264", sound="aac")
    with av.open(str(with_sound)) as source, av.open(str(folder / "sound.mp4"), "w") as target:
        stream = target.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    return (folder / "sound.mp4").read_bytes()


def _picture(folder: Path) -> bytes:
    return film(folder / "still.jpg", "mjpeg", "yuvj420p", frames=1, container="mjpeg").read_bytes()


UNFIT = {
    "truncated": (_truncated, "breaks off"),
    "without its index": (_without_index, "cut off"),
    "truncated Matroska": (_truncated_matroska, "breaks off"),
    "of zeros": (lambda folder: bytes(5000), "nothing in the file"),
    "a picture renamed": (_picture, "a picture (JPEG)"),
    "an archive renamed": (lambda folder: b"PK\x03\x04" + b"\1" * 3000, "an archive"),
    "text renamed": (lambda folder: b"number,name,team\n7,Ana,Eagles\n" * 50, "is no video"),
    "a playlist": (lambda folder: b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n", "a list of films"),
    "noise": (lambda folder: random.Random(3).randbytes(20_000), "is no video"),
    "flat": (_flat, "640 by 16 pixels"),
    "wide": (_wide, "8,704 by 64 pixels"),
    "sound alone": (_sound, "holds no video"),
    "one picture": (lambda folder: plain_film(folder / "one.mp4", frames=1).read_bytes(), "a single picture"),
}


@pytest.mark.parametrize("kind", UNFIT)
def test_what_is_no_whole_film_is_refused_in_words(kind: str, tmp_path: Path) -> None:
    make, words = UNFIT[kind]
    path = tmp_path / "game.mp4"
    path.write_bytes(make(tmp_path))
    with pytest.raises(InputError) as raised:
        probe(path)
    assert words in raised.value.cause and raised.value.hint


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("place")) as made:
        yield made


@pytest.mark.parametrize("kind", ["truncated", "a picture renamed", "noise", "flat"])
def test_a_service_that_refuses_a_file_lives_and_keeps_nothing_of_it(place: Served, kind: str, tmp_path: Path) -> None:
    make, words = UNFIT[kind]
    content = make(tmp_path)
    video_id = begin(place.http, len(content), name="game.mp4", content_type="video/mp4")
    answer = send(place.http, video_id, content)
    said = problem(answer, 422, "not-a-film")
    assert words in said["detail"] and " – " in said["detail"]
    assert str(place.site.settings.spool) not in answer.text
    video = place.http.get(f"/api/v1/videos/{video_id}").json()
    assert video["state"] == "refused" and words in video["reason"]
    assert not list(place.site.settings.spool.iterdir())
    assert place.http.get("/api/v1/health/ready").status_code == 200
