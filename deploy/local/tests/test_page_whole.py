"""//:serve as people use it: a film is uploaded, tracked, watched and corrected, and a model trained, on one page."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from chromium.browser import Browser, browsing

EXHAUSTIVE: Final = bool(os.environ.get("LAXAI_EXHAUSTIVE"))

SECONDS: Final = 900.0
"""How long it may take until something is there."""

STAGES: Final = "[...document.querySelectorAll('.job[data-state=running] .bar span')].map((each) => each.innerText)"
PLAYERS: Final = "[...document.querySelectorAll('#players li')].map((each) => Number(each.dataset.player))"


@contextmanager
def served(home: Path) -> Iterator[str]:
    """//:serve, on behalf of a user who has nothing yet, at any port; its address."""
    # Of the settings those alone that say how the parts are started, as `bazel run` does.
    theirs = {name for name in os.environ if name.startswith(("LAXAI_", "XDG_")) and not name.endswith("_COMMAND")}
    kept = {name: value for name, value in os.environ.items() if name not in theirs}
    own = {"HOME": str(home), "LAXAI_PORT": "0"}
    log = home / "serve.log"
    with log.open("wb") as file:
        command = shlex.split(os.environ["SERVE"])
        process = subprocess.Popen(command, env=kept | own, stdout=file, stderr=file, process_group=0)
    try:
        yield _address(log, process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 128 + signal.SIGTERM
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def _address(log: Path, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        found = re.search(r"LaxAI at (http\S+)", log.read_text(errors="replace"))
        if found:
            return found[1]
        time.sleep(0.2)
    raise AssertionError(log.read_text(errors="replace")[-3000:])


def test_a_film_is_uploaded_tracked_watched_and_corrected_and_a_model_trained(tmp_path: Path) -> None:
    sample = tmp_path / "sample"
    seconds = 10 if EXHAUSTIVE else 3  # a model cannot be trained on less
    render = [*shlex.split(os.environ["SAMPLE"]), "--out", str(sample), "--width=640", "--height=360", "--quiet"]
    subprocess.run([*render, f"--seconds={seconds}"], check=True)
    with served(tmp_path) as url, browsing(tmp_path) as browser:
        browser.open(url)
        browser.until(
            "document.querySelector('#games .empty') !== null && document.querySelector('#no-worker') === null"
        )
        browser.value("document.body.dataset.stays = 'yes'")
        _upload(browser, sample)
        _correct(browser)
        _learn(browser)
        assert browser.value("document.body.dataset.stays") == "yes"
        assert browser.errors == []


def _until_done(browser: Browser, script: str) -> None:
    """Waits for what a job makes, or for the job to fail."""
    failed = "document.querySelector('.job[data-state=failed]')?.innerText"
    browser.until(f"{failed} ?? ({script})", seconds=SECONDS)
    assert browser.value(failed) is None, browser.value(failed)


def _upload(browser: Browser, sample: Path) -> None:
    browser.click(".heading .button.primary")
    browser.choose_file("#film", sample / "clip.mp4")
    browser.choose_file("#detections", sample / "det" / "det.txt")
    browser.until("document.querySelector('#game-name').value === 'clip'")
    browser.click("#begin-upload")
    _until_done(browser, f"{STAGES}.some((each) => each.endsWith(' %'))")
    _until_done(browser, "document.querySelector('.game-card .state.succeeded')?.innerText.includes('player')")


def _correct(browser: Browser) -> None:
    """Watches, parts a player in two, takes that back, and does it again."""
    browser.click(".game-card a.cover")
    browser.until("Number(document.querySelector('canvas.overlay')?.dataset.boxes) > 0")
    browser.press(" ")
    browser.until("document.querySelector('.stage video').currentTime > 1")
    browser.press(" ")
    browser.until("document.querySelector('#players img')?.naturalWidth > 0")
    before = len(browser.value(PLAYERS))
    middle = "Number(document.querySelector('.place').max) / 2"
    browser.value(f"document.querySelector('.place').value = {middle}")
    browser.value("document.querySelector('.place').dispatchEvent(new Event('input'))")
    browser.until(f"document.querySelector('canvas.overlay').dataset.frame === String(Math.round({middle}))")
    browser.click("#players li .player-card")
    browser.press("s")
    browser.until(f"{PLAYERS}.length === {before + 1}")
    browser.press("z")
    browser.until(f"{PLAYERS}.length === {before}")
    browser.press("y")
    browser.until(f"{PLAYERS}.length === {before + 1}")


def _learn(browser: Browser) -> None:
    browser.click("#main-navigation a:nth-child(2)")
    browser.until("document.querySelector('.choices input') !== null")
    browser.click(".choices li:first-child input")
    browser.click(".choices + .button")
    _until_done(browser, "document.querySelector('.list li .button.primary') !== null")
    if not EXHAUSTIVE:
        return
    browser.click(".list li .button.primary")
    browser.until("document.querySelector('#epochs') !== null")
    browser.value("document.querySelector('#epochs').value = '2'")
    browser.click("#begin-training")
    _until_done(browser, f"{STAGES}.length > 0")
    _until_done(browser, "document.querySelector('.list li:first-child .acts .button')?.innerText === 'Put in use'")
    browser.click(".list li:first-child .acts .button")
    browser.until("document.querySelector('.list .in-use') !== null")
