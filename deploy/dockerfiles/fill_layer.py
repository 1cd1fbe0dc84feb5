"""Lays out one layer of a service's image in a folder: what the Dockerfiles run in their first stage.

    fill_layer.py interpreter --base FOLDER --into FOLDER
    fill_layer.py packages --lock FILE --packages FILE --into FOLDER
    fill_layer.py code --source FOLDER --into FOLDER
    fill_layer.py wheels --lock FILE --packages FILE --into FOLDER

The last only downloads what `packages` would install, for a build that will have no network.

What belongs into a layer and what stays out of it is for layer.py to say (tools/build_defs/image), as it is for the
images that Bazel builds. It runs with the interpreter that the image is to have, a CPython 3.11 with pip. Nothing else
is needed, not even a shell.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import sysconfig
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from layer import SECONDS, LayerError, byte_code, files_of

# What pip writes beside a package's own files: by whom it was installed, and from where.
_OF_PIP: Final = re.compile(r"opt/site-packages/[^/]+\.dist-info/(INSTALLER|REQUESTED|direct_url\.json)")

# A pinned requirement of a lock, with its hashes and remarks on the lines that follow.
_PIN: Final = re.compile(r"^([A-Za-z0-9][\w.-]*)(?:\[[\w.,-]*\])?==.*(?:\n[ \t].*)*\n?", re.MULTILINE)

_EXTRA_INDEX: Final = re.compile(r"^--extra-index-url[ =](\S+)$", re.MULTILINE)

_INPUTS: Final[Mapping[str, tuple[str, ...]]] = {
    "interpreter": ("base",),
    "packages": ("lock", "packages"),
    "code": ("source",),
    "wheels": ("lock", "packages"),
}

# Imports every compiled module of the standard library. Prints which of them do not load, and what is mapped then.
_LOAD_ALL: Final = """
import importlib, json, pathlib, sysconfig
failed = {}
for path in sorted(pathlib.Path(sysconfig.get_path("platstdlib"), "lib-dynload").glob("*.so")):
    name = path.name.partition(".")[0]
    try:
        importlib.import_module(name)
    except ImportError as error:
        failed[name] = str(error)
mapped = {line.split(maxsplit=5)[-1].strip() for line in open("/proc/self/maps") if ".so" in line}
print(json.dumps({"failed": failed, "mapped": sorted(mapped)}))
"""


def fill_interpreter(base: Path, into: Path) -> None:
    """Lays out the interpreter that runs this as opt/python.

    Libraries that its modules are linked with and that are not in the file system `base` go to usr/lib.
    """
    prefix = Path(sys.base_prefix)
    found = [path for names in ("bin/python3*", "lib/libpython3*.so*", "lib/python3*") for path in prefix.glob(names)]
    files = files_of([(f"opt/python/{path.relative_to(prefix)}", path) for path in found], "interpreter")
    _lay_out(files, into)
    program = into / "opt/python/bin/python3.11"
    told = json.loads(subprocess.run([program, "-IB", "-c", _LOAD_ALL], check=True, stdout=subprocess.PIPE).stdout)
    for name, cause in told["failed"].items():
        print(f"fill_layer: the module {name} does not load, and will not in the image: {cause}", file=sys.stderr)
    libraries = {}
    for path in map(Path, told["mapped"]):
        place = f"usr/lib/{sysconfig.get_config_var('MULTIARCH')}/{_name_of_library(path)}"
        if into not in path.parents and not _is_in(base, place):
            libraries[place] = path
    _copy(libraries, into)
    _settle(into)


def fill_packages(lock: Path, packages: Path, into: Path) -> None:
    """Installs the packages that a list names as opt/site-packages, in the versions and with the hashes of the lock.

    pip asks the indexes that it is set up to ask, and those that the lock's .in file names.
    """
    with tempfile.TemporaryDirectory(dir=into.parent) as temporary:
        installed = Path(temporary) / "installed"
        _pip(
            [
                "install",
                "--root-user-action=ignore",
                "--no-compile",
                "--no-warn-script-location",
                f"--target={installed}",
            ],
            lock,
            packages,
        )
        files = files_of([("opt/site-packages", installed)], "packages")
        _lay_out({place: path for place, path in files.items() if not _OF_PIP.fullmatch(place)}, into)
    _settle(into)


def fetch_wheels(lock: Path, packages: Path, into: Path) -> None:
    """Downloads the wheels of those packages."""
    _pip(["download", f"--dest={into}"], lock, packages)


def fill_code(source: Path, into: Path) -> None:
    """Lays out a folder of packages of ours as app."""
    _lay_out(files_of([("app", source)], "code"), into)
    _settle(into)


def pins_of(lock: str) -> dict[str, str]:
    """{normalised name: its lines} of a lock's text; where markers choose between several pins, the lines of all."""
    pins: dict[str, str] = {}
    for match in _PIN.finditer(lock):
        name = re.sub(r"[-_.]+", "-", match[1]).lower()
        pins[name] = pins.get(name, "") + match[0]
    return pins


def _pip(command: list[str], lock: Path, packages: Path) -> None:
    names = packages.read_text(encoding="utf-8").split()
    pins = pins_of(lock.read_text(encoding="utf-8"))
    if missing := sorted(set(names) - set(pins)):
        raise LayerError(f"{packages} names what {lock} does not pin: {', '.join(missing)}")
    indexes = _EXTRA_INDEX.findall(lock.with_suffix(".in").read_text(encoding="utf-8"))
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".txt") as chosen:
        chosen.write("".join(pins[name] for name in names))
        chosen.flush()
        words = [sys.executable, "-m", "pip", *command, "--no-input", "--disable-pip-version-check"]
        words += ["--progress-bar=off", "--no-deps", "--require-hashes", "--only-binary=:all:"]
        words += [f"--extra-index-url={url}" for url in indexes if _answers(url)]
        if subprocess.run([*words, f"--requirement={chosen.name}"]).returncode:
            raise LayerError(f"pip did not get what {lock} pins: see above")


def _answers(url: str) -> bool:
    # pip would ask for every package, several times each.
    try:
        urllib.request.urlopen(url, timeout=10).close()
    except urllib.error.HTTPError:
        return True
    except OSError as error:
        print(f"fill_layer: {url} cannot be reached and is not asked: {error}", file=sys.stderr)
        return False
    return True


def _name_of_library(path: Path) -> str:
    """The name by which programs ask for a library: libz.so.1 for libz.so.1.2.13."""
    names = [other.name for other in path.parent.glob("*.so.*") if other.resolve() == path.resolve()]
    return min(names, key=len, default=path.name)


def _is_in(base: Path, place: str) -> bool:
    """Whether a file system has this file of usr/lib, there or in lib."""
    name = Path(place).name
    return any(
        os.path.lexists(base / folder / name)
        for above in ("lib", "lib64", "usr/lib", "usr/lib64")
        for folder in (above, f"{above}/{Path(place).parent.name}")
    )


def _lay_out(files: Mapping[str, Path], into: Path) -> None:
    """Copies files to their places, with byte code for the modules among them."""
    with tempfile.TemporaryDirectory() as temporary:
        _copy(files, into)
        _copy(byte_code(files, Path(temporary)), into)


def _copy(files: Mapping[str, Path], into: Path) -> None:
    for place, path in files.items():
        to = into / place
        to.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink() and os.path.normpath(f"{Path(place).parent}/{os.readlink(path)}") in files:
            to.symlink_to(os.readlink(path))
            continue
        shutil.copyfile(path, to)
        executable = path.stat().st_mode & stat.S_IXUSR and path.suffix not in (".py", ".pyc")
        to.chmod(0o755 if executable else 0o644)


def _settle(into: Path) -> None:
    """Gives every file and folder the one time, so that the layer is the same whenever it is made."""
    for root, _, names in os.walk(into):
        Path(root).chmod(0o755)
        for path in (root, *(os.path.join(root, name) for name in names)):
            os.utime(path, (SECONDS, SECONDS), follow_symlinks=False)


def main(arguments: list[str]) -> int:
    """Runs the program; the exit code is 1 where the layer cannot be made."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(dest="part", required=True)
    for part, inputs in _INPUTS.items():
        of_part = parts.add_parser(part)
        for name in (*inputs, "into"):
            of_part.add_argument(f"--{name}", type=Path, required=True)
    asked = parser.parse_args(arguments)
    try:
        if sys.version_info[:2] != (3, 11):
            raise LayerError(f"the image is to have CPython 3.11, and BUILD_IMAGE has {sys.version.split()[0]}")
        asked.into.mkdir(parents=True, exist_ok=True)
        if asked.part == "interpreter":
            fill_interpreter(asked.base, asked.into)
        elif asked.part == "packages":
            fill_packages(asked.lock, asked.packages, asked.into)
        elif asked.part == "wheels":
            fetch_wheels(asked.lock, asked.packages, asked.into)
        else:
            fill_code(asked.source, asked.into)
    except LayerError as error:
        print(f"fill_layer: error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
