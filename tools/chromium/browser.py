"""A real Chromium without a window, driven by its DevTools protocol, which it speaks through a pair of pipes."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

NAMES: Final = ("chromium", "chromium-browser", "chromium-headless-shell", "google-chrome", "google-chrome-stable")

SECONDS: Final = 60.0
"""How long tests wait for what a page does."""

OPTIONS: Final = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-extensions",
    "--mute-audio",
    "--no-first-run",
    "--autoplay-policy=no-user-gesture-required",
    "--remote-debugging-pipe",
)

_READS, _WRITES = 3, 4
"""Where Chromium expects the pipes."""

_START = f"""
import os, sys
given, taken, program = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
os.dup2(given, {_READS})
os.dup2(taken, {_WRITES})
os.execv(program[0], program)
"""

KEYS: Final[Mapping[str, tuple[str, int, str]]] = {
    "Escape": ("Escape", 27, ""),
    "Enter": ("Enter", 13, "\r"),
    "ArrowRight": ("ArrowRight", 39, ""),
    "ArrowLeft": ("ArrowLeft", 37, ""),
    " ": ("Space", 32, " "),
}
"""Code, number and text of keys that are no letters."""


class Browser:
    """A browser with one page. errors: what went wrong in its scripts, and what its policies refused."""

    def __init__(self, pipes: _Pipes) -> None:
        self._pipes = pipes
        self._count = 0
        self._session: str | None = None
        self.errors: list[str] = []
        [page] = [each for each in self.do("Target.getTargets")["targetInfos"] if each["type"] == "page"]
        attached = self.do("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.do(f"{domain}.enable")

    def do(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Sends a command of the protocol; its result."""
        self._count += 1
        message: dict[str, Any] = {"id": self._count, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        self._pipes.send(message)
        while True:
            said = self._pipes.receive()
            if said.get("id") == self._count:
                assert "error" not in said, said["error"]
                result: dict[str, Any] = said["result"]
                return result
            self._note(said)

    def open(self, url: str) -> None:
        """Goes to an address."""
        self.do("Page.navigate", url=url)
        self.until("document.readyState === 'complete'")

    def go(self, url: str) -> None:
        """Goes to an address of the page that is open, as following a link in it does; to another page, it opens it."""
        page, _, fragment = url.partition("#")
        if self.value("location.href.split('#')[0]") != page:
            self.open(url)
            return
        for there in ("/nowhere", fragment):  # so that a view is shown anew where it is there already
            self.value(
                "new Promise((done) => {"
                " addEventListener('hashchange', () => done(true), { once: true });"
                f" location.hash = {json.dumps(there)}; }})"
            )

    def value(self, script: str) -> Any:
        """What a piece of JavaScript gives; a promise is waited for."""
        found = self.do("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def until(self, script: str, *, seconds: float = SECONDS) -> Any:
        """Waits until a piece of JavaScript gives something that is true; what that is."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = self.value(script)
            if value:
                return value
            time.sleep(0.05)
        seen = self.value("document.body.innerText")
        raise AssertionError(f"not so after {seconds} s: {script}; {self.errors}; {seen}")

    def click(self, selector: str) -> None:
        """Clicks in the middle of an element, as a mouse does."""
        self.until(f"document.querySelector({json.dumps(selector)}) !== null")
        script = f"""(() => {{
            const element = document.querySelector({json.dumps(selector)});
            element.scrollIntoView({{block: 'center', inline: 'center'}});
            const box = element.getBoundingClientRect();
            return [box.left + box.width / 2, box.top + box.height / 2];
        }})()"""
        self.click_at(*self.value(script))

    def click_at(self, x: float, y: float) -> None:
        """Clicks at a place in the window, in its pixels."""
        for kind in ("mousePressed", "mouseReleased"):
            self.do("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def press(self, key: str) -> None:
        """Presses a key."""
        code, number, text = KEYS.get(key, ("", ord(key.upper()[0]), key))
        parameters = {"key": key, "code": code, "windowsVirtualKeyCode": number}
        self.do("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **parameters)
        self.do("Input.dispatchKeyEvent", type="keyUp", **parameters)

    def type(self, text: str) -> None:
        """Types a text into the field that has the focus."""
        self.do("Input.insertText", text=text)

    def choose_file(self, selector: str, path: Path) -> None:
        """Chooses a file in a field for one."""
        root = self.do("DOM.getDocument")["root"]["nodeId"]
        node = self.do("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.do("DOM.setFileInputFiles", files=[str(path)], nodeId=node)

    def resize(self, width: int, height: int, *, scheme: str = "light") -> None:
        """Gives the window another size, in its pixels, and another colour scheme."""
        self.do(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        self.do("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def screenshot(self, path: Path) -> bytes:
        """Writes what the window shows, as PNG; its bytes."""
        content = base64.b64decode(self.do("Page.captureScreenshot", format="png")["data"])
        path.write_bytes(content)
        return content

    def _note(self, said: dict[str, Any]) -> None:
        parameters = said.get("params", {})
        if said.get("method") == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description", details["text"]))
        elif said.get("method") == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            self.errors.append(f"{parameters['entry']['text']} {parameters['entry'].get('url', '')}")


class _Pipes:
    """Messages, to and from: JSON, each with a zero byte at its end."""

    def __init__(self, read: int, write: int) -> None:
        self._read = read
        self._write = write
        self._left = b""

    def send(self, message: dict[str, Any]) -> None:
        content = json.dumps(message).encode() + b"\0"
        while content:
            content = content[os.write(self._write, content) :]

    def receive(self) -> dict[str, Any]:
        parts = [self._left]
        while b"\0" not in parts[-1]:
            assert select.select([self._read], [], [], SECONDS)[0], f"Chromium has said nothing for {SECONDS} s"
            parts.append(os.read(self._read, 1 << 16))
            assert parts[-1], "Chromium has ended"
        content, _, self._left = b"".join(parts).partition(b"\0")
        message: dict[str, Any] = json.loads(content)
        return message


@contextmanager
def browsing(folder: Path, width: int = 1280, height: int = 800) -> Iterator[Browser]:
    """A browser whose profile is in a folder. Skips the test where there is none on this machine."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("there is no Chromium on this machine")
    given, send = _pipe()
    receive, taken = _pipe()
    start = [sys.executable, "-S", "-c", _START, str(given), str(taken), program]
    options = [f"--user-data-dir={folder / 'profile'}", f"--window-size={width},{height}", *OPTIONS]
    with (folder / "chromium.log").open("wb") as log:
        process = subprocess.Popen(
            [*start, *options, "about:blank"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(given, taken)
        )
    os.close(given)
    os.close(taken)
    try:
        browser = Browser(_Pipes(receive, send))
        browser.resize(width, height)
        yield browser
    finally:
        process.terminate()
        process.wait(SECONDS)
        os.close(send)
        os.close(receive)


def _pipe() -> tuple[int, int]:
    """A pipe for reading and writing, beside the numbers that Chromium wants."""
    ends = os.pipe()
    high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, _WRITES + 1) for end in ends]
    for end in ends:
        os.close(end)
    return high[0], high[1]
