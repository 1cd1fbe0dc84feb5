"""`python -m buildgen`."""

import sys

from buildgen.start import start

if __name__ == "__main__":
    sys.exit(start(sys.argv[1:]))
