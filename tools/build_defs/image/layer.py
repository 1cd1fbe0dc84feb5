"""Decides what a layer of an image holds, and where: writes its mtree(5) specification, and byte code for its modules.

    layer.py --part interpreter|packages|code --sources FILE --specification FILE --byte-code FOLDER

Each line of FILE is a place in the image and a file or folder for it, with a tab between. What no program of an image
reads stays out: headers, static libraries, stubs, the tests of libraries. An image runs with a read-only root, so byte
code comes with it: without a time in it (PEP 552, unchecked), under the path that the module will have, the same bytes
from every build. Every entry belongs to root and carries the time 1 January 2020, so that nothing in an archive says
when or by whom it was made.
"""

from __future__ import annotations

import argparse
import filecmp
import os
import py_compile
import re
import stat
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

SECONDS: Final = 1577836800
"""1 January 2020, as in the conformance images. Not 0: some programs take that for "no time"."""

_LEFT_OUT: Final[Mapping[str, re.Pattern[str]]] = {
    "packages": re.compile(
        r"/__pycache__/|\.(pyc|pyi|pxd|pyx|pxi|h|hpp|hh|cuh|inc|a|lib|cmake|c|cc|cpp|cu|f|f90|o)$|/tests/"
        r"|^opt/site-packages/(bin|include|share/(man|doc)|torch/(include|test|share))/"
        r"|^opt/site-packages/torch/bin/(?!torch_shm_manager$)"
    ),
    "interpreter": re.compile(
        r"/__pycache__/|\.(pyc|a|h)$|/tests?/|^opt/python/(include|share)/|^opt/python/bin/(?!python3?(\.11)?$)"
        r"|^opt/python/lib/(binfmt\.d|pkgconfig|tcl|tk|itcl|thread|Tix|libtcl|libtk)"
        r"|^opt/python/lib/python3(\.11)?/(config-|ensurepip/|idlelib/|lib2to3/|site-packages/|dist-packages/|tkinter/|turtle|pydoc_data/)"
        r"|^opt/python/lib/python3\.11/lib-dynload/(_tkinter|_test|_xxtest|_ctypes_test|readline|xx)"
    ),
    "code": re.compile(r"/__pycache__/|\.pyc$"),
}


class LayerError(Exception):
    """A layer cannot be made of these files; the text says why."""


def files_of(sources: list[tuple[str, Path]], part: str) -> dict[str, Path]:
    """{place in the image: file} of all that belongs in a layer. Raises LayerError where two files want one place."""
    found: dict[str, Path] = {}
    for place, source in sources:
        for at, path in _walk(place, source):
            if _LEFT_OUT[part].search(at):
                continue
            other = found.setdefault(at, path)
            if other is not path and not filecmp.cmp(other, path, shallow=False):
                raise LayerError(f"two different files want to be /{at}: {other} and {path}")
    return dict(sorted(found.items()))


def _walk(place: str, path: Path) -> Iterator[tuple[str, Path]]:
    # What a sandbox shows is links to the files; only inside a folder does a link mean a link.
    if path.is_dir():
        for root, folders, names in os.walk(path):
            linked = [name for name in folders if (Path(root) / name).is_symlink()]
            below = Path(root).relative_to(path).as_posix()
            for name in names + linked:
                yield os.path.normpath(f"{place}/{below}/{name}"), Path(root) / name
    elif path.exists():
        yield place, path
    else:
        raise LayerError(f"there is no {path}, which should become /{place}")


def byte_code(files: Mapping[str, Path], folder: Path) -> dict[str, Path]:
    """Compiles the modules among `files` into `folder`: {place in the image: compiled file}.

    Files that are no Python of this version are left alone, as pip leaves them: templates, code for other versions.
    """
    compiled: dict[str, Path] = {}
    for place, path in files.items():
        if not place.endswith(".py"):
            continue
        head, name = os.path.split(place)
        at = f"{head}/__pycache__/{name.removesuffix('.py')}.cpython-311.pyc"
        to = folder / at
        to.parent.mkdir(parents=True, exist_ok=True)
        try:
            py_compile.compile(
                str(path),
                cfile=str(to),
                dfile=f"/{place}",
                doraise=True,
                invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
            )
        except (py_compile.PyCompileError, ValueError):
            continue
        compiled[at] = to
    return compiled


def specification(files: Mapping[str, Path], inside: frozenset[Path] = frozenset()) -> str:
    """The lines of mtree(5) for files: folders first, everything sorted.

    files: {place in the image: file}. inside: folders; a link below one of them stays a link.
    """
    lines = ["#mtree"]
    owner = f"uid=0 gid=0 time={SECONDS}"
    folders = {folder.as_posix() for place in files for folder in Path(place).parents if folder != Path(".")}
    for place in sorted(folders | set(files)):
        name = "./" + _encoded(place)
        if place in folders:
            lines.append(f"{name} {owner} mode=0755 type=dir")
            continue
        path = files[place]
        if path.is_symlink() and any(folder in path.parents for folder in inside):
            lines.append(f"{name} {owner} mode=0777 type=link link={_encoded(os.readlink(path))}")
            continue
        mode = "0755" if path.stat().st_mode & stat.S_IXUSR and not place.endswith((".py", ".pyc")) else "0644"
        lines.append(f"{name} {owner} mode={mode} type=file content={_encoded(str(path))}")
    return "".join(f"{line}\n" for line in lines)


def _encoded(text: str) -> str:
    """A name as mtree(5) writes it: everything but plain ASCII in octal."""
    return "".join(
        chr(byte) if 0x21 <= byte < 0x7F and byte not in b"\\#=" else f"\\{byte:03o}" for byte in os.fsencode(text)
    )


def _read_sources(path: Path) -> list[tuple[str, Path]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    pairs = [line.split("\t") for line in lines]
    return [(place, Path(source)) for place, source in pairs]


def main(arguments: list[str]) -> int:
    """Runs the program; the exit code is 1 where the layer cannot be made."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=sorted(_LEFT_OUT), required=True)
    parser.add_argument("--sources", type=Path, required=True)
    parser.add_argument("--specification", type=Path, required=True)
    parser.add_argument("--byte-code", type=Path, required=True)
    asked = parser.parse_args(arguments)
    sources = _read_sources(asked.sources)
    try:
        files = files_of(sources, asked.part)
    except LayerError as error:
        print(f"layer: error: {error}", file=sys.stderr)
        return 1
    inside = frozenset(path for _, path in sources if path.is_dir())
    everything = files | byte_code(files, asked.byte_code)
    asked.specification.write_text(specification(everything, inside), encoding="ascii")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
