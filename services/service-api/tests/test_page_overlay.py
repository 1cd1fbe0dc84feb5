"""What is drawn on films of every kind, in a real browser, against what is known of the sample game to the pixel."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from tests.films import film, serving, settled, turned, upload
from tests.ready_games import put_known_run
from tests.sample_game import SampleGame, render
from tests.served import Served

from chromium.browser import Browser, browsing
from shared_libs.common.players import Player, Players, Segment
from shared_libs.common.tracks import Tracks
from shared_libs.common.video import Image, read_frames

WIDTH, HEIGHT = 640, 360

UNEVEN: Final = (1500, 4500, 3000, 3600, 7200)
"""Steps between frames, in 1/90000 s."""

FURTHEST: Final = 2.0
"""Pixels of the film that a box may be off."""

REACH: Final = 12
"""Pixels of the canvas around an edge in which its line is looked for."""

SEEN: Final = """(async () => {
    const video = document.querySelector('.stage video');
    const overlay = document.querySelector('canvas.overlay');
    const copy = Object.assign(document.createElement('canvas'), { width: WIDE, height: HIGH });
    const context = copy.getContext('2d');
    context.drawImage(video, 0, 0, copy.width, copy.height);
    const bytes = (data, channel) => Uint8Array.from({ length: data.length / 4 }, (_, i) => data[4 * i + channel]);
    const text = async (values) => {
        const reader = new FileReader();
        const done = new Promise((resolve) => (reader.onload = () => resolve(reader.result.split(',')[1])));
        reader.readAsDataURL(new Blob([values]));
        return done;
    };
    const ink = overlay.getContext('2d').getImageData(0, 0, overlay.width, overlay.height).data;
    return {
        picture: await text(bytes(context.getImageData(0, 0, copy.width, copy.height).data, 1)),
        ink: await text(bytes(ink, 3)),
        size: [overlay.height, overlay.width],
        frame: Number(overlay.dataset.frame),
    };
})()"""
"""The green of the picture that the video shows, reduced, how opaque the overlay is, and the frame that it is of."""


class Seen(NamedTuple):
    """picture: green, reduced. is_inked: of the overlay. frame: that is drawn."""

    picture: npt.NDArray[np.uint8]
    is_inked: npt.NDArray[np.bool_]
    frame: int


class Shown(NamedTuple):
    """A film that is played. boxes: the truth, as displayed. pictures: green of every frame, reduced, as displayed."""

    video_id: str
    boxes: Tracks
    pictures: npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def game(tmp_path_factory: pytest.TempPathFactory) -> SampleGame:
    return render(tmp_path_factory.mktemp("sample") / "clip", seconds=2, width=WIDTH, height=HEIGHT)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("site")) as made:
        yield made


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("browser"), 1280, 1400) as made:  # upright films are large in it as well
        yield made


@pytest.fixture(scope="module")
def frames(game: SampleGame) -> list[Image]:
    with read_frames(game.film, threads=1) as reader:
        return [picture for _, _, picture in reader]


def _turned(path: Path, source: Path) -> Path:
    path.write_bytes(turned(source.read_bytes()))
    return path


def _encoded(codec: str, **more: Any) -> Callable[[Path, SampleGame, list[Image]], Path]:
    def make(path: Path, _: SampleGame, frames: list[Image]) -> Path:
        return film(path, codec, frames=len(frames), size=(WIDTH, HEIGHT), draw=lambda i, *_: frames[i], **more)

    return make


KINDS: Final[dict[str, Callable[[Path, SampleGame, list[Image]], Path]]] = {
    "constant": lambda _, game, __: game.film,
    "variable": _encoded("libx264", steps=UNEVEN, sound="aac"),
    "turned": lambda path, game, _: _turned(path, game.film),
    "hevc": _encoded("libx265", steps=UNEVEN),
}
"""The clip itself, and with it the turned one, has no sound."""


@pytest.fixture(scope="module")
def shown(
    tmp_path_factory: pytest.TempPathFactory, place: Served, game: SampleGame, frames: list[Image]
) -> dict[str, Shown]:
    """The game in films of all kinds, with a run of each that is the truth."""
    folder = tmp_path_factory.mktemp("films")
    ids = {kind: upload(place.http, make(folder / f"{kind}.mp4", game, frames)) for kind, make in KINDS.items()}
    found = {}
    for kind, video_id in ids.items():
        video = settled(place.http, video_id)
        if not video["film"]["plays_in_browsers"]:
            settled(place.http, video_id, proxy="ready")
        boxes, pictures = game.tracks, np.stack([_reduced(each) for each in frames])
        if kind == "turned":
            boxes, pictures = _turned_boxes(boxes), np.rot90(pictures, -1, axes=(1, 2))
        people = [
            Player(i, game.people[i]["team"], segments=(Segment(i, int(own.min()), int(own.max())),))
            for i in np.unique(boxes.track_id).tolist()
            for own in [boxes.frame[boxes.track_id == i]]
        ]
        put_known_run(place.site, video_id, boxes, Players(tuple(people)))
        found[kind] = Shown(video_id, boxes, pictures)
    return found


def _reduced(image: Image) -> Image:
    """Green, at half the size."""
    green = image[..., 1].astype(np.uint16)
    return ((green[::2, ::2] + green[1::2, ::2] + green[::2, 1::2] + green[1::2, 1::2]) // 4).astype(np.uint8)


def _turned_boxes(tracks: Tracks) -> Tracks:
    """As they are in a film that is shown a quarter turned to the right."""
    left, top, right, bottom = tracks.xyxy.T
    xyxy = np.stack([HEIGHT - bottom, left, HEIGHT - top, right], axis=1)
    return Tracks.from_arrays(
        tracks.frame, tracks.track_id, xyxy, tracks.score, tracks.class_id, tracks.source, tracks.frame_count
    )


def _open(browser: Browser, place: Served, video_id: str) -> None:
    browser.go(f"{place.url}/#/game/{video_id}")
    browser.until("Number(document.querySelector('canvas.overlay')?.dataset.boxes) > 0")
    browser.until("document.querySelector('.stage video').readyState >= 2")
    browser.value("[...document.querySelectorAll('.layers input')].slice(1).forEach((each) => each.click())")


def _seek(browser: Browser, frame: int) -> None:
    browser.value(
        f"(() => {{ const place = document.querySelector('.place'); place.value = {frame};"
        " place.dispatchEvent(new Event('input')); })()"
    )
    browser.until(
        f"document.querySelector('canvas.overlay').dataset.frame === '{frame}'"
        " && document.querySelector('.stage video').seeking === false"
    )


def _look(browser: Browser, shape: tuple[int, ...]) -> Seen:
    said = browser.value(SEEN.replace("WIDE", str(shape[1])).replace("HIGH", str(shape[0])))
    picture = np.frombuffer(base64.b64decode(said["picture"]), np.uint8).reshape(shape)
    ink = np.frombuffer(base64.b64decode(said["ink"]), np.uint8).reshape(said["size"])
    return Seen(picture, ink > 40, said["frame"])


def _check(seen: Seen, shown: Shown) -> None:
    """The picture is that of the frame whose boxes are drawn, or of one beside it, and these lie where they should."""
    differences = np.abs(shown.pictures.astype(np.int16) - seen.picture).mean(axis=(1, 2))
    assert abs(int(differences.argmin()) - seen.frame) <= 1, (seen.frame, int(differences.argmin()))
    here = shown.boxes.frame == seen.frame
    scale = seen.is_inked.shape[1] / (shown.pictures.shape[2] * 2)
    errors = _errors(seen.is_inked, shown.boxes.xyxy[here] * scale)
    assert len(errors) >= 1.5 * here.sum() > 0
    assert np.abs(errors).max() <= FURTHEST * scale, (seen.frame, errors / scale)


def _errors(is_inked: npt.NDArray[np.bool_], boxes: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """How far the lines are from where each edge of the boxes should be, in pixels of the canvas; where lines of
    several meet, and at the border, nothing is measured."""
    errors = []
    for left, top, right, bottom in boxes.astype(np.float64).tolist():
        for ink, edges, (begin, end) in (
            (is_inked, (left, right), (top, bottom)),
            (is_inked.T, (top, bottom), (left, right)),
        ):
            for edge in edges:
                if not REACH < edge < ink.shape[1] - REACH:
                    continue
                lines = []
                for row in np.linspace(begin + 0.2 * (end - begin), begin + 0.8 * (end - begin), 9).astype(int):
                    strip = np.flatnonzero(ink[min(row, len(ink) - 1), round(edge) - REACH : round(edge) + REACH])
                    if len(strip) and len(strip) == np.ptp(strip) + 1 <= 5:  # one line alone
                        lines.append(strip.mean() + 0.5 + round(edge) - REACH - edge)
                if len(lines) >= 4:
                    errors.append(float(np.median(lines)))
    return np.array(errors)


@pytest.mark.parametrize("kind", KINDS)
def test_boxes_lie_on_the_players_in_films_of_every_kind(
    browser: Browser, place: Served, shown: dict[str, Shown], kind: str
) -> None:
    film = shown[kind]
    last = len(film.pictures) - 1
    _open(browser, place, film.video_id)
    for frame in (3, 17, 18, last - 2, last - 1, last, last // 2):
        _seek(browser, frame)
        _check(_look(browser, film.pictures.shape[1:]), film)
    browser.press("ArrowLeft")
    browser.until(f"document.querySelector('canvas.overlay').dataset.frame === '{last // 2 - 1}'")
    _check(_look(browser, film.pictures.shape[1:]), film)
    assert browser.errors == []


@pytest.mark.parametrize("kind", ["constant", "hevc"])
def test_a_film_that_plays_to_its_end_ends_with_the_boxes_of_its_end(
    browser: Browser, place: Served, shown: dict[str, Shown], kind: str
) -> None:
    film = shown[kind]
    last = len(film.pictures) - 1
    _open(browser, place, film.video_id)
    _seek(browser, last - 12)
    browser.press(" ")
    browser.until("document.querySelector('.stage video').ended")
    browser.until("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))")
    seen = _look(browser, film.pictures.shape[1:])
    assert last - 1 <= seen.frame <= last
    _check(seen, film)
