"""Installs one hashed requirement into a folder and writes down what it requires.

    install_wheel.py REQUIREMENT_FILE TARGET REQUIRES_JSON

REQUIRES_JSON becomes {extra: [normalised package, ...]}, with "" for what is required without any extra and the
markers decided for this interpreter. Indexes, certificates and caches are those of the machine's pip configuration.
"""

import compileall
import json
import py_compile
import sys
from email.parser import HeaderParser
from pathlib import Path

from pip._internal.cli.main import main as pip
from pip._vendor.packaging.requirements import Requirement
from pip._vendor.packaging.utils import canonicalize_name

# Byte code is made here, where it is made once; wheels above this size are imported by too few tests to repay it.
COMPILE_BELOW_FILES = 4000


def requires(metadata: Path) -> dict[str, list[str]]:
    headers = HeaderParser().parsestr(metadata.read_text(encoding="utf-8"))
    lines = [Requirement(line) for line in headers.get_all("Requires-Dist") or []]
    found: dict[str, list[str]] = {}
    for extra in ["", *(headers.get_all("Provides-Extra") or [])]:
        found[extra] = sorted(
            {
                canonicalize_name(line.name).replace("-", "_")
                for line in lines
                if line.marker is None or line.marker.evaluate({"extra": extra})
            }
        )
    return found


requirement, target, requires_json = (Path(argument) for argument in sys.argv[1:])
status = pip(
    [
        *("install", "--quiet", "--disable-pip-version-check", "--no-input", "--root-user-action=ignore"),
        *("--no-deps", "--require-hashes", "--no-compile", "--no-warn-script-location", "--ignore-installed"),
        *("--target", str(target), "--requirement", str(requirement)),
    ]
)
if status:
    sys.exit(status)

metadata = list(target.glob("*.dist-info/METADATA"))
if len(metadata) != 1:
    sys.exit(f"{requirement.read_text()}: the wheel should bring one METADATA file, and brought {len(metadata)}")
requires_json.write_text(json.dumps(requires(metadata[0]), indent=1, sort_keys=True))

# Scripts carry this folder's absolute path, and direct_url.json that of the archive: inputs must not. Programs that the
# wheel brings compiled stay.
for program in filter(Path.is_file, target.glob("bin/*")):
    if program.read_bytes()[:2] == b"#!":
        program.unlink()
for name in ("direct_url.json", "REQUESTED", "INSTALLER"):
    for path in target.glob(f"*.dist-info/{name}"):
        path.unlink()
for record in target.glob("*.dist-info/RECORD"):
    lines = record.read_text(encoding="utf-8").splitlines()
    gone = ("direct_url.json,", "REQUESTED,", "INSTALLER,", "../../bin/")
    kept = [line for line in lines if not any(mark in line for mark in gone)]
    record.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")

if sum(1 for _ in target.rglob("*.py")) < COMPILE_BELOW_FILES:
    compileall.compile_dir(
        target,
        quiet=2,
        stripdir=str(target),
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )
