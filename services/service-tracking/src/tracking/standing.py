"""How far a run has got: for its progress bar, and for whoever cuts it short."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from shared_libs.utils.progress import progress
from tracking.checkpoint import Checkpoint, Watcher


class Standing:
    """Follows the stages of a run that can be gone on with."""

    def __init__(self, checkpoint: Checkpoint, say: Callable[[str], None]) -> None:
        """`say` is told where a stage goes on from."""
        self._checkpoint = checkpoint
        self._say = say
        self._words = ""
        self.earlier_seconds = 0.0
        """Time that earlier runs have spent on what did not have to be done again."""

    @contextlib.contextmanager
    def stage(self, name: str, total: int) -> Iterator[Watcher]:
        """A stage of `total` frames, with its bar."""
        with progress(total, name, "frames") as bar:
            yield _Stage(self, bar, name, total)

    @contextlib.contextmanager
    def noted(self) -> Iterator[None]:
        """Whatever ends the block early carries a note of where the same command will go on from, if anywhere."""
        try:
            yield
        except BaseException as error:
            if not self._checkpoint.is_empty:
                error.add_note(self._words)
            raise

    def _stands(self, name: str, saved: int, total: int) -> None:
        self._words = f"at frame {saved:,} of {total:,} ({name})"


class BarWatcher(Watcher):
    """Shows on a bar how far a stage is."""

    def __init__(self, bar: progress) -> None:
        self._bar = bar

    def started(self, done: int, work_seconds: float) -> None:
        if done:
            self._bar.start_at(done)

    def progressed(self, done: int) -> None:
        self._bar.update(done)


class _Stage(BarWatcher):
    def __init__(self, standing: Standing, bar: progress, name: str, total: int) -> None:
        super().__init__(bar)
        self._standing, self._name, self._total = standing, name, total

    def started(self, done: int, work_seconds: float) -> None:
        self._standing.earlier_seconds += work_seconds
        self.saved(done)
        if done:
            self._standing._say(f"{self._name}: going on from frame {done:,} of {max(done, self._total):,}")
        super().started(done, work_seconds)

    def saved(self, done: int) -> None:
        self._standing._stands(self._name, done, max(done, self._total))
