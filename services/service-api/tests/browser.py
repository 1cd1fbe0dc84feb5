"""A real Chromium without a window, driven by its DevTools protocol."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from websockets.sync.client import ClientConnection, connect

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

SECONDS: Final = 30.0
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
    "--remote-debugging-port=0",
)

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

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._count = 0
        self.errors: list[str] = []
        for domain in ("Page", "Runtime", "Log"):
            self.do(f"{domain}.enable")

    def do(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Sends a command of the protocol; its result."""
        self._count += 1
        self._connection.send(json.dumps({"id": self._count, "method": method, "params": parameters}))
        while True:
            said = json.loads(self._connection.recv(SECONDS))
            if said.get("id") == self._count:
                assert "error" not in said, said["error"]
                result: dict[str, Any] = said["result"]
                return result
            self._note(said)

    def open(self, url: str) -> None:
        """Goes to an address."""
        self.do("Page.navigate", url=url)
        self.until("document.readyState === 'complete'")

    def value(self, script: str) -> Any:
        """What a piece of JavaScript gives; a promise is waited for."""
        found = self.do("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def until(self, script: str) -> Any:
        """Waits until a piece of JavaScript gives something that is true; what that is."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            value = self.value(script)
            if value:
                return value
            time.sleep(0.05)
        raise AssertionError(
            f"not so after {SECONDS} s: {script}; {self.errors}; {self.value('document.body.innerText')}"
        )

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


@contextmanager
def browsing(folder: Path, width: int = 1280, height: int = 800) -> Iterator[Browser]:
    """A browser whose profile is in a folder. Skips the test where there is none on this machine."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("there is no Chromium on this machine")
    profile = folder / "profile"
    port_file = profile / "DevToolsActivePort"
    options = [f"--user-data-dir={profile}", f"--window-size={width},{height}", *OPTIONS]
    with (folder / "chromium.log").open("wb") as log:
        process = subprocess.Popen([program, *options, "about:blank"], stdout=log, stderr=log)
    try:
        end = time.monotonic() + SECONDS
        while not (port_file.exists() and port_file.read_text().count("\n")):
            assert process.poll() is None and time.monotonic() < end, (folder / "chromium.log").read_text()
            time.sleep(0.05)
        port = port_file.read_text().splitlines()[0]
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(f"http://127.0.0.1:{port}/json/list") as answer:
            pages = [each for each in json.load(answer) if each["type"] == "page"]
        with connect(pages[0]["webSocketDebuggerUrl"], max_size=None, proxy=None) as connection:
            browser = Browser(connection)
            browser.resize(width, height)
            yield browser
    finally:
        process.terminate()
        process.wait(SECONDS)
