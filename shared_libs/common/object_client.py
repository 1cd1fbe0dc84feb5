"""What every object store can do, by whatever client: the calls of which `object_files.py` makes its promises.

A key is the whole path of an object, as in "bucket/reds/videos/…". Every call is tried again while its errors are
transient; then, and for all others, the client's own error is raised: FileNotFoundError where there is no such bucket
or object.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from shared_libs.common.transfers import Report, Source


class Stored(NamedTuple):
    """An object: its bytes, its SHA-256 where that was stored with it, and what changes when it is replaced."""

    size: int
    sha256: str | None
    version: str


class ObjectClient(Protocol):
    """An object store."""

    def has_bucket(self, bucket: str) -> bool:
        """Whether there is such a bucket, as far as one may know."""

    def folders(self, key: str) -> list[str]:
        """Names of the folders in a folder."""

    def sizes(self, key: str) -> dict[str, int]:
        """All objects below a folder, relative to it, and their bytes."""

    def stored(self, key: str) -> Stored | None:
        """What is known of an object, None where there is none."""

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """An object, or as much of a range as there is."""

    def put(self, key: str, content: bytes) -> None:
        """An object in place of an older one, all at once."""

    def upload(self, key: str, source: Source, report: Report) -> None:
        """As `put`, of a file of any size; goes on where an upload of the same content broke off, if the store can."""

    def remove(self, keys: Sequence[str]) -> None:
        """Takes objects away; none of them need be there."""

    def abandon(self, key: str) -> None:
        """Ends the uploads below a folder that broke off."""
