"""Starts `python -m migrate`."""

import os
import sys

# `python -m` puts the working folder first, which may be a repository that has a shared_libs of its own by now.
if sys.path and sys.path[0] in ("", os.getcwd()):
    del sys.path[0]

from migrate.cli import main

if __name__ == "__main__":
    main()
