"""Objects in any file system that fsspec knows."""

import hashlib
from collections.abc import Sequence
from typing import Any

import fsspec

from shared_libs.common.object_client import Stored
from shared_libs.common.storage_failures import Retry
from shared_libs.common.transfers import PART, Report, Source


class PlainClient:
    """Any file system that fsspec knows, of which nothing is taken for granted but that a small file is put at once.

    It keeps no checksums, so what was written is read back. A larger file is written under a temporary name, from the
    beginning each time.
    """

    def __init__(self, system: Any, retry: Retry) -> None:
        self._system = system
        self._retry = retry

    @staticmethod
    def connected(url: str, retry: Retry) -> "tuple[PlainClient, str]":
        """The client, and the key of what the URL names."""
        system, root = fsspec.url_to_fs(url, use_listings_cache=False)
        return PlainClient(system, retry), root

    def has_bucket(self, bucket: str) -> bool:
        return bool(self._retry(lambda: self._system.exists(bucket)))

    def folders(self, key: str) -> list[str]:
        found = self._listed(key)
        return [entry["name"].rstrip("/").rpartition("/")[2] for entry in found if entry["type"] == "directory"]

    def sizes(self, key: str) -> dict[str, int]:
        prefix = f"{self._system._strip_protocol(key)}/"
        sizes: dict[str, int] = {}
        waiting = [key]
        while waiting:  # not `find`, which takes a folder that cannot be read for an empty one
            for entry in self._listed(waiting.pop()):
                name = entry["name"].rstrip("/")
                if not name.startswith(prefix):
                    continue
                if entry["type"] == "directory":
                    waiting.append(name)
                else:
                    sizes[name[len(prefix) :]] = entry["size"]
        return sizes

    def stored(self, key: str) -> Stored | None:
        try:
            found = self._retry(lambda: self._system.info(key))
        except FileNotFoundError:
            return None
        if found["type"] != "file":
            return None
        version = next((found[name] for name in ("created", "mtime", "LastModified") if name in found), "")
        return Stored(found["size"], None, str(version))

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        if start == 0 and length is None:
            return bytes(self._retry(lambda: self._system.cat_file(key)))
        end = None if length is None else start + length
        return bytes(self._retry(lambda: self._system.cat_file(key, start=start, end=end)))

    def put(self, key: str, content: bytes) -> None:
        self._retry(lambda: self._system.pipe_file(key, content))
        if self.read(key) != content:
            raise ConnectionError("it did not arrive as it was sent")

    def upload(self, key: str, source: Source, report: Report) -> None:
        if source.size <= PART:
            self.put(key, source.whole())
        else:
            folder, _, name = key.rpartition("/")
            temporary = f"{folder}/.{name}.{source.sha256[:16]}.upload"
            try:
                self._retry(lambda: self._system.put_file(str(source.path), temporary))
                self._check(temporary, source)
                self._retry(lambda: self._system.cp_file(temporary, key))
            finally:
                self.remove([temporary])
        report(source.size, source.size)

    def remove(self, keys: Sequence[str]) -> None:
        for key in keys:
            try:
                self._retry(lambda key=key: self._system.rm_file(key))  # type: ignore[misc]
            except FileNotFoundError:
                continue

    def abandon(self, key: str) -> None:
        """There are none: see `upload`."""

    def _listed(self, key: str) -> list[dict[str, Any]]:
        return list(self._retry(lambda: self._system.ls(key, detail=True)))

    def _check(self, key: str, source: Source) -> None:
        sha256 = hashlib.sha256()
        for start in range(0, source.size, PART):
            sha256.update(self.read(key, start, PART))
        if sha256.hexdigest() != source.sha256:
            raise source.changed()
