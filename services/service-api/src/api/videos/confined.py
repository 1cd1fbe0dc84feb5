"""Programs that read what people have uploaded: each in a process of its own, with limits, and what they answer.

Files made to harm a decoder harm that process alone; so does one that would take all memory, or never end. The process
sees none of this one's environment, and dies with it.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from shared_libs.common.errors import InputError, OutputError, TransientError, UserError
from shared_libs.config.logging import get_logger

GIB: Final = 1 << 30

REFUSED: Final = 2
"""The exit code of a program that has said why it does not take its input."""


class Limits(NamedTuple):
    """seconds: of CPU time, and twice that by the clock. memory: bytes of address space. output: bytes of a file.
    niceness: how much others come first."""

    seconds: int
    memory: int = 4 * GIB
    output: int = GIB
    niceness: int = 0


class Interrupted(Exception):
    """Nobody wants the result any more, and the program was ended before it was done."""


def run_confined(
    program: str, arguments: Sequence[str], limits: Limits, is_over: Callable[[], bool] = lambda: False
) -> Any:
    """What a program answers: `python -m {program} …`, one that ends in `answer`.

    Raises InputError with what it says of its input, also where it comes to its limits or breaks; OutputError where it
    cannot write; TransientError where it cannot be started; Interrupted when it `is_over`, which is asked often.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        try:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", program, *arguments],
                env=_environment(limits),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=errors,
                start_new_session=True,
            )
        except OSError as error:
            raise TransientError(program, f"cannot be started: {error.strerror}", hint="try again") from error
        try:
            code = _wait(process, limits.seconds * 2, is_over)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        out.seek(0)
        said = out.read()
        errors.seek(0)
        complaints = errors.read(_COMPLAINTS).decode(errors="replace")
    if code == 0:
        return json.loads(said)
    if code == REFUSED:
        raise _refusal(json.loads(said))
    get_logger(__name__).warning("confined_program_broke", program=program, code=code, stderr=complaints)
    if code is None or code == -signal.SIGXCPU:
        raise InputError("file", "takes too long to read", hint=_CONVERT)
    raise InputError("file", "cannot be read: it is damaged, or far too large to be what it should be", hint=_CONVERT)


def answer(work: Callable[[Sequence[str]], Any]) -> int:
    """The whole of such a program: its limits are set, `work` is given the arguments, its result is printed as JSON.

    Returns the exit code.
    """
    _confine()
    try:
        result = work(sys.argv[1:])
    except UserError as error:
        said = {"kind": type(error).__name__, "cause": error.cause, "line": error.line, "hint": error.hint}
        print(json.dumps(said))
        return REFUSED
    print(json.dumps(result))
    return 0


_CONVERT = "convert it with a video program, or record it anew"

_LIMITS = "LAXAI_CONFINED"
_KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "SYSTEMROOT")
_COMPLAINTS = 4000
_POLL = 0.02
_PR_SET_PDEATHSIG = 1


def _environment(limits: Limits) -> dict[str, str]:
    """Nothing of what the service was told: it may be secret. One thread for each numeric library."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    said = {_LIMITS: json.dumps([os.getpid(), *limits]), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return kept | threads | said


def _confine() -> None:
    """Sets the limits that the starting process has named; by hand, there are none."""
    if _LIMITS not in os.environ:
        return
    parent, *values = json.loads(os.environ[_LIMITS])
    limits = Limits(*values)
    for kind, value, slack in (
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_CPU, limits.seconds, 1),  # SIGXCPU comes before SIGKILL, and so tells
        (resource.RLIMIT_AS, limits.memory, 0),
        (resource.RLIMIT_FSIZE, limits.output, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        at_most = [value + slack] if hard == resource.RLIM_INFINITY else [value + slack, hard]
        resource.setrlimit(kind, (min(value, *at_most), min(at_most)))
    os.nice(limits.niceness)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before that
        os.kill(os.getpid(), signal.SIGKILL)


def _wait(process: subprocess.Popen[bytes], seconds: float, is_over: Callable[[], bool]) -> int | None:
    """The exit code, None where the time is up."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(_POLL)
        if is_over():
            raise Interrupted
    return None


def _refusal(said: dict[str, Any]) -> UserError:
    kind = OutputError if said["kind"] == "OutputError" else InputError
    return kind(Path("file"), said["cause"], line=said["line"], hint=said["hint"])
