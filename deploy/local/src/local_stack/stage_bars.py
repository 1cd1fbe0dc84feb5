"""How far a job is, as people like to see it: a bar for each of its stages."""

from __future__ import annotations

import re
from types import TracebackType
from typing import Self

from shared_libs.common.jobs import Progress
from shared_libs.utils.progress import progress

_COUNTED = re.compile(r"(?:[\d,]+(?: of [\d,]+)? )?([a-z]+)")


class StageBars:
    """The stages that `show` is told of, each as a bar with an estimate."""

    def __init__(self) -> None:
        self._stage = ""
        self._bar: progress | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._close(is_over=kind is None)

    def show(self, now: Progress) -> None:
        """Where it is now; a stage that was there before is over."""
        if self._bar is None or now.stage != self._stage:
            self._close(is_over=True)
            self._stage = now.stage
            self._bar = progress(now.total, now.stage).__enter__()
        if (counted := _COUNTED.fullmatch(now.message)) is not None:
            self._bar.unit = counted[1]
        if now.total:
            self._bar.expect(now.total)
        if now.done != self._bar.done:  # off a terminal, what is no news is no line
            self._bar.update(now.done)

    def _close(self, *, is_over: bool) -> None:
        """Ends the bar, full where the stage is over: what was told last may have been a second ago."""
        if self._bar is None:
            return
        if is_over:
            self._bar.expect(max(self._bar.total or 0, self._bar.done, 1))
            self._bar.update(self._bar.total or 1)
        self._bar.__exit__(None, None, None)
        self._bar = None
