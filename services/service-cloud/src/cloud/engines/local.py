"""The engine that runs commands on this machine."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import math
import os
import selectors
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self, get_args

import psutil

from cloud.engines import guard, outcomes
from cloud.engines.engine import Ending, Outcome, Service, Task
from cloud.engines.output import LOG, Log, Output
from cloud.findings import Finding
from shared_libs.common.errors import InputError, TransientError, UserError
from shared_libs.common.jobs import Progress
from shared_libs.utils.paths import as_typed
from shared_libs.utils.progress import PROGRESS_JSON, PROGRESS_VARIABLE

SETTING: Final = "LAXAI_COMMANDS"

_SECONDS_TO_DIE: Final = 1.0
_SECONDS_BETWEEN_LOOKS: Final = 0.1
_SECONDS_BETWEEN_NEWS: Final = 0.4
_SECONDS_BETWEEN_REPEATS: Final = 0.8
_SECONDS_BETWEEN_MEASUREMENTS: Final = 0.5
_VERSION_SECONDS: Final = 20.0
_SIGNALLED: Final = 128
"""What a shell adds to a signal's number to make an exit code of it."""
_OF_THE_WORKER: Final = frozenset({"PYTHONPATH", "PYTHONHOME", "PYTHONSAFEPATH"})
_WANT_OF_ROOM: Final = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE)


class LocalEngine:
    """Runs each command as a process of this machine.

    Memory is what is resident of the command and all that descends from it, what processes share counted once (Linux's
    PSS; elsewhere RSS, which counts it for each). It is looked at twice a second.
    """

    outlives_worker = False

    def __init__(
        self, commands: Mapping[Service, str], python: str = sys.executable, *, grace_seconds: float = 3.5
    ) -> None:
        """commands: how each service is started, in words of a shell.

        python: a Python of at least 3.11, which stands between this process and the command. grace_seconds: what a
        command that is told to end has for doing so by its own way; up to a second later it has been killed.
        """
        self._commands = dict(commands)
        self._python = python
        self._grace_seconds = grace_seconds

    def run(self, task: Task, report: Callable[[Progress], None], stop: threading.Event) -> Outcome:
        """Runs a command to its end; where another worker of this machine has one running in the same folder, that one
        is ended first.

        STOPPED without `stop` being set means that another worker has taken the folder over in this way.

        report: is to be quick; what it raises ends the command and is passed on. Raises InputError where the service's
        command cannot be started, TransientError where the machine has no room for it just now or something in the
        folder does not end.
        """
        words = [*self._words(task.service), *task.arguments]
        with _Command(self._python, task.folder, words, self._grace_seconds) as command:
            reason = _follow(command, task, report, stop)
        return _outcome(task, command, reason)

    def check(self) -> list[Finding]:
        """Whether each service's command is set, can be found, and tells its version."""
        return [self._check(service) for service in get_args(Service)]

    def _words(self, service: Service) -> list[str]:
        """A service's command; the first word is an absolute path, from the PATH where it names no folder."""
        name = f"{SETTING}[{service}]"
        try:
            words = shlex.split(self._commands.get(service, ""))
        except ValueError as error:
            raise InputError(name, f"is not a command: {error}", hint="check its quotes") from error
        if not words:
            example = f'{{"{service}": "python -m {service}"}}'
            raise InputError(name, "is not set", hint=f"say how service-{service} is started: {SETTING}='{example}'")
        found = shutil.which(words[0] if "/" not in words[0] else str(Path.cwd() / words[0]))
        if found is None:
            raise InputError(
                name, f"names no program that can be started: {words[0]}", hint="install it, or name it by its path"
            )
        return [os.path.abspath(found), *words[1:]]

    def _check(self, service: Service) -> Finding:
        what = f"command of service-{service}"
        try:
            words = self._words(service)
        except InputError as error:
            return Finding(what, False, f"{error.path}: {error.cause}", error.hint)
        hint = f"start it by hand and see: {shlex.join([*words, '--version'])}"
        try:
            code, said = _version(words)
        except OSError as error:
            return Finding(what, False, f"{words[0]} cannot be started: {error.strerror}", hint)
        except subprocess.TimeoutExpired:
            return Finding(what, False, f"does not tell its version within {_VERSION_SECONDS:.0f} s", hint)
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        if code != 0:
            return Finding(what, False, f"ends with code {code}: {lines[-1] if lines else 'no output'}", hint)
        return Finding(what, True, lines[0] if lines else "starts")


class _Command:
    """A command behind its guard (guard.py); it runs while the context lasts, at most.

    program: its path. output: what it printed. started_at: by time.monotonic; None before. exit_code, signal: how it
    ended. was_told: whether somebody else ended it. verdict: the guard's last line; "" where the guard was killed.
    """

    def __init__(self, python: str, folder: Path, words: Sequence[str], grace_seconds: float) -> None:
        self._guarded = [python, "-I", "-S", guard.__file__, str(folder), str(grace_seconds), *words]
        self._folder, self._grace_seconds = folder, grace_seconds
        self.program = words[0]
        self._heard = b""
        self.output = Output(Log(folder / LOG))
        self.started_at: float | None = None
        self.exit_code: int | None = None
        self.signal: int | None = None
        self.was_told = False
        self.verdict = ""

    def __enter__(self) -> Self:
        ours, theirs = socket.socketpair()
        self._socket = ours
        self._printed, printing = os.pipe()
        try:
            self._guard = subprocess.Popen(
                self._guarded,
                stdin=theirs.fileno(),
                stdout=printing,
                stderr=printing,
                env=_environment(),
                start_new_session=True,
            )
        except OSError as error:
            self._close()
            raise _cannot_start(self._guarded[0], error) from error
        finally:
            theirs.close()
            os.close(printing)
        self._selector = selectors.DefaultSelector()
        for source in (self._socket.fileno(), self._printed):
            self._selector.register(source, selectors.EVENT_READ)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self.end(guard.STOP)
        finally:
            self._guard.kill()
            self._guard.wait()
            self._selector.close()
            self._close()

    def look(self, seconds: float) -> bool:
        """Takes what has come, or comes within `seconds`. False when the command has ended and nothing will follow."""
        if not self._is_open(self._socket.fileno()):
            return False
        for key, _ in self._selector.select(seconds):
            data = self._take(key.fd)
            if key.fd == self._printed:
                self.output.feed(data)
            elif data:
                self._hear(data)
            else:
                self._finish()
                return False
        return True

    def end(self, word: bytes) -> None:
        """Ends it, if it runs: by its own way for guard.STOP, at once for guard.KILL."""
        with contextlib.suppress(OSError):  # the guard is gone
            self._socket.send(word)
        until = time.monotonic() + self._grace_seconds + _SECONDS_TO_DIE
        while self.look(_SECONDS_BETWEEN_LOOKS):
            if time.monotonic() > until:  # the guard is frozen; the command dies with it
                self._guard.kill()

    def memory(self, enough: int) -> int:
        """Bytes resident of the command's processes. Up to `enough`, what they share may be counted for each."""
        try:
            processes = psutil.Process(self._guard.pid).children(recursive=True)
        except psutil.Error:
            return 0
        # Exact numbers cost the system a walk through all pages.
        rough = sum(_resident(process, exact=False) for process in processes)
        return rough if rough <= enough else sum(_resident(process, exact=True) for process in processes)

    def _hear(self, data: bytes) -> None:
        *lines, self._heard = (self._heard + data).split(b"\n")
        for line in lines:
            match line.decode().split():
                case ["started", _]:
                    self.started_at = time.monotonic()
                case ["told"]:
                    self.was_told = True
                case ["ended", "exit", code]:
                    self.exit_code, self.verdict = int(code), "ended"
                case ["ended", "signal", number]:
                    self.signal, self.verdict = int(number), "ended"
                case verdict:
                    self.verdict = " ".join(verdict)

    def _finish(self) -> None:
        """The guard has ended: takes the rest of what was printed."""
        self._guard.wait()
        if not self.verdict:
            guard.kill_leftovers(str(self._folder))
        until = time.monotonic() + _SECONDS_TO_DIE
        while self._is_open(self._printed) and time.monotonic() < until:
            for key, _ in self._selector.select(_SECONDS_BETWEEN_LOOKS):
                self.output.feed(self._take(key.fd))
        self.output.close()

    def _take(self, source: int) -> bytes:
        """What can be read; b"" at the end, after which it is not looked at again."""
        try:
            data = os.read(source, 64 * 1024)
        except OSError:  # the guard was killed with something unread
            data = b""
        if not data:
            self._selector.unregister(source)
        return data

    def _is_open(self, source: int) -> bool:
        return source in self._selector.get_map()

    def _close(self) -> None:
        self._socket.close()
        os.close(self._printed)


def _follow(command: _Command, task: Task, report: Callable[[Progress], None], stop: threading.Event) -> Ending | None:
    """Watches a command until it has ended; why it was made to, where it was."""
    told: Progress | None = None
    told_at = measured_at = -math.inf
    is_running = True
    while is_running:
        is_running = command.look(_SECONDS_BETWEEN_LOOKS)
        now = time.monotonic()
        progress = command.output.progress
        pause = (_SECONDS_BETWEEN_REPEATS if progress == told else _SECONDS_BETWEEN_NEWS) if is_running else 0.0
        if progress is not None and now - told_at >= pause and (is_running or progress != told):
            report(progress)
            told, told_at = progress, now
        if not is_running:
            break
        if stop.is_set():
            command.end(guard.STOP)
            return Ending.STOPPED
        if task.seconds is not None and command.started_at is not None and now - command.started_at > task.seconds:
            command.end(guard.STOP)
            return Ending.TOO_LONG
        if task.memory_bytes is not None and now - measured_at >= _SECONDS_BETWEEN_MEASUREMENTS:
            measured_at = now
            if command.memory(task.memory_bytes) > task.memory_bytes:
                command.end(guard.KILL)
                return Ending.TOO_MUCH_MEMORY
    return None


def _outcome(task: Task, command: _Command, reason: Ending | None) -> Outcome:
    """reason: why the command was made to end, where it was. Raises InputError, TransientError where it never began."""
    match command.verdict.split():
        case ["refused", number]:
            raise _cannot_start(command.program, OSError(int(number), os.strerror(int(number))))
        case ["unusable", number]:
            raise TransientError(task.folder, f"cannot be worked in: {os.strerror(int(number))}")
        case ["busy"]:
            raise TransientError(
                task.folder, "another process works in this folder and does not end", hint="end it, and try again"
            )
    return dataclasses.replace(_in_words(task, command, reason), exit_code=command.exit_code)


def _in_words(task: Task, command: _Command, reason: Ending | None) -> Outcome:
    if command.exit_code == 0:
        return outcomes.done()
    if reason is Ending.TOO_LONG:
        return outcomes.too_long(task)
    if reason is Ending.TOO_MUCH_MEMORY:
        return outcomes.too_much_memory(task)
    if reason is Ending.STOPPED:
        return outcomes.stopped(task)
    if command.was_told or command.verdict == "stopped":
        return outcomes.stopped(task, " by somebody else")
    code = command.exit_code
    if code is None:
        code = _SIGNALLED + (command.signal or signal.SIGKILL)
    names = [Path(name) for name in (os.path.realpath(task.folder), task.folder, as_typed(task.folder))]
    error = command.output.error
    return outcomes.by_exit_code(
        task,
        code,
        error=outcomes.shown(error, names) if error is not None else None,
        last_line=outcomes.shown(command.output.lines[-1], names) if command.output.lines else None,
    )


def _resident(process: psutil.Process, *, exact: bool) -> int:
    """Bytes; exact: pages that several processes have are shared out between them, where the system can tell."""
    try:
        if exact and psutil.LINUX:
            return int(process.memory_full_info().pss)
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
    except psutil.AccessDenied:  # it runs for another user now
        return _resident(process, exact=False) if exact else 0


def _cannot_start(program: str, error: OSError) -> UserError:
    """For good, or just now."""
    cause = f"cannot be started: {error.strerror or error}"
    if error.errno in _WANT_OF_ROOM:
        return TransientError(program, cause, hint="the machine has no room for another process just now")
    return InputError(program, cause)


def _version(words: Sequence[str]) -> tuple[int, str]:
    """A command's exit code and words when it is asked for its version. Raises OSError and TimeoutExpired."""
    with subprocess.Popen(
        [*words, "--version"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=_environment(),
        process_group=0,
        text=True,
        errors="replace",
    ) as process:
        try:
            said, _ = process.communicate(timeout=_VERSION_SECONDS)
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)  # with what it started
    return process.returncode, said


def _environment() -> dict[str, str]:
    """This process's environment without where its own libraries are: each service brings those of its own lock."""
    return {name: value for name, value in os.environ.items() if name not in _OF_THE_WORKER} | {
        PROGRESS_VARIABLE: PROGRESS_JSON
    }
