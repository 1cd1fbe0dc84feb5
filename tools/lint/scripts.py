"""Scripts of the shell: which files are such, and whether they can be parsed."""

import re
import subprocess
from pathlib import Path

_FIRST_LINE = re.compile(rb"#!\s*(?:/usr/bin/env\s+|/\S*/)(bash|sh)\b")


def shell_of(file: Path) -> str | None:
    """The shell that runs a file, `bash` or `sh`; None where it is no script. A part that others source is bash's."""
    with file.open("rb") as opened:
        named = _FIRST_LINE.match(opened.readline())
    if named:
        return named[1].decode()
    return "bash" if file.suffix == ".sh" else None


def syntax_error(file: Path, shell: str) -> str | None:
    """What the shell has to say against a script that it reads and does not run; None if nothing."""
    done = subprocess.run([shell, "-n", file], capture_output=True, text=True, check=False)
    return done.stderr.strip() or f"{file}: {shell} -n ends with {done.returncode}" if done.returncode else None
