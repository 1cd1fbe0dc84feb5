"""The command line: `bazel run //tools/buildgen -- [--check] [--clean] [explain TARGET [DEP]] …`."""

import os
import sys
from collections.abc import Sequence

USAGE = """\
usage: buildgen [FOLDER …] [--check | --clean] [--verbose]
       buildgen explain TARGET [DEP]
       buildgen --update-manifests

Writes BUILD.bazel files from the Python code. With FOLDERs, only those of them and below are written.

  --check             change nothing; show what would change, and exit with 1 if anything would
  --clean             take out every rule and attribute that buildgen wrote
  explain             which line of which file asks for each dependency of a target
  --update-manifests  write requirements/import_names.json anew from installed wheels, and gazelle_python.yaml files
  --verbose           also name the packages that are written by hand
  --root FOLDER       the workspace; by default the one that you stand in

Exit status: 0 done, 1 --check found a difference, 2 there were errors (all else is written all the same).
"""


def workspace_root(start: str) -> str:
    """The folder with MODULE.bazel (or WORKSPACE) at or above `start`, "" where there is none."""
    folder = os.path.abspath(start)
    while True:
        if any(os.path.isfile(os.path.join(folder, name)) for name in ("MODULE.bazel", "WORKSPACE", "WORKSPACE.bazel")):
            return folder
        above = os.path.dirname(folder)
        if above == folder:
            return ""
        folder = above


def main(arguments: Sequence[str]) -> int:
    """Runs the command. Returns the exit status."""
    flags: set[str] = set()
    words: list[str] = []
    root = ""
    pending = list(arguments)
    while pending:
        argument = pending.pop(0)
        if argument in ("-h", "--help"):
            print(USAGE, end="")
            return 0
        if argument == "--root" or argument.startswith("--root="):
            root = argument.partition("=")[2] or (pending.pop(0) if pending else "")
            if not root:
                return _refuse("--root names no folder", "write --root FOLDER")
        elif argument in ("--check", "--clean", "--verbose", "--update-manifests"):
            flags.add(argument)
        elif argument.startswith("-"):
            return _refuse(f"there is no option {argument}", "buildgen --help lists them")
        else:
            words.append(argument)
    if {"--check", "--clean"} <= flags:
        return _refuse("--check and --clean exclude each other", "give one of them")
    # `bazel run` starts programs elsewhere and says where the user stands.
    here = os.environ.get("BUILD_WORKING_DIRECTORY") or os.getcwd()
    if root:
        found = os.path.abspath(os.path.join(here, root))
        if not os.path.isdir(found):
            return _refuse(f"{root} is not a folder", "name the workspace's root")
    else:
        found = os.environ.get("BUILD_WORKSPACE_DIRECTORY") or workspace_root(here)
    if not found:
        return _refuse("there is no MODULE.bazel here or in a folder above", "run this in a workspace, or give --root")
    if words and words[0] == "explain":
        from buildgen.explain import explain

        return explain(found, here, words[1:])
    if "--update-manifests" in flags:
        from buildgen.manifests import update_manifests

        return update_manifests(found, check="--check" in flags)
    from buildgen.running import run

    return run(found, here, words, check="--check" in flags, cleaning="--clean" in flags, verbose="--verbose" in flags)


def _refuse(cause: str, way_out: str) -> int:
    print(f"error: {cause} – {way_out}", file=sys.stderr)
    return 2
