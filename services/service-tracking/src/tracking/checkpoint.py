"""What a run that was cut short can go on from: small files, each whole and of this very command, or not used."""

from __future__ import annotations

import hashlib
import io
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared_libs.common.files import atomic_write
from tracking.outputs import SAVED, has_saved

Arrays = dict[str, NDArray[Any]]


class Watcher:
    """Is told how far a stage of a run is; this one does not mind."""

    def started(self, done: int, work_seconds: float) -> None:
        """`done` frames are done from earlier runs, which took them `work_seconds`."""

    def progressed(self, done: int) -> None:
        """`done` frames are done."""

    def saved(self, done: int) -> None:
        """`done` frames need not be done again, whatever happens to this run."""


SECONDS_BETWEEN_SAVES = 3.0
LARGEST_SHARE = 0.02
"""Of the time, that goes into saving."""


class SavePace:
    """When a stage saves on its way: every few seconds, and less often where saving takes long."""

    def __init__(self) -> None:
        self._next = time.monotonic() + SECONDS_BETWEEN_SAVES

    def save_if_due(self, save: Callable[[], None]) -> None:
        """Calls `save` if it is time."""
        now = time.monotonic()
        if now < self._next:
            return
        save()
        took = time.monotonic() - now
        self._next = now + took + max(SECONDS_BETWEEN_SAVES, took / LARGEST_SHARE)


_MAGIC = b"LaxAI checkpoint 2\n"
_DIGEST = hashlib.sha256().digest_size
_MANIFEST = "command.json"


class Checkpoint:
    """Arrays by name in a folder, for one command alone.

    A file counts only if its check sum is right and it was saved under the same `command`: everything that decides what
    is saved – inputs by their SHA-256, settings, versions – by name, as JSON can hold it.
    """

    def __init__(
        self,
        folder: Path,
        command: Mapping[str, object],
        *,
        fresh: bool = False,
        say: Callable[[str], None] = lambda words: None,
    ) -> None:
        """Takes over what `folder` holds of the same command and removes the rest, telling `say` why.

        `fresh`: removes all of it. Raises OSError or OutputError where the folder cannot be written.
        """
        self._folder = folder
        self._say = say
        text = json.dumps(command, sort_keys=True, indent=1)
        self._key = hashlib.sha256(text.encode()).digest()
        before = _read(folder / _MANIFEST)
        if before == text.encode() and not fresh:
            return
        if has_saved(folder):
            if not fresh:
                say(f"starting afresh: {_what_differs(before, json.loads(text))}")
            for path in folder.glob(f"*{SAVED}"):
                path.unlink()
        with atomic_write(folder / _MANIFEST) as file:
            file.write(text.encode())

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to go on from."""
        return not has_saved(self._folder)

    def save(self, name: str, arrays: Mapping[str, NDArray[Any]], depends_on: bytes = b"") -> None:
        """Keeps `arrays` under `name`, in place of what stood there. `depends_on`: what else they were made from.

        Raises OutputError where the folder cannot be written; what stood there before then still does.
        """
        content = io.BytesIO()
        np.savez(content, **arrays)  # type: ignore[arg-type]
        view = content.getbuffer()
        with atomic_write(self._path(name)) as file:
            file.write(_MAGIC)
            made_from = hashlib.sha256(depends_on).digest()
            file.write(made_from)
            file.write(self._sum(name, made_from, view))
            file.write(view)

    def load(self, name: str, depends_on: bytes = b"") -> Arrays | None:
        """What was saved under `name`, or None where there is none, it is damaged, or was made from something else."""
        content = _read(self._path(name))
        if content is None:
            return None
        start = len(_MAGIC) + 2 * _DIGEST
        made_from, view = content[len(_MAGIC) : len(_MAGIC) + _DIGEST], memoryview(content)[start:]
        if content[:start] != _MAGIC + made_from + self._sum(name, made_from, view):
            self._say(f"a saved part ({name}) is damaged, or of another version; it is made anew")
            return None
        if made_from != hashlib.sha256(depends_on).digest():
            self._say(f"a saved part ({name}) was made for something else than is wanted now; it is made anew")
            return None
        with np.load(io.BytesIO(view)) as arrays:
            return dict(arrays)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}{SAVED}"

    def _sum(self, name: str, made_from: bytes, content: memoryview) -> bytes:
        digest = hashlib.sha256(self._key)
        digest.update(hashlib.sha256(name.encode()).digest() + made_from)
        digest.update(content)
        return digest.digest()


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _what_differs(before: bytes | None, now: dict[str, Any]) -> str:
    """Why what is there is not of use, in words."""
    try:
        old = json.loads(before or b"")
        names = [name for name in sorted({*old, *now}) if old.get(name) != now.get(name)]
    except (ValueError, AttributeError, TypeError):
        return "what an earlier run left there cannot be read"
    return f"an earlier run that was cut short there had another {' and '.join(names) or 'form'}"
