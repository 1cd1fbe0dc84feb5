"""Text that no person wrote: bundles, minified scripts and styles, source maps, lock files. What they spell is data."""

import posixpath
import re

#: No person writes such a line: in a format that people write by hand it makes no difference.
LONGEST_LINE = 5_000

_NAME = re.compile(
    r".+[.-]min\.\w+|.+\.(?:bundle|chunk)\.\w+|.+\.map|(?:package-lock|npm-shrinkwrap|packages\.lock)\.json"
    r"|pnpm-lock\.ya?ml|go\.sum"
)


def has_a_generated_name(path: str) -> bool:
    """Whether a file is called like what bundlers and package managers write."""
    return _NAME.fullmatch(posixpath.basename(path)) is not None


def has_generated_lines(contents: bytes) -> bool:
    """Whether a line is longer than people write them."""
    if len(contents) <= LONGEST_LINE:
        return False
    start = 0
    while (end := contents.find(b"\n", start)) >= 0:
        if end - start > LONGEST_LINE:
            return True
        start = end + 1
    return len(contents) - start > LONGEST_LINE
