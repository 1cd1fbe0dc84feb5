"""Unpacks an image and runs programs in it as a container engine would, without one: for tests.

The root file system is read-only but for /tmp, the user is not root, there is no network but loopback, and the program
is process 1 of its own namespace. What util-linux has (unshare, mount) is enough; nothing of the machine is seen but
/dev/null and the like.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

USER: Final = 65532

_DEVICES: Final = ("null", "zero", "full", "random", "urandom")


class Image:
    """One image in an OCI layout.

    digest: the manifest's. manifest, config: as parsed; every blob that is read is held against its digest.
    """

    def __init__(self, layout: Path) -> None:
        self.layout = layout
        [entry] = json.loads((layout / "index.json").read_text(encoding="utf-8"))["manifests"]
        self.digest: str = entry["digest"]
        self.manifest: dict[str, Any] = json.loads(self._checked(self.digest).read_bytes())
        self.config: dict[str, Any] = json.loads(self._checked(self.manifest["config"]["digest"]).read_bytes())

    @property
    def layers(self) -> list[Path]:
        """The layers' archives, the base's first."""
        return [self._checked(layer["digest"]) for layer in self.manifest["layers"]]

    def _checked(self, digest: str) -> Path:
        path = self.layout / "blobs" / digest.replace(":", "/")
        with path.open("rb") as stream:
            assert "sha256:" + hashlib.file_digest(stream, "sha256").hexdigest() == digest
        return path


class Container:
    """An image, unpacked into a folder."""

    def __init__(self, image: Image, root: Path) -> None:
        self.image, self.root = image, root
        root.mkdir(parents=True)
        for layer in image.layers:
            unpack = ["tar", "--extract", "--no-same-owner", "--keep-directory-symlink", "--gzip"]
            subprocess.run([*unpack, f"--file={layer}", f"--directory={root}"], check=True)
        for name in ("dev", "proc", "tmp"):
            (root / name).mkdir(exist_ok=True)

    def run(self, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Runs the image's entry point with arguments, to its end."""
        return _to_its_end(self.start([*self.image.config["config"]["Entrypoint"], *arguments]))

    def python(self, program: str) -> subprocess.CompletedProcess[str]:
        """Runs a Python program with the image's interpreter, to its end."""
        return _to_its_end(self.start_python(program))

    def start_python(self, program: str) -> subprocess.Popen[str]:
        """Starts a Python program with the image's interpreter."""
        return self.start([self.image.config["config"]["Entrypoint"][0], "-c", program])

    def start(self, command: Sequence[str]) -> subprocess.Popen[str]:
        """Starts a command as process 1, with pipes for what it says; the process that is returned is its parent."""
        config = self.image.config["config"]
        environment = dict(entry.split("=", 1) for entry in config["Env"])
        namespaces = ["--user", "--map-root-user", "--mount", "--net", "--pid", "--fork", "--kill-child"]
        wanted = json.dumps(
            {"root": str(self.root), "command": list(command), "workdir": config.get("WorkingDir", "/")}
        )
        return subprocess.Popen(
            ["unshare", *namespaces, sys.executable, "-I", __file__, wanted],
            env={**environment, "PATH": os.environ["PATH"]},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def _to_its_end(process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    out, error = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, out, error)


def _become(root: Path, command: list[str], workdir: str) -> None:
    """Within namespaces of our own: lays out the root, and becomes the command in it."""

    def mount(*arguments: str) -> None:
        subprocess.run(["mount", *arguments], check=True)

    mount("--bind", str(root), str(root))
    mount("-t", "proc", "proc", str(root / "proc"))
    mount("-t", "tmpfs", "-o", "mode=1777", "tmpfs", str(root / "tmp"))
    mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs", str(root / "dev"))
    (root / "dev/shm").mkdir(mode=0o1777)
    (root / "dev/shm").chmod(0o1777)
    for name in _DEVICES:
        (root / "dev" / name).touch()
        mount("--bind", f"/dev/{name}", str(root / "dev" / name))
    mount("-o", "remount,bind,ro", str(root))
    _raise_loopback()
    as_user = ["--user", f"--map-user={USER}", f"--map-group={USER}", f"--root={root}", f"--wd={workdir}"]
    os.execvp("unshare", ["unshare", *as_user, *command])


def _raise_loopback() -> None:
    get_flags, set_flags, up = 0x8913, 0x8914, 1  # netdevice(7)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        asked = struct.pack("16sh14x", b"lo", 0)
        _, flags = struct.unpack("16sh14x", fcntl.ioctl(any_socket, get_flags, asked))
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sh14x", b"lo", flags | up))


if __name__ == "__main__":
    _wanted = json.loads(sys.argv[1])
    _become(Path(_wanted["root"]), _wanted["command"], _wanted["workdir"])
