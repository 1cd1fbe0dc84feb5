"""Loads other people's modules once, then imports modules of a tree in forks of itself: `nursery_program.py NAME …`.

Asked on stdin, it answers on stdout, a line of JSON each. It is copied beside the runs, as `importer.py` is, and is
run by the repository's interpreter: standard library only, Python 3.8 and later.
"""

import contextlib
import importlib
import json
import os
import signal
import sys
import tempfile
import time
from typing import Any, Dict, List, Optional  # noqa: UP035

# gazelle:ignore migrate_verify_importer
from migrate_verify_importer import main as import_it  # type: ignore[import-not-found]


def serve(names: List[str]) -> None:  # noqa: UP006
    """Answers until stdin ends."""
    answers = os.fdopen(os.dup(1), "w")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    for name in names:
        with contextlib.suppress(BaseException):
            importlib.import_module(name)
    here = os.path.dirname(os.path.abspath(__file__))
    rest = [entry for entry in sys.path if os.path.abspath(entry) != here]
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            _import(request, [here, *request["roots"], *rest])
        json.dump({"status": _wait(child, request["timeout"])}, answers)
        answers.write("\n")
        answers.flush()


def _import(request: Dict[str, Any], path: List[str]) -> None:  # noqa: UP006
    """Makes of the fork what a process of its own would have been, and imports. It does not return."""
    try:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        said = os.open(request["said"], os.O_WRONLY | os.O_CREAT)
        os.dup2(said, 1)
        os.dup2(said, 2)
        os.environ.clear()
        os.environ.update(request["environment"])
        os.chdir(request["tree"])
        tempfile.tempdir = None
        sys.path[:] = path
        import_it(request["name"], request["out"], request["tree"])
    finally:
        os._exit(1)


def _wait(child: int, seconds: float) -> Optional[int]:  # noqa: UP045
    """How the fork ended; None where it was killed for taking longer. What it started is killed with it."""
    end = time.monotonic() + seconds
    status: Optional[int] = None  # noqa: UP045
    while status is None and time.monotonic() < end:
        done, code = os.waitpid(child, os.WNOHANG)
        if done:
            status = code
        else:
            time.sleep(0.005)
    with contextlib.suppress(OSError):
        os.killpg(child, signal.SIGKILL)
    if status is None:
        os.waitpid(child, 0)
    return status


if __name__ == "__main__":
    serve(sys.argv[1:])
