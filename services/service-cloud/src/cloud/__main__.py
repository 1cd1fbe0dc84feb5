"""`python -m cloud`."""

from __future__ import annotations

import sys

from cloud.cli import main

if __name__ == "__main__":
    sys.exit(main())
