"""`python -m buildgen.benchmarks [FOLDER] [--rounds N]`: cold, warm and after one edit, beside Gazelle.

Each run is a process of its own, start included, on a copy of the folder. Gazelle is the binary in $GAZELLE. Without a
folder, a tree of 653 files is made of the standard library's.
"""

import itertools
import os
import resource
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from buildgen.start import start

FILES = 653
LARGEST = 16_000  # bytes
GAZELLE_BUILD = """\
# gazelle:python_root
# gazelle:python_validate_import_statements false
"""


def seconds(run: Callable[[], None]) -> tuple[float, float]:
    """(on the clock, of processors): on a busy machine, only the second says much."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    run()
    took = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def tree(folder: Path) -> None:
    """653 files in 60 folders, of the standard library's that are of a usual size."""
    standard = Path(sysconfig.get_path("stdlib"))
    found = sorted(path for path in standard.rglob("*.py") if "site-packages" not in path.parts)
    usual = [path for path in found if 500 < path.stat().st_size < LARGEST]
    for number, source in enumerate(itertools.islice(itertools.cycle(usual), FILES)):
        target = folder / f"package{number % 60}" / f"m{number}_{source.name.removeprefix('test_')}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
    (folder / "MODULE.bazel").write_text('module(name = "measured")\n')


def copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns(".git", ".venv", "bazel-*"))


def buildgen(root: Path, cache: Path) -> None:
    environment = {**os.environ, "LAXAI_CACHE": str(cache)}
    program = f"import sys; from {start.__module__} import start; sys.exit(start(sys.argv[1:]))"
    command = [sys.executable, "-c", program, "--root", str(root)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode not in (0, 2):  # 2: the tree has errors; they were found, which is what is measured
        raise SystemExit(f"error: buildgen failed: {done.stderr}")


def gazelle(binary: str, root: Path) -> None:
    done = subprocess.run([binary, "-repo_root", str(root)], cwd=root, capture_output=True, text=True)
    if done.returncode and "ERROR" not in done.stderr:
        raise SystemExit(f"error: gazelle failed: {done.stderr[:500]}")


def measure(source: Path, rounds: int, place: Path) -> list[tuple[str, list[tuple[float, float]]]]:
    """(what, times per round). The runs alternate, so that a busy machine slows all of them."""
    binary = os.environ.get("GAZELLE")
    rows: dict[str, list[tuple[float, float]]] = {}

    def note(what: str, took: tuple[float, float]) -> None:
        rows.setdefault(what, []).append(took)

    warm_up = place / "cache"
    for number in range(rounds):
        root, theirs = place / f"ours{number}", place / f"theirs{number}"
        copy(source, root)
        shutil.rmtree(warm_up / "buildgen", ignore_errors=True)
        buildgen(place / "nothing", warm_up)  # byte code, as after the first run ever
        note("buildgen, cold, all files to write", seconds(partial(buildgen, root, warm_up)))
        note("buildgen, warm, nothing changed", seconds(partial(buildgen, root, warm_up)))
        edited = max(root.rglob("*.py"), key=lambda path: path.stat().st_size)
        edited.write_bytes(b"import json\n" + edited.read_bytes())
        note("buildgen, warm, after one edit", seconds(partial(buildgen, root, warm_up)))
        for stored in (warm_up / "buildgen").glob("*.cache"):
            stored.unlink()
        note("buildgen, cold, nothing to write", seconds(partial(buildgen, root, warm_up)))
        if binary:
            copy(source, theirs)
            build = theirs / "BUILD.bazel"
            build.write_text(GAZELLE_BUILD + (build.read_text() if build.exists() else ""))
            note("Gazelle, all files to write", seconds(partial(gazelle, binary, theirs)))
            note("Gazelle, nothing to write", seconds(partial(gazelle, binary, theirs)))
    return list(rows.items())


def main(arguments: Sequence[str]) -> int:
    rounds = 5
    words = list(arguments)
    if "--rounds" in words:
        at = words.index("--rounds")
        try:
            rounds = int(words[at + 1])
        except (IndexError, ValueError):
            print("error: --rounds takes a number – --rounds 5", file=sys.stderr)
            return 2
        del words[at : at + 2]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "nothing").mkdir()
        if words:
            source = Path(words[0])
            if not source.is_dir():
                print(f"error: {source} is not a folder – name a tree of Python files", file=sys.stderr)
                return 2
        else:
            source = place / "tree"
            tree(source)
        files = [path for path in source.rglob("*.py") if ".venv" not in path.parts]
        size = sum(path.stat().st_size for path in files)
        print(f"{len(files)} Python files, {size / 1e6:.1f} MB, {os.cpu_count()} cores, {rounds} rounds")
        for what, took in measure(source, rounds, place):
            clock, processors = [row[0] for row in took], [row[1] for row in took]
            best = f"median {statistics.median(clock):6.3f} s   best {min(clock):6.3f} s"
            print(f"{what:<36} {best}   processors' best {min(processors):6.3f} s")
    if not os.environ.get("GAZELLE"):
        print("Gazelle: not at hand (name its binary in $GAZELLE)")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
