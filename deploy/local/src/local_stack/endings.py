"""How the programs here end: with one line for what went wrong, and an exit code."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable

from local_stack.children import Stopped
from shared_libs.common.errors import UserError

STOPPED = "stopped; nothing of it is running any more"


class Failed(Exception):
    """Something that was started came to a bad end, which stands in its message."""

    exit_code = 1


class PartFailed(Failed):
    """A part ended with an error, which it has printed itself."""

    def __init__(self, part: str, exit_code: int) -> None:
        super().__init__(f"{part} ended with exit code {exit_code}; what it printed above says why")
        self.part = part
        self.exit_code = exit_code


def exit_code_of(work: Callable[[], None]) -> int:
    """Does the work; the exit code is 0, 2 for bad input, that of what failed, or 128 + n after signal n."""
    try:
        work()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except Failed as failure:
        print(f"error: {failure}", file=sys.stderr)
        return failure.exit_code
    except Stopped as stopped:
        print(STOPPED, file=sys.stderr)
        return stopped.exit_code
    except KeyboardInterrupt:  # before anything was started
        print(STOPPED, file=sys.stderr)
        return 128 + signal.SIGINT
    return 0
