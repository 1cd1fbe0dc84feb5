"""The cache of deploy/remote-cache/nginx on a free port of this machine, as its files set it up."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SETTINGS = Path(__file__).absolute().parents[1] / "nginx"
WRITER, PASSWORD = "ci", "correct-horse"


@dataclass(frozen=True, slots=True)
class NginxCache:
    """A running one.

    Attributes:
        folder: what -p names: entries/, incoming/, writers, certificate.pem.
        port: on 127.0.0.1.
        scheme: http or https.
    """

    folder: Path
    port: int
    scheme: str

    @property
    def entries(self) -> Path:
        return self.folder / "entries"

    @property
    def for_people(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    @property
    def for_ci(self) -> str:
        return f"{self.scheme}://{WRITER}:{PASSWORD}@127.0.0.1:{self.port}"


@contextmanager
def nginx_cache(folder: Path, *, tls: bool = False) -> Iterator[NginxCache]:
    """Sets one up in `folder` and runs it; without TLS, the lines about it are left out of its settings.

    nginx runs as one process, and as whoever tests.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    shutil.copy(SETTINGS / "cache.conf", folder)
    settings = (SETTINGS / "nginx.conf").read_text()
    assert "listen 8443 ssl;" in settings
    if tls:
        _certify(folder)
    else:
        settings = "".join(line for line in settings.splitlines(keepends=True) if not line.strip().startswith("ssl_"))
    settings = settings.replace("listen 8443 ssl;", f"listen 127.0.0.1:{port}{' ssl' if tls else ''};")
    (folder / "nginx.conf").write_text(settings)
    (folder / "writers").write_text(f"{WRITER}:{_run('openssl', 'passwd', '-apr1', PASSWORD).strip()}\n")
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(_nginx(folder), stdout=log, stderr=log)
    try:
        _wait_until_it_answers(server, port, folder / "log")
        yield NginxCache(folder, port, "https" if tls else "http")
    finally:
        server.terminate()
        server.wait()


def find_nginx() -> str | None:
    """The program, which Debian keeps where only root's PATH leads."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


def _nginx(folder: Path) -> list[str]:
    program = find_nginx()
    assert program, "there is no nginx on this machine"
    # As root it would hand its folders to a user of its own, whom a sandbox does not have.
    own = "master_process off; user root root;" if os.geteuid() == 0 else "master_process off;"
    return [program, "-p", f"{folder}/", "-c", f"{folder}/nginx.conf", "-e", "stderr", "-g", own]


def _certify(folder: Path) -> None:
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    names = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
    new = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names)
    _run("openssl", *new, "-keyout", str(key), "-out", str(certificate))


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_it_answers(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    while True:
        assert server.poll() is None, log.read_text()
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
