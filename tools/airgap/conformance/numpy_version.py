"""Prints the version of numpy that this program was built against."""

import numpy as np

print(np.__version__)
