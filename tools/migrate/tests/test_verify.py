"""`verify` on a small monolith that was moved by hand: real processes, real pytest, both trees."""

import dataclasses
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from migrate.checks.report import Check, Finding, Report, Status
from migrate.checks.trees import make_before
from migrate.executing import Branch, execute
from migrate.generating import Layout, generated_files
from migrate.model import MAKE_VENVS, Component, Kind, Mapping, MigrationError, Operations, Record, Source
from migrate.repository import find_repository
from migrate.verifying import Options, verify, write_report

BEFORE = {
    "src/common/__init__.py": "",
    "src/common/shapes.py": "def area(box):\n    return (box[2] - box[0]) * (box[3] - box[1])\n",
    "src/common/legacy.py": "import common.never_was\n",
    "src/track/__init__.py": "",
    "src/track/__main__.py": (
        "import sys\nfrom track.tracker import largest\nprint('usage' if '--help' in sys.argv else largest([]))\n"
    ),
    "src/track/tracker.py": (
        "from common.shapes import area\n\n\ndef largest(boxes):\n    return max(boxes, key=area)\n"
    ),
    "src/api/__init__.py": "",
    "src/api/server.py": (
        "import json\nfrom common import shapes\n\n\ndef answer(box):\n    return json.dumps(shapes.area(box))\n"
    ),
    "tests/track/test_tracker.py": (
        "import pytest\n"
        "from unittest.mock import patch\n"
        "from track import tracker\n\n\n"
        "@pytest.mark.parametrize('name', ['track.tracker', 'other'])\n"
        "def test_names(name):\n    assert name\n\n\n"
        "def test_largest():\n    assert tracker.largest([(0, 0, 1, 1), (0, 0, 2, 2)]) == (0, 0, 2, 2)\n\n\n"
        "def test_patched():\n"
        "    with patch('track.tracker.area', return_value=1):\n"
        "        assert tracker.largest([(0, 0, 1, 1), (0, 0, 2, 2)]) == (0, 0, 1, 1)\n\n\n"
        "def test_fails_before_and_now():\n    assert tracker.largest([(0, 0, 1, 1)]) == 'wrong'\n\n\n"
        "@pytest.mark.skip(reason='needs a camera')\ndef test_camera():\n    pass\n"
    ),
    "tests/api/test_server.py": (
        "from api.server import answer\n\n\ndef test_answer():\n    assert answer((0, 0, 2, 3)) == '6'\n"
    ),
    "tests/api/test_not_pytest.py": "print('a script, not a test')\n",
    "pytest.ini": "[pytest]\npythonpath = src\n",
    "Dockerfile": "FROM python:3.11-slim\nCOPY src/ src/\nCOPY models/ models/\n",
}

#: Old path -> new path.
MOVED = {
    "src/common/__init__.py": "shared_libs/common/__init__.py",
    "src/common/shapes.py": "shared_libs/common/shapes.py",
    "src/common/legacy.py": "shared_libs/common/legacy.py",
    "src/track/__init__.py": "services/service-tracking/src/tracking/__init__.py",
    "src/track/__main__.py": "services/service-tracking/src/tracking/__main__.py",
    "src/track/tracker.py": "services/service-tracking/src/tracking/tracker.py",
    "src/api/__init__.py": "services/service-api/src/api/__init__.py",
    "src/api/server.py": "services/service-api/src/api/server.py",
    "tests/track/test_tracker.py": "services/service-tracking/tests/test_tracker.py",
    "tests/api/test_server.py": "services/service-api/tests/test_server.py",
    "tests/api/test_not_pytest.py": "services/service-api/tests/test_not_pytest.py",
}

#: What the move rewrites, in this order.
REWRITTEN = {
    "from common.shapes": "from shared_libs.common.shapes",
    "from common import": "from shared_libs.common import",
    "import common.never_was": "import shared_libs.common.never_was",
    "from track.tracker": "from tracking.tracker",
    "from track import": "from tracking import",
    "'track.tracker": "'tracking.tracker",
    "COPY src/ src/": "COPY shared_libs/ shared_libs/\nCOPY services/ services/",
}

CREATED = {
    "services/service-tracking/pytest.ini": "[pytest]\ntestpaths = tests\npythonpath = src ../..\n",
    "services/service-api/pytest.ini": "[pytest]\ntestpaths = tests\npythonpath = src ../..\n",
    "services/service-tracking/requirements.in": "# nothing\n",
    "services/service-api/requirements.in": "# nothing\n",
    "services/service-tracking/requirements-test.in": "-r requirements.in\npytest\n",
    "services/service-api/Dockerfile": "FROM python:3.11-slim\nCOPY services/service-api/src/ /app/\n",
    "services/service-api/.vscode/settings.json": (
        '{"python.analysis.extraPaths": ["${workspaceFolder}/src"], /* ours */}\n'
    ),
    "shop.code-workspace": (
        '{"folders": [{"name": "tracking", "path": "services/service-tracking"},\n'
        '  {"name": "api", "path": "services/service-api"}, {"name": "shop", "path": "."}], // all of them\n'
        ' "settings": {}}\n'
    ),
}

MAPPING = Mapping(
    (
        Component("tracking", Kind.SERVICE, "services/service-tracking", (Source("src/track/**"),), package="tracking"),
        Component("api", Kind.SERVICE, "services/service-api", (Source("src/api/**"),), package="api"),
        Component("common", Kind.SHARED, "shared_libs/common", (Source("src/common/**"),)),
    )
)

RECORD = Record(
    MAPPING,
    MOVED,
    tuple(CREATED),
    {old: new for old, new in MOVED.items() if old.startswith("tests/")},
    ("src/common/legacy.py:1: common.never_was is not there",),
    ("", "src"),
)


@pytest.fixture(scope="module")
def interpreter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with this one's wheels, and with none of this workspace's import roots."""
    wheels = [entry for entry in sys.path if "site-packages" in entry]
    program = tmp_path_factory.mktemp("bin") / "python"
    path = shlex.quote(os.pathsep.join(wheels))
    # The Python below a virtual environment: that one may lead to this workspace.
    python = getattr(sys, "_base_executable", sys.executable)
    program.write_text(f'#!/bin/sh\nPYTHONPATH="$PYTHONPATH":{path} exec {shlex.quote(python)} "$@"\n')
    program.chmod(0o755)
    return program


class Shop:
    """The monolith before (`before`) and after (`after`) its move."""

    def __init__(self, folder: Path, python: Path) -> None:
        self.before, self.after, self.python = folder / "old", folder / "shop", python
        for path, text in BEFORE.items():
            self.write(self.before, path, text)
            for old, new in REWRITTEN.items():
                text = text.replace(old, new)
            self.write(self.after, MOVED.get(path, path), text)
        for path, text in CREATED.items():
            self.write(self.after, path, text)

    @staticmethod
    def write(tree: Path, path: str, text: str) -> None:
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text, encoding="utf-8")

    def change(self, path: str, old: str, new: str) -> None:
        """Changes a file of the moved tree."""
        text = (self.after / path).read_text(encoding="utf-8")
        assert old in text
        (self.after / path).write_text(text.replace(old, new), encoding="utf-8")

    def verify(self, *only: str, record: Record = RECORD, said: list[str] | None = None, **options: object) -> Report:
        settings: dict[str, object] = {"timeout": 60, "quiet": True, "reruns": 0, **options}
        given = Options(self.python, self.before, only=only, **settings)  # type: ignore[arg-type]
        return verify(self.after, record, given, (said if said is not None else []).append)

    def check(self, key: str, record: Record = RECORD, **options: object) -> Check:
        """One check alone."""
        return self.verify(key, record=record, **options).checks[0]  # type: ignore[arg-type]


@pytest.fixture
def shop(tmp_path: Path, interpreter: Path) -> Shop:
    return Shop(tmp_path, interpreter)


def found(report: Report, key: str) -> Check:
    return next(each for each in report.checks if each.key == key)


def places(findings: list[Finding]) -> list[str]:
    return [finding.where for finding in findings]


TRACKER_TESTS = "services/service-tracking/tests/test_tracker.py"


def test_a_right_move_passes_all_six_checks_and_leaves_nothing_behind(shop: Shop) -> None:
    files = sorted(shop.after.rglob("*"))
    said: list[str] = []
    report = shop.verify(said=said)
    assert [each.differences for each in report.checks] == [[]] * 6
    assert report.passed
    assert "runs the repository's own code" in said[0]
    assert sorted(shop.after.rglob("*")) == files
    tests = found(report, "tests")
    assert tests.table[1:] == [
        ["services/service-api/tests", "1 passed", "1 passed"],
        ["services/service-tracking/tests", "1 failed, 4 passed, 1 skipped", "1 failed, 4 passed, 1 skipped"],
    ]
    assert places(tests.broken_before) == [f"{TRACKER_TESTS}::test_fails_before_and_now"]
    assert [each.where for each in tests.remarks if each.before == "no test"] == [
        "services/service-api/tests/test_not_pytest.py"
    ]
    imports = found(report, "imports")
    assert places(imports.broken_before) == ["shared_libs/common/legacy.py:1", "shared_libs/common/legacy.py"]
    assert found(report, "services").table[1:] == [
        ["tracking", "2", "2", "yes: --help", "--python"],
        ["api", "2", "2", "no __main__.py: its modules were imported", "--python"],
    ]
    # models/ was missing before as well.
    assert places(found(report, "dockerfiles").broken_before) == ["Dockerfile:4"]
    assert found(report, "environments").status is Status.STATIC


def test_a_patch_string_that_was_not_rewritten_is_a_difference(shop: Shop) -> None:
    shop.change(TRACKER_TESTS, "patch('tracking.", "patch('track.")
    report = shop.verify("tests")
    [finding] = report.checks[0].differences
    assert finding.where == f"{TRACKER_TESTS}::test_patched"
    assert finding.before == "passed"
    assert "No module named 'track'" in finding.after
    assert not report.passed


def test_an_import_of_an_old_name_fails_the_service_the_imports_and_the_tests(shop: Shop) -> None:
    shop.change("services/service-api/src/api/server.py", "from shared_libs.common import", "from common import")
    report = shop.verify()
    server = "services/service-api/src/api/server.py"
    assert places(found(report, "imports").differences) == [f"{server}:2", server]
    assert places(found(report, "services").differences) == [server]
    assert places(found(report, "tests").differences) == [
        "services/service-api/tests/test_server.py",
        "services/service-api/tests/test_server.py::test_answer",
    ]


def test_an_import_inside_try_that_now_fails_is_found_though_the_module_imports(shop: Shop) -> None:
    path = "services/service-api/src/api/area.py"
    body = "try:\n    from common.shapes import area\nexcept ImportError:\n    area = None\n"
    shop.write(shop.before, "src/api/area.py", body)
    shop.write(shop.after, path, body)
    record = dataclasses.replace(RECORD, moved={**MOVED, "src/api/area.py": path})
    assert places(shop.check("imports", record).differences) == [f"{path}:2"]


def test_a_service_that_loads_another_service_is_a_difference(shop: Shop) -> None:
    path = "services/service-api/src/api/steal.py"
    body = (
        "import importlib, sys\nfrom pathlib import Path\n"
        "sys.path.append(str(Path(__file__).resolve().parents[4] / 'services/service-tracking/src'))\n"
        "importlib.import_module('tracking.tracker')\n"
    )
    shop.write(shop.before, "src/api/steal.py", "")
    shop.write(shop.after, path, body)
    record = dataclasses.replace(RECORD, moved={**MOVED, "src/api/steal.py": path})
    findings = shop.check("services", record).differences
    assert {finding.where for finding in findings} == {path}
    assert any("tracking/tracker.py of tracking" in finding.after for finding in findings)
    allowed = dataclasses.replace(record, mapping=dataclasses.replace(MAPPING, allow_edges=(("api", "tracking"),)))
    assert shop.check("services", allowed).differences == []


def test_a_service_that_does_not_start_any_more_is_a_difference(shop: Shop) -> None:
    shop.change("services/service-tracking/src/tracking/__main__.py", "from tracking.", "from track.")
    [finding] = shop.check("services").differences
    assert finding.where == "services/service-tracking/src/tracking/__main__.py"
    assert finding.before == "started"


def test_a_lost_test_a_lost_test_file_and_an_emptied_one_are_differences(shop: Shop) -> None:
    shop.change(TRACKER_TESTS, "def test_largest", "def largest")
    (shop.after / "services/service-api/tests/test_server.py").write_text("")
    shop.write(shop.before, "tests/track/test_more.py", "def test_more():\n    pass\n")
    more = {"tests/track/test_more.py": "services/service-tracking/tests/test_more.py"}
    record = dataclasses.replace(RECORD, tests={**RECORD.tests, **more})
    differences = {each.where: (each.before, each.after) for each in shop.check("tests", record).differences}
    assert differences[f"{TRACKER_TESTS}::test_largest"] == ("passed", "not there")
    assert differences["services/service-api/tests/test_server.py::test_answer"] == ("passed", "not there")
    assert differences["tests/track/test_more.py"][0] == "a test file"


def both(shop: Shop, name: str, body: str) -> Record:
    """A test file with the same text in both trees; the record knows it and no other."""
    old, new = f"tests/api/{name}", f"services/service-api/tests/{name}"
    shop.write(shop.before, old, body)
    shop.write(shop.after, new, body)
    return dataclasses.replace(RECORD, tests={old: new})


def test_a_test_that_changes_from_run_to_run_is_named_and_not_counted(shop: Shop) -> None:
    # It fails in the new tree, and only there, the first time that anything is run.
    flag = shop.after.parent / "ran"
    body = (
        "import pathlib\n\n\ndef test_flaky():\n"
        f"    flag = pathlib.Path({str(flag)!r})\n"
        "    ran = flag.exists()\n"
        "    if 'services' in __file__:\n        flag.touch()\n        assert ran\n"
    )
    record = both(shop, "test_flaky.py", body)
    said: list[str] = []
    [tests] = shop.verify("tests", record=record, said=said, reruns=2).checks
    assert tests.differences == []
    [flaky] = [each for each in tests.remarks if "run to run" in each.note]
    assert flaky.where == "services/service-api/tests/test_flaky.py::test_flaky"
    assert (flaky.before, flaky.after) == ("passed", "failed, passed")
    assert any("run 2 times more" in text for text in said)


def test_a_difference_that_reruns_confirm_counts(shop: Shop) -> None:
    record = both(shop, "test_place.py", "def test_place():\n    assert 'services' not in __file__\n")
    [finding] = shop.check("tests", record, reruns=1).differences
    assert (finding.before, finding.after.split(":")[0]) == ("passed", "failed")


def test_a_test_that_fails_as_before_but_for_a_missing_module_is_a_difference(shop: Shop) -> None:
    shop.change(TRACKER_TESTS, "    assert tracker.largest([(0, 0, 1, 1)]) == 'wrong'", "    import track")
    assert places(shop.check("tests").differences) == [f"{TRACKER_TESTS}::test_fails_before_and_now"]


def test_a_test_file_that_never_ends_is_stopped_on_both_sides_and_is_no_difference(shop: Shop) -> None:
    body = "import time\n\n\ndef test_quick():\n    pass\n\n\ndef test_endless():\n    time.sleep(600)\n"
    tests = shop.check("tests", both(shop, "test_slow.py", body), timeout=8)
    assert tests.differences == []
    assert [(each.where, each.after) for each in tests.broken_before] == [
        ("services/service-api/tests/test_slow.py::test_endless", "timed out")
    ]
    assert tests.table[1] == ["services/service-api/tests", "1 passed, 1 timed out", "1 passed, 1 timed out"]


def test_a_process_that_dies_keeps_the_outcomes_that_it_had(shop: Shop) -> None:
    body = "import os\n\n\ndef test_quick():\n    pass\n\n\ndef test_dies():\n    os._exit(3)\n"
    tests = shop.check("tests", both(shop, "test_dies.py", body))
    assert tests.differences == []
    assert [(each.where, each.after) for each in tests.broken_before] == [
        ("services/service-api/tests/test_dies.py::test_dies", "not run")
    ]


def test_errors_around_a_test_an_expected_failure_and_a_whole_file_s_skip_are_told_apart(shop: Shop) -> None:
    body = (
        "import pytest\n\n\n@pytest.fixture\ndef broken():\n    raise OSError('no disk')\n\n\n"
        "@pytest.fixture\ndef breaks_later():\n    yield\n    raise OSError('no end')\n\n\n"
        "def test_setup(broken):\n    pass\n\n\ndef test_teardown(breaks_later):\n    pass\n\n\n"
        "@pytest.mark.xfail(reason='known')\ndef test_expected():\n    assert False\n\n\n"
        "@pytest.mark.xfail\ndef test_unexpected():\n    pass\n"
    )
    tests = shop.check("tests", both(shop, "test_kinds.py", body))
    assert tests.table[1][2] == "2 error, 1 xfailed, 1 xpassed"
    assert [each.after for each in tests.broken_before] == ["error: OSError: no disk", "error: OSError: no end"]
    skip = "import pytest\npytest.skip('not here', allow_module_level=True)\n"
    assert shop.check("tests", both(shop, "test_skip.py", skip)).table[1][2] == "1 skipped"


def test_tests_that_cannot_be_run_on_either_side_prove_nothing(shop: Shop) -> None:
    tests = shop.check("tests", both(shop, "test_heavy.py", "import heavy_x\n\n\ndef test_it():\n    pass\n"))
    assert tests.status is Status.UNPROVEN
    assert tests.unproven == "1 test files cannot be run, as these are not installed for --python: heavy_x"


def test_tests_whose_conftest_cannot_be_loaded_prove_nothing(shop: Shop) -> None:
    for tree, folder in ((shop.before, "tests/api"), (shop.after, "services/service-api/tests")):
        shop.write(tree, f"{folder}/conftest.py", "import heavy_x\n")
    tests = shop.check("tests")
    assert "heavy_x" in tests.unproven
    assert "No module named 'heavy_x'" in tests.broken_before[0].after
    assert tests.differences == []


@pytest.mark.parametrize("together", ["directory", "all"])
def test_the_ids_are_the_same_however_the_tests_share_processes(shop: Shop, together: str) -> None:
    tests = shop.check("tests", together=together)
    assert tests.differences == []
    assert "7 tests have the outcome" in tests.summary
    assert places(tests.broken_before) == [f"{TRACKER_TESTS}::test_fails_before_and_now"]


def test_a_requirement_that_no_line_covers_is_a_difference(shop: Shop) -> None:
    odd = "try:\n    import orjson_x\nexcept ImportError:\n    pass\n"
    shop.write(shop.after, "services/service-api/src/api/odd.py", odd)
    shop.change("services/service-api/src/api/server.py", "import json", "import json\nimport hypothesis")
    shop.change("shared_libs/common/shapes.py", "def area", "import sortedcontainers\n\n\ndef area")
    findings = shop.check("environments")
    # The library's requirement is one of each service that uses the library.
    assert places(findings.differences) == [
        "shared_libs/common/shapes.py",
        "services/service-api/src/api/server.py",
        "shared_libs/common/shapes.py",
    ]
    assert "`hypothesis`" in findings.differences[1].after
    assert places(findings.remarks) == ["services/service-api/src/api/odd.py"]
    shop.write(shop.after, "services/service-api/requirements.in", "hypothesis>=6\nsortedcontainers\n")
    shop.write(shop.after, "services/service-tracking/requirements.in", "sortedcontainers\n")
    assert shop.check("environments").differences == []


def test_a_requirement_that_pip_would_refuse_is_a_difference(shop: Shop) -> None:
    shop.write(shop.after, "services/service-api/requirements.in", "numpy=>1\n")
    assert places(shop.check("environments").differences) == ["services/service-api/requirements.in:1"]


def test_what_is_not_installed_is_named_and_a_stand_in_takes_its_place(shop: Shop, tmp_path: Path) -> None:
    new = "services/service-api/src/api/heavy.py"
    for tree, path in ((shop.before, "src/api/heavy.py"), (shop.after, new)):
        shop.write(tree, path, "import heavy_x\nVALUE = heavy_x.VALUE\n")
    record = dataclasses.replace(RECORD, moved={**MOVED, "src/api/heavy.py": new})
    without = shop.check("imports", record)
    [remark] = without.remarks
    assert (remark.where, remark.note) == (new, "cannot be judged: heavy_x is not installed here")
    assert without.status is Status.UNPROVEN
    assert without.unproven == "1 modules cannot be judged, as these are not installed for --python: heavy_x"
    (tmp_path / "stubs").mkdir()
    (tmp_path / "stubs" / "heavy_x.py").write_text("VALUE = 1\n")
    report = shop.verify("imports", record=record, stubs=tmp_path / "stubs")
    assert report.checks[0].remarks == report.checks[0].differences == []
    assert report.checks[0].status is Status.PASSED
    assert any("heavy_x" in text and "stand-ins" in text for text in report.circumstances)


def test_a_stand_in_does_not_hide_what_is_installed(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "stubs").mkdir()
    (tmp_path / "stubs" / "hypothesis.py").write_text("raise RuntimeError('the stand-in')\n")
    shop.change("services/service-api/src/api/server.py", "import json", "import json\nimport hypothesis")
    assert shop.check("imports", stubs=tmp_path / "stubs").differences == []


def test_a_dockerfile_that_copies_what_moved_away_is_a_difference(shop: Shop) -> None:
    shop.change("Dockerfile", "COPY shared_libs/ shared_libs/", "COPY src/ src/")
    [finding] = shop.check("dockerfiles").differences
    assert finding.where == "Dockerfile:2"
    assert "`src/` is not there" in finding.after


@pytest.mark.parametrize("status", [0, 1])
def test_dockerfiles_are_built_where_a_builder_works(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    log = tmp_path / "log"
    program.write_text(
        f'#!/bin/sh\necho "$@" >> {log}\necho step failed\n'
        f'case "$*" in build*service-api*) exit {status};; *) exit 0;; esac\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    images = shop.check("dockerfiles")
    assert "service-api/Dockerfile" in log.read_text()
    assert places(images.differences) == (["services/service-api/Dockerfile"] if status else [])
    assert images.table[1:] == [
        ["Dockerfile", "the root", "1 sources are missing"],
        ["services/service-api/Dockerfile", "the root", "does not build" if status else "built"],
    ]


@pytest.mark.parametrize(
    ("path", "old", "new", "said"),
    [
        ("shop.code-workspace", '"services/service-api"', '"services/api"', "the folder services/api is not there"),
        ("shop.code-workspace", '"settings": {}}', '"settings": {}', "is not JSON"),
        ("services/service-api/.vscode/settings.json", "/src", "/source", "/source is not there"),
    ],
)
def test_a_workspace_that_does_not_open_is_a_difference(shop: Shop, path: str, old: str, new: str, said: str) -> None:
    shop.change(path, old, new)
    [finding] = shop.check("workspace").differences
    assert said in finding.after


def test_a_program_of_launch_json_that_moved_away_is_a_difference(shop: Shop) -> None:
    launch = '{"configurations": [{"name": "serve", "program": "${workspaceFolder}/src/api/server.py"}]}'
    shop.write(shop.before, ".vscode/launch.json", launch)
    shop.write(shop.after, ".vscode/launch.json", launch)
    [finding] = shop.check("workspace").differences
    assert finding.where == ".vscode/launch.json"
    shop.write(shop.before, ".vscode/launch.json", launch.replace("server", "gone"))
    shop.write(shop.after, ".vscode/launch.json", launch.replace("server", "gone"))
    workspace = shop.check("workspace")
    assert (workspace.differences, places(workspace.broken_before)) == ([], [".vscode/launch.json"])


def test_the_report_is_a_page_and_json_that_agree(shop: Shop) -> None:
    shop.change("Dockerfile", "COPY shared_libs/ shared_libs/", "COPY src/ src/")
    report = shop.verify("dockerfiles", "workspace")
    page, data = write_report(shop.after, report)
    assert page.parent == shop.after / ".migrate" / "verify"
    assert (shop.after / ".migrate" / ".gitignore").read_text() == "*\n"
    read = json.loads(data.read_text())
    assert (read["schema"], read["passed"]) == (1, False)
    assert [(each["key"], each["status"]) for each in read["checks"]] == [
        ("dockerfiles", "failed"),
        ("workspace", "passed"),
    ]
    text = page.read_text()
    assert text.count("- [x] **The VS Code workspace") == text.count("- [ ] **Dockerfiles") == 1
    assert "| `Dockerfile:2` |" in text
    assert "NOT verified, as --only says: services, environments, imports, tests" in text
    assert str(shop.after) not in text


def test_a_wrong_option_is_one_line(shop: Shop, tmp_path: Path) -> None:
    def refused(**options: object) -> str:
        given = Options(**{"python": shop.python, "before": shop.before, **options})  # type: ignore[arg-type]
        with pytest.raises(MigrationError) as caught:
            verify(shop.after, RECORD, given, print)
        return str(caught.value)

    assert "has no pytest" in refused(python=_python_without_pytest(tmp_path))
    assert "cannot be run" in refused(python=tmp_path / "none")
    assert "--before" in refused(before=tmp_path / "none")
    assert "--before" in refused(before=None)
    assert "--stubs" in refused(stubs=tmp_path / "none")
    assert "--together" in refused(together="both")
    assert "--only" in refused(only=("test",))


def _python_without_pytest(folder: Path) -> Path:
    program = folder / "bare-python"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -I -S "$@"\n')
    program.chmod(0o755)
    return program


def test_the_services_run_in_environments_of_their_own(shop: Shop) -> None:
    (shop.after / "services/service-tracking/requirements-test.in").unlink()
    generated = generated_files(
        MAPPING, {}, {}, set(), lambda path: path != MAKE_VENVS, "3.11", Layout({path: path for path in CREATED})
    )
    shop.write(shop.after, MAKE_VENVS, generated.files[MAKE_VENVS][0].decode())
    report = shop.verify("services", "environments", make_venvs=True)
    environments = found(report, "environments")
    assert environments.differences == []
    assert environments.status is Status.PASSED
    assert [row[3] for row in environments.table[1:]] == ["made, nothing to install"] * 2
    assert [row[4] for row in found(report, "services").table[1:]] == ["its .venv"] * 2
    python = shop.after / "services/service-api/.venv/bin/python"
    program = "import api.server; print(api.server.__file__)"
    done = subprocess.run([python, "-c", program], capture_output=True, text=True, check=True, cwd="/", env={})
    assert done.stdout.strip() == str(shop.after / "services/service-api/src/api/server.py")


def test_the_tree_before_is_the_repository_rolled_back_in_a_copy(tmp_path: Path) -> None:
    repository = tmp_path / "shop"
    for path, text in BEFORE.items():
        Shop.write(repository, path, text)
    for command in (["init", "-q"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "it"]):
        subprocess.run(["git", *command], cwd=repository, check=True)
    operations = Operations(moves=dict(MOVED), creates={"services/service-api/pytest.ini": (b"[pytest]\n", 0o644)})
    execute(find_repository(repository), operations, RECORD, Branch("Move", "Edit"))
    files = {path: path.read_bytes() for path in repository.rglob("*") if path.is_file()}
    make_before(repository, tmp_path / "before", None)
    rebuilt = {
        path.relative_to(tmp_path / "before").as_posix(): path.read_text()
        for path in (tmp_path / "before").rglob("*")
        if path.is_file()
    }
    assert rebuilt == BEFORE
    assert {path: path.read_bytes() for path in repository.rglob("*") if path.is_file()} == files


def test_one_broken_import_is_the_same_error_though_its_package_has_gone(shop: Shop) -> None:
    for tree, path in ((shop.before, "src/common/odd.py"), (shop.after, "shared_libs/common/odd.py")):
        shop.write(tree, path, "from common.never import thing\n")
    shop.write(shop.before, "src/common/named.py", "from common.shapes import volume\n")
    shop.write(shop.after, "shared_libs/common/named.py", "from shared_libs.common.shapes import volume\n")
    moved = {f"src/common/{name}.py": f"shared_libs/common/{name}.py" for name in ("odd", "named")}
    imports = shop.check("imports", dataclasses.replace(RECORD, moved={**MOVED, **moved}))
    assert imports.differences == []
    assert "No module named 'common'" in next(
        each.after for each in imports.broken_before if each.where == "shared_libs/common/odd.py"
    )
    assert {"shared_libs/common/named.py", "shared_libs/common/named.py:1"} <= set(places(imports.broken_before))


def test_a_test_that_failed_and_passes_now_is_told_and_is_no_difference(shop: Shop) -> None:
    for tree, path in (
        (shop.before, "tests/api/test_server.py"),
        (shop.after, "services/service-api/tests/test_server.py"),
    ):
        text = (tree / path).read_text()
        shop.write(tree, path, f"{text}\n\ndef test_now():\n    assert {tree == shop.after}\n")
    check = shop.check("tests")
    assert check.differences == []
    [remark] = [remark for remark in check.remarks if remark.where.endswith("::test_now")]
    assert "better than before" in remark.note
