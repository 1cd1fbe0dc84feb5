"""Stands between a worker and a command: one command in a work folder at a time, and none outlives its worker.

    python -I -S guard.py FOLDER GRACE PROGRAM [ARGUMENT …]

A program of its own, in a session of its own, and of the standard library alone, so that it starts in no time. It

- holds a lock on FOLDER/lock for as long as the command lives. Where another guard holds it, that one is told to end
  its command, and is killed after some more than GRACE seconds: a worker that was frozen, and whose job another has
  taken over, may still have its command running;
- kills what a guard that was killed itself left behind in FOLDER, as FOLDER/running.json tells;
- runs PROGRAM (an absolute path) in a process group of its own, with the guard's output as its output;
- ends the command when its standard input, one end of a pair of sockets, is closed (the worker is dead) or says so:
  SIGTERM to the group, after GRACE seconds SIGKILL to whatever descends from the command;
- when the command has ended kills what is left of its descendants.

It says on the same socket, a line each: `started PID`; `told`, where a signal and not the worker asked for the end; and
last `ended exit N`, `ended signal N`, `refused ERRNO` (the program could not be started), `unusable ERRNO` (the folder
could not be written to), `stopped` (before there was a command) or `busy` (the lock could not be had).

Who else runs in FOLDER is found through /proc. Without it (macOS) a lock that is held stays `busy`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from typing import Any, Final

STOP, KILL = b"s", b"k"
"""What the worker may say: end the command by its own way; end it at once."""

LOCK, RUNNING = "lock", "running.json"

_MARK: Final = "LAXAI_GUARD"
"""In the environment of the command, and so of all that it starts: of which guard it is."""

_GRACES_TO_HAND_OVER: Final = 1.75
_GRACES_FOR_LOCK: Final = 2.5
_SECONDS_TO_DIE: Final = 2.0
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


def main(folder: str, grace: float, command: list[str]) -> int:
    """Runs `command` in `folder` to its end; see above."""
    ears = _Ears()
    mark = os.urandom(8).hex()
    try:
        word = _Lock(folder).take(ears, grace)
        if word is not None or ears.asked is not None:
            _say(word or "stopped")
            return 1
        _write_running(folder, mark, None)
    except OSError as error:
        _say(f"unusable {error.errno}")
        return 1
    _adopt_orphans()
    try:
        process = _start(command, mark)
    except OSError as error:
        os.unlink(os.path.join(folder, RUNNING))
        _say(f"refused {error.errno}")
        return 1
    with contextlib.suppress(OSError):  # the disk is full by now; what is needed is noted
        _write_running(folder, mark, process)
    _say(f"started {process}")
    status = _wait(process, grace, ears)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(folder, RUNNING))
    if ears.told_by_signal:
        _say("told")
    code = os.waitstatus_to_exitcode(status)
    _say(f"ended exit {code}" if code >= 0 else f"ended signal {-code}")
    return 0


def kill_leftovers(folder: str) -> None:
    """Kills what a guard that is gone left running in `folder`; where another has come since, that did so."""
    with contextlib.suppress(OSError):  # the folder itself is gone
        lock = _Lock(folder)
        try:
            if lock.try_once():
                lock.end_leftovers()
        finally:
            lock.close()


class _Ears:
    """Hears the worker, and signals."""

    def __init__(self) -> None:
        self.asked: bytes | None = None
        """STOP or KILL, once somebody wants the end."""
        self.told_by_signal = False
        self._wake, writing = os.pipe()
        for end in (self._wake, writing):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, self._on_signal)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        self._sources = [0, self._wake]

    def listen(self, seconds: float | None) -> None:
        """Waits until something is heard, `seconds` at most."""
        ready, _, _ = select.select(self._sources, [], [], seconds)
        if self._wake in ready:
            with contextlib.suppress(BlockingIOError):
                while os.read(self._wake, 512):
                    pass
        if 0 in ready:
            try:
                words = os.read(0, 512)
            except OSError:  # the worker was killed with something unread
                words = b""
            if not words:
                self._sources.remove(0)
            self._ask(KILL if KILL in words else STOP)

    def _on_signal(self, number: int, frame: object) -> None:
        if number != signal.SIGCHLD:
            self.told_by_signal = self.told_by_signal or self.asked is None
            self._ask(STOP)

    def _ask(self, word: bytes) -> None:
        if self.asked != KILL:
            self.asked = word


class _Lock:
    """The right to run something in a folder; lost when the process ends, however it does."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._handle = os.open(os.path.join(folder, LOCK), os.O_RDWR | os.O_CREAT, 0o666)

    def try_once(self) -> bool:
        """Whether it is ours now."""
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def take(self, ears: _Ears, grace: float) -> str | None:
        """Takes it, from another guard if need be, and ends what that left; or says why not."""
        told: str | None = None
        since = time.monotonic()
        while not self.try_once():
            now = time.monotonic()
            if ears.asked is not None:
                return "stopped"
            if now - since > _GRACES_FOR_LOCK * grace:
                return "busy"
            # While the lock is held, the guard that is noted is the one that holds it, or not there any more.
            other = _read_running(self._folder)
            if other is not None and _is_alive(other):
                if other["mark"] != told:
                    _kill(other["guard"], signal.SIGTERM)
                    told, since = other["mark"], now
                elif now - since > _GRACES_TO_HAND_OVER * grace:
                    _kill(other["guard"], signal.SIGKILL)
            ears.listen(0.03)
        return None if self.end_leftovers() else "busy"

    def close(self) -> None:
        """Gives it back."""
        os.close(self._handle)

    def end_leftovers(self) -> bool:
        """Kills what runs of the command that is noted, where its guard could not. Whether nothing is left."""
        other = _read_running(self._folder)
        if other is None or other["place"] != _place():
            return True
        until = time.monotonic() + _SECONDS_TO_DIE
        while left := list(_marked(other["mark"])):
            if time.monotonic() > until:
                return False
            for process in left:
                _kill(process, signal.SIGKILL)
            time.sleep(0.01)
        return True


def _start(command: list[str], mark: str) -> int:
    """The command's process id. Raises OSError where it cannot be started."""
    environment = {**os.environ, _MARK: mark}
    die_with_parent = _prctl()
    guard = os.getpid()
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            os.setpgid(0, 0)
            if die_with_parent is not None:
                die_with_parent(_PR_SET_PDEATHSIG, signal.SIGKILL)
                if os.getppid() != guard:
                    os._exit(1)
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGPIPE, signal.SIGXFSZ):  # which Python ignores, and others do not expect to be
                signal.signal(number, signal.SIG_DFL)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.execve(command[0], command, environment)
        except OSError as error:
            os.write(writing, str(error.errno).encode())
        finally:
            os._exit(1)
    os.close(writing)
    with open(reading, "rb") as pipe:
        failure = pipe.read()
    if failure:
        os.waitpid(process, 0)
        raise OSError(int(failure), os.strerror(int(failure)))
    return process


def _wait(process: int, grace: float, ears: _Ears) -> int:
    """The command's wait status, when it and all that it started are dead."""
    status: int | None = None
    deadline: float | None = None
    while True:
        ended, has_children = _reap()
        status = ended.get(process, status)
        if status is not None and not has_children and not _kill_group(process, 0):
            return status
        now = time.monotonic()
        if ears.asked is not None and deadline is None:
            deadline = now + grace
            if ears.asked == STOP:
                _kill_group(process, signal.SIGTERM)
        # A shell around the command may be dead at once, while the command itself still tidies up.
        is_over = status is not None and deadline is None
        if is_over or ears.asked == KILL or (deadline is not None and now >= deadline):
            _kill_group(process, signal.SIGKILL)
            for child in _children():
                _kill(child, signal.SIGKILL)
            ears.listen(0.01)
        else:
            ears.listen(None if deadline is None else min(0.05, max(deadline - now, 0.0)))


def _reap() -> tuple[dict[int, int], bool]:
    """The wait status of each child that has ended by now, and whether there are others."""
    ended: dict[int, int] = {}
    while True:
        try:
            process, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended, False
        if process == 0:
            return ended, True
        ended[process] = status


def _kill_group(process: int, number: int) -> bool:
    """Whether there was a group to send the signal to."""
    try:
        os.killpg(process, number)
    except (ProcessLookupError, PermissionError):  # on macOS, the latter for one of zombies only
        return False
    return True


def _kill(process: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(process, number)


def _children() -> list[int]:
    """Of this process, with those that became its own when their parents ended."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children") as file:
            return [int(word) for word in file.read().split()]
    except FileNotFoundError:
        return []


def _prctl() -> Any:
    """Linux's prctl; None elsewhere."""
    if sys.platform != "linux":
        return None
    import ctypes

    return ctypes.CDLL(None).prctl


def _adopt_orphans() -> None:
    """Whatever descends from this process becomes its child when its own parent ends, and so can be found."""
    if (prctl := _prctl()) is not None:
        prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _write_running(folder: str, mark: str, command: int | None) -> None:
    """Who runs in the folder; put there whole."""
    path = os.path.join(folder, RUNNING)
    guard = os.getpid()
    with open(path + ".tmp", "w") as file:
        file.write(
            f'{{"guard": {guard}, "born": {_born(guard) or 0}, "place": "{_place()}", "mark": "{mark}", '
            f'"command": {"null" if command is None else command}}}\n'
        )
    os.replace(path + ".tmp", path)


def _read_running(folder: str) -> dict[str, Any] | None:
    import json

    try:
        with open(os.path.join(folder, RUNNING)) as file:
            found = json.load(file)
        return {
            name: kind(found[name]) for name, kind in (("guard", int), ("born", int), ("place", str), ("mark", str))
        }
    except (OSError, ValueError, KeyError, TypeError):  # nobody runs there, or the machine crashed while it was written
        return None


def _is_alive(running: dict[str, Any]) -> bool:
    """Whether the guard that is noted is that very process still."""
    return bool(running["place"] == _place() and running["born"] == _born(running["guard"]))


def _place() -> str:
    """Where process ids mean the same: this start of this machine, this container; "" where that cannot be told."""
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:
            return f"{file.read().strip()} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def _born(process: int) -> int | None:
    """When a process started, in ticks since the machine did; None where there is no such process."""
    try:
        with open(f"/proc/{process}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[19])
    except (OSError, IndexError):
        return None


def _marked(mark: str) -> Iterator[int]:
    """The processes with a mark in their environment."""
    wanted = f"{_MARK}={mark}".encode()
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        if name.isdecimal():
            try:
                with open(f"/proc/{name}/environ", "rb") as file:
                    if wanted in file.read().split(b"\0"):
                        yield int(name)
            except OSError:  # it has ended, or is another user's
                continue


def _say(line: str) -> None:
    with contextlib.suppress(OSError):  # the worker is dead
        os.write(0, line.encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], float(sys.argv[2]), sys.argv[3:]))
