"""For tests: an image's layers and base, small but whole, laid out as //tools/build_defs/image and rules_oci do."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

HASH = "0f" * 32

ELF = b"\x7fELF" + b"\x00" * 60


class ImageFiles:
    """What `sbom make` reads, below one folder. files: {place in the image: file}."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: dict[str, Path] = {}
        self.pins: list[str] = []
        self.add("opt/python/bin/python3.11", ELF + b"\x003.11.2\x00")
        self.add("app/tool/__init__.py", b"")

    def add(self, place: str, content: bytes) -> Path:
        path = self.folder / "content" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        self.files[place] = path
        return path

    def add_wheel(
        self,
        name: str,
        version: str = "1.0",
        metadata: str = "License-Expression: MIT\n",
        files: Mapping[str, bytes] | None = None,
        info: Mapping[str, bytes] | None = None,
    ) -> None:
        """Adds a wheel, with its pin. files: {path in site-packages: content}; info: the same, in its .dist-info."""
        folder = f"{name.replace('-', '_')}-{version}.dist-info"
        own = dict(files or {}) | {f"{folder}/{path}": content for path, content in (info or {}).items()}
        own[f"{folder}/METADATA"] = f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n{metadata}".encode()
        own[f"{folder}/RECORD"] = "".join(f"{path},,\n" for path in [*own, f"{folder}/RECORD"]).encode()
        for path, content in own.items():
            self.add(f"opt/site-packages/{path}", content)
        self.pins.append(f"{name}=={version}")

    def site_packages(self) -> dict[str, Path]:
        """{path in site-packages: file}."""
        top = "opt/site-packages/"
        return {place.removeprefix(top): path for place, path in self.files.items() if place.startswith(top)}

    def specification(self, name: str = "all.mtree") -> Path:
        """The mtree(5) specification of all files, in the order in which they were added."""
        owner = "uid=0 gid=0 time=1577836800"
        rows = ["#mtree", f"./opt {owner} mode=0755 type=dir", f"./opt/link {owner} mode=0777 type=link link=python"]
        for place, path in self.files.items():
            rows.append(f"./{_encoded(place)} {owner} mode=0644 type=file content={_encoded(str(path))}")
        return self._write(name, "".join(f"{row}\n" for row in rows))

    def lock(self) -> Path:
        return self._write("some.txt", "".join(f"{pin} --hash=sha256:{HASH}\n" for pin in self.pins))

    def asked(self, *names: str) -> Path:
        return self._write("some.in", "".join(f"{name}\n" for name in names))

    def _write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path


class BaseImage:
    """An OCI layout, made layer by layer."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.layers: list[dict[str, object]] = []

    def add_layer(self, files: Mapping[str, str]) -> "BaseImage":
        """Adds a layer with files, {path: text}; a path that ends in `@` is a symbolic link to the text."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for path, text in files.items():
                header = tarfile.TarInfo(path.rstrip("@"))
                if path.endswith("@"):
                    header.type, header.linkname = tarfile.SYMTYPE, text
                else:
                    header.size = len(text.encode())
                archive.addfile(header, io.BytesIO(text.encode()))
        self.layers.append({"mediaType": "layer", **self.add_blob(gzip.compress(buffer.getvalue(), mtime=0))})
        return self

    def add_blob(self, content: bytes) -> dict[str, object]:
        digest = hashlib.sha256(content).hexdigest()
        path = self.folder / "blobs" / "sha256" / digest
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return {"size": len(content), "digest": f"sha256:{digest}"}

    def written(self) -> Path:
        """The layout, with what was added so far."""
        manifest = self.add_blob(json.dumps({"schemaVersion": 2, "layers": self.layers}).encode())
        (self.folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [manifest]}))
        return self.folder


DEBIAN = {
    "./etc/os-release": 'PRETTY_NAME="Debian"\nID=debian\nVERSION_ID="12"\n',
    "./var/lib/dpkg/status.d/libc6": "Package: libc6\nVersion: 2.36-9\nArchitecture: amd64\n",
    "./usr/share/doc/libc6/copyright": "LGPL",
}


def _encoded(text: str) -> str:
    """A name as mtree(5) writes it."""
    return "".join(
        chr(byte) if 0x21 <= byte < 0x7F and byte not in b"\\#=" else f"\\{byte:03o}" for byte in text.encode()
    )
