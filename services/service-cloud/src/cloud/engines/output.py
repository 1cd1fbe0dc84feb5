"""What a command prints, taken apart: how far it is, its error, its last words; the rest goes into a log."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections import deque
from pathlib import Path
from typing import Any, Final

from shared_libs.common.jobs import Progress

LOG: Final = "log.txt"

_LONGEST_LINE: Final = 64 * 1024
_LONGEST_SHOWN: Final = 500
_LINES_KEPT: Final = 20
_PIECE_KEPT: Final = 2 * 1024 * 1024
_LEFT_OUT: Final = b"\n[... what was printed in between is left out ...]\n"
_PROGRESS: Final = b'{"laxai_progress"'
_ERROR: Final = "error: "
_ESCAPES: Final = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|[@-Z\\-_])")
_LARGEST: Final = 2**53


class Log:
    """A file that grows at its end; of what is too long for it, the first and the last 2 MiB stay.

    A log that cannot be written is not worth a job: what goes wrong with the file is passed over.
    """

    def __init__(self, path: Path, piece: int = _PIECE_KEPT) -> None:
        """piece: how many bytes stay of the beginning, and at least of the end."""
        self._path, self._piece = path, piece

    def add(self, data: bytes) -> None:
        """Adds `data` at the end."""
        with contextlib.suppress(OSError):
            with open(self._path, "ab") as file:
                file.write(data)
                size = file.tell()
            if size > 3 * self._piece:
                self._shorten(size)

    def _shorten(self, size: int) -> None:
        shorter = self._path.with_name(f".{self._path.name}.tmp")
        with open(self._path, "rb") as file, open(shorter, "wb") as kept:
            kept.write(file.read(self._piece))
            kept.write(_LEFT_OUT)
            file.seek(size - self._piece)
            kept.write(file.read())
        os.replace(shorter, self._path)


class Output:
    """Takes bytes as they come, whatever they are; a line of more than 64 KiB is several.

    progress: the latest. error: what followed `error: ` in the last line that began so. lines: the last 20 that were
    not empty, as one can show them.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._begun = b""
        self.progress: Progress | None = None
        self.error: str | None = None
        self.lines: deque[str] = deque(maxlen=_LINES_KEPT)

    def feed(self, data: bytes) -> None:
        """Takes what was printed next."""
        lines = [piece for line in (self._begun + data).split(b"\n") for piece in _pieces(line)]
        self._begun = lines.pop()
        if plain := [line for line in lines if not self._is_progress(line)]:
            self._log.add(b"\n".join(plain) + b"\n")
            for line in plain:
                self._note(line)

    def close(self) -> None:
        """Takes the last line, where no end of line followed it."""
        if self._begun:
            self.feed(b"\n")

    def _is_progress(self, line: bytes) -> bool:
        if not line.startswith(_PROGRESS):
            return False
        try:
            self.progress = _progress_of(json.loads(line)["laxai_progress"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return False
        return True

    def _note(self, line: bytes) -> None:
        # Of a line that was written over again and again, the last state is what one saw.
        text = line.decode("utf-8", "replace").rstrip().rpartition("\r")[2][: 4 * _LONGEST_SHOWN]
        text = "".join(c if c.isprintable() else " " for c in _ESCAPES.sub("", text)).strip()[:_LONGEST_SHOWN]
        if text:
            self.lines.append(text)
        if text.startswith(_ERROR):
            self.error = text.removeprefix(_ERROR)


def _pieces(line: bytes) -> list[bytes]:
    return [line[start : start + _LONGEST_LINE] for start in range(0, max(len(line), 1), _LONGEST_LINE)]


def _progress_of(said: dict[str, Any]) -> Progress:
    """Raises KeyError, TypeError or ValueError where it is none."""
    done, total, unit = _count(said["done"]), said.get("total"), said.get("unit", "")
    if not isinstance(said["stage"], str) or not isinstance(unit, str):
        raise TypeError("a stage and a unit are text")
    if total is not None:
        done = min(done, _count(total))
    of = f" of {total:,}" if total is not None else ""
    return Progress(stage=said["stage"][:64], done=done, total=total, message=f"{done:,}{of} {unit}"[:100].strip())


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value < _LARGEST:
        raise ValueError("not a count")
    return value
