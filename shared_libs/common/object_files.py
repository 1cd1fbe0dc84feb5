"""Files of storage in an object store behind fsspec."""

import contextlib
import hashlib
import logging
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from shared_libs.common.errors import InputError, OutputError, TransientError, UserError
from shared_libs.common.files import temporary_beside
from shared_libs.common.folder_transfers import Allowed, download_files, is_name, upload_files
from shared_libs.common.gcs_objects import GcsClient
from shared_libs.common.object_client import ObjectClient, Stored
from shared_libs.common.plain_objects import PlainClient
from shared_libs.common.s3_objects import S3Client
from shared_libs.common.storage_failures import Retry, reading, writing
from shared_libs.common.transfers import PART, Report, Source, check_range, is_same, is_taken, make_folder, reporting

# What goes wrong is said once, in an error, and not in the clients' logs as well, unless somebody has set those up.
for _client in ("fsspec", "gcsfs", "s3fs"):
    logging.getLogger(_client).addHandler(logging.NullHandler())

_CLIENTS: dict[str, type[S3Client | GcsClient]] = {
    "s3": S3Client,
    "s3a": S3Client,
    "gs": GcsClient,
    "gcs": GcsClient,
}


class ObjectFiles:
    """Objects below a URL."""

    def __init__(self, url: str, retry: Retry | None = None) -> None:
        """Raises InputError where the URL cannot be used here."""
        self._url = re.sub(r"://[^/@]*@", "://", url)  # for messages, so without a password
        scheme = url.partition("://")[0]
        try:
            self._client, root = _connected(scheme, url, retry or Retry())
        except ImportError as error:
            hint = "install it beside this program, or name a folder (LAXAI_STORAGE)"
            raise InputError(self._url, f"needs a package that is not installed: {error}", hint=hint) from None
        except Exception as error:  # the clients' own kinds share no base
            hint = "name a folder, or a URL such as s3://bucket/laxai (LAXAI_STORAGE)"
            raise InputError(self._url, f"cannot be used as storage: {error}", hint=hint) from error
        self._root = root.rstrip("/")
        if not self._root and scheme != "memory":
            raise InputError(self._url, "names no bucket", hint="name one, as in s3://bucket/laxai")

    def place(self, path: str = "") -> str:
        """Where a file is."""
        return f"{self._url.rstrip('/')}/{path}" if path else self._url

    def folders(self, path: str) -> list[str]:
        """Names of the folders in a folder, none where that is not there."""
        with reading(self.place(path)):
            try:
                names = self._client.folders(self._key(path))
            except FileNotFoundError:
                self._check_bucket()
                return []
        return sorted(filter(is_name, names))

    def names(self, folder: str) -> list[str]:
        """All files below a folder, relative to it, in order; none where it is not there."""
        return list(self.sizes(folder))

    def sizes(self, folder: str) -> dict[str, int]:
        """The files that `names` gives, and their bytes."""
        with reading(self.place(folder)):
            try:
                found = self._client.sizes(self._key(folder))
            except FileNotFoundError:
                self._check_bucket()
                return {}
        return {name: size for name, size in sorted(found.items()) if is_name(name)}

    def size(self, path: str) -> int | None:
        """Bytes of a file, None where there is none."""
        with reading(self.place(path)):
            found = self._client.stored(self._key(path))
            if found is None:
                self._check_bucket()
        return found.size if found is not None else None

    def read(self, path: str) -> bytes | None:
        """The whole file, None where there is none."""
        with reading(self.place(path)):
            try:
                return self._client.read(self._key(path))
            except FileNotFoundError:
                self._check_bucket()
                return None

    def read_range(self, path: str, start: int, length: int) -> bytes:
        """`length` bytes from the 0-based `start`, or as many as there are. InputError also where there is no file."""
        check_range(start, length)
        with reading(self.place(path)):
            return self._client.read(self._key(path), start, length) if length else b""

    def sha256(self, path: str) -> str:
        """64 lower-case hex digits, of the bytes that are there. InputError also where there is no such file."""
        sha256 = hashlib.sha256()
        for chunk in self._chunks(path, self._stored(path)):
            sha256.update(chunk)
        return sha256.hexdigest()

    def copy(self, path: str, target: Path, *, report: Report | None = None) -> None:
        """To a file on this machine, which need not be whole when this raises.

        InputError also where there is no such file, and where it is not what was once uploaded; OSError where `target`
        fails.
        """
        stored = self._stored(path)
        sha256, done = hashlib.sha256(), 0
        with open(target, "wb") as copy:
            for chunk in self._chunks(path, stored):
                copy.write(chunk)
                sha256.update(chunk)
                done += len(chunk)
                if report is not None:
                    report(done, stored.size)
        if stored.sha256 not in (None, sha256.hexdigest()):
            cause = "is damaged: it is not what was uploaded"
            raise InputError(self.place(path), cause, hint="remove it, and upload it again")

    def download(self, path: str, target: Path, *, report: Report | None = None) -> None:
        """A copy at `target`, whole or not there; nothing is done where it is the same already."""
        stored = self._stored(path)
        sha256 = stored.sha256
        if sha256 is None or not is_same(target, stored.size, lambda: sha256):
            make_folder(target.parent)
            with temporary_beside(target) as temporary, reporting(report) as call:
                self.copy(path, temporary, report=call)
        elif report is not None:
            report(stored.size, stored.size)

    def download_folder(self, folder: str, target: Path, *, report: Report | None = None) -> None:
        """Copies of all files below a folder; those that are the same already are left as they are.

        InputError where there are none.
        """
        download_files(self, folder, target, report)

    def write(self, path: str, content: bytes) -> None:
        """One file, in place of an older one."""
        with self._writing(path):
            self._client.put(self._key(path), content)

    def upload(self, source: Path, path: str, *, report: Report | None = None) -> None:
        """A copy of `source`, in place of an older one, visible when it is whole.

        Goes on where an upload of the same content broke off (s3://, gs://), for which a file `.{name}.upload.json`
        stands beside the source as long as one is under way. Nothing is done where it is there already.
        """
        measured = Source.measured(source)
        with reporting(report) as call, self._writing(path):
            if self._is_there(path, measured):
                call(measured.size, measured.size)
            else:
                self._client.upload(self._key(path), measured, call)

    def upload_folder(
        self, source: Path, folder: str, *, last: str, allowed: Allowed, report: Report | None = None
    ) -> None:
        """Copies of all files below `source`, and of its file `last` when all others are there.

        `allowed` is called before each file. InputError for a symbolic link among them.
        """
        upload_files(self, source, folder, last, allowed, report)

    def remove_folder(self, folder: str) -> None:
        """All below a folder, its own JSON documents first: without them what is left is nobody's. Nothing is no error.

        Ends unfinished uploads into it as well.
        """
        key = self._key(folder)
        with self._writing(folder):
            try:
                names = sorted(self._client.sizes(key))
            except FileNotFoundError:
                self._check_bucket()
                return
            first = [name for name in names if "/" not in name and name.endswith(".json")]
            for chosen in (first, [name for name in names if name not in set(first)]):
                self._client.remove([f"{key}/{name}" for name in chosen])
            self._client.abandon(key)

    def add(self, folder: str, files: Mapping[str, Path], last: str, content: bytes) -> None:
        """Copies of `files`, which can be read, in a folder, and then the file `last`.

        OutputError where that is there already.
        """
        if self.read(f"{folder}/{last}") is not None:
            raise is_taken(self.place(folder))
        try:
            for name, source in files.items():
                self.upload(source, f"{folder}/{name}")
            self.write(f"{folder}/{last}", content)
        except BaseException:
            with contextlib.suppress(Exception):
                self._client.remove([self._key(f"{folder}/{name}") for name in files])
            raise

    def _key(self, path: str) -> str:
        return f"{self._root}/{path}" if path else self._root

    def _stored(self, path: str) -> Stored:
        with reading(self.place(path)):
            stored = self._client.stored(self._key(path))
            if stored is None:
                self._check_bucket()
                raise FileNotFoundError
        return stored

    def _is_there(self, path: str, source: Source) -> bool:
        stored = self._client.stored(self._key(path))
        if stored is None or stored.size != source.size:
            return False
        return (stored.sha256 or self.sha256(path)) == source.sha256

    def _chunks(self, path: str, stored: Stored) -> Iterator[bytes]:
        """A file's content, bit by bit. Raises TransientError where the file is replaced meanwhile."""
        place, key = self.place(path), self._key(path)
        for start in range(0, stored.size, PART):
            wanted = min(PART, stored.size - start)
            with reading(place):
                chunk = self._client.read(key, start, wanted)
            if len(chunk) != wanted:
                raise _replaced(place)
            yield chunk
        with reading(place):
            if stored.size > PART and self._client.stored(key) != stored:
                raise _replaced(place)

    def _check_bucket(self) -> None:
        """InputError where what the URL begins with is not there. Nothing makes a bucket by writing to it."""
        if not self._has_bucket():
            bucket = self._root.partition("/")[0]
            raise InputError(self._url, f"there is no bucket {bucket}", hint="check the name, or make the bucket")

    def _has_bucket(self) -> bool:
        bucket = self._root.partition("/")[0]
        return not bucket or "://" in self._root or self._client.has_bucket(bucket)

    @contextlib.contextmanager
    def _writing(self, path: str) -> Iterator[None]:
        """Whatever the client raises inside the block is about writing `path`: OutputError, or TransientError."""
        place = self.place(path)
        with writing(place):
            try:
                yield
            except UserError:
                raise
            except FileNotFoundError as error:
                if self._has_bucket():
                    cause = "the upload was ended by somebody else"
                    raise TransientError(place, cause, hint="try again later") from error
                cause, hint = "cannot be written: there is no such bucket", "check the name, or make the bucket"
                raise OutputError(place, cause, hint=hint) from error


def _connected(scheme: str, url: str, retry: Retry) -> tuple[ObjectClient, str]:
    """The client that knows the scheme, and the key of what the URL names."""
    return _CLIENTS[scheme].connected(url, retry) if scheme in _CLIENTS else PlainClient.connected(url, retry)


def _replaced(place: str) -> TransientError:
    return TransientError(place, "was replaced while it was read", hint="try again")
