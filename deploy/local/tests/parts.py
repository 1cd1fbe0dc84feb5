"""Stand-ins for the services: real programs that do, quickly, what the demo needs of a service."""

from __future__ import annotations

import json
import os
import select
import shlex
import subprocess
import sys
import time
from pathlib import Path

# Says that it is up through the pipe that it and its own child hold open: the other end reads to the end of file when
# the last of them is gone.
WAITING_PART = """
import os, signal, subprocess, sys, time
pipe = os.open(PIPE, os.O_WRONLY)
if STUBBORN:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], pass_fds=[pipe])
os.write(pipe, b"up")
time.sleep(0 if ENDS_AT_ONCE else 600)
"""

# Ends with each of the exit codes in turn, and runs on when there are no more; notes what it was told each time.
SERVING_PART = """
import json, os, sys, time
from pathlib import Path
with open(LOG, "a") as log:
    told = {name: value for name, value in os.environ.items() if name.startswith("LAXAI_")}
    print(json.dumps([sys.argv[1:], told]), file=log)
times = len(Path(LOG).read_text().splitlines())
if times <= len(CODES):
    sys.exit(CODES[times - 1])
pipe = os.open(PIPE, os.O_WRONLY)
os.write(pipe, b"up")
time.sleep(600)
"""


class Pipe:
    """A named pipe whose readers learn when everyone who held it has gone."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path
        self._handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    def wait_for(self, text: bytes) -> None:
        self._read_until(text)

    def wait_for_end(self) -> None:
        self._read_until(None)

    def _read_until(self, text: bytes | None, limit_s: float = 60) -> None:
        deadline = time.monotonic() + limit_s
        seen = b""
        while time.monotonic() < deadline:
            select.select([self._handle], [], [], 0.05)
            try:
                chunk = os.read(self._handle, 100)
            except BlockingIOError:
                continue
            seen += chunk
            if text is not None and text in seen:
                return
            if text is None and not chunk:
                return
            if not chunk:
                time.sleep(0.01)  # nobody has opened the other end yet
        raise AssertionError(f"after {limit_s} s still no {'end' if text is None else text!r}; read {seen!r}")


def part(folder: Path, name: str, source: str, **constants: object) -> str:
    """Writes a program; the command that starts it."""
    path = folder / f"{name} part.py"
    head = "".join(f"{key} = {value!r}\n" for key, value in constants.items())
    path.write_text(head + source)
    return shlex.join([sys.executable, str(path)])


def waiting_part(folder: Path, pipe: Pipe, *, stubborn: bool = False, ends_at_once: bool = False) -> str:
    constants = {"PIPE": str(pipe.path), "STUBBORN": stubborn, "ENDS_AT_ONCE": ends_at_once}
    return part(folder, "waiting", WAITING_PART, **constants)


def serving_part(folder: Path, name: str, pipe: Pipe, *codes: int) -> str:
    """A part that ends with `codes`, one after the other, before it stays; see `told`."""
    return part(folder, name, SERVING_PART, LOG=str(folder / f"{name}.log"), CODES=codes, PIPE=str(pipe.path))


def told(folder: Path, name: str) -> list[tuple[list[str], dict[str, str]]]:
    """The arguments and the LAXAI_ variables of a serving part, for each of its starts."""
    return [tuple(json.loads(line)) for line in (folder / f"{name}.log").read_text().splitlines()]


def start(module: str, *arguments: str, where: Path, **settings: str) -> subprocess.Popen[str]:
    """Starts a module in a process of its own, in the folder `where`, with this process's import path."""
    inherited = {name: value for name, value in os.environ.items() if name != "BUILD_WORKING_DIRECTORY"}
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=where,
        env=inherited | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))} | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
