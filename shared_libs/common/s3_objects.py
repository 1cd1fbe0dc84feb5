"""Amazon S3 and what speaks like it, through s3fs.

A large file is a multipart upload, which nobody sees until it is completed. Each part carries its MD5, by which the
server refuses what was damaged on the way; the SHA-256 of the whole is stored with the object.
"""

import base64
import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import fsspec

from shared_libs.common.object_client import Stored
from shared_libs.common.storage_failures import Retry, is_transient
from shared_libs.common.transfers import PART, Report, Source
from shared_libs.common.unfinished_uploads import (
    UnfinishedUpload,
    forget_upload,
    remember_upload,
    unfinished_upload,
)

_STORE = "s3"
_MOST_PARTS = 10_000
_MOST_REMOVED = 1000  # by one call

# How often a call is tried is `Retry`'s matter alone; a checksum of our own goes with every call that writes.
_CLIENT: dict[str, Any] = {
    "connect_timeout": 10,
    "read_timeout": 120,  # seconds; sending a part over a slow line counts
    "retries": {"max_attempts": 0},
    "request_checksum_calculation": "when_required",
    "response_checksum_validation": "when_required",
}


class S3Client:
    """The buckets that somebody's credentials give access to."""

    def __init__(self, system: Any, retry: Retry) -> None:
        self._system = system
        self._retry = retry

    @staticmethod
    def connected(url: str, retry: Retry) -> "tuple[S3Client, str]":
        """The client, and the key of what the URL names."""
        configured = fsspec.config.conf.get("s3", {}).get("config_kwargs", {})
        system, root = fsspec.url_to_fs(
            url, config_kwargs=configured | _CLIENT, use_listings_cache=False, skip_instance_cache=True
        )
        system.retries = 1
        return S3Client(system, retry), root

    def has_bucket(self, bucket: str) -> bool:
        try:
            self._call("head_bucket", Bucket=bucket)
        except FileNotFoundError:
            return False
        except PermissionError:  # of the bucket itself; its objects may be another matter
            return True
        return True

    def folders(self, key: str) -> list[str]:
        prefix = f"{key}/"
        pages = self._pages("list_objects_v2", prefix, Delimiter="/")
        found = [entry["Prefix"] for page in pages for entry in page.get("CommonPrefixes", ())]
        return [name.rstrip("/").rpartition("/")[2] for name in found]

    def sizes(self, key: str) -> dict[str, int]:
        prefix = f"{key}/"
        start = len(self._split(prefix)[1])
        pages = self._pages("list_objects_v2", prefix)
        return {entry["Key"][start:]: entry["Size"] for page in pages for entry in page.get("Contents", ())}

    def stored(self, key: str) -> Stored | None:
        bucket, name = self._split(key)
        try:
            found = self._call("head_object", Bucket=bucket, Key=name)
        except FileNotFoundError:
            return None
        return Stored(found["ContentLength"], found.get("Metadata", {}).get("sha256"), str(found.get("ETag")))

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        if start == 0 and length is None:
            return bytes(self._retry(lambda: self._system.cat_file(key, max_concurrency=1)))
        end = None if length is None else start + length
        try:
            return bytes(self._retry(lambda: self._system.cat_file(key, start=start, end=end)))
        except OSError as error:
            if _code(error) in ("InvalidRange", "416"):  # begins behind the end
                return b""
            raise

    def put(self, key: str, content: bytes) -> None:
        bucket, name = self._split(key)
        self._call(
            "put_object",
            Bucket=bucket,
            Key=name,
            Body=content,
            ContentMD5=_md5(content),
            Metadata={"sha256": hashlib.sha256(content).hexdigest()},
        )

    def upload(self, key: str, source: Source, report: Report) -> None:
        if source.size <= PART:
            self.put(key, source.whole())
            report(source.size, source.size)
            return
        bucket, name = self._split(key)
        session, there = self._resumed(key, source)
        if session is None:
            created = self._call("create_multipart_upload", Bucket=bucket, Key=name, Metadata={"sha256": source.sha256})
            session = created["UploadId"]
            remember_upload(source.path, UnfinishedUpload(store=_STORE, key=key, session=session, sha256=source.sha256))
        try:
            parts = self._send(key, session, source, there, report)
            self._complete(key, session, parts, source.sha256)
        except Exception as error:
            if not is_transient(error):
                self._abort(key, session)
                forget_upload(source.path)
            raise
        forget_upload(source.path)

    def remove(self, keys: Sequence[str]) -> None:
        for first in range(0, len(keys), _MOST_REMOVED):
            split = [self._split(key) for key in keys[first : first + _MOST_REMOVED]]
            delete = {"Objects": [{"Key": name} for _, name in split], "Quiet": True}
            self._retry(lambda bucket=split[0][0], delete=delete: self._remove(bucket, delete))  # type: ignore[misc]

    def abandon(self, key: str) -> None:
        bucket, _ = self._split(key)
        try:
            pages = list(self._pages("list_multipart_uploads", f"{key}/"))
        except Exception as error:
            if is_transient(error):
                raise
            return  # not everybody may ask for them, and not every server can tell
        for upload in (upload for page in pages for upload in page.get("Uploads", ())):
            self._abort(f"{bucket}/{upload['Key']}", upload["UploadId"])

    def _resumed(self, key: str, source: Source) -> tuple[str | None, dict[int, tuple[int, str]]]:
        """The session of a broken-off upload of the same content, and its parts: bytes and MD5, by their number."""
        known = unfinished_upload(source.path, _STORE)
        if known is None:
            return None, {}
        if (known.key, known.sha256) != (key, source.sha256):
            self._abort(known.key, known.session)
            return None, {}
        _, name = self._split(key)
        try:
            pages = list(self._pages("list_parts", key, Key=name, UploadId=known.session))
        except FileNotFoundError:
            return None, {}
        found = [part for page in pages for part in page.get("Parts", ())]
        return known.session, {part["PartNumber"]: (part["Size"], part["ETag"].strip('"')) for part in found}

    def _send(
        self, key: str, session: str, source: Source, there: dict[int, tuple[int, str]], report: Report
    ) -> list[dict[str, Any]]:
        """Sends the parts that are not there yet; gives what completes the upload."""
        bucket, name = self._split(key)
        sha256 = hashlib.sha256()
        parts = []
        for number, content in enumerate(_parts(source), start=1):
            sha256.update(content)
            md5 = hashlib.md5(content, usedforsecurity=False)
            # Under some kinds of encryption the ETag is no MD5; such a part is sent again.
            tag = there[number][1] if there.get(number) == (len(content), md5.hexdigest()) else None
            if tag is None:
                sent = self._call(
                    "upload_part",
                    Bucket=bucket,
                    Key=name,
                    UploadId=session,
                    PartNumber=number,
                    Body=content,
                    ContentMD5=base64.b64encode(md5.digest()).decode(),
                )
                tag = sent["ETag"]
            parts.append({"PartNumber": number, "ETag": tag})
            report(min(number * _part_size(source.size), source.size), source.size)
        if sha256.hexdigest() != source.sha256:
            raise source.changed()
        return parts

    def _complete(self, key: str, session: str, parts: list[dict[str, Any]], sha256: str) -> None:
        bucket, name = self._split(key)
        try:
            self._call(
                "complete_multipart_upload",
                Bucket=bucket,
                Key=name,
                UploadId=session,
                MultipartUpload={"Parts": parts},
            )
        except FileNotFoundError:  # done by a call of which the answer was lost
            found = self.stored(key)
            if found is None or found.sha256 != sha256:
                raise

    def _abort(self, key: str, session: str) -> None:
        bucket, name = self._split(key)
        with contextlib.suppress(Exception):  # nobody sees it, and it may be gone
            self._call("abort_multipart_upload", Bucket=bucket, Key=name, UploadId=session)

    def _remove(self, bucket: str, delete: dict[str, Any]) -> None:
        answer = self._system.call_s3("delete_objects", Bucket=bucket, Delete=delete)
        for failed in answer.get("Errors", ()):
            if failed.get("Code") == "AccessDenied":
                raise PermissionError(failed.get("Message"))
            raise ConnectionError(f"{failed.get('Key')} stays: {failed.get('Code')}")

    def _pages(self, method: str, key: str, **options: Any) -> Iterator[dict[str, Any]]:
        """The answers to a call that tells a long list bit by bit."""
        bucket, name = self._split(key)
        if method != "list_parts":
            options["Prefix"] = name
        while True:
            page = self._call(method, Bucket=bucket, **options)
            yield page
            if not page.get("IsTruncated"):
                return
            for marker, following in _MARKERS[method].items():
                options[marker] = page[following]

    def _call(self, method: str, **options: Any) -> Any:
        return self._retry(lambda: self._system.call_s3(method, **options))

    def _split(self, key: str) -> tuple[str, str]:
        bucket, name, _ = self._system.split_path(key)
        return bucket, name


# How to ask for the rest of a list: the option, and where the answer before has it.
_MARKERS = {
    "list_objects_v2": {"ContinuationToken": "NextContinuationToken"},
    "list_parts": {"PartNumberMarker": "NextPartNumberMarker"},
    "list_multipart_uploads": {"KeyMarker": "NextKeyMarker", "UploadIdMarker": "NextUploadIdMarker"},
}


def _part_size(size: int) -> int:
    """Bytes of each part: whole multiples of PART, so that there are not too many."""
    return PART * -(-size // (PART * _MOST_PARTS))


def _parts(source: Source) -> Iterator[bytes]:
    size = _part_size(source.size)
    for start in range(0, source.size, size):
        yield b"".join(source.part(at) for at in range(start, min(start + size, source.size), PART))


def _md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


def _code(error: BaseException) -> str | None:
    """What the server calls an error."""
    response = getattr(error.__cause__, "response", None)
    return response["Error"].get("Code") if isinstance(response, dict) else None
