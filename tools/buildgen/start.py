"""How the program starts: its byte code is kept first, then the rest is loaded."""

import gc
import os
import sys
from collections.abc import Sequence


def start(arguments: Sequence[str]) -> int:
    """Runs the command line. Returns the exit status."""
    _keep_bytecode()
    gc.disable()  # a run is short, and makes nothing in circles that would be worth looking for
    from buildgen.cli import main

    try:
        return main(arguments)
    finally:
        gc.enable()


def _keep_bytecode() -> None:
    """Keeps this program's byte code in the user's cache folder, where Python is told to write none beside the sources.

    Compiling takes longer than a whole run of a workspace in which one file changed.
    """
    if sys.dont_write_bytecode and sys.pycache_prefix is None:
        home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
        cache = os.environ.get("LAXAI_CACHE") or os.path.join(home, "laxai")
        sys.pycache_prefix = os.path.join(cache, "buildgen", "pyc")
        sys.dont_write_bytecode = False
