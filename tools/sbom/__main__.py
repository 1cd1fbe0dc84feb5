"""The command line: `make` writes an image's document, `check` holds documents against the decisions.

bazel run //tools/sbom -- check FILE.cdx.json …
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from lock.lockfile import read_lock, read_requirements
from sbom.base import read_base
from sbom.contents import read_specifications
from sbom.decided import problems_of
from sbom.document import write_document
from sbom.parts import base_part, code_part, interpreter_part, wheel_parts
from sbom.reviewed import DECISIONS, LIBRARIES, read_decisions, read_libraries
from shared_libs.common.errors import InputError, UserError
from shared_libs.common.files import atomic_write, read_bytes
from shared_libs.utils.paths import as_typed, user_path

_HINT: Final = "name what `make` wrote: NAME.cdx.json"


def main(arguments: Sequence[str]) -> int:
    """Runs the program. The exit status is 1 where `check` found something undecided, 2 for unusable input."""
    parser = argparse.ArgumentParser(prog="sbom", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("make", help="write the document of an image")
    make.add_argument("--name", required=True, help="the image's name")
    make.add_argument("--version", required=True, help="our code's version")
    make.add_argument(
        "--lock", type=user_path, required=True, help="requirements/NAME.txt, which the image's wheels are from"
    )
    make.add_argument("--asked", type=user_path, required=True, help="requirements/NAME.in, which the lock is from")
    make.add_argument("--base", type=user_path, required=True, help="the base image, an OCI layout")
    make.add_argument(
        "--specification", type=user_path, action="append", required=True, help="a layer's .mtree, repeatable"
    )
    make.add_argument("--output", type=user_path, required=True, help="the document to write")
    check = commands.add_parser("check", help="list the licences that bind and that no decision names")
    check.add_argument("documents", type=user_path, nargs="+", help="documents that `make` wrote")
    asked = parser.parse_args(arguments)
    try:
        if asked.command == "check":
            return _check(asked.documents)
        _make(asked)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _make(asked: argparse.Namespace) -> None:
    reviewed = read_libraries(LIBRARIES)
    files = read_specifications(asked.specification)
    wheels = wheel_parts(files, read_lock(asked.lock), asked.lock, reviewed)
    code = code_part(files, asked.name, asked.version, read_requirements(asked.asked).asked, wheels)
    parts = [code, interpreter_part(files, reviewed), *wheels, base_part(read_base(asked.base), reviewed)]
    with atomic_write(asked.output, "w") as file:
        file.write(write_document(asked.name, asked.version, parts))


def _check(paths: Sequence[Path]) -> int:
    decisions = read_decisions(DECISIONS)
    found = 0
    for path in paths:
        for problem in problems_of(_read(path), decisions):
            print(f"{as_typed(path)}: {problem}")
            found += 1
    return 1 if found else 0


def _read(path: Path) -> dict[str, Any]:
    content = read_bytes(path)
    try:
        document = json.loads(content)
    except ValueError as error:
        raise InputError(path, "not JSON", hint=_HINT) from error
    if not isinstance(document, dict) or document.get("bomFormat") != "CycloneDX":
        raise InputError(path, "not a CycloneDX document", hint=_HINT)
    return document


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
