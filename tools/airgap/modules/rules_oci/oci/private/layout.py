"""Reading and writing OCI image layouts (https://github.com/opencontainers/image-spec/blob/main/image-layout.md)."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"

# When everything happened that has no time of its own.
EPOCH = "1970-01-01T00:00:00Z"

Json = dict[str, Any]


def pretty(document: Json) -> bytes:
    """JSON in one fixed form: two spaces, keys in the order in which they were set."""
    return json.dumps(document, indent=2, ensure_ascii=False).encode()


class Layout:
    """A layout in a folder that holds one image, or one index of images."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def blob(self, digest: str) -> Path:
        algorithm, _, value = digest.partition(":")
        return self.folder / "blobs" / algorithm / value

    def read(self, digest: str) -> Json:
        document: Json = json.loads(self.blob(digest).read_bytes())
        return document

    @property
    def top(self) -> Json:
        """The descriptor of the image or index that the layout holds."""
        entries = json.loads((self.folder / "index.json").read_bytes())["manifests"]
        if len(entries) != 1:
            raise SystemExit(f"error: {self.folder}: expected one image in index.json, not {len(entries)}")
        descriptor: Json = entries[0]
        return descriptor

    def write(self, media_type: str, content: bytes) -> Json:
        """Stores a blob and returns its descriptor."""
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        path = self.blob(digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return {"mediaType": media_type, "size": len(content), "digest": digest}

    def copy(self, source: str | Path, digest: str) -> None:
        """Stores a file whose digest is known."""
        path = self.blob(digest)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, path)

    def finish(self, descriptor: Json) -> None:
        """Makes a descriptor the one that the layout holds."""
        (self.folder / "oci-layout").write_bytes(pretty({"imageLayoutVersion": "1.0.0"}))
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [descriptor]}
        (self.folder / "index.json").write_bytes(pretty(index))
