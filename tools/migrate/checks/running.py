"""Runs the repository's code in a process of its own, with a time-out and nothing of this program's in its way."""

import contextlib
import os
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

#: The end of what a program says is kept, this many characters.
_KEPT = 20_000

# Loaded by every Python that the runs start, the tests' own child processes included: the stand-ins come last on
# sys.path, so that what is installed goes before them. The interpreter's own sitecustomize is loaded all the same.
_SITECUSTOMIZE = """
import os, sys
_here = os.path.dirname(os.path.abspath(__file__))
_stubs = os.environ.get("MIGRATE_VERIFY_STUBS")
if _stubs and _stubs not in sys.path:
    sys.path.append(_stubs)
_mine = [entry for entry in sys.path if os.path.abspath(entry) == _here]
try:
    sys.path[:] = [entry for entry in sys.path if entry not in _mine]
    del sys.modules["sitecustomize"]
    import sitecustomize
except ImportError:
    sys.modules["sitecustomize"] = None
finally:
    sys.path[:0] = _mine
"""


@dataclass(frozen=True)
class Finished:
    """How a process ended. status: its exit status, None after a time-out (then it was killed)."""

    status: int | None
    output: str

    @property
    def timed_out(self) -> bool:
        return self.status is None

    @property
    def last_line(self) -> str:
        lines = [line.strip() for line in self.output.splitlines() if line.strip()]
        return lines[-1] if lines else ""


@dataclass
class Runner:
    """Starts processes for one verification.

    python: the interpreter. stubs: a folder that comes last on its sys.path, or None. support: a folder of this
    program's, first on it. work: where the processes' homes and temporary folders are made.
    """

    python: Path
    stubs: Path | None
    work: Path
    support: Path = field(init=False)

    def __post_init__(self) -> None:
        self.support = self.work / "support"
        self.support.mkdir(parents=True, exist_ok=True)
        (self.support / "sitecustomize.py").write_text(_SITECUSTOMIZE, encoding="utf-8")

    def environment(self, import_roots: Sequence[Path] = (), extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """This process's environment without its Python and pytest settings; HOME and the like are temporary."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "PYTEST_", "BUILD_W", "TEST_", "COVERAGE", "RUNFILES"))
            and name not in ("VIRTUAL_ENV", "TESTBRIDGE_TEST_ONLY", "XML_OUTPUT_FILE")
        }
        home = Path(tempfile.mkdtemp(prefix="home-", dir=self.work))
        temporary = home / "tmp"
        temporary.mkdir()
        kept |= {
            "HOME": str(home),
            "USERPROFILE": str(home),
            "TMPDIR": str(temporary),
            # What the user installed for himself is found in spite of the other HOME.
            "PYTHONUSERBASE": os.environ.get("PYTHONUSERBASE") or str(Path("~/.local").expanduser()),
            "PYTHONPATH": os.pathsep.join(map(str, [self.support, *import_roots])),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": "0",
            "PYTHONIOENCODING": "utf-8:backslashreplace",
            "PYTEST_XDIST_AUTO_NUM_WORKERS": "1",
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "MKL_NUM_THREADS": "1",
        }
        if self.stubs is not None:
            kept["MIGRATE_VERIFY_STUBS"] = str(self.stubs)
        return {**kept, **(extra or {})}

    def run(
        self,
        arguments: Sequence[str],
        where: Path,
        environment: Mapping[str, str],
        timeout: float,
        python: Path | None = None,
    ) -> Finished:
        """Runs Python with these arguments, in the folder `where`, for `timeout` seconds at most."""
        return run_program([str(python or self.python), *arguments], where, environment, timeout)


def run_program(command: Sequence[str], where: Path, environment: Mapping[str, str], timeout: float) -> Finished:
    """Runs a program; what it started is killed with it. Raises OSError where it cannot be started."""
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            list(command),
            cwd=where,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        status: int | None
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            _kill_group(process)
        said.seek(0, os.SEEK_END)
        said.seek(max(0, said.tell() - _KEPT))
        return Finished(status, said.read().decode("utf-8", "replace"))


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """Ends a process and what it left running in the background."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def shown(command: Sequence[str]) -> str:
    """A command as people type it."""
    return shlex.join(command)
