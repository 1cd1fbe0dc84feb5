"""The page in a real browser. Skipped where there is no Chromium on this machine."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.bars import put_bar_run
from tests.films import plain_film, serving, settled, upload
from tests.made_games import TENANT, Coach, player, put_dataset
from tests.onnx_bytes import CARD, onnx_model, value
from tests.ready_games import copy_video, put_known_run
from tests.sample_game import SampleGame, render
from tests.served import Served
from tests.stand_in_worker import working

from api.learning.models import add_model, parse_card
from chromium.browser import Browser, browsing
from shared_libs.common.jobs import Job, JobKind

FITS = """document.documentElement.scrollWidth <= innerWidth
    && [...document.querySelectorAll('dialog')].every((each) => each.scrollWidth <= each.clientWidth)"""

PICTURES_ASKED_FOR = (
    """performance.getEntriesByType('resource').filter((each) => each.name.includes('/pictures?')).length"""
)


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


@pytest.fixture(scope="module")
def game(tmp_path_factory: pytest.TempPathFactory) -> SampleGame:
    return render(tmp_path_factory.mktemp("sample") / "clip")


@pytest.fixture(scope="module")
def first_bar(place: Served, tmp_path_factory: pytest.TempPathFactory) -> str:
    return _settled(place, plain_film(tmp_path_factory.mktemp("bar") / "bar.mp4"))


@pytest.fixture(scope="module")
def first_game(place: Served, game: SampleGame) -> str:
    return _settled(place, game.film)


@pytest.fixture
def bar_id(place: Served, first_bar: str) -> str:
    """A game of 50 frames with nobody but a white bar in it."""
    return copy_video(place.site, first_bar)


@pytest.fixture
def game_id(place: Served, first_game: str) -> str:
    """The sample game."""
    return copy_video(place.site, first_game)


def _settled(place: Served, path: Path) -> str:
    video_id = upload(place.http, path)
    settled(place.http, video_id)
    return video_id


def _open_game(browser: Browser, place: Served, video_id: str, query: str = "") -> None:
    browser.go(f"{place.url}/#/game/{video_id}{query}")
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


def _drag(browser: Browser, source: str, target: str) -> None:
    """Drags one element onto another."""
    browser.value(f"""(() => {{
        const given = new DataTransfer();
        const event = (name) => new DragEvent(name, {{ bubbles: true, cancelable: true, dataTransfer: given }});
        document.querySelector({json.dumps(source)}).dispatchEvent(event('dragstart'));
        const target = document.querySelector({json.dumps(target)});
        target.dispatchEvent(event('dragover'));
        target.dispatchEvent(event('drop'));
    }})()""")


def _shoot(browser: Browser, shots: Path, name: str, of: str = "body") -> None:
    """Screenshots at both widths, in both schemes; nothing may stick out sideways. of: the element that they are of."""
    for width, height in ((1280, 800), (390, 844)):
        for scheme in ("light", "dark"):
            browser.resize(width, height, scheme=scheme)
            browser.until(FITS)
            browser.value(f"document.querySelector({json.dumps(of)}).scrollIntoView()")
            browser.until("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))")
            assert len(browser.screenshot(shots / f"{name}-{width}-{scheme}.png")) > 5000
    browser.resize(1280, 800)


def _until_pictures(browser: Browser) -> None:
    """Waits for the pictures of all players who are in view."""
    browser.until("""[...document.querySelectorAll('#players li')].every((each) =>
        each.getBoundingClientRect().top > innerHeight || each.getBoundingClientRect().bottom < 0
        || each.querySelector('img')?.naturalWidth > 0)""")


def test_a_film_is_uploaded_and_its_job_appears_and_is_cancelled_live(
    browser: Browser, place: Served, tmp_path: Path, shots: Path, game: SampleGame
) -> None:
    path = tmp_path / "Eagles_Hawks.mp4"
    shutil.copyfile(game.film, path)
    browser.go(place.url + "/")
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
    video = place.http.get("/api/v1/videos").json()["items"][0]
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

    browser.go(place.url + "/")
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
    browser.go(place.url + "/")
    browser.click(".heading .button.primary")
    browser.choose_file("#film", path)
    browser.until("document.querySelector('#game-name').value")
    browser.click("#begin-upload")
    assert "notes" in browser.until("document.querySelector('.toast.bad')?.innerText")
    browser.until("document.querySelector('.state.refused') !== null")
    browser.errors[:] = [each for each in browser.errors if "422" not in each]


def test_players_are_merged_and_parted_again_and_a_later_run_keeps_it(
    browser: Browser, place: Served, bar_id: str
) -> None:
    run_id = put_bar_run(place.site, bar_id, ends=[20, 35, 49])
    _open_game(browser, place, bar_id)
    _until_players(browser, 1, 2, 3)
    browser.until("document.querySelectorAll('#players img').length === 3")  # cut from the film
    assert browser.value("document.querySelectorAll('.row').length") == 3
    undo, redo = "document.querySelector('[aria-label^=Undo]')", "document.querySelector('[aria-label^=Redo]')"
    assert browser.value(f"{undo}.disabled && {redo}.disabled")

    browser.click("[data-player='1'] .player-card")
    browser.press("m")
    browser.until("document.querySelector('.chosen')?.innerText.includes('Merging Player 1')")
    browser.click("[data-player='2'] .player-card")
    _until_players(browser, 1, 3)
    assert "Player 2 was in Team B, player 1 stays in Team A" in browser.value(
        "document.querySelector('.toast').innerText"
    )
    browser.press("z")
    _until_players(browser, 1, 2, 3)
    assert browser.value(f"{undo}.disabled && !{redo}.disabled")
    browser.press("y")
    _until_players(browser, 1, 3)
    assert browser.value(f"!{undo}.disabled && {redo}.disabled")
    browser.click("[aria-label^=Undo]")
    _until_players(browser, 1, 2, 3)

    browser.click("[data-player='2'] .player-card")
    browser.press("m")
    browser.press("j")
    browser.press("Enter")
    _until_players(browser, 1, 2)
    assert browser.value(f"{redo}.disabled")  # what was taken back before belongs to another story
    browser.click("[aria-label^=Undo]")
    _until_players(browser, 1, 2, 3)
    browser.click("[aria-label^=Redo]")
    _until_players(browser, 1, 2)

    later = put_bar_run(place.site, bar_id, ends=[20, 35, 49], minute=5)
    _open_game(browser, place, bar_id)
    _until_players(browser, 1, 2)
    chosen = "document.querySelector('[aria-label=Run]').value"
    assert browser.value(chosen) == later
    _open_game(browser, place, bar_id, f"?run={run_id}")
    assert browser.value(chosen) == run_id


def test_a_player_is_split_at_the_playhead_and_named_from_the_roster(
    browser: Browser, place: Served, bar_id: str
) -> None:
    csv = "number,name,team\n07,Ana Ruiz,Eagles\n12,Bo Chen,Hawks\n"
    assert place.http.put(f"/api/v1/videos/{bar_id}/roster", content=csv).status_code == 200
    put_bar_run(place.site, bar_id, ends=[49])
    _open_game(browser, place, bar_id, "?t=0.8")
    browser.until("document.querySelector('canvas.overlay').dataset.frame === '20'")
    browser.press("j")
    browser.press("s")
    browser.until("document.querySelectorAll('#players li').length === 2")
    [first, second] = _players(browser)
    assert (
        browser.value(f"document.querySelector('.row[data-player=\"{first}\"] path').getAttribute('d')")
        == "M0 0H0.8V1H0Z"
    )

    _drag(browser, ".chip", f"[data-player='{first}'] .player-card")
    browser.until("document.querySelector('#players').innerText.includes('#07 Ana Ruiz')")
    browser.press("r")
    browser.until("document.activeElement?.id === 'player-number'")
    browser.value("document.querySelector('#player-number').value = ''")
    browser.type("12")
    browser.press("Enter")
    browser.until("document.querySelector('.row.selected .row-name')?.innerText.startsWith('#12')")
    assert browser.value("document.querySelector('dialog')") is None
    browser.click("#tab-2")
    browser.click("#panel-2 tbody tr .link")
    assert "shift" in browser.until("document.querySelector('.shifts').innerText")
    assert second > first


def test_a_stretch_is_given_to_another_player_by_drag_and_by_key(browser: Browser, place: Served, bar_id: str) -> None:
    run_id = put_bar_run(place.site, bar_id, ends=[14, 29, 49])
    coach = Coach(place.http, bar_id, run_id)
    coach.edit("merge", first=player(1), second=player(2))
    csv = "number,name,team\n07,Ana Ruiz,Eagles\n"
    assert place.http.put(f"/api/v1/videos/{bar_id}/roster", content=csv).status_code == 200
    _open_game(browser, place, bar_id)
    browser.click("[data-player='1'] .player-card")
    browser.until("document.querySelectorAll('.stretch img').length === 2")
    _drag(browser, ".stretches li:nth-child(2) .stretch", "[data-player='3'] .player-card")
    tracks = "document.querySelector('.row[data-player=\"3\"] path').getAttribute('d').split('M').length - 1"
    browser.until(f"{tracks} === 2")
    assert [each["track_id"] for each in coach.players()[3]["segments"]] == [2, 3]

    browser.until("document.querySelector('.row.selected')?.dataset.player === '3'")
    browser.until("document.querySelectorAll('.stretch img').length === 2")
    browser.click(".stretches li:nth-child(1) .stretch")
    browser.press("a")
    browser.until("document.querySelector('.chosen').innerText.includes('Giving away what is seen of Player 3')")
    browser.click("[data-player='1'] .row-name")
    browser.until("document.querySelector('.row.selected')?.dataset.player === '1'")
    assert [each["track_id"] for each in coach.players()[1]["segments"]] == [1, 2]

    browser.until("document.querySelectorAll('.stretch img').length === 2")
    _drag(browser, ".stretches li:nth-child(2) .stretch", ".chip")
    browser.until("document.querySelector('#players').innerText.includes('#07 Ana Ruiz')")
    browser.press("z")
    browser.until("!document.querySelector('#players').innerText.includes('#07 Ana Ruiz')")


def test_pictures_are_asked_for_together_and_only_when_they_come_into_view(
    browser: Browser, place: Served, bar_id: str
) -> None:
    ends = list(range(1, 50, 1))
    put_bar_run(place.site, bar_id, ends=ends)
    browser.resize(1280, 500)
    browser.value("performance.clearResourceTimings()")
    _open_game(browser, place, bar_id)
    _until_pictures(browser)
    count = "document.querySelectorAll('#players img').length"
    seen = browser.value(count)
    assert 0 < seen < len(ends) and browser.value(PICTURES_ASKED_FOR) == 1
    browser.value("document.querySelector('#players li:last-child').scrollIntoView()")
    browser.until(f"{count} > {seen}")
    _until_pictures(browser)
    assert 2 <= browser.value(PICTURES_ASKED_FOR) <= 4


def test_somebody_elses_correction_in_between_is_told_and_nothing_is_lost(
    browser: Browser, place: Served, bar_id: str
) -> None:
    run_id = put_bar_run(place.site, bar_id, ends=[20, 35, 49])
    _open_game(browser, place, bar_id)
    at = f"/api/v1/videos/{bar_id}/runs/{run_id}"
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
    browser: Browser, place: Served, bar_id: str
) -> None:
    run_id = put_bar_run(place.site, bar_id, ends=[20, 49])
    coach = Coach(place.http, bar_id, run_id)
    edit_id = coach.edit("merge", first=player(1), second=player(2))["made"]["edit"]["edit_id"]
    put_bar_run(place.site, bar_id, ends=[20, 49], bar=lambda _: (100, 60, 110, 70), minute=5)
    _open_game(browser, place, bar_id)
    _until_players(browser, 1, 2)
    browser.click("#tab-1")
    assert "cannot be applied" in browser.until("document.querySelector('.unfit').innerText")
    browser.click(f".unfit [data-edit={edit_id}] .button")
    browser.until("document.querySelector('.unfit').innerText === ''")
    assert coach.http.get(f"/api/v1/videos/{bar_id}/edits").json()["items"][0]["edit"]["undoes"] == edit_id


def test_a_run_without_a_detector_says_so_and_keys_are_listed(
    browser: Browser, place: Served, bar_id: str, shots: Path
) -> None:
    put_bar_run(place.site, bar_id, ends=[49], notes=["motion only: no detector looked"])
    _open_game(browser, place, bar_id)
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


def test_a_roster_and_detections_are_given_to_a_game_that_is_there_already(
    browser: Browser, place: Served, bar_id: str, tmp_path: Path
) -> None:
    run_id = put_bar_run(place.site, bar_id, ends=[20, 49])
    Coach(place.http, bar_id, run_id).edit("rename", place=player(1), number="07", team="Eagles")
    roster, detections = tmp_path / "roster.csv", tmp_path / "det.txt"
    roster.write_text("number,name\n07,Ana Ruiz\n")
    detections.write_text("1,-1,10,10,5,5,0.9,-1,-1,-1\n")
    _open_game(browser, place, bar_id)
    browser.click("[aria-label='Roster and detections']")
    browser.until("document.querySelector('#game-roster') !== null")
    browser.choose_file("#game-roster", roster)
    assert "team" in browser.until("document.querySelector('dialog [role=alert]').innerText")
    browser.errors[:] = [each for each in browser.errors if "422" not in each]
    roster.write_text("number,name,team\n07,Ana Ruiz,Eagles\n")
    browser.choose_file("#game-roster", roster)
    browser.until("document.querySelector('dialog').innerText.includes('The roster is there: 1 player.')")
    browser.until("document.querySelector('#players').innerText.includes('#07 Ana Ruiz')")
    browser.choose_file("#game-detections", detections)
    browser.until("document.querySelector('dialog').innerText.includes('1 box in 1 frame')")
    browser.click("dialog footer .button")
    browser.until("document.querySelector('dialog') === null")
    [job] = place.http.get("/api/v1/jobs", params={"video_id": bar_id}).json()["items"]
    assert job["payload"]["detections_file"] == place.http.get(f"/api/v1/videos/{bar_id}").json()["detections_file"]


def test_a_model_is_brought_along_and_what_is_wrong_with_it_is_said(
    browser: Browser, place: Served, tmp_path: Path, shots: Path
) -> None:
    good, bad, card = tmp_path / "last_season.onnx", tmp_path / "bad.onnx", tmp_path / "model.json"
    good.write_bytes(onnx_model())
    bad.write_bytes(onnx_model()[:40])
    card.write_text(json.dumps(CARD | {"model_id": "model_0123456789ab", "files": {}}))
    browser.go(f"{place.url}/#/models")
    browser.click("#bring-model")
    browser.until("document.querySelector('#model-file') !== null")
    browser.choose_file("#model-file", bad)
    browser.value("document.querySelector('#model-network').value = 'osnet'")
    browser.click("#upload-model")
    assert "cut off or damaged" in browser.until("document.querySelector('#model-problem').innerText")
    browser.choose_file("#model-file", good)
    browser.value("document.querySelector('#model-embedding').value = '128'")
    browser.click("#upload-model")
    assert "(n, 128)" in browser.until(
        "[document.querySelector('#model-problem').innerText].find((each) => each.includes('vectors'))"
    )
    browser.errors[:] = [each for each in browser.errors if "422" not in each]
    _shoot(browser, shots, "bring-model")
    browser.choose_file("#model-card", card)
    browser.until("document.querySelector('#model-network').disabled")
    browser.click("#upload-model")
    browser.until("document.querySelector('dialog') === null")
    browser.until("document.querySelector('.list').innerText.includes(\"Last season's\")")

    browser.click("#bring-model")
    browser.until("document.querySelector('#model-file') !== null")
    browser.choose_file("#model-file", _detector(tmp_path))
    browser.until("document.querySelector('#model-name').value === 'finder'")
    browser.value("document.querySelector('#model-network').value = 'yolox'")
    browser.value("document.querySelector('#model-kind').value = 'detector'")
    browser.value("document.querySelector('#model-kind').dispatchEvent(new Event('change'))")
    browser.click("#upload-model")
    browser.until("document.querySelector('.list').innerText.includes('finder')")
    cards = {each["card"]["name"]: each["card"] for each in place.http.get("/api/v1/models").json()["items"]}
    assert cards["finder"]["input"]["height"] == 640 and cards["finder"]["kind"] == "detector"

    browser.click(".list li .acts .button")  # of the newest
    browser.until("document.querySelector('.list .in-use')?.innerText.includes('finder')")


def _detector(folder: Path) -> Path:
    path = folder / "finder.onnx"
    path.write_bytes(onnx_model([value("pictures", ["n", 3, 640, 640])], [value("boxes", ["n", 8400, 6])]))
    return path


def test_a_game_is_uploaded_tracked_watched_and_corrected_and_a_model_trained_on_one_page(
    browser: Browser, place: Served, tmp_path: Path, shots: Path, game: SampleGame
) -> None:
    path = tmp_path / "The_final.mp4"
    shutil.copyfile(game.film, path)
    onnx, seen = tmp_path / "trained.onnx", threading.Semaphore(0)
    onnx.write_bytes(onnx_model())

    def track(job: Job) -> dict[str, Any]:
        assert job.payload.kind == JobKind.TRACK_VIDEO and job.payload.detections_file == "det.txt"
        assert seen.acquire(timeout=60)
        return {"run_id": put_known_run(place.site, job.payload.video_id, *game.players(30))}

    def build(job: Job) -> dict[str, Any]:
        assert job.payload.kind == JobKind.BUILD_DATASET and len(job.payload.runs) == 1
        return {"dataset_id": put_dataset(place.site, note="of one game alone")}

    def train(job: Job) -> dict[str, Any]:
        assert job.payload.kind == JobKind.TRAIN_REID and job.payload.epochs == 3
        assert seen.acquire(timeout=60)
        given = parse_card(json.dumps(CARD | {"name": "Trained on the final"}))
        return {"model_id": add_model(place.site.models(TENANT), onnx, given).model_id}

    works = {JobKind.TRACK_VIDEO: track, JobKind.BUILD_DATASET: build, JobKind.TRAIN_REID: train}
    browser.go(place.url + "/")
    browser.value("document.body.dataset.stays = 'yes'")
    for job in place.http.get("/api/v1/jobs", params={"state": "queued"}).json()["items"]:
        place.http.post(f"/api/v1/jobs/{job['job_id']}/cancel")
    with working(place.site, TENANT, works):
        browser.click(".heading .button.primary")
        browser.choose_file("#film", path)
        browser.choose_file("#detections", game.detections)
        browser.until("document.querySelector('#game-name').value === 'The final'")
        browser.click("#begin-upload")
        stage = "document.querySelector('.job[data-state=running] .bar span')?.innerText"
        browser.until(f"{stage} === '75 %'")
        _shoot(browser, shots, "tracking")
        seen.release()
        browser.until("document.querySelector('.game-card .state.succeeded')?.innerText.includes('players')")
        browser.click(".game-card a.cover")

        browser.until("Number(document.querySelector('canvas.overlay')?.dataset.boxes) > 0")
        browser.press(" ")
        browser.until("document.querySelector('.stage video').currentTime > 0.4")
        browser.press(" ")
        _until_pictures(browser)
        _shoot(browser, shots, "game")
        before = _players(browser)
        who = next(each for each in before if each > 25 and each - 25 in before)
        browser.click(f"[data-player='{who - 25}'] .player-card")
        browser.press("m")
        _shoot(browser, shots, "merging", of=".tabs")
        browser.click(f"[data-player='{who}'] .player-card")
        _until_players(browser, *(each for each in before if each != who))
        browser.press("v")
        browser.until("document.querySelectorAll('.stretch img').length === 2")
        _until_pictures(browser)
        _shoot(browser, shots, "verify", of=".tabs")
        browser.press("v")
        for number, name in ((1, "corrections"), (2, "minutes"), (3, "jobs")):
            browser.click(f"#tab-{number}")
            _shoot(browser, shots, name, of=".tabs")

        browser.click("#main-navigation a:nth-child(2)")
        browser.until("document.querySelector('.choices input') !== null")
        browser.click(".choices li:first-child input")
        browser.click(".choices + .button")
        browser.until("document.querySelector('.page')?.innerText.includes('of one game alone')")
        browser.click(".list li .button.primary")
        browser.until("document.activeElement !== document.body && document.querySelector('#epochs') !== null")
        browser.value("document.querySelector('#epochs').value = '3'")
        browser.click("#begin-training")
        browser.until(f"{stage} === '75 %'")
        seen.release()
        browser.until("document.querySelector('.list').innerText.includes('Trained on the final')")
        browser.click(".list li:first-child .acts .button")
        browser.until("document.querySelector('.list .in-use')?.innerText.includes('Trained on the final')")
        _shoot(browser, shots, "models")
    assert browser.value("document.body.dataset.stays") == "yes"  # all of it without leaving the page
    in_use = [each for each in place.http.get("/api/v1/models").json()["items"] if each["promoted"]]
    assert "Trained on the final" in [each["card"]["name"] for each in in_use]


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
