"""Long work shows a bar with an estimate on a terminal, plain lines elsewhere, and JSON to a program that asks."""

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Self, TextIO, TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

Item = TypeVar("Item")

SECONDS_BETWEEN_LINES = 5.0

PROGRESS_VARIABLE, PROGRESS_JSON = "LAXAI_PROGRESS", "json"
PROGRESS_FILE_VARIABLE = "LAXAI_PROGRESS_FILE"
"""Set in the environment by a program that starts this one: it wants JSON."""
SECONDS_BETWEEN_JSON = 0.5


class progress:
    """Reports how far a piece of work is, on stderr.

    As a context manager: `with progress(900, "tracking", "frames") as bar: … bar.advance()`; or around an
    iterable: `for frame in progress(900, "tracking", "frames").over(frames): …`.

    Args:
        total: how many steps there are; None where that is unknown (then there is no estimate).
        label: what is being done, in one or two words.
        unit: what a step is, in the plural.
        quiet: say nothing at all.
        stream: where to report; stderr unless given.
        clock: seconds that only ever rise.

    On a terminal it is one bar with the rate and the time left; otherwise one line at most every five seconds and
    one at the end of work that took longer than that. With LAXAI_PROGRESS=json in the environment it is, wherever,
    a line `{"laxai_progress": {"stage": label, "done": 40, "total": 900, "unit": unit}}` (total null where unknown) at
    the start, at the end, and at most every half second in between. The last of these lines stands in the file that
    LAXAI_PROGRESS_FILE names as well, for those who cannot read stderr; one that cannot be written is done without.
    """

    def __init__(
        self,
        total: int | None,
        label: str,
        unit: str = "steps",
        *,
        quiet: bool = False,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.total = total if total is None or total > 0 else None
        self.label = label
        self.unit = unit
        self.done = 0
        self._before = 0
        self._quiet = quiet
        self._stream = stream if stream is not None else sys.stderr
        self._clock = clock
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._started = self._spoken = clock()
        self._lines = 0
        self._is_json = os.environ.get(PROGRESS_VARIABLE) == PROGRESS_JSON
        self._file = os.environ.get(PROGRESS_FILE_VARIABLE) if self._is_json else None

    def __enter__(self) -> Self:
        self._started = self._spoken = self._clock()
        if self._quiet:
            return self
        if self._is_json:
            self._say(finished=False)
        elif self._stream.isatty():
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=None),
                TextColumn("{task.fields[counted]}"),
                TimeElapsedColumn(),
                TextColumn("left"),
                TimeRemainingColumn(),
                console=Console(file=self._stream),
                expand=True,
            )
            self._bar.start()
            self._task = self._bar.add_task(self.label, total=self.total, counted=self._counted())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._quiet:
            return
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        elif self._lines:
            self._say(finished=kind is None)

    def advance(self, steps: int = 1) -> None:
        """`steps` more steps are done."""
        self.update(self.done + steps)

    def update(self, done: int) -> None:
        """`done` steps are done in all."""
        self.done = done
        if self._quiet:
            return
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, counted=self._counted())
        elif self._clock() - self._spoken >= (SECONDS_BETWEEN_JSON if self._is_json else SECONDS_BETWEEN_LINES):
            self._say(finished=False)

    def start_at(self, done: int) -> None:
        """`done` steps were done before, by an earlier run: the bar begins there, and the rate and the time left are
        those of the steps from now on."""
        self.done = self._before = done
        self._started = self._clock()
        if self._bar is not None and self._task is not None:
            self._bar.reset(self._task, completed=done, counted=self._counted())

    def expect(self, total: int) -> None:
        """There are `total` steps, as far as is known now: for work that ends by the clock."""
        self.total = total
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, total=total)

    def over(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items, one step each."""
        with self:
            for item in items:
                yield item
                self.advance()

    def _counted(self) -> str:
        seconds = self._clock() - self._started
        of = f" / {self.total:,}" if self.total is not None else ""
        new = self.done - self._before
        rate = f", {new / seconds:,.1f}/s" if seconds > 0 and new else ""
        return f"{self.done:,}{of} {self.unit}{rate}"

    def _say(self, *, finished: bool) -> None:
        now = self._clock()
        line = self._json() if self._is_json else self._line(now, finished=finished)
        # One write, so that several processes on one pipe do not get into each other's lines.
        self._stream.write(line + "\n")
        self._stream.flush()
        if self._file:
            _replace(self._file, line + "\n")
        self._spoken = now
        self._lines += 1

    def _json(self) -> str:
        state = {"stage": self.label, "done": self.done, "total": self.total, "unit": self.unit}
        return json.dumps({"laxai_progress": state})

    def _line(self, now: float, *, finished: bool) -> str:
        if finished:
            ending = f" in {duration_text(now - self._started)}"
        elif self.total is not None and (new := self.done - self._before):
            ending = f", about {duration_text((now - self._started) / new * max(self.total - self.done, 0))} left"
        else:
            ending = ""
        return f"{self.label}: {self._counted()}{ending}"


def _replace(path: str, text: str) -> None:
    """The whole file, at once."""
    with contextlib.suppress(OSError):
        draft = f"{path}.{os.getpid()}.tmp"
        with open(draft, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(draft, path)


def duration_text(seconds: float) -> str:
    """Seconds as people say them: 42 s, 3 min 05 s, 1 h 02 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3570:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"
