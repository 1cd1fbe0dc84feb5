"""The frame of a command line: signals, bad input and readers that have gone end every program in the same way."""

import contextlib
import os
import select
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TextIO, runtime_checkable

from shared_libs.common.errors import DASH, UserError

USAGE_ERROR, INTERRUPTED, TERMINATED = 2, 130, 143


def run_command_line(
    app: Callable[..., Any],
    name: str,
    arguments: Sequence[str] | None = None,
    *,
    interrupted: str = "interrupted; nothing was written",
) -> int:
    """Runs one command and returns the exit code: the command's own, or what is said here.

    Args:
        app: a `typer.Typer`. It is called with `args` and `standalone_mode=False`.
        name: the program's, for complaints about what was typed where typer does not know the command.
        arguments: what was typed; what this process was started with unless given.
        interrupted: what is said when a signal ends the command and nothing is saved.

    A `UserError` and a mistake in what was typed become one line `error: …` on stderr, and 2. Ctrl-C and SIGTERM unwind
    the stack, so that temporary files go, and give 130 and 143; Ctrl-C does nothing where a script has it ignored.
    Where the reader of the output has gone (`… | head`), it is 0, and nothing is said. Anything else is a bug and is
    raised. What ends a command early may carry notes (PEP 678) that say how far it got and was saved, such as "at
    frame 600 of 900": the user is told that the same command goes on from there.

    To be called in the main thread: signal handlers are set, and put back at the end.
    """
    with _signals_unwind():
        try:
            code: Any = app(args=list(sys.argv[1:] if arguments is None else arguments), standalone_mode=False)
            sys.stdout.flush()
        except UserError as error:
            return _complain("; ".join([str(error), *(f"the same command goes on {note}" for note in _notes(error))]))
        except _Stopped as stopped:
            notes = _notes(stopped)
            print(
                f"interrupted {notes[0]}; the same command goes on from there" if notes else interrupted,
                file=sys.stderr,
            )
            return stopped.exit_code
        except (BrokenPipeError, SystemExit) as ended:
            # typer makes of a broken pipe, ours or any other, an exit with 1.
            broken = ended if isinstance(ended, BrokenPipeError) else ended.__context__
            if not isinstance(broken, BrokenPipeError):
                raise
            gone = [stream for stream in (sys.stdout, sys.stderr) if _has_no_reader(stream)]
            if not gone:
                raise broken from None
            _write_nowhere(gone)
            return 0
        except Exception as error:
            if not isinstance(error, _Mistyped):
                raise
            context = getattr(error, "ctx", None)
            where = context.command_path if context is not None else name
            return _complain(f"{error.format_message().rstrip('.')}{DASH}see `{where} --help`")
    return code if isinstance(code, int) else 0


@runtime_checkable
class _Mistyped(Protocol):
    """What typer raises for arguments that it cannot take. (By its form: not everything of ours has typer.)"""

    def format_message(self) -> str: ...


class _Stopped(BaseException):
    """Ctrl-C or SIGTERM. (typer would swallow a KeyboardInterrupt, with its notes.)"""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = TERMINATED if number == signal.SIGTERM else INTERRUPTED


@contextlib.contextmanager
def _signals_unwind() -> Iterator[None]:
    """Signals raise `_Stopped` inside."""
    before: dict[int, Any] = {signal.SIGTERM: signal.signal(signal.SIGTERM, _stop)}
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not where a script has it ignored
        before[signal.SIGINT] = signal.signal(signal.SIGINT, _stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(number: int, frame: object) -> None:
    raise _Stopped(number)


def _notes(error: BaseException) -> list[str]:
    return getattr(error, "__notes__", [])


def _complain(message: str) -> int:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    return USAGE_ERROR


def _has_no_reader(stream: TextIO) -> bool:
    """Whether the other end of a stream's pipe is closed."""
    try:
        number = stream.fileno()
    except OSError:  # it is no file, as under a test that captures it
        return False
    poll = select.poll()
    poll.register(number, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def _write_nowhere(streams: Sequence[TextIO]) -> None:
    """Lets go of what Python has still to write to them, at the end of the process."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in streams:
        os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
