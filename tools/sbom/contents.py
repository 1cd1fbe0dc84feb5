"""What an image holds, from the mtree(5) specifications of its layers: the very lists that the layers are made from."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from shared_libs.common.errors import InputError
from shared_libs.common.files import read_bytes

_OCTAL = re.compile(r"\\([0-7]{3})")


def read_specifications(paths: Sequence[Path]) -> dict[str, Path]:
    """{place in the image, without a leading slash: file} of all files that specifications name; links are left out.

    Raises InputError for a line that is not of the form that //tools/build_defs/image:layer writes, and where a file
    that it names is not there.
    """
    files: dict[str, Path] = {}
    for path in paths:
        rows = read_bytes(path).decode("ascii", errors="replace").splitlines()
        if not rows or rows[0] != "#mtree":
            raise InputError(path, "not an mtree specification", line=1, hint="name the .mtree file of a layer")
        for number, row in enumerate(rows[1:], 2):
            name, *words = row.split(" ")
            keys = dict(word.partition("=")[::2] for word in words)
            if not name.startswith("./") or "type" not in keys:
                raise InputError(path, f"not a line of mtree(5): {row[:60]}", line=number)
            if keys["type"] != "file":
                continue
            file = Path(_decoded(keys.get("content", "")))
            if not file.is_file():
                raise InputError(path, f"names {file}, which is not there", line=number, hint="build the layer again")
            files[_decoded(name[2:])] = file
    return files


def below(files: Mapping[str, Path], folder: str) -> dict[str, Path]:
    """Those below a folder of the image, by their path in it."""
    return {place.removeprefix(folder): path for place, path in files.items() if place.startswith(folder)}


def _decoded(text: str) -> str:
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), text).encode("latin-1").decode("utf-8", "surrogateescape")
