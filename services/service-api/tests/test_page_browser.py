"""The page in a real browser. Skipped where there is no Chromium on this machine."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.bars import Box, put_bar_run, turned_bar, upright_bar
from tests.browser import Browser, browsing
from tests.films import film, plain_film, serving, settled, turned, upload
from tests.made_games import Coach, player
from tests.served import Served

UNEVEN = (1500, 4500, 3000, 3600, 7200)
"""Steps between frames, in 1/90000 s."""

BAR = """(() => {
    const video = document.querySelector('.stage video');
    const [canvas, overlay] = [document.createElement('canvas'), document.querySelector('canvas.overlay')];
    const [width, height] = [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    const context = canvas.getContext('2d');
    context.drawImage(video, 0, 0);
    const { data } = context.getImageData(0, 0, width, height);
    const [xs, ys] = [[], []];
    for (let i = 0; i < width * height; i++) if (data[4 * i] > 128) {
        xs.push(i % width);
        ys.push(Math.floor(i / width));
    }
    const bar = [Math.min(...xs), Math.min(...ys), Math.max(...xs) + 1, Math.max(...ys) + 1];
    return { bar, frame: Number(overlay.dataset.frame), boxes: Number(overlay.dataset.boxes) };
})()"""
"""Where the white bar is in the picture that the video shows, in its pixels, and which frame is drawn over it."""

FITS = """document.documentElement.scrollWidth <= innerWidth
    && [...document.querySelectorAll('dialog')].every((each) => each.scrollWidth <= each.clientWidth)"""

STAND_STILL = "document.querySelector('.stage video').seeking === false"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("site")) as made:
        yield made


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("browser")) as made:
        yield made


@pytest.fixture
def browser(chromium: Browser) -> Iterator[Browser]:
    """A browser in whose page nothing has gone wrong, before and after."""
    chromium.resize(1280, 800)
    chromium.errors.clear()
    yield chromium
    assert chromium.errors == []


@pytest.fixture(scope="module")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots are kept."""
    kept = os.environ.get("TEST_UNDECLARED_OUTPUTS_DIR")
    return Path(kept) if kept else tmp_path_factory.mktemp("shots")


def _open_game(browser: Browser, place: Served, video_id: str, query: str = "") -> None:
    browser.open("about:blank")
    browser.open(f"{place.url}/#/game/{video_id}{query}")
    browser.until("Number(document.querySelector('canvas.overlay')?.dataset.boxes) > 0")
    browser.until("document.querySelector('.stage video').readyState >= 2")


def _players(browser: Browser) -> list[int]:
    ids: list[int] = browser.value(
        "[...document.querySelectorAll('#players li')].map((each) => Number(each.dataset.player))"
    )
    return sorted(ids)


def _until_players(browser: Browser, *ids: int) -> None:
    browser.until(
        "[...document.querySelectorAll('#players li')].map((each) => Number(each.dataset.player))"
        f".sort((a, b) => a - b).join() === {json.dumps(','.join(map(str, ids)))}"
    )


def _shoot(browser: Browser, shots: Path, name: str) -> None:
    """Screenshots at both widths, in both schemes; nothing may stick out sideways."""
    for width, height in ((1280, 800), (390, 844)):
        for scheme in ("light", "dark"):
            browser.resize(width, height, scheme=scheme)
            browser.until(FITS)
            browser.until("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))")
            assert len(browser.screenshot(shots / f"{name}-{width}-{scheme}.png")) > 5000
    browser.resize(1280, 800)


def test_a_film_is_uploaded_and_its_job_appears_and_is_cancelled_live(
    browser: Browser, place: Served, tmp_path: Path, shots: Path
) -> None:
    path = plain_film(tmp_path / "Eagles_Hawks.mp4")
    browser.open(place.url)
    assert "No worker is attached" in browser.until("document.querySelector('#no-worker')?.innerText")
    browser.click(".heading .button.primary")
    browser.choose_file("#film", path)
    assert browser.until("document.querySelector('#game-name').value") == "Eagles Hawks"
    _shoot(browser, shots, "upload")
    browser.click("#begin-upload")
    browser.until("document.querySelector('.game-card a.cover')?.innerText === 'Eagles Hawks'")
    browser.until("document.querySelector('.job')?.dataset.state === 'queued'")
    browser.until("document.querySelector('.thumbnail img')?.naturalWidth > 0")
    _shoot(browser, shots, "games")
    [video] = place.http.get("/api/v1/videos").json()["items"]
    assert video["size"] == path.stat().st_size and video["state"] == "ready"

    [job] = place.http.get("/api/v1/jobs").json()["items"]
    assert job["payload"]["video_id"] == video["video_id"]
    assert place.http.post(f"/api/v1/jobs/{job['job_id']}/cancel").status_code == 200
    browser.until("document.querySelector('.job').dataset.state === 'cancelled'")  # told by the stream of events


def test_an_upload_that_was_broken_off_goes_on_when_the_same_file_is_chosen(
    browser: Browser, place: Served, tmp_path: Path
) -> None:
    path = plain_film(tmp_path / "resumed.mp4")
    content = path.read_bytes()
    made = place.http.post("/api/v1/videos", json={"name": "Resumed", "size": len(content)}).json()["video_id"]
    headers = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
    half = content[: len(content) // 2]
    assert place.http.patch(f"/api/v1/videos/{made}/upload", content=half, headers=headers).status_code == 204

    browser.open(place.url)
    browser.until(
        "[...document.querySelectorAll('.upload')].some((each) => each.innerText.includes('Choose the same file'))"
    )
    memory = f"laxai-upload:{path.name}:{len(content)}:"
    browser.click(".heading .button.primary")
    browser.choose_file("#film", path)
    modified = browser.until("document.querySelector('#film').files[0]?.lastModified")
    browser.value(f"localStorage.setItem({json.dumps(memory + str(int(modified)))}, {json.dumps(made)})")
    browser.click("#track")
    browser.click("#begin-upload")
    browser.until("document.querySelector('.toast.good')?.innerText.includes('The film is there')")
    assert settled(place.http, made)["size"] == len(content)
    assert browser.value("localStorage.length") == 0


def test_a_film_that_is_none_is_refused_in_words(browser: Browser, place: Served, tmp_path: Path) -> None:
    path = tmp_path / "notes.mp4"
    path.write_text("These are notes. " * 50)
    browser.open(place.url)
    browser.click(".heading .button.primary")
    browser.choose_file("#film", path)
    browser.until("document.querySelector('#game-name').value")
    browser.click("#begin-upload")
    assert "notes" in browser.until("document.querySelector('.toast.bad')?.innerText")
    browser.until("document.querySelector('.state.refused') !== null")
    browser.errors[:] = [each for each in browser.errors if "422" not in each]


def test_players_are_merged_and_parted_again_and_a_later_run_keeps_it(
    browser: Browser, place: Served, tmp_path: Path, shots: Path
) -> None:
    video_id = upload(place.http, plain_film(tmp_path / "game.mp4"))
    settled(place.http, video_id)
    run_id = put_bar_run(place.site, video_id, ends=[20, 35, 49])
    _open_game(browser, place, video_id)
    _until_players(browser, 1, 2, 3)
    browser.until("document.querySelectorAll('#players img').length === 3")  # cut from the film
    assert browser.value("document.querySelectorAll('.row').length") == 3

    browser.click("[data-player='1'] .player-card")
    browser.press("m")
    browser.until("document.querySelector('.chosen')?.innerText.includes('Merging Player 1')")
    browser.click("[data-player='2'] .player-card")
    _until_players(browser, 1, 3)
    _shoot(browser, shots, "game")
    browser.press("z")
    _until_players(browser, 1, 2, 3)

    browser.click("[data-player='1'] .player-card")
    browser.press("m")
    browser.press("j")
    browser.press("Enter")
    _until_players(browser, 1, 3)
    browser.click("#tab-1")
    assert browser.value("document.querySelectorAll('#panel-1 .edit').length") == 3
    _shoot(browser, shots, "corrections")

    later = put_bar_run(place.site, video_id, ends=[20, 35, 49], minute=5)
    _open_game(browser, place, video_id)
    _until_players(browser, 1, 3)
    chosen = "document.querySelector('[aria-label=Run]').value"
    assert browser.value(chosen) == later
    _open_game(browser, place, video_id, f"?run={run_id}")
    assert browser.value(chosen) == run_id


def test_a_player_is_split_at_the_playhead_and_named_from_the_roster(
    browser: Browser, place: Served, tmp_path: Path, shots: Path
) -> None:
    video_id = upload(place.http, plain_film(tmp_path / "game.mp4"))
    settled(place.http, video_id)
    csv = "number,name,team\n07,Ana Ruiz,Eagles\n12,Bo Chen,Hawks\n"
    assert place.http.put(f"/api/v1/videos/{video_id}/roster", content=csv).status_code == 200
    put_bar_run(place.site, video_id, ends=[49])
    _open_game(browser, place, video_id, "?t=0.8")
    browser.until("document.querySelector('canvas.overlay').dataset.frame === '20'")
    browser.press("j")
    browser.press("s")
    browser.until("document.querySelectorAll('#players li').length === 2")
    [first, second] = _players(browser)
    assert (
        browser.value(f"document.querySelector('.row[data-player=\"{first}\"] path').getAttribute('d')")
        == "M0 0H0.8V1H0Z"
    )

    drag = f"""(() => {{
        const given = new DataTransfer();
        const event = (name) => new DragEvent(name, {{bubbles: true, cancelable: true, dataTransfer: given}});
        document.querySelector('.chip').dispatchEvent(event('dragstart'));
        const card = document.querySelector('[data-player="{first}"] .player-card');
        card.dispatchEvent(event('dragover'));
        card.dispatchEvent(event('drop'));
    }})()"""
    browser.value(drag)
    browser.until("document.querySelector('#players').innerText.includes('#07 Ana Ruiz')")
    browser.press("r")
    browser.until("document.activeElement?.id === 'player-number'")
    browser.value("document.querySelector('#player-number').value = ''")
    browser.type("12")
    browser.press("Enter")
    browser.until("document.querySelector('.row.selected .row-name')?.innerText.startsWith('#12')")
    assert browser.value("document.querySelector('dialog')") is None
    browser.press("v")
    _shoot(browser, shots, "verify")
    browser.click("#tab-2")
    browser.click("#panel-2 tbody tr .link")
    assert "shift" in browser.until("document.querySelector('.shifts').innerText")
    _shoot(browser, shots, "minutes")
    assert second > first


def test_somebody_elses_correction_in_between_is_told_and_nothing_is_lost(
    browser: Browser, place: Served, tmp_path: Path
) -> None:
    video_id = upload(place.http, plain_film(tmp_path / "game.mp4"))
    settled(place.http, video_id)
    run_id = put_bar_run(place.site, video_id, ends=[20, 35, 49])
    _open_game(browser, place, video_id)
    at = f"/api/v1/videos/{video_id}/runs/{run_id}"
    etag = place.http.get(f"{at}/players").headers["ETag"]
    edit = {"kind": "rename", "place": {"player_id": 3}, "name": "Jo"}
    assert place.http.post(f"{at}/edits", json=edit, headers={"If-Match": etag}).status_code == 201
    browser.click("[data-player='1'] .player-card")
    browser.press("m")
    browser.click("[data-player='2'] .player-card")
    assert "Somebody else" in browser.until("document.querySelector('.toast.bad')?.innerText")
    _until_players(browser, 1, 2, 3)
    assert "Jo" in browser.value("document.querySelector('#players').innerText")
    browser.errors[:] = [each for each in browser.errors if "412" not in each]


def test_a_correction_that_no_longer_fits_is_listed_until_it_is_dismissed(
    browser: Browser, place: Served, tmp_path: Path
) -> None:
    video_id = upload(place.http, plain_film(tmp_path / "game.mp4"))
    settled(place.http, video_id)
    run_id = put_bar_run(place.site, video_id, ends=[20, 49])
    coach = Coach(place.http, video_id, run_id)
    edit_id = coach.edit("merge", first=player(1), second=player(2))["made"]["edit"]["edit_id"]
    put_bar_run(place.site, video_id, ends=[20, 49], bar=lambda _: (100, 60, 110, 70), minute=5)
    _open_game(browser, place, video_id)
    _until_players(browser, 1, 2)
    browser.click("#tab-1")
    assert "cannot be applied" in browser.until("document.querySelector('.unfit').innerText")
    browser.click(f".unfit [data-edit={edit_id}] .button")
    browser.until("document.querySelector('.unfit').innerText === ''")
    assert coach.http.get(f"/api/v1/videos/{video_id}/edits").json()["items"][0]["edit"]["undoes"] == edit_id


def test_a_run_without_a_detector_says_so_and_keys_are_listed(
    browser: Browser, place: Served, tmp_path: Path, shots: Path
) -> None:
    video_id = upload(place.http, plain_film(tmp_path / "game.mp4"))
    settled(place.http, video_id)
    put_bar_run(place.site, video_id, ends=[49], notes=["motion only: no detector looked"])
    _open_game(browser, place, video_id)
    assert "Motion only" in browser.until("document.querySelector('#motion-only')?.innerText")
    browser.press("?")
    assert "Play and pause" in browser.until("document.querySelector('dialog')?.innerText")
    _shoot(browser, shots, "keys")
    browser.press("Escape")
    browser.until("document.querySelector('dialog') === null")
    browser.press(" ")
    browser.until(
        "document.querySelector('.stage video').ended || document.querySelector('.stage video').currentTime > 0.5"
    )


def _turned(path: Path) -> Path:
    path.write_bytes(turned(plain_film(path).read_bytes()))
    return path


KINDS: dict[str, tuple[Callable[[Path], Path], Callable[[int], Box]]] = {
    "constant.mp4": (plain_film, upright_bar),
    "variable.mp4": (lambda path: film(path, "libx264", steps=UNEVEN), upright_bar),
    "turned.mp4": (_turned, turned_bar),
    "hevc.mp4": (lambda path: film(path, "libx265", steps=UNEVEN), upright_bar),
    "sound.mp4": (lambda path: film(path, "libx264", sound="aac"), upright_bar),
}


@pytest.mark.parametrize("kind", KINDS)
def test_boxes_lie_on_the_players_in_films_of_every_kind(
    browser: Browser, place: Served, tmp_path: Path, kind: str
) -> None:
    make, bar = KINDS[kind]
    video_id = upload(place.http, make(tmp_path / kind))
    video = settled(place.http, video_id)
    if not video["film"]["plays_in_browsers"]:
        settled(place.http, video_id, proxy="ready")
    last = video["film"]["frame_count"] - 1
    put_bar_run(place.site, video_id, [last], bar)
    _open_game(browser, place, video_id)
    for frame in (3, 17, 18, 30):
        browser.value(
            f"(() => {{ const place = document.querySelector('.place'); place.value = {frame};"
            " place.dispatchEvent(new Event('input')); })()"
        )
        browser.until(f"document.querySelector('canvas.overlay').dataset.frame === '{frame}' && {STAND_STILL}")
        seen: dict[str, Any] = browser.value(BAR)
        assert seen["boxes"] == 1
        assert all(abs(one - other) <= 2 for one, other in zip(seen["bar"], bar(frame), strict=True)), (frame, seen)
    browser.press("ArrowLeft")
    browser.until("document.querySelector('canvas.overlay').dataset.frame === '29'")


def test_a_key_is_asked_for_where_keys_are_needed(browser: Browser, tmp_path: Path, shots: Path) -> None:
    with serving(tmp_path) as place:
        token = place.key()
        browser.open(place.url)
        browser.until("document.activeElement?.id === 'key'")
        _shoot(browser, shots, "login")
        browser.type("laxai_key_000000000000_wrong")
        browser.press("Enter")
        assert browser.until("document.querySelector('#key-problem').innerText")
        browser.value("document.querySelector('#key').value = ''")
        browser.type(token)
        browser.press("Enter")
        browser.until("document.querySelector('#games .empty') !== null")
    browser.errors[:] = [each for each in browser.errors if "401" not in each]
