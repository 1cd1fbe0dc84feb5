"""Where the ruff of the lock is: a program that its wheel brings, which each installer puts elsewhere."""

from pathlib import Path

import ruff

from shared_libs.common.errors import InputError


def ruff_program() -> Path:
    """ruff's path. Raises InputError where the wheel came without it."""
    package = Path(ruff.__file__).parent
    # Beside the package (pip --target), beside site-packages (rules_python), and in a virtual environment.
    for number in (0, 1, 3):
        program = package.parents[number] / "bin" / "ruff"
        if program.is_file():
            return program
    raise InputError(package, "there is no bin/ruff beside this package", hint="install ruff's wheel anew")
