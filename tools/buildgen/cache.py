"""Keeps what was read, by content, so that a second run reads only what changed.

One file per workspace below the user's cache folder. It is never needed: a missing, damaged, foreign or unwritable one
means that everything is read again.
"""

import contextlib
import marshal
import os
import sys
import time

# Not through hashlib, which takes longer to load than all digests of a run.
from _blake2 import blake2b
from typing import Any

#: Changes of the file's own form; changes of the scanner show in its files' sizes and times.
_FORM = 2
#: A file that was changed less than this before it was read may change again without its time changing.
_RACY_NS = 2_000_000_000
#: How many hex digits of a digest stand before what is kept.
_DIGEST = 32
_MONTH = 30 * 24 * 3600.0


class Cache:
    """What is known of files: `get` it by path, time and size, else by content; `save` at the end."""

    def __init__(self, root: str, readers: tuple[str, ...], folder: str | None = None) -> None:
        """`readers` are the source files whose results are kept: when one changes, nothing is known."""
        self._path = os.path.join(folder or _cache_folder(), f"{_name(root)}.cache")
        self._key = [_FORM, sys.version, *([path, *_stat(path)] for path in readers)]
        self._known: dict[str, dict[str, Any]] = {}
        self._next: dict[str, dict[str, Any]] = {}
        self._changed = False
        try:
            with open(self._path, "rb") as file:
                data = file.read()
            # Python's own form is read several times faster than JSON, and must not be read where it is damaged.
            body = data[_DIGEST:]
            stored = marshal.loads(body) if data[:_DIGEST] == digest_of(body).encode() else {}
            if stored["key"] == self._key:
                known = stored["known"]
                if all(isinstance(part, dict) for part in known.values()):
                    self._known = known
        except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError):
            pass

    def fresh(self, part: str, path: str, stat: tuple[int, int]) -> Any:
        """What is known of a file that has neither another time nor another size since; None otherwise."""
        entry = self._known.get(part, {}).get(path)
        try:
            if entry is None or entry[0] != stat[0] or entry[1] != stat[1]:
                return None
            result = entry[3]
        except (TypeError, IndexError, KeyError):
            return None
        self._next.setdefault(part, {})[path] = entry
        return result

    def by_content(self, part: str, path: str, stat: tuple[int, int], digest: str) -> Any:
        """What is known of a file whose contents are the same as before; None otherwise."""
        entry = self._known.get(part, {}).get(path)
        try:
            if entry is None or entry[2] != digest:
                return None
            result = entry[3]
        except (TypeError, IndexError, KeyError):
            return None
        self.put(part, path, stat, digest, result)
        return result

    def put(self, part: str, path: str, stat: tuple[int, int], digest: str, result: Any) -> None:
        """Remembers what was read from a file."""
        racy = time.time_ns() - stat[0] < _RACY_NS
        self._next.setdefault(part, {})[path] = [0 if racy else stat[0], stat[1], digest, result]
        self._changed = True

    def recall(self, part: str, key: str) -> Any:
        """Something that was remembered under a key that says all about it."""
        value = self._known.get(part, {}).get(key)
        if value is not None:
            self._next.setdefault(part, {})[key] = value
        return value

    def remember(self, part: str, key: str, value: Any) -> None:
        self._next.setdefault(part, {})[key] = value
        self._changed = True

    def save(self) -> None:
        """Writes what was used in this run; silently not where that is not possible."""
        if not self._changed and all(
            len(self._next.get(part, {})) == len(known) for part, known in self._known.items()
        ):
            return
        body = marshal.dumps({"key": self._key, "known": self._next})
        with contextlib.suppress(OSError):
            folder = os.path.dirname(self._path)
            os.makedirs(folder, exist_ok=True)
            if not os.path.exists(self._path):
                _forget_old(folder)
            temporary = f"{self._path}.{os.getpid()}.tmp"
            try:
                with open(temporary, "wb") as file:
                    file.write(digest_of(body).encode())
                    file.write(body)
                os.replace(temporary, self._path)
            except OSError:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)


def _forget_old(folder: str) -> None:
    """Removes what belongs to workspaces that have not been used for a month: copies, temporary ones."""
    for entry in os.scandir(folder):
        if entry.name.endswith((".cache", ".json", ".tmp")) and time.time() - entry.stat().st_mtime > _MONTH:
            os.unlink(entry.path)


def digest_of(data: bytes) -> str:
    """What stands for contents: 32 hex digits."""
    return str(blake2b(data, digest_size=16).hexdigest())


def _cache_folder() -> str:
    base = os.environ.get("LAXAI_CACHE")
    if base:
        return os.path.join(base, "buildgen")
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(home, "laxai", "buildgen")


def _name(root: str) -> str:
    return digest_of(os.fsencode(os.path.realpath(root)))[:16]


def _stat(path: str) -> list[int]:
    try:
        status = os.stat(path)
    except OSError:
        return [0, 0]
    return [status.st_mtime_ns, status.st_size]
