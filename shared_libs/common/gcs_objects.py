"""Google Cloud Storage, through gcsfs' connection and credentials and the service's JSON interface.

A large file goes through a resumable session, and nobody sees it until the last byte is there. The MD5 of the whole is
announced first, so that the server refuses what was damaged on the way; the SHA-256 is stored with the object.
"""

import base64
import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import fsspec
from fsspec.asyn import sync

from shared_libs.common.object_client import Stored
from shared_libs.common.storage_failures import Retry, is_transient
from shared_libs.common.transfers import PART, Report, Source
from shared_libs.common.unfinished_uploads import (
    UnfinishedUpload,
    forget_upload,
    remember_upload,
    unfinished_upload,
)

_STORE = "gs"
_LONGEST_CALL = 300.0  # seconds; sending a part over a slow line counts
_AT_A_TIME = 8
_UNIT = 1 << 18  # the server keeps whole multiples of it of an upload that is not finished
_CONTENT_TYPE = "application/octet-stream"


class _Answer(NamedTuple):
    status: int
    headers: Any
    content: bytes


class GcsClient:
    """The buckets that somebody's credentials give access to."""

    def __init__(self, system: Any, retry: Retry) -> None:
        self._system = system
        self._retry = retry
        self._host = system.base.removesuffix("/storage/v1/")
        # gcsfs tries a call six times, for half a minute. How often it is tried is `Retry`'s matter alone.
        self._request = getattr(type(system)._request, "__wrapped__", type(system)._request)

    @staticmethod
    def connected(url: str, retry: Retry) -> "tuple[GcsClient, str]":
        """The client, and the key of what the URL names."""
        # An emulator knows nobody, and is to learn nobody's credentials.
        options = {"token": "anon"} if os.environ.get("STORAGE_EMULATOR_HOST") else {}
        system, root = fsspec.url_to_fs(url, use_listings_cache=False, skip_instance_cache=True, **options)
        return GcsClient(system, retry), root

    def has_bucket(self, bucket: str) -> bool:
        try:
            self._call("GET", "b/{}", bucket)
        except FileNotFoundError:
            return False
        except OSError as error:
            if str(error).startswith("Forbidden"):  # of the bucket itself; its objects may be another matter
                return True
            raise
        return True

    def folders(self, key: str) -> list[str]:
        found = [name for page in self._pages(f"{key}/", delimiter="/") for name in page.get("prefixes", ())]
        return [name.rstrip("/").rpartition("/")[2] for name in found]

    def sizes(self, key: str) -> dict[str, int]:
        start = len(self._split(f"{key}/")[1])
        pages = self._pages(f"{key}/")
        return {entry["name"][start:]: int(entry["size"]) for page in pages for entry in page.get("items", ())}

    def stored(self, key: str) -> Stored | None:
        try:
            found = json.loads(self._call("GET", "b/{}/o/{}", *self._split(key)).content)
        except FileNotFoundError:
            return None
        sha256 = (found.get("metadata") or {}).get("sha256")
        return Stored(int(found["size"]), sha256, str(found.get("generation")))

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        end = "" if length is None else start + length - 1
        headers = {} if start == 0 and length is None else {"Range": f"bytes={start}-{end}"}
        url = f"{self._host}/download/storage/v1/b/{{}}/o/{{}}"
        try:
            return self._call("GET", url, *self._split(key), headers=headers, alt="media").content
        except Exception as error:
            if str(getattr(error, "code", None)) == "416":  # begins behind the end
                return b""
            raise

    def put(self, key: str, content: bytes) -> None:
        bucket, name = self._split(key)
        about = _about(name, hashlib.sha256(content).hexdigest(), hashlib.md5(content, usedforsecurity=False).digest())
        border = secrets.token_hex(16)
        body = (
            f"--{border}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{json.dumps(about)}\r\n"
            f"--{border}\r\nContent-Type: {_CONTENT_TYPE}\r\n\r\n"
        ).encode()
        self._call(
            "POST",
            f"{self._host}/upload/storage/v1/b/{{}}/o",
            bucket,
            headers={"Content-Type": f"multipart/related; boundary={border}"},
            data=body + content + f"\r\n--{border}--\r\n".encode(),
            uploadType="multipart",
        )

    def upload(self, key: str, source: Source, report: Report) -> None:
        if source.size <= PART:
            self.put(key, source.whole())
            report(source.size, source.size)
            return
        known = self._known(key, source)
        if known is not None:
            try:
                self._finish(key, known, source, report)
                return
            except Exception as error:
                if not _is_gone(error):
                    raise
        bucket, name = self._split(key)
        answer = self._call(
            "POST",
            f"{self._host}/upload/storage/v1/b/{{}}/o",
            bucket,
            headers={"X-Upload-Content-Type": _CONTENT_TYPE, "X-Upload-Content-Length": str(source.size)},
            json=_about(name, source.sha256, source.md5),
            uploadType="resumable",
            name=name,
        )
        session = answer.headers["Location"]
        remember_upload(source.path, UnfinishedUpload(store=_STORE, key=key, session=session, sha256=source.sha256))
        self._finish(key, session, source, report, received=0)

    def remove(self, keys: Sequence[str]) -> None:
        with ThreadPoolExecutor(max_workers=_AT_A_TIME) as pool:
            for _ in pool.map(self._remove, keys):
                pass

    def abandon(self, key: str) -> None:
        """The server does by itself, after a week: nobody can ask it for its sessions."""

    def _remove(self, key: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._call("DELETE", "b/{}/o/{}", *self._split(key))

    def _known(self, key: str, source: Source) -> str | None:
        """The session of a broken-off upload of the same content."""
        known = unfinished_upload(source.path, _STORE)
        if known is None or not known.session.startswith(f"{self._host}/"):
            return None
        if (known.key, known.sha256) == (key, source.sha256):
            return known.session
        self._cancel(known.session)
        return None

    def _finish(self, key: str, session: str, source: Source, report: Report, received: int | None = None) -> None:
        """Sends what the server has not got. received: bytes that it has, None where it is to be asked."""
        sender = _Sender(self, session, source, received)
        try:
            while not self._retry(sender.step):
                report(sender.received or 0, source.size)
        except Exception as error:
            if not is_transient(error) or "match calculated" in str(error):
                self._cancel(session)
                forget_upload(source.path)
            # A session may end with a call of which the answer was lost.
            if not (_is_gone(error) and self._is_there(key, source)):
                raise
        forget_upload(source.path)
        report(source.size, source.size)

    def _is_there(self, key: str, source: Source) -> bool:
        found = self.stored(key)
        return found is not None and (found.size, found.sha256) == (source.size, source.sha256)

    def _cancel(self, session: str) -> None:
        with contextlib.suppress(Exception):  # nobody sees it, and it may be gone
            self.once("DELETE", session)

    def _pages(self, key: str, **options: Any) -> Iterator[dict[str, Any]]:
        """The answers to the call for a list, which the server tells bit by bit."""
        bucket, prefix = self._split(key)
        token: str | None = None
        while True:
            answer = self._call("GET", "b/{}/o", bucket, prefix=prefix, pageToken=token, **options)
            page = json.loads(answer.content)
            yield page
            token = page.get("nextPageToken")
            if not token:
                return

    def _call(self, method: str, path: str, *parts: str, **options: Any) -> _Answer:
        return self._retry(lambda: self.once(method, path, *parts, **options))

    def once(self, method: str, path: str, *parts: str, **options: Any) -> _Answer:
        """One call, not tried again. parts: put into the path, quoted."""
        status, headers, _, content = sync(
            self._system.loop, self._request, self._system, method, path, *parts, timeout=_LONGEST_CALL, **options
        )
        return _Answer(status, headers, content)

    def _split(self, key: str) -> tuple[str, str]:
        bucket, name, _ = self._system.split_path(key)
        return bucket, name


class _Sender:
    """Sends a file through a session, one part a step."""

    def __init__(self, client: GcsClient, session: str, source: Source, received: int | None) -> None:
        self._client = client
        self._session = session
        self._source = source
        self.received = received

    def step(self) -> bool:
        """Sends the next part, from where the server is; whether all is there."""
        if self.received is None and self._is_done(b"", f"bytes */{self._source.size}"):
            return True
        start, self.received = self.received or 0, None
        content = self._source.part(start)
        if self._is_done(content, f"bytes {start}-{start + len(content) - 1}/{self._source.size}"):
            return True
        if (self.received or 0) <= start:
            raise ConnectionError("the server kept nothing of what was sent")
        return False

    def _is_done(self, content: bytes, place: str) -> bool:
        """Whether the answer says that all is there; otherwise it says how much is."""
        headers = {"Content-Range": place, "Content-Type": _CONTENT_TYPE}
        answer = self._client.once("PUT", self._session, headers=headers, data=content)
        if answer.status != 308:
            return True
        end = answer.headers.get("Range", "").rpartition("-")[2]
        have = int(end) + 1 if end else 0
        self.received = have - have % _UNIT
        return False


def _about(name: str, sha256: str, md5: bytes) -> dict[str, Any]:
    return {"name": name, "md5Hash": base64.b64encode(md5).decode(), "metadata": {"sha256": sha256}}


def _is_gone(error: Exception) -> bool:
    """Whether the server knows no such session any more."""
    return isinstance(error, FileNotFoundError) or str(getattr(error, "code", None)) == "410"
