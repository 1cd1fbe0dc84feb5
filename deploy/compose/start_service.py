"""Starts a service that lies in a folder beside this file, with the libraries that lie there with it.

start_service.py PACKAGE [ARGUMENT …]
"""

import os
import runpy
import sys
from pathlib import Path


def main() -> None:
    """Becomes `python -m PACKAGE ARGUMENT …`."""
    package = sys.argv.pop(1)
    folder = Path(__file__).resolve().parent / package
    own = [str(folder / "app"), str(folder / "site-packages")]
    sys.path[:1] = own
    # For the processes that it starts itself.
    os.environ["PYTHONPATH"] = os.pathsep.join(own)
    runpy.run_module(package, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
