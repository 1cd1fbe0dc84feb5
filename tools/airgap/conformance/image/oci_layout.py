"""Reads OCI layouts, for the tests of this folder."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

Json = dict[str, Any]


def file_of(variable: str) -> Path:
    """A file or folder that the BUILD file names in the test's environment."""
    return Path(os.environ[variable]).absolute()


def sha256(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


class Image:
    """One image (or index) in a layout; every blob that is read is held against its digest."""

    def __init__(self, layout: Path, digest: str | None = None) -> None:
        self.layout = layout
        entries = json.loads((layout / "index.json").read_text(encoding="utf-8"))["manifests"]
        assert len(entries) == 1
        self.digest: str = digest or entries[0]["digest"]
        self.manifest: Json = json.loads(self.blob(self.digest))

    def blob(self, digest: str) -> bytes:
        content = (self.layout / "blobs" / digest.replace(":", "/")).read_bytes()
        assert sha256(content) == digest
        return content

    @property
    def config(self) -> Json:
        descriptor = self.manifest["config"]
        content = self.blob(descriptor["digest"])
        assert len(content) == descriptor["size"]
        config: Json = json.loads(content)
        return config
