"""Where a demo leaves its results: a folder that the next one may use again, and nobody else's files."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from shared_libs.common.errors import OutputError
from shared_libs.common.files import temporary_beside
from shared_libs.utils.paths import user_path

_MARK = ".laxai-demo"
_SAYS = "A demo of LaxAI made this folder; the next one that is run here replaces what this one made.\n"
_FILM, _REPORT, _LOG, _STORAGE, _SCRATCH = "annotated.mp4", "report.html", "log", "storage", "scratch"
_MADE = (_FILM, _REPORT, _LOG, _STORAGE, _SCRATCH, "before.txt", "after.txt")


@dataclass(frozen=True, slots=True)
class DemoFolder:
    """typed: as the user wrote it, for what the user is to read. place: the same, absolute."""

    typed: Path
    place: Path

    @property
    def sample(self) -> Path:
        """For the sample clip, which its renderer replaces by itself."""
        return self.place / "sample"

    @property
    def storage(self) -> Path:
        """What the services keep."""
        return self.place / _STORAGE

    @property
    def scratch(self) -> Path:
        """What they need while they work."""
        return self.place / _SCRATCH

    @property
    def work(self) -> Path:
        """Where the worker has a folder for each job."""
        return self.scratch / "work"

    def log(self, part: str) -> Path:
        """What a part prints."""
        return self.place / _LOG / f"{part}.log"

    def tracks(self, which: str) -> Path:
        """For the tracks before or after, as MOTChallenge text."""
        return self.place / f"{which}.txt"

    def take_results(self, run: Path) -> None:
        """The annotated film and the report of a run. Raises OutputError."""
        for name in (_FILM, _REPORT):
            with temporary_beside(self.place / name) as temporary:
                shutil.copyfile(run / name, temporary)


@contextlib.contextmanager
def demo_folder(typed: Path) -> Iterator[DemoFolder]:
    """A folder with nothing of an earlier demo but its clip; no other demo may use it while the block runs.

    Raises OutputError where it cannot be had: it holds what no demo has made, or another demo uses it.
    """
    named = user_path(typed)
    place = named.absolute()
    with contextlib.ExitStack() as stack:
        try:
            place.mkdir(parents=True, exist_ok=True)
            if any(place.iterdir()) and not (place / _MARK).is_file():
                cause = "is not empty, and no demo has made it"
                raise OutputError(named, cause, hint="choose another folder with --out, or remove this one")
            mark = stack.enter_context((place / _MARK).open("w"))
            _lock(named, mark.fileno())
            mark.write(_SAYS)
            mark.flush()
            for name in _MADE:
                _remove(place / name)
            for name in (_LOG, _STORAGE, _SCRATCH):
                (place / name).mkdir()
        except FileExistsError as error:
            raise OutputError(named, "is a file, not a folder", hint="choose another --out") from error
        except OSError as error:
            raise OutputError.from_os_error(named, error) from error
        yield DemoFolder(typed, place)


def _lock(folder: Path, handle: int) -> None:
    """Until the handle is closed, however this process ends: programs that it starts do not inherit it."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        hint = "stop that one, or choose another --out"
        raise OutputError(folder, "another demo is running there", hint=hint) from error


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
