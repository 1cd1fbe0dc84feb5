"""Imports in forks of a process that has loaded other people's modules: with the results of processes of their own."""

import sys
from pathlib import Path

import pytest

from migrate.checks.importing import Imported, Request, import_all
from migrate.checks.nursery import Nursery
from migrate.checks.running import Runner

MODULES = {
    "src/ours/__init__.py": "",
    "src/ours/good.py": "import heavy\nfrom ours import helper\n",
    "src/ours/helper.py": "",
    "src/ours/raises.py": "import heavy\nraise ValueError('no, not here')\n",
    "src/ours/misses.py": "import nobody_has_this\n",
    "src/ours/leaves.py": "import os\nos._exit(3)\n",
    "src/ours/ends.py": "raise SystemExit('enough')\n",
    "src/ours/talks.py": "import sys\nprint('x' * 100_000)\nprint(sys.stdin.read(), file=sys.stderr)\n",
    "src/ours/looks.py": (
        "import os, sys, tempfile\n"
        "here = os.getcwd()\n"
        "with open('seen.txt', 'a') as file:\n"
        "    own = [p for p in sys.path if p.startswith(here)]\n"
        "    home = os.environ['HOME']\n"
        "    print(own, sys.path[-1], tempfile.gettempdir() == home + '/tmp', len(sys.argv) > 0, file=file)\n"
    ),
}
NAMES = [f"ours.{path.rpartition('/')[2][:-3]}" for path in MODULES if not path.endswith("__init__.py")]


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    stubs = tmp_path / "stubs"
    stubs.mkdir()
    (stubs / "heavy.py").write_text(
        f"with open({str(tmp_path / 'loads.txt')!r}, 'a') as file:\n    file.write('loaded\\n')\n"
    )
    for path, text in MODULES.items():
        (tmp_path / "tree" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tree" / path).write_text(text)
    return Runner(Path(sys.executable), stubs, tmp_path / "work")


def imported(runner: Runner, tree: Path, nursery: Nursery | None, names: list[str]) -> list[Imported]:
    requests = [Request((name,), ("src",)) for name in names]
    return import_all(runner, tree, requests, 20, 2, lambda: None, nursery)


def test_results_are_those_of_processes_of_their_own(runner: Runner, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    alone = imported(runner, tree, None, NAMES)
    loads = len((tmp_path / "loads.txt").read_text().splitlines())
    with Nursery(runner, ["heavy", "nobody_has_this"]) as nursery:
        forked = imported(runner, tree, nursery, NAMES)
    assert forked == alone
    assert {each.name for each in forked if each.ok} == {"ours.good", "ours.helper", "ours.talks", "ours.looks"}
    one, other = (tree / "seen.txt").read_text().splitlines()
    assert one == other
    # Once for the nursery, and once for the module that fails, which is imported again alone.
    assert loads == 2
    assert len((tmp_path / "loads.txt").read_text().splitlines()) == loads + 2


def test_an_import_that_never_ends_is_stopped_and_the_next_goes_on(runner: Runner, tmp_path: Path) -> None:
    (tmp_path / "tree/src/ours/endless.py").write_text("while True:\n    pass\n")
    with Nursery(runner, []) as nursery:
        requests = [Request((name,), ("src",)) for name in ("ours.endless", "ours.helper")]
        endless, helper = import_all(runner, tmp_path / "tree", requests, 2, 1, lambda: None, nursery)
    assert (endless.ok, endless.kind) == (False, "timed out")
    assert helper.ok


def test_where_the_nursery_has_died_modules_are_imported_alone(runner: Runner, tmp_path: Path) -> None:
    with Nursery(runner, []) as nursery:
        nursery._process.kill()
        nursery._process.wait()
        (good,) = imported(runner, tmp_path / "tree", nursery, ["ours.good"])
    assert good == Imported(
        "ours.good", True, loaded=("src/ours/__init__.py", "src/ours/good.py", "src/ours/helper.py")
    )
