"""What a plan asks, notes and refuses to decide on its own."""

from pathlib import Path

import pytest

from migrate.completing import complete
from migrate.config import parse_mapping
from migrate.model import Fate, MigrationError
from migrate.planning import Plan, make_plan


def planned(root: Path, files: dict[str, str], mapping: str) -> Plan:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return make_plan(root, parse_mapping(mapping, "migration.toml"))


TWO = """
[[component]]
name = "service-a"
kind = "service"
package = "a"
sources = ["src/a/**"]

[[component]]
name = "service-b"
kind = "service"
package = "b"
sources = ["src/b/**"]

[[component]]
name = "base"
kind = "shared"
sources = ["src/base/**"]
"""

FILES = {"src/a/__init__.py": "", "src/b/__init__.py": "", "src/base/__init__.py": ""}


def test_a_file_that_no_rule_names_needs_a_decision_and_the_line_decides_it(tmp_path: Path) -> None:
    files = FILES | {"docs/a.md": "", "docs/b.md": "", "tool.py": ""}
    plan = planned(tmp_path, files, TWO)
    assert {path for path, entry in plan.files.items() if entry.fate is Fate.UNMAPPED} == {
        "docs/a.md",
        "docs/b.md",
        "tool.py",
    }
    lines = [decision.toml[0] for decision in plan.decisions]
    assert 'leave = ["docs/**"]' in lines and 'leave = ["tool.py"]' in lines
    decided = make_plan(tmp_path, parse_mapping('leave = ["docs/**", "tool.py"]\n' + TWO, "m"))
    assert not decided.decisions


def test_a_shared_library_that_imports_a_service_is_told_with_every_place_and_ways_out(tmp_path: Path) -> None:
    files = FILES | {"src/base/x.py": "from a import y\n\n\ndef f():\n    import a.y\n", "src/a/y.py": ""}
    (decision,) = planned(tmp_path, files, TWO).decisions
    assert decision.what == "base -> service-a: no layout keeps this import"
    assert [str(place) for place in decision.places] == ["src/base/x.py:1", "src/base/x.py:5"]
    assert decision.toml[0] == 'allow_edges = ["base -> service-a"]'
    assert any('"src/a/y.py"' in line for line in decision.toml)


def test_a_service_may_import_a_shared_library_but_not_another_service(tmp_path: Path) -> None:
    files = FILES | {"src/a/x.py": "import base.z\n", "src/base/z.py": "", "src/b/x.py": "from src.a import x\n"}
    plan = planned(tmp_path, files, TWO)
    assert {(edge.start, edge.end, edge.allowed) for edge in plan.edges} == {
        ("service-a", "base", True),
        ("service-b", "service-a", False),
    }


def test_two_rules_of_equal_reach_need_a_decision_and_the_longer_one_wins_otherwise(tmp_path: Path) -> None:
    extra = '\n[[component]]\nname = "service-c"\nkind = "service"\nsources = [{}]\n'
    both = planned(tmp_path, FILES, TWO + extra.format('"src/b/**"'))
    assert any("service-b and service-c both name it" in decision.what for decision in both.decisions)
    longer = planned(tmp_path, FILES | {"src/b/c/__init__.py": ""}, TWO + extra.format('"src/b/c/**"'))
    assert not longer.decisions
    assert longer.files["src/b/c/__init__.py"].component == "service-c"


def test_the_plan_writes_nothing_and_executes_nothing(tmp_path: Path) -> None:
    files = FILES | {"src/a/x.py": "open('executed', 'w')\nraise SystemExit\n"}
    before = sorted(files)
    planned(tmp_path, files, TWO)
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()) == before


def test_a_test_goes_to_the_service_that_it_imports_and_stays_where_it_spans_two(tmp_path: Path) -> None:
    files = FILES | {
        "src/a/x.py": "",
        "src/b/x.py": "",
        "tests/test_a.py": "import a.x\n",
        "tests/test_both.py": "import a.x\nfrom src.b import x\n",
        "tests/test_none.py": "",
        "tests/conftest.py": "",
    }
    plan = planned(tmp_path, files, '[tests]\nfolders = ["tests"]\n' + TWO)
    assert plan.files["tests/test_a.py"].new_path == "services/service-a/tests/test_a.py"
    assert plan.files["tests/test_both.py"].fate is not Fate.MOVED
    assert plan.files["tests/test_none.py"].new_path == "tests/test_none.py"
    assert plan.files["tests/conftest.py"].new_path == "tests/conftest.py"
    assert "services/service-a/tests/conftest.py" in plan.operations.creates


def test_a_string_on_a_line_that_the_mapping_names_is_rewritten_or_kept(tmp_path: Path) -> None:
    files = FILES | {"src/a/x.py": 'NAMES = ["src.base.z"]\nOTHER = ["src.base.z"]\n', "src/base/z.py": ""}
    text = planned(tmp_path, files, '[strings]\nrewrite = ["src/a/x.py:1"]\n' + TWO)
    new = text.operations.writes["services/service-a/src/a/x.py"]
    assert new == b'NAMES = ["shared_libs.base.z"]\nOTHER = ["src.base.z"]\n'
    accepted = make_plan(tmp_path, parse_mapping('[strings]\nkeep = ["src/a/x.py:2"]\n' + TWO, "m"), accept_likely=True)
    assert accepted.operations.writes["services/service-a/src/a/x.py"] == new


def test_a_name_that_is_stored_elsewhere_is_not_rewritten_even_where_likely_ones_are_accepted(tmp_path: Path) -> None:
    files = FILES | {
        "src/a/x.py": 'SETTINGS = {"model": "src.base.z"}\n',
        "src/b/x.py": 'NAMES = ["src.base.z", "src.base.y"]\n',
        "src/base/z.py": "",
        "src/base/y.py": "",
    }
    planned(tmp_path, files, TWO)
    plan = make_plan(tmp_path, parse_mapping(TWO, "m"), accept_likely=True)
    assert "services/service-a/src/a/x.py" not in plan.operations.writes
    assert plan.operations.writes["services/service-b/src/b/x.py"] == b'NAMES = ["src.base.z", "shared_libs.base.y"]\n'


def test_what_a_copied_conftest_imports_is_required_by_each_service_that_gets_it(tmp_path: Path) -> None:
    files = FILES | {
        "src/a/x.py": "",
        "tests/test_a.py": "import a.x\n",
        "tests/test_none.py": "",
        "tests/conftest.py": "import hypothesis\n",
    }
    plan = planned(tmp_path, files, '[tests]\nfolders = ["tests"]\n' + TWO)
    complete(plan)
    contents, _ = plan.operations.creates["services/service-a/requirements-test.in"]
    assert b"hypothesis" in contents


def test_a_file_that_is_no_python_is_moved_and_left_as_it_is(tmp_path: Path) -> None:
    files = FILES | {"src/a/old.py": "from src.base import z\nprint 'x'\n", "src/base/z.py": ""}
    plan = planned(tmp_path, files, TWO)
    assert plan.files["src/a/old.py"].fate is Fate.MOVED
    assert [str(place) for place, _ in plan.broken] == ["src/a/old.py:2"]


def test_a_folder_that_cannot_be_read_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(MigrationError, match="not a folder"):
        make_plan(tmp_path / "nowhere", parse_mapping(TWO, "m"))


def test_texts_that_a_program_wrote_are_told_once_and_move_as_they_are(tmp_path: Path) -> None:
    minified = 'load("src/base/x.py");' * 1000
    files = {"src/a/static/app.js": minified, "src/b/app.min.css": "src/base/x.py", "src/b/own.js": "src/base/x.py"}
    plan = planned(tmp_path, {**FILES, **files}, TWO)
    (note,) = [note for note in plan.notes if "a program wrote" in note]
    assert note.startswith("2 texts")
    assert "src/a/static/app.js" in note
    assert plan.files["src/a/static/app.js"].fate is Fate.MOVED


def test_what_the_copy_of_a_conftest_reaches_is_required_for_each_services_tests(tmp_path: Path) -> None:
    files = {
        "src/a/__init__.py": "",
        "src/b/__init__.py": "from .deep import measure\n",
        "src/b/deep.py": "import psutil\n\n\ndef measure():\n    return psutil\n",
        "tests/conftest.py": "def look():\n    from src.b import measure\n    return measure\n",
        "tests/test_a.py": "import src.a\n\n\ndef test_a():\n    pass\n",
        "tests/test_b.py": "import src.b\n\n\ndef test_b():\n    pass\n",
    }
    named = TWO.replace('"src/a/**"]', '"src/a/**"]\ntests = ["tests/test_a.py"]') + '[tests]\nfolders = ["tests"]\n'
    plan = planned(tmp_path, {**FILES, **files}, named)
    assert plan.placement.copies["tests/conftest.py"]
    complete(plan)
    required = plan.operations.creates["services/service-a/requirements-test.in"][0].decode()
    assert "psutil" in required
    assert "psutil" not in plan.operations.creates["services/service-a/requirements.in"][0].decode()


def test_a_mapping_from_elsewhere_is_written_into_the_repository(tmp_path: Path) -> None:
    plan = planned(tmp_path, FILES, TWO)
    complete(plan)
    assert plan.operations.creates["migration.toml"] == (TWO.encode(), 0o644)


def test_a_mapping_in_the_repository_keeps_naming_the_old_places(tmp_path: Path) -> None:
    plan = planned(tmp_path, {**FILES, "migration.toml": TWO}, TWO)
    complete(plan)
    assert plan.files["migration.toml"].fate is Fate.LEFT
    assert "migration.toml" not in plan.operations.creates
    assert [mention for mention in plan.mentions if mention.place.path == "migration.toml"] == []


def test_pytest_looks_for_a_services_tests_where_they_are(tmp_path: Path) -> None:
    test = "import src.{0}\n\n\ndef test_{0}():\n    pass\n"
    files = {
        "src/a/tests/__init__.py": "",
        "src/a/tests/test_inside.py": test.format("a"),
        "src/b/test_beside.py": test.format("b"),
        "tests/test_b.py": test.format("b"),
    }
    plan = planned(tmp_path, {**FILES, **files}, TWO + '[tests]\nfolders = ["tests"]\n')
    complete(plan)
    lines = {name: plan.operations.creates[f"services/service-{name}/pytest.ini"][0].splitlines() for name in "ab"}
    assert b"testpaths = src" in lines["a"]
    assert b"testpaths = tests" in lines["b"]
